"""A truck whose plate was large and sharp enough to be read, and still is not readable."""

from dataclasses import dataclass
from typing import ClassVar

from detector.entities import Camera, Finding, Observation, VehiclePass, VehicleType
from detector.rules.load_looks import are_enough, span_s
from detector.rules.protocol import Facts


@dataclass(frozen=True, slots=True)
class UnreadablePlate:
    """Most characters of a well-seen plate stay unsure (dirt, cover, damage).

    A plate that is small, blurred or not found at all yields nothing: that is the camera's limit, not the driver's act.
    Neither does one that single looks read: where these contradict each other, or what is known of plates, the reading
    is in doubt and not the plate.

    Attributes:
        min_looks: looks at a plate that was large and sharp enough; below 2 is taken as 2.
        min_span_s: seconds between the first and the last of them.
        min_width_px: of the plate's upper edge (domain.md 3: below 100 px no plate is reliably legible).
        min_detection_confidence: that the thing seen is a plate at all.
        min_sharpness: of the vehicle's crop, see `Observation.sharpness`.
        max_sure_characters: the plate counts as unreadable with at most so many sure characters, in the vote and in
            each of the looks.
        min_character_confidence: probability from which a character of one look is sure.
    """

    name: ClassVar[str] = "unreadable_plate"
    min_looks: int = 4
    min_span_s: float = 0.4
    min_width_px: float = 110.0
    min_detection_confidence: float = 0.8
    min_sharpness: float = 60.0
    max_sure_characters: int = 3
    min_character_confidence: float = 0.7

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """See `Rule.judge`; an open pass yields None, since a later look may still read the plate."""
        if vehicle_pass.is_open or not camera.reads_plates or vehicle_pass.vehicle_type is not VehicleType.TRUCK:
            return None
        sure = sum(c != "-" for c in vehicle_pass.plate.text) if vehicle_pass.plate else 0
        looks = tuple(o for o in vehicle_pass.observations if self._is_good_look(o))
        if sure > self.max_sure_characters or not are_enough(looks, self.min_looks, self.min_span_s):
            return None
        if any(self._count_sure(o) > self.max_sure_characters for o in looks):
            return None
        widest = max(o.plate.width_px for o in looks if o.plate)
        return Finding(
            rule=self.name,
            measured={
                "sure_characters": sure,
                "plate_width_px": round(widest, 1),
                "looks": len(looks),
                "span_s": round(span_s(looks), 3),
            },
            limits={
                "sure_characters": self.max_sure_characters,
                "plate_width_px": self.min_width_px,
                "looks": self.min_looks,
                "span_s": self.min_span_s,
            },
            confidence=min(o.plate.detection_confidence for o in looks if o.plate),
            deciding=tuple(o.frame_index for o in looks),
        )

    def _is_good_look(self, look: Observation) -> bool:
        """Whether this look should have sufficed to read a clean plate."""
        return (
            look.plate is not None
            and look.plate.width_px >= self.min_width_px
            and look.plate.detection_confidence >= self.min_detection_confidence
            and look.sharpness >= self.min_sharpness
        )

    def _count_sure(self, look: Observation) -> int:
        """How many characters this look alone was sure of."""
        return sum(c >= self.min_character_confidence for c in look.plate.characters) if look.plate else 0

"""When a tracked vehicle is worth a look by the second-stage models, and when enough has been seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from detector.entities import Cover, Fill, LoadState, Observation, Plate, VehicleType
from detector.geometry import Box

LOAD_TYPES = frozenset({VehicleType.TRUCK, VehicleType.BUS})
"""Types whose load is looked at: detectors call heavy trucks seen from the front *bus*; the bed model tells."""

LARGER = 1.08
"""A vehicle whose plate was read often enough is read again only when it is larger than ever by this factor."""

PLATE_SHARE = {VehicleType.CAR: 440 / 1800, VehicleType.BUS: 440 / 2500, VehicleType.TRUCK: 440 / 2500}
"""Width of a plate (GA 36: 440 mm) as a share of the vehicle's; others have none that is looked for."""


@dataclass(frozen=True, slots=True)
class LookPolicy:
    """Bounds on second-stage work per pass.

    Attributes:
        min_load_px: shorter side of a vehicle's box from which its load is looked at.
        min_plate_px: width that a plate should have, by the vehicle's width, before it is looked for: below 45 px half
            of the readings are wrong.
        enough_plate_looks: after so many readings a vehicle is read again only when it has come nearer.
        max_looks: observations kept of one pass; a larger look replaces the smallest one.
        max_span_s: looks older than this are forgotten while the load is not settled, so that what decides a pass is
            still in the packet ring when its clip is cut.
        settled_looks: looks that must agree before a pass still open is settled.
        settled_span_s: seconds that these looks must span.
        settled_share: share of the visible looks that must agree.
        settled_confidence: confidence that the vote must have.
        settled_plate_looks: agreeing readings for a plate.
    """

    min_load_px: float = 72.0
    min_plate_px: float = 45.0
    enough_plate_looks: int = 6
    max_looks: int = 48
    max_span_s: float = 60.0
    settled_looks: int = 8
    settled_span_s: float = 0.8
    settled_share: float = 0.85
    settled_confidence: float = 0.9
    settled_plate_looks: int = 4

    def wants_load(self, vehicle_type: VehicleType, xyxy: Box) -> bool:
        """Whether a box is large enough, and of a type, for its load to be looked at."""
        return vehicle_type in LOAD_TYPES and min(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]) >= self.min_load_px

    def wants_plate(self, vehicle_type: VehicleType, xyxy: Box, observations: Sequence[Observation]) -> bool:
        """Whether a box is large enough, and of a type, for a plate to be looked for, and promises more than before."""
        width_px = xyxy[2] - xyxy[0]
        if width_px * PLATE_SHARE.get(vehicle_type, 0.0) < self.min_plate_px:
            return False
        read_px = [o.xyxy[2] - o.xyxy[0] for o in observations if o.plate is not None]
        return len(read_px) < self.enough_plate_looks or width_px >= LARGER * max(read_px)

    def is_load_settled(self, observations: Sequence[Observation], load: LoadState | None) -> bool:
        """Whether further looks could not reasonably change the voted state."""
        if load is None or (load.cover is Cover.NOT_VISIBLE and load.fill is Fill.NOT_VISIBLE):
            return False
        visible = [o for o in observations if o.load is not None and o.load.cover is not Cover.NOT_VISIBLE]
        agreeing = [o for o in visible if o.load and o.load.cover is load.cover and o.load.fill is load.fill]
        if len(agreeing) < max(self.settled_looks, self.settled_share * len(visible)):
            return False
        span_s = (agreeing[-1].captured_at - agreeing[0].captured_at).total_seconds()
        return span_s >= self.settled_span_s and load.confidence >= self.settled_confidence

    def is_plate_settled(self, plate: Plate | None) -> bool:
        """Whether a voted plate is certain and rests on enough looks."""
        return (
            plate is not None
            and plate.is_certain
            and plate.looks >= self.settled_plate_looks
            and plate.confidence >= self.settled_confidence
        )

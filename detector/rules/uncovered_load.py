"""A loaded tipper whose cover is not closed."""

from dataclasses import dataclass
from typing import ClassVar

from detector.entities import Camera, Cover, Fill, Finding, LoadLabel, VehiclePass
from detector.rules.load_looks import are_enough, span_s
from detector.rules.protocol import Facts


@dataclass(frozen=True, slots=True)
class UncoveredLoad:
    """Loaded (below or above the edge) and cover open or partial; an empty open box is lawful and yields nothing.

    Attributes:
        min_looks: looks that agree with the vote; below 2 is taken as 2.
        min_span_s: seconds between the first and the last of them.
        min_confidence: of cover and of fill, each.
    """

    name: ClassVar[str] = "uncovered_load"
    min_looks: int = 3
    min_span_s: float = 0.3
    min_confidence: float = 0.8

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """See `Rule.judge`; a camera that cannot see into the box yields None."""
        load = vehicle_pass.load
        if not camera.sees_into_box or load is None or load.label not in (LoadLabel.LOADED, LoadLabel.HEAPED):
            return None
        if load.cover not in (Cover.OPEN, Cover.PARTIAL) or load.fill not in (Fill.BELOW_EDGE, Fill.ABOVE_EDGE):
            return None
        looks = vehicle_pass.load_looks
        confidence = min(load.cover_confidence, load.fill_confidence)
        if confidence < self.min_confidence or not are_enough(looks, self.min_looks, self.min_span_s):
            return None
        return Finding(
            rule=self.name,
            measured={
                "cover": load.cover.value,
                "cover_confidence": round(load.cover_confidence, 4),
                "fill": load.fill.value,
                "fill_confidence": round(load.fill_confidence, 4),
                "looks": len(looks),
                "span_s": round(span_s(looks), 3),
            },
            limits={"confidence": self.min_confidence, "looks": self.min_looks, "span_s": self.min_span_s},
            confidence=confidence,
            deciding=tuple(o.frame_index for o in looks),
        )

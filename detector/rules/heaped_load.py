"""A tipper whose load stands above the edge of its box, covered or not."""

from dataclasses import dataclass
from typing import ClassVar

from detector.entities import Camera, Fill, Finding, LoadLabel, VehiclePass
from detector.rules.load_looks import are_enough, span_s
from detector.rules.protocol import Facts


@dataclass(frozen=True, slots=True)
class HeapedLoad:
    """Fill above the edge.

    Attributes:
        min_looks: looks that agree with the vote; below 2 is taken as 2.
        min_span_s: seconds between the first and the last of them.
        min_confidence: of the fill.
    """

    name: ClassVar[str] = "heaped_load"
    min_looks: int = 3
    min_span_s: float = 0.3
    min_confidence: float = 0.85

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """See `Rule.judge`; a camera that cannot see into the box yields None."""
        load = vehicle_pass.load
        if not camera.sees_into_box or load is None or load.label is LoadLabel.NOT_A_TIPPER:
            return None
        looks = tuple(o for o in vehicle_pass.observations if o.load is not None and o.load.fill is Fill.ABOVE_EDGE)
        if load.fill is not Fill.ABOVE_EDGE or load.fill_confidence < self.min_confidence:
            return None
        if not are_enough(looks, self.min_looks, self.min_span_s):
            return None
        return Finding(
            rule=self.name,
            measured={
                "fill": load.fill.value,
                "fill_confidence": round(load.fill_confidence, 4),
                "looks": len(looks),
                "span_s": round(span_s(looks), 3),
            },
            limits={"confidence": self.min_confidence, "looks": self.min_looks, "span_s": self.min_span_s},
            confidence=load.fill_confidence,
            deciding=tuple(o.frame_index for o in looks),
        )

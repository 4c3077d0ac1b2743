"""What a rule is."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from detector.entities import Camera, Finding, RegisterEntry, VehiclePass


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pipeline fetched from elsewhere for this pass; what is None is not known, and nothing follows from it.

    Attributes:
        permits: the plate's entries in the permit register, valid or not; None when the register is not loaded or the
            plate is not certain.
        seen_at: when the vehicle was first seen; None when the source's time is relative.
        route_cameras: cameras on the approved routes of the valid permits, those on the road between two of them
            included; None when this camera is not on any configured road.
    """

    permits: tuple[RegisterEntry, ...] | None = None
    seen_at: datetime | None = None
    route_cameras: frozenset[str] | None = None


class Rule(Protocol):
    """A test of one pass; its dataclass fields are the parameters that `cameras.toml` may set."""

    name: ClassVar[str]

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """The finding, or None when the pass does not break the rule or too little was seen to say so."""
        ...

"""What a rule is."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from detector.entities import Camera, Finding, VehiclePass


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pipeline fetched from elsewhere for this pass (register answers); empty until registers exist."""


class Rule(Protocol):
    """A test of one pass; its dataclass fields are the parameters that `cameras.toml` may set."""

    name: ClassVar[str]

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """The finding, or None when the pass does not break the rule or too little was seen to say so."""
        ...

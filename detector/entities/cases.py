"""What a rule found, its evidence, and the case that officers work on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from detector.entities.frames import VehicleType
from detector.entities.life import CaseStatus
from detector.entities.loads import LoadState
from detector.entities.passes import Observation, VehiclePass
from detector.entities.plates import Plate
from detector.entities.time_basis import TimeBasis


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found on one pass: an observed fact, never a legal qualification.

    Attributes:
        measured: names and values that were measured.
        limits: the limits they were held against, same names where they correspond.
        confidence: 0 to 1.
        deciding: frame indices of the observations that decided, in time order.
    """

    rule: str
    measured: dict[str, Any]
    limits: dict[str, Any]
    confidence: float
    deciding: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """A pass with everything that rules found on it."""

    vehicle_pass: VehiclePass
    findings: tuple[Finding, ...]

    @property
    def deciding(self) -> tuple[Observation, ...]:
        """The observations that decided any finding, in time order."""
        wanted = {index for finding in self.findings for index in finding.deciding}
        return tuple(o for o in self.vehicle_pass.observations if o.frame_index in wanted)


class Grade(StrEnum):
    """Whether the record may serve as evidence, or is a lead for officers to prove."""

    LEAD = "lead"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sealed package on disk: its folder, the digest of its manifest, and what the clip covers of the source."""

    folder: str
    manifest_sha256: str
    clip_start_s: float
    clip_end_s: float


@dataclass(frozen=True, slots=True)
class Case:
    """What officers work on: one pass, all its findings.

    Attributes:
        case_id: derived from the pass id, so the same footage can never make two cases.
        grade_reasons: why the grade is not `evidence`; empty for evidence.
        captured_at: first deciding moment; meaningless as a wall clock when `time.source` is RELATIVE.
        evidence: None until the last seconds of the clip have been seen and the package is sealed.
        district: of the camera; decides who sees the case.
        officer_plate: what an officer read instead of the machine; None while nobody corrected it.
        basis: law and act that an officer chose, with their versions; None before.
        parent_case_id: the case that this one was merged into; None when it was not.
        source_site: building site that loaded the truck, with the reason for saying so; None when unknown.
    """

    case_id: str
    camera_id: str
    place: str
    vehicle_type: VehicleType
    status: CaseStatus
    grade: Grade
    grade_reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    plate: Plate | None
    load: LoadState | None
    captured_at: datetime
    time: TimeBasis
    evidence: Evidence | None
    district: str = ""
    officer_plate: str | None = None
    basis: Mapping[str, Any] | None = None
    parent_case_id: str | None = None
    source_site: str | None = None

    @property
    def plate_text(self) -> str | None:
        """The plate as it counts: an officer's reading, else the machine's; None when no plate was found."""
        return self.officer_plate or (self.plate.text if self.plate else None)

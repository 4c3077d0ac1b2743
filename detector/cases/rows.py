"""Between the noun `Case` and its rows: every field there and back, nothing computed but the derived columns."""

from collections.abc import Sequence
from datetime import datetime

from detector.database.tables import CaseRow, EvidenceRow, FindingRow
from detector.entities import (
    Case,
    CaseStatus,
    Cover,
    Evidence,
    Fill,
    Finding,
    Grade,
    LoadState,
    Plate,
    PlateColour,
    PlateType,
    TimeBasis,
    TimeSource,
    VehicleType,
)


def fill_row(row: CaseRow, case: Case) -> None:
    """Write everything of a case that is judgement into its row: all but status, evidence and the row's own dates."""
    row.camera_id, row.place, row.district = case.camera_id, case.place, case.district
    row.vehicle_type = case.vehicle_type.label
    row.grade, row.grade_reasons = case.grade.value, list(case.grade_reasons)
    row.captured_at = case.captured_at
    row.time_source, row.uncertainty_ms = case.time.source.value, case.time.uncertainty_ms
    row.confidence = max((finding.confidence for finding in case.findings), default=0.0)
    _fill_plate(row, case.plate)
    _fill_load(row, case.load)
    kept = {finding.rule: finding for finding in row.findings}
    row.findings = [_finding_row(kept, finding, position) for position, finding in enumerate(case.findings)]


def evidence_row(evidence: Evidence, sealed_at: datetime) -> EvidenceRow:
    """The row of a sealed package."""
    return EvidenceRow(
        folder=evidence.folder,
        manifest_sha256=evidence.manifest_sha256,
        clip_start_s=evidence.clip_start_s,
        clip_end_s=evidence.clip_end_s,
        sealed_at=sealed_at,
    )


def to_case(row: CaseRow) -> Case:
    """The case that a row holds."""
    return Case(
        case_id=row.case_id,
        camera_id=row.camera_id,
        place=row.place,
        vehicle_type=VehicleType[row.vehicle_type.upper()],
        status=CaseStatus(row.status),
        grade=Grade(row.grade),
        grade_reasons=tuple(row.grade_reasons),
        findings=tuple(Finding(f.rule, f.measured, f.limits, f.confidence, tuple(f.deciding)) for f in row.findings),
        plate=_plate(row),
        load=_load(row),
        captured_at=row.captured_at,
        time=TimeBasis(TimeSource(row.time_source), row.uncertainty_ms),
        evidence=_evidence(row.evidence),
        district=row.district,
        officer_plate=row.officer_plate,
        basis=row.basis,
        parent_case_id=row.parent_case_id,
        source_site=row.source_site,
    )


def _finding_row(kept: dict[str, FindingRow], finding: Finding, position: int) -> FindingRow:
    row = kept.get(finding.rule) or FindingRow(rule=finding.rule)
    row.position, row.confidence, row.deciding = position, finding.confidence, list(finding.deciding)
    row.measured, row.limits = finding.measured, finding.limits
    return row


def _fill_plate(row: CaseRow, plate: Plate | None) -> None:
    row.plate_text = plate.text if plate else None
    row.plate_type = plate.plate_type.value if plate else None
    row.plate_colour = plate.colour.value if plate else None
    row.plate_confidence = plate.confidence if plate else None
    row.plate_characters = list(plate.characters) if plate else None
    row.plate_looks = plate.looks if plate else None


def _fill_load(row: CaseRow, load: LoadState | None) -> None:
    row.load_label = load.label.value if load else None
    row.load_cover = load.cover.value if load else None
    row.load_cover_confidence = load.cover_confidence if load else None
    row.load_fill = load.fill.value if load else None
    row.load_fill_confidence = load.fill_confidence if load else None
    row.load_tipper_confidence = load.tipper_confidence if load else None
    row.load_bed_xyxy = list(load.bed_xyxy) if load and load.bed_xyxy else None


def _plate(row: CaseRow) -> Plate | None:
    if row.plate_text is None or row.plate_type is None or row.plate_colour is None:
        return None
    return Plate(
        text=row.plate_text,
        characters=tuple(row.plate_characters or ()),
        plate_type=PlateType(row.plate_type),
        colour=PlateColour(row.plate_colour),
        looks=row.plate_looks or 0,
    )


def _load(row: CaseRow) -> LoadState | None:
    if row.load_cover is None or row.load_fill is None:
        return None
    return LoadState(
        cover=Cover(row.load_cover),
        cover_confidence=row.load_cover_confidence or 0.0,
        fill=Fill(row.load_fill),
        fill_confidence=row.load_fill_confidence or 0.0,
        tipper_confidence=row.load_tipper_confidence or 0.0,
        bed_xyxy=_box(row.load_bed_xyxy),
    )


def _box(values: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if values is None:
        return None
    x1, y1, x2, y2 = values
    return x1, y1, x2, y2


def _evidence(row: EvidenceRow | None) -> Evidence | None:
    return Evidence(row.folder, row.manifest_sha256, row.clip_start_s, row.clip_end_s) if row else None

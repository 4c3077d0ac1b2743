"""What a replay tells: one record per clip, as JSON for programs and as tables for people."""

import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from detector.entities import Case, VehiclePass

PLAIN_WIDTH = 200
"""Columns of output that goes to a file or another program, so that no id is cut."""


def make_console() -> Console:
    """Standard output for tables: as wide as the terminal, or wide enough where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


@dataclass(frozen=True, slots=True)
class ClipReport:
    """The outcome of one clip.

    Attributes:
        path: as given on the command line.
        video_s: length of the footage that could be read.
        wall_s: time that the replay took.
        frames, analysed: decoded and analysed pictures.
        passes: every vehicle that crossed, in order of appearance.
        cases: pairs of a case and its evidence folder (absolute path); with an empty path for none.
        notes: repairs and conditions that a reader should know of; the result stands.
        error: why the result is incomplete or missing; None when all is well.
    """

    path: str
    video_s: float = 0.0
    wall_s: float = 0.0
    frames: int = 0
    analysed: int = 0
    passes: tuple[VehiclePass, ...] = ()
    cases: tuple[tuple[Case, str], ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; the keys are part of the command's interface."""
        return {
            "path": self.path,
            "video_s": round(self.video_s, 3),
            "wall_s": round(self.wall_s, 3),
            "frames": self.frames,
            "analysed": self.analysed,
            "passes": [describe_pass(p) for p in self.passes],
            "cases": [describe_case(case, folder) for case, folder in self.cases],
            "notes": list(self.notes),
            "error": self.error,
        }


def describe_pass(vehicle_pass: VehiclePass) -> dict[str, Any]:
    """One pass as plain values; times are seconds from the first picture of the clip."""
    plate, load = vehicle_pass.plate, vehicle_pass.load
    return {
        "track_id": vehicle_pass.track_id,
        "vehicle_type": vehicle_pass.vehicle_type.label,
        "first_seen_s": round(vehicle_pass.first_seen_s, 3),
        "last_seen_s": round(vehicle_pass.last_seen_s, 3),
        "plate": None
        if plate is None
        else {
            "text": plate.text,
            "type": plate.plate_type.value,
            "colour": plate.colour.value,
            "confidence": round(plate.confidence, 4),
        },
        "load_state": None if load is None else load.label.value,
        "cover": None if load is None else load.cover.value,
        "fill": None if load is None else load.fill.value,
        "load_confidence": None if load is None else round(load.confidence, 4),
        "direction": vehicle_pass.direction,
    }


def describe_case(case: Case, folder: str) -> dict[str, Any]:
    """One case as plain values; `folder` is the absolute path of its evidence, "" for none."""
    return {
        "case_id": case.case_id,
        "findings": [finding.rule for finding in case.findings],
        "plate": case.plate.text if case.plate else None,
        "grade": case.grade.value,
        "evidence": folder or None,
    }


def describe_stored_case(case: Case) -> dict[str, Any]:
    """One case of the database as plain values; `captured_at` is None where time is only relative."""
    return {
        "case_id": case.case_id,
        "camera_id": case.camera_id,
        "place": case.place,
        "captured_at": case.captured_at.isoformat() if case.time.is_absolute else None,
        "time_source": case.time.source.value,
        "uncertainty_ms": case.time.uncertainty_ms,
        "vehicle_type": case.vehicle_type.label,
        "findings": [finding.rule for finding in case.findings],
        "plate": case.plate.text if case.plate else None,
        "load_state": case.load.label.value if case.load else None,
        "grade": case.grade.value,
        "grade_reasons": list(case.grade_reasons),
        "status": case.status.value,
        "evidence": case.evidence.folder if case.evidence else None,
    }


def print_report(report: ClipReport, console: Console) -> None:
    """Tables for a person: what passed, and what became a case and where its evidence lies."""
    if not report.frames:
        return
    speed = report.video_s / report.wall_s if report.wall_s > 0 else 0.0
    console.print(
        f"[bold]{escape(report.path)}[/]: {report.video_s:.1f} s of video in {report.wall_s:.1f} s "
        f"({speed:.1f}× real time), {report.frames} frames, {report.analysed} analysed",
        highlight=False,
    )
    for note in report.notes:
        console.print(f"  note: {note}", highlight=False, markup=False)
    table = Table("track", "vehicle", "seen", "plate", "load", "confidence", "direction", box=None, pad_edge=False)
    for row in (describe_pass(p) for p in report.passes):
        plate = row["plate"]
        table.add_row(
            str(row["track_id"]),
            row["vehicle_type"],
            f"{row['first_seen_s']:.1f}-{row['last_seen_s']:.1f} s",
            f"{plate['text']} ({plate['colour']})" if plate else "",
            row["load_state"] or "",
            f"{row['load_confidence']:.2f}" if row["load_confidence"] is not None else "",
            row["direction"] or "",
        )
    if report.passes:
        console.print(table)
    for case, folder in report.cases:
        rules = ", ".join(finding.rule for finding in case.findings)
        plate_text = case.plate.text if case.plate else "plate unread"
        console.print(
            f"[bold red]case {case.case_id}[/]: {rules}; {plate_text}; grade {case.grade.value}", highlight=False
        )
        console.print(f"  evidence: {folder}", highlight=False, markup=False, soft_wrap=True)
    if not report.cases:
        console.print("no case")

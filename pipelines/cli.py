"""The `roadwarden` command. Only options, exit codes and one line per error live here."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.errors import RoadwardenError
from detector.evidence.texts import Language
from detector.evidence.verify import verify_package
from detector.video.time_basis import parse_instant
from pipelines.config import load_cameras, resolve_home
from pipelines.report import describe_stored_case, make_console, print_report

app = typer.Typer(
    help="Finds uncovered and overfilled slag trucks in footage, and writes sealed evidence cases.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cases_app = typer.Typer(help="Look at the cases in the database.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(cases_app, name="cases")

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Case database; default SQLite: ROADWARDEN_HOME/roadwarden.db."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text for people.")]


@app.command()
def replay(
    clips: Annotated[list[Path], typer.Argument(metavar="CLIP...", help="Recorded footage that FFmpeg can read.")],
    cameras: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Camera configuration; default ROADWARDEN_HOME/cameras.toml if it exists."),
    ] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="ID", help="Which camera took the clips; default: as the sidecar says.")
    ] = None,
    started_at: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="Capture time of the first picture, with offset from UTC.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where evidence goes; default ROADWARDEN_HOME/evidence.")
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Judge recorded clips: vehicles, plates, loads, cases with evidence."""
    from pipelines.build import open_replayer  # the vision stack loads only where it is used
    from pipelines.progress import ReplayProgress
    from pipelines.replay import ReplayOptions

    home = resolve_home()
    cameras_path = cameras or (home / "cameras.toml" if (home / "cameras.toml").is_file() else None)
    options = ReplayOptions(
        cameras=load_cameras(cameras_path),
        camera_id=camera,
        started_at=parse_instant(started_at, "--started-at") if started_at is not None else None,
        evidence_root=(output or home / "evidence").resolve(),
    )
    replayer = open_replayer(database or _default_database(home), options)
    reports = []
    console = make_console()
    with ReplayProgress() as progress:
        for clip in clips:
            report = replayer.replay(clip, progress)
            reports.append(report)
            if report.error:
                _print_error(report.error)
            if not as_json:
                print_report(report, console)
    if as_json:
        print(json.dumps({"clips": [report.to_json() for report in reports]}, ensure_ascii=False))
    if any(report.error for report in reports):
        raise typer.Exit(1)


@cases_app.command("list")
def list_cases(
    database: Database = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    camera: Annotated[str | None, typer.Option(metavar="ID", help="Only of this camera.")] = None,
    rule: Annotated[str | None, typer.Option(metavar="NAME", help="Only with a finding of this rule.")] = None,
    plate: Annotated[str | None, typer.Option(metavar="TEXT", help="Only plates that contain this text.")] = None,
    as_json: AsJson = False,
) -> None:
    """List cases, the newest first."""
    found = _open_store(database).list(limit, camera_id=camera, rule=rule, plate=plate)
    if as_json:
        print(json.dumps({"cases": [describe_stored_case(case) for case in found]}, ensure_ascii=False))
        return
    if not found:
        print("no case")
        return
    table = Table("case", "captured", "camera", "findings", "plate", "grade", "status", box=None, pad_edge=False)
    for row in map(describe_stored_case, found):
        table.add_row(
            row["case_id"],
            row["captured_at"] or "relative",
            row["camera_id"],
            ", ".join(row["findings"]),
            row["plate"] or "-",
            row["grade"],
            row["status"],
        )
    make_console().print(table)


@cases_app.command("show")
def show_case(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show one case with its findings: measured values against their limits."""
    case = _open_store(database).get(case_id)
    described = describe_stored_case(case)
    if as_json:
        print(json.dumps(described, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for key in (
        "case_id",
        "captured_at",
        "time_source",
        "uncertainty_ms",
        "camera_id",
        "place",
        "vehicle_type",
        "plate",
        "load_state",
        "grade",
        "status",
        "evidence",
    ):
        console.print(f"{key}: {'-' if described[key] is None else described[key]}")
    for reason in case.grade_reasons:
        console.print(f"  lead because: {reason}")
    for finding in case.findings:
        console.print(f"finding {finding.rule}, confidence {finding.confidence:.2f}")
        for name, value in finding.measured.items():
            limit = f" (limit {finding.limits[name]})" if name in finding.limits else ""
            console.print(f"  {name}: {value}{limit}")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An evidence package.")],
    language: Annotated[Language, typer.Option(help="Language of the answer.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Check an evidence package by itself: names every altered, missing or added file."""
    report = verify_package(folder)
    if as_json:
        found = {"altered": report.altered, "missing": report.missing, "added": report.added}
        print(json.dumps({"path": str(folder), "intact": report.is_intact, **found}, ensure_ascii=False))
    else:
        for line in report.lines(language):
            print(f"{folder}: {line}")
    if not report.is_intact:
        raise typer.Exit(1)


def main() -> None:
    """Run the command; a known error is one line on standard error and exit code 1."""
    try:
        app()
    except RoadwardenError as error:
        _print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        _print_error("interrupted; finished cases are kept")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


def _default_database(home: Path) -> str:
    """URL of the embedded database."""
    return f"sqlite:///{home / 'roadwarden.db'}"


def _open_store(database: str | None) -> CaseStore:
    """The case store of a URL, or of the home folder."""
    return CaseStore(open_database(database or _default_database(resolve_home())))


def _print_error(message: str) -> None:
    """One line, whatever the message holds."""
    print(f"roadwarden: {' '.join(message.split())}", file=sys.stderr)

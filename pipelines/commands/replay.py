"""`roadwarden replay`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from detector.video.time_basis import parse_instant
from pipelines.commands.options import AsJson, CamerasFile, Database, print_error
from pipelines.config import default_database, resolve_home
from pipelines.configuration_store import load_configuration
from pipelines.report import make_console, print_report


def replay(
    clips: Annotated[list[Path], typer.Argument(metavar="CLIP...", help="Recorded footage that FFmpeg can read.")],
    cameras: CamerasFile = None,
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
    options = ReplayOptions(
        cameras=load_configuration(cameras, database),
        camera_id=camera,
        started_at=parse_instant(started_at, "--started-at") if started_at is not None else None,
        evidence_root=(output or home / "evidence").resolve(),
    )
    replayer = open_replayer(database or default_database(), options)
    reports = []
    console = make_console()
    with ReplayProgress() as progress:
        for clip in clips:
            report = replayer.replay(clip, progress)
            reports.append(report)
            if report.error:
                print_error(report.error)
            if not as_json:
                print_report(report, console)
    if as_json:
        print(json.dumps({"clips": [report.to_json() for report in reports]}, ensure_ascii=False))
    if any(report.error for report in reports):
        raise typer.Exit(1)

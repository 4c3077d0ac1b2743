"""`roadwarden replay`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.video.time_basis import parse_instant
from pipelines.commands.options import AsJson, CamerasFile, Database, Fleet, GpuShare, Output, print_error, shared_place
from pipelines.config import default_database
from pipelines.configuration_store import load_configuration
from pipelines.freed_memory import loading, share_one_heap
from pipelines.report import ClipReport, make_console, print_report


def replay(
    clips: Annotated[list[Path], typer.Argument(metavar="CLIP...", help="Recorded footage that FFmpeg can read.")],
    cameras: CamerasFile = None,
    camera: Annotated[
        str | None, typer.Option(metavar="ID", help="Which camera took the clips; default: as the sidecar says.")
    ] = None,
    started_at: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="Capture time of the first picture, with offset from UTC.")
    ] = None,
    output: Output = None,
    database: Database = None,
    as_json: AsJson = False,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Analyse every sampled picture, also while nothing moves.")
    ] = False,
    fleet: Fleet = None,
    gpu_share: GpuShare = 1.0,
) -> None:
    """Judge recorded clips: vehicles, plates, loads, cases with evidence.

    Example: roadwarden replay gate.mp4 --camera gate-03 --started-at 2026-05-18T09:30:00+08:00
    """
    share_one_heap()
    with loading():
        from pipelines.build_models import begin_loading  # the vision stack loads only where it is used

        models = begin_loading() if fleet is None else None  # while the rest is imported
        from pipelines import build
        from pipelines.evidence_place import EvidencePlace
        from pipelines.progress import ReplayProgress
        from pipelines.replay import ReplayOptions

    place = EvidencePlace.parse(shared_place(output) if fleet is not None else output)
    options = ReplayOptions(
        cameras=load_configuration(cameras, database),
        camera_id=camera,
        started_at=parse_instant(started_at, "--started-at") if started_at is not None else None,
        evidence_root=place.root,
        evidence_url=place.url,
        every_frame=every_frame,
    )
    if fleet is not None:
        clips = [clip.resolve() for clip in clips]
    told = _Told(as_json, [str(clip) for clip in clips])
    with ReplayProgress() as progress:
        if fleet is not None:
            from pipelines.fleet.replay import FleetReplay, replay_fleet

            replay = FleetReplay(fleet, database or default_database(), options, gpu_share)
            replay_fleet(replay, clips, progress, told.take)
        else:
            replayer = build.open_replayer(database or default_database(), options, models)
            for clip in clips:
                report = replayer.replay(clip, progress)
                told.take(report.to_json(), report)
    told.end()


class _Told:
    """What has been told to the person so far."""

    def __init__(self, as_json: bool, order: list[str]) -> None:
        self._as_json = as_json
        self._order = order
        self._rows: list[dict[str, Any]] = []
        self._console = make_console()

    def take(self, row: dict[str, Any], report: ClipReport | None) -> None:
        """Tell one report, as JSON and whole; None for a clip that an interrupted replay has done."""
        self._rows.append(row)
        if row["error"]:
            print_error(row["error"])
        if self._as_json:
            return
        if report is not None:
            print_report(report, self._console)
        else:
            cases = ", ".join(case["case_id"] for case in row["cases"]) or "no case"
            self._console.print(f"{row['path']}: done before ({cases})", markup=False, soft_wrap=True)

    def end(self) -> None:
        """Everything is told; a clip with an error makes the exit code 1."""
        if self._as_json:
            rows = sorted(self._rows, key=lambda row: self._order.index(row["path"]))
            print(json.dumps({"clips": rows}, ensure_ascii=False))
        if any(row["error"] for row in self._rows):
            raise typer.Exit(1)

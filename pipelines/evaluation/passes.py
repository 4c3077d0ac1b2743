"""`evaluate passes`: films with truth through the whole product."""

import json
import tempfile
from pathlib import Path
from typing import Any

from detector.cases.case_id import derive_case_id
from detector.errors import SourceError
from detector.evaluation.passes import JudgedVehicle, PassScore, TrueVehicle, find_vehicle
from detector.geometry import Box, area
from detector.video.file_source import FileSource
from detector.video.time_basis import read_sidecar
from pipelines.build import open_replayer
from pipelines.config import Cameras
from pipelines.evaluation.pictures import write_error
from pipelines.progress import ReplayProgress
from pipelines.replay import ReplayOptions
from pipelines.report import ClipReport
from pipelines.spans import picture_of

TRUTH_SUFFIX = ".truth.json"


def list_films(folder: Path) -> list[Path]:
    """Films of a folder that have a truth beside them (`NAME.mp4` and `NAME.truth.json`).

    Raises:
        SourceError: no such folder, no film in it, or a truth without its film.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder")
    truths = sorted(folder.glob(f"*{TRUTH_SUFFIX}"))
    films = []
    for truth in truths:
        name = truth.name.removesuffix(TRUTH_SUFFIX)
        clips = [p for p in sorted(folder.glob(f"{glob_escape(name)}.*")) if p.suffix not in (".json", ".truth")]
        if not clips:
            raise SourceError(f"{truth}: there is no film {name}.mp4 beside it")
        films.append(clips[0])
    if not films:
        raise SourceError(f"{folder}: no film with a truth beside it (NAME.mp4 and NAME{TRUTH_SUFFIX})")
    return films


def glob_escape(name: str) -> str:
    """A file name as a pattern that matches it alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def read_truth(film: Path) -> list[TrueVehicle]:
    """The vehicles of a film; docs/evaluation.md has the form.

    Raises:
        SourceError: the truth is no JSON of that form; names the file.
    """
    path = film.with_suffix(TRUTH_SUFFIX)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["vehicles"]
        return [_parse(number, row) for number, row in enumerate(rows, 1)]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SourceError(f"{path}: not the truth of a film: {type(error).__name__} {error}") from error


def _parse(number: int, row: dict[str, Any]) -> TrueVehicle:
    plate = next((frame["plate"] for frame in row["frames"] if frame.get("plate")), None)
    boxes: dict[int, Box] = {}
    for frame in row["frames"]:
        x1, y1, x2, y2 = (float(v) for v in frame["box_xyxy"])
        boxes[int(frame["index"])] = (x1, y1, x2, y2)
    return TrueVehicle(
        name=f"{number} {row['kind']}",
        plate=plate["text"] if plate else None,
        plate_type=plate["type"] if plate else "",
        violations=frozenset(row["violations"]),
        boxes=boxes,
    )


def evaluate_passes(folder: Path, cameras: Cameras, errors: Path | None) -> PassScore:
    """Replay every film into a throw-away store and compare its cases and plates with the truth.

    Args:
        folder: films with truth.
        cameras: configuration; where it does not know a film's camera, the film is judged as by the built-in one.
        errors: where the error list of each film goes; None for nowhere.

    Raises:
        SourceError: a film or truth is wrong.
        ModelError: the weights cannot be used.
    """
    films = list_films(folder)
    truths = [read_truth(film) for film in films]
    score = PassScore()
    with tempfile.TemporaryDirectory() as scratch, ReplayProgress() as progress:
        for number, (film, vehicles) in enumerate(zip(films, truths, strict=True)):
            place = Path(scratch) / str(number)
            place.mkdir()
            options = ReplayOptions(
                cameras, choose_camera(film, cameras), None, place / "evidence", records_sightings=False
            )
            report = open_replayer(f"sqlite:///{place / 'cases.db'}", options).replay(film, progress)
            if report.error:
                raise SourceError(report.error)
            before = len(score.errors)
            score.add(film.name, report.video_s, vehicles, list_judged(report))
            _write_errors(errors, film, report, vehicles, score.errors[before:])
    return score


def choose_camera(film: Path, cameras: Cameras) -> str | None:
    """The camera whose settings judge a film: that of its sidecar where the configuration has it, else the first one.

    None leaves the choice to the replay: without a configuration every camera is the built-in one.
    """
    if cameras.place is None:
        return None
    sidecar = read_sidecar(film)
    return sidecar.camera_id if sidecar and sidecar.camera_id in cameras.by_id else next(iter(cameras.by_id))


def list_judged(report: ClipReport) -> list[JudgedVehicle]:
    """Passes with the rules of their cases."""
    judged = []
    for vehicle_pass in report.passes:
        cases = [case for case, _ in report.cases if case.case_id == derive_case_id(vehicle_pass, case.time)]
        judged.append(JudgedVehicle(vehicle_pass, frozenset(f.rule for case in cases for f in case.findings)))
    return judged


def _write_errors(
    folder: Path | None,
    film: Path,
    report: ClipReport,
    vehicles: list[TrueVehicle],
    found: list[dict[str, Any]],
) -> None:
    """The largest look at each vehicle that an error is about."""
    names = {error["vehicle"] for error in found if error["vehicle"]}
    if folder is None or not names:
        return
    wanted = {}
    for vehicle in (v for v in vehicles if v.name in names):
        index = max(vehicle.boxes, key=lambda i: area(vehicle.boxes[i]), default=None)
        if index is not None:
            wanted[index] = vehicle
    said = {v.name: p for p in report.passes if (v := find_vehicle(p, vehicles)) is not None}
    with FileSource(film, "evaluation", 1000.0, None) as source:
        for frame in map(picture_of, source):
            if (wrong := wanted.get(frame.index)) is not None:
                pass_ = said.get(wrong.name)
                boxes = [o.xyxy for o in pass_.observations if o.frame_index == frame.index] if pass_ else []
                name = f"{film.stem}-{wrong.name.replace(' ', '-')}"
                write_error(folder, name, frame.image, [wrong.boxes[frame.index]], boxes)

"""`evaluate passes`: films with truth through the whole product."""

import json
import tempfile
from collections import defaultdict
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
NO_FILMS = frozenset({".json", ".csv", ".txt", ".md", ".srt", ".jpg", ".jpeg", ".png", ".bmp", ".sha256", ".part"})
"""Endings of what stands beside a film under its name."""


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
        clips = [p for p in sorted(folder.iterdir()) if p.stem == name and p.suffix.lower() not in NO_FILMS]
        if not clips:
            raise SourceError(f"{truth}: there is no film {name}.mp4 beside it")
        films.append(next((clip for clip in clips if clip.suffix == ".mp4"), clips[0]))
    if not films:
        raise SourceError(f"{folder}: no film with a truth beside it (NAME.mp4 and NAME{TRUTH_SUFFIX})")
    return films


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
            judged = list_judged(report)
            score.add(film.name, report.video_s, vehicles, judged)
            _write_errors(errors, film, judged, vehicles, score.errors[before:])
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
    judged: list[JudgedVehicle],
    vehicles: list[TrueVehicle],
    found: list[dict[str, Any]],
) -> None:
    """The largest look at each vehicle that an error is about; of a false finding that is no vehicle's, at its pass."""
    names = {error["vehicle"] for error in found if error["vehicle"]}
    if folder is None or not found:
        return
    wanted: dict[int, list[tuple[str, list[Box], list[Box]]]] = defaultdict(list)
    said = [(item, find_vehicle(item.vehicle_pass, vehicles)) for item in judged]
    for vehicle in (v for v in vehicles if v.name in names and v.boxes):
        index = max(vehicle.boxes, key=lambda i: area(vehicle.boxes[i]))
        looks = [o for item, whose in said if whose is vehicle for o in item.vehicle_pass.observations]
        boxes = [o.xyxy for o in looks if o.frame_index == index]
        wanted[index].append((vehicle.name.replace(" ", "-"), [vehicle.boxes[index]], boxes))
    for item in (item for item, whose in said if whose is None and item.rules):
        look = max(item.vehicle_pass.observations, key=lambda o: area(o.xyxy))
        wanted[look.frame_index].append((item.vehicle_pass.pass_id, [], [look.xyxy]))
    with FileSource(film, "evaluation", 1000.0, None) as source:
        for frame in map(picture_of, source):
            for name, true, boxes in wanted.get(frame.index, ()):
                write_error(folder, f"{film.stem}-{name}", frame.image, true, boxes)

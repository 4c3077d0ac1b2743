"""`evaluate load-state`: a table of vehicles with what their beds show."""

import csv
from dataclasses import dataclass
from pathlib import Path

from detector.errors import SourceError
from detector.evaluation.load_states import LABELS, LoadScore
from detector.geometry import Box
from pipelines.build_models import load_models
from pipelines.evaluation.pictures import read_picture, write_error

COLUMNS = ("image", "x1", "y1", "x2", "y2", "label")


@dataclass(frozen=True, slots=True)
class LabelledVehicle:
    """A row: the picture, its name in the table, the vehicle's box as shares of it, and one of `LABELS`."""

    image: Path
    name: str
    box: Box
    label: str


def read_table(path: Path) -> list[LabelledVehicle]:
    """Rows of a CSV file with the columns `COLUMNS`; others are ignored, images are relative to the file or absolute.

    Raises:
        SourceError: the file, a column, a number or a label is missing or wrong; names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise SourceError(f"{path}: no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
            vehicles = [_parse(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: no CSV file that can be read: {error}") from error
    if not vehicles:
        raise SourceError(f"{path}: no row in it")
    return vehicles


def _parse(path: Path, line: int, row: dict[str, str | None]) -> LabelledVehicle:
    try:
        x1, y1, x2, y2 = (float(row[column] or "") for column in COLUMNS[1:5])
    except ValueError as error:
        raise SourceError(f"{path}, line {line}: x1, y1, x2, y2 must be numbers from 0 to 1") from error
    if not (-0.5 <= x1 < x2 <= 1.5 and -0.5 <= y1 < y2 <= 1.5):
        raise SourceError(f"{path}, line {line}: the box must be shares of the picture, x1 below x2, y1 below y2")
    label = (row["label"] or "").strip()
    if label not in LABELS:
        raise SourceError(f"{path}, line {line}: label {label!r} must be one of {', '.join(LABELS)}")
    name = (row["image"] or "").strip()
    return LabelledVehicle(path.parent / name, name, (x1, y1, x2, y2), label)


def evaluate_load_states(table: Path, errors: Path | None) -> LoadScore:
    """Measure the shipped bed locator and load network, one look a vehicle.

    Args:
        table: see `read_table`.
        errors: where pictures that were not answered right go; None for nowhere.

    Raises:
        SourceError: the table or a picture is wrong.
        ModelError: the weights cannot be used.
    """
    vehicles = read_table(table)
    reader = load_models()[0].load_reader
    score = LoadScore()
    for number, vehicle in enumerate(vehicles, 1):
        image = read_picture(vehicle.image)
        height, width = image.shape[:2]
        x1, y1, x2, y2 = vehicle.box
        box = (x1 * width, y1 * height, x2 * width, y2 * height)
        state = reader.read(image, [box])[0]
        if not score.add(vehicle.name, vehicle.label, state):
            said = [state.bed_xyxy] if state.bed_xyxy else []
            name = f"{number:04d}-{vehicle.image.stem}-{vehicle.label}-{state.label.value}"
            write_error(errors, name, image, [box], said)
    return score

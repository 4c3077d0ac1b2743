"""`evaluate plates`: pictures whose file names are their plates."""

from pathlib import Path

from detector.entities import PlateReading, PlateType
from detector.errors import SourceError
from detector.evaluation.plates import PlateScore
from detector.observation.plate_detector import PlateBox
from detector.observation.plate_grammar import classify
from detector.observation.plate_reader import OnnxPlateReader
from detector.observation.plate_vote import vote
from detector.observation.protocols import PlateHint
from pipelines.build_models import load_models
from pipelines.evaluation.pictures import list_pictures, read_picture, write_error

ONLY_LOOK = PlateHint(in_vain=True)
"""A photograph has no next frame: everything is tried on it."""


def read_truth(path: Path) -> str:
    """The plate in a file's name: all before the first "_", without separators.

    Raises:
        SourceError: no plate can carry this text.
    """
    text = path.stem.split("_")[0].replace("·", "").replace(" ", "").upper()
    if classify(text) is None:
        raise SourceError(f"{path}: {text!r} is no plate; the name must begin with the plate, then _ or the end")
    return text


def name_type(text: str) -> str:
    """The kind of a plate by its text alone."""
    return (classify(text) or PlateType.UNKNOWN).value


def evaluate_plates(folder: Path, crops: bool, errors: Path | None) -> PlateScore:
    """Measure the shipped plate models, one look a picture.

    Args:
        folder: photographs of one vehicle each, or plates cut out.
        crops: the pictures hold nothing but the plate: none is looked for.
        errors: where pictures that were not read exactly go; None for nowhere.

    Raises:
        SourceError: a picture cannot be read, or its name is no plate.
        ModelError: the weights cannot be used.
    """
    pictures = list_pictures(folder)
    truths = [read_truth(path) for path in pictures]
    reader = load_models()[0].plate_reader
    assert isinstance(reader, OnnxPlateReader)
    score = PlateScore()
    for path, truth in zip(pictures, truths, strict=True):
        image = read_picture(path)
        height, width = image.shape[:2]
        reading: PlateReading | None
        if crops:
            rows = 2 if width < 2.4 * height else 1
            whole = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
            reading = reader.read_plates(image, [PlateBox(whole, rows, 1.0)])[0]
        else:
            reading = reader.read(image, [(0.0, 0.0, width, height)], [ONLY_LOOK])[0]
        if score.add(path.name, truth, name_type(truth), vote([reading]) if reading else None) != "exact":
            write_error(errors, path.stem, image, said=[reading.xyxy] if reading else ())
    return score

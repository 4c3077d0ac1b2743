"""`evaluate vehicles`: a folder of pictures with YOLO labels."""

from pathlib import Path

import numpy as np

from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.detection.letterbox import Letterbox
from detector.entities import Detections, VehicleType
from detector.errors import SourceError
from detector.evaluation.vehicles import Truth, VehicleScore
from detector.geometry import iou_matrix
from detector.inference import Network, OnnxModel, to_batch
from detector.weights import load_model_file
from pipelines.build_models import chosen_device
from pipelines.evaluation.pictures import list_pictures, read_picture, write_error
from pipelines.model_store import active_weights

MIN_CONFIDENCE = 0.001
MAX_IOU = 0.7
MAX_BOXES = 300
"""Candidates of the average precision: the settings with which YOLO models are usually measured."""


def read_labels(path: Path, height_px: int, width_px: int) -> Truth:
    """Labels in YOLO form: class, centre x and y, width and height as shares of the picture, a line each.

    Args:
        path: text file; an empty one says that there is no vehicle.
        height_px, width_px: size of the picture.

    Raises:
        SourceError: missing, or a line that is no label; names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: no labels: every picture needs a text file, empty where nothing is seen") from error
    classes, boxes = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            kind = VehicleType(int(line.split()[0]))
            x, y, width, height = (float(value) for value in line.split()[1:5])
        except ValueError as error:
            names = ", ".join(f"{kind.value} {kind.label}" for kind in VehicleType)
            raise SourceError(f"{path}, line {number}: {line.strip()!r} is no label (classes: {names})") from error
        if not all(np.isfinite((x, y, width, height))) or min(width, height) <= 0 or max(abs(x), abs(y)) > 2:
            raise SourceError(f"{path}, line {number}: {line.strip()!r}: sizes must be above 0, places 0 to 1")
        classes.append(kind.value)
        boxes.append(((x - width / 2), (y - height / 2), (x + width / 2), (y + height / 2)))
    scale = np.array([width_px, height_px, width_px, height_px], np.float32)
    return Truth(np.array(boxes, np.float32).reshape(-1, 4) * scale, np.array(classes, np.int64))


def find_candidates(network: Network, image: np.ndarray, input_px: int) -> Detections:
    """Every box down to `MIN_CONFIDENCE`, each class on its own, doubles above `MAX_IOU` left out."""
    letterbox = Letterbox.fit(image.shape[0], image.shape[1], input_px)
    (outputs,) = network.run(to_batch([letterbox.apply(image)]))
    output = outputs[0]
    centre, half = output[:2].T, output[2:4].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1)
    class_id, anchor = np.nonzero(output[4:] > MIN_CONFIDENCE)
    confidence = output[4 + class_id, anchor]
    best = np.argsort(-confidence, kind="stable")[:3000]
    class_id, boxes, confidence = class_id[best], xyxy[anchor[best]], confidence[best]
    kept: list[int] = []
    for kind in np.unique(class_id):
        alive = np.flatnonzero(class_id == kind)
        overlap = iou_matrix(boxes[alive], boxes[alive]) > MAX_IOU
        free = np.ones(len(alive), bool)
        for row in range(len(alive)):
            if free[row]:
                kept.append(int(alive[row]))
                free &= ~overlap[row]
    kept = sorted(kept)[:MAX_BOXES]  # the order is that of confidence
    restored = letterbox.restore(boxes[kept], *image.shape[:2])
    return Detections(restored, confidence[kept].astype(np.float32), class_id[kept].astype(np.int64))


def evaluate_vehicles(folder: Path, errors: Path | None) -> VehicleScore:
    """Measure the shipped vehicle detector.

    Args:
        folder: holds `images/` and `labels/` with files of the same names.
        errors: where pictures with a missed or false vehicle go; None for nowhere.

    Raises:
        SourceError: a picture or label is missing or wrong.
        ModelError: the weights cannot be used.
    """
    pictures = list_pictures(folder / "images")
    row = load_model_file("vehicle_detector", active_weights())
    settings = DetectorSettings.parse(row.settings)
    network = OnnxModel(row.path, chosen_device())
    detector = OnnxVehicleDetector(network, settings)
    score = VehicleScore()
    for path in pictures:
        image = read_picture(path)
        truth = read_labels(folder / "labels" / f"{path.stem}.txt", *image.shape[:2])
        reported = detector.detect([image])[0]
        if not score.add(truth, find_candidates(network, image, settings.input_px), reported):
            write_error(errors, path.stem, image, truth.xyxy, reported.xyxy)
    return score

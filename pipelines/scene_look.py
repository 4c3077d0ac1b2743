"""What else is in a picture, for the copies that may be published: the pipeline's own models, nothing about faces."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from detector.detection import DetectorSettings, VehicleDetector
from detector.entities import VehicleType
from detector.evidence.masks import SceneObjects
from detector.geometry import Box
from detector.observation.plate_detector import PlateBox, PlateDetector

SMALLEST_CONFIDENCE = 0.08
"""From here on something is taken for a person or a motorcycle: a mask on nobody harms nobody."""


class SceneLook:
    """Finds persons, vehicles and plates in one picture."""

    def __init__(self, detector: VehicleDetector, plates: PlateDetector) -> None:
        """Take models that are ready to run."""
        self._detector = detector
        self._plates = plates

    def __call__(self, image: np.ndarray) -> SceneObjects:
        """Everything in an (H, W, 3) uint8 BGR picture."""
        (found,) = self._detector.detect([image])
        boxes = [_box(row) for row in found.xyxy]
        kinds = [VehicleType(int(kind)) for kind in found.class_id]
        pairs = list(zip(kinds, boxes, strict=True))
        vehicles = tuple((kind, box) for kind, box in pairs if kind is not VehicleType.PERSON)
        plates = self._plates.find(image, [box for _, box in vehicles]) if vehicles else []
        return SceneObjects(
            persons=tuple(box for kind, box in pairs if kind is VehicleType.PERSON),
            vehicles=vehicles,
            plates=tuple(tuple(_around(plate) for plate in inside) for inside in plates),
        )


def watchful(row: Mapping[str, Any]) -> DetectorSettings:
    """Settings of the vehicle detector that rather cover nobody's head than miss one."""
    settings = DetectorSettings.parse(row)
    thresholds = list(settings.thresholds)
    for kind in (VehicleType.PERSON, VehicleType.MOTORCYCLE):
        thresholds[kind] = min(thresholds[kind], SMALLEST_CONFIDENCE)
    return replace(settings, thresholds=tuple(thresholds))


def _box(row: np.ndarray) -> Box:
    x1, y1, x2, y2 = (float(value) for value in row)
    return x1, y1, x2, y2


def _around(plate: PlateBox) -> Box:
    """The upright box around a plate's corners."""
    xs, ys = zip(*plate.corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)

"""The vehicle detector that runs an ONNX export of YOLO (see `scripts/train_vehicle_detector.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from detector.detection.letterbox import Letterbox
from detector.detection.postprocess import decode, drop_slivers, suppress
from detector.entities import Detections, VehicleType
from detector.errors import ModelError
from detector.inference import Network, to_batch


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What the manifest's row `vehicle_detector` says beside the file; thresholds were chosen on training data.

    Attributes:
        input_px: long side of the network's input, a multiple of 32.
        thresholds: smallest confidence that is reported, one for each `VehicleType` in its order.
        class_weights: factors with which classes compete for a box, one for each `VehicleType`; see `decode`.
        max_iou: overlap beyond which two boxes are the same vehicle, 0 to 1.
        max_detections: boxes an image, best first.
    """

    input_px: int = 640
    thresholds: tuple[float, ...] = (0.25,) * len(VehicleType)
    class_weights: tuple[float, ...] = (1.0,) * len(VehicleType)
    max_iou: float = 0.6
    max_detections: int = 200

    def __post_init__(self) -> None:
        """Refuse values that the detector cannot work with."""
        if self.input_px < 32 or self.input_px % 32:
            raise ModelError(f"weights vehicle_detector: input_px is {self.input_px}, must be a multiple of 32")
        if not 0 < self.max_iou <= 1 or self.max_detections < 1:
            raise ModelError("weights vehicle_detector: max_iou must lie between 0 and 1, max_detections above 0")
        if len(self.class_weights) != len(VehicleType) or not all(value > 0 for value in self.class_weights):
            raise ModelError(f"weights vehicle_detector: class_weights are {self.class_weights}, must be 5 above 0")
        if len(self.thresholds) != len(VehicleType) or not all(0 <= value <= 1 for value in self.thresholds):
            raise ModelError(f"weights vehicle_detector: thresholds are {self.thresholds}, must be 5 from 0 to 1")

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "DetectorSettings":
        """Read a manifest row; keys of other readers are ignored, missing ones keep their default.

        Raises:
            ModelError: classes in another order than `VehicleType`, or a value out of range.
        """
        labels = [kind.label for kind in VehicleType]
        if list(row.get("classes", labels)) != labels:
            raise ModelError(f"weights vehicle_detector: classes are {row['classes']}, must be {labels}")
        given = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        known: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
        return cls(**known)


class OnnxVehicleDetector:
    """A `VehicleDetector`: letterbox, network, decoding, suppression."""

    def __init__(self, network: Network, settings: DetectorSettings | None = None) -> None:
        """Take a network that is ready to run.

        Args:
            network: an `OnnxModel` with input (N, 3, H, W) and output (N, 4 + classes, anchors).
            settings: None for the defaults.
        """
        self._network = network
        self._settings = settings or DetectorSettings()
        self._thresholds = np.array(self._settings.thresholds, np.float32)
        self._weights = np.array(self._settings.class_weights, np.float32)

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """What each image holds; images of one size go through the network together. See `VehicleDetector`."""
        boxes = [Letterbox.fit(image.shape[0], image.shape[1], self._settings.input_px) for image in images]
        found: list[Detections] = [Detections.empty()] * len(images)
        for shape in dict.fromkeys(box.input_wh for box in boxes):
            rows = [index for index, box in enumerate(boxes) if box.input_wh == shape]
            (outputs,) = self._network.run(to_batch([boxes[row].apply(images[row]) for row in rows]))
            for row, output in zip(rows, outputs, strict=True):
                found[row] = self._finish(output, boxes[row], images[row])
        return found

    def _finish(self, output: np.ndarray, letterbox: Letterbox, image: np.ndarray) -> Detections:
        kept = suppress(decode(output, self._thresholds, self._weights), self._settings.max_iou)
        xyxy = letterbox.restore(kept.xyxy, *image.shape[:2])
        found = drop_slivers(Detections(xyxy, kept.confidence, kept.class_id))
        return found.where(np.arange(len(found)) < self._settings.max_detections)

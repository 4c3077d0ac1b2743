"""The detector as a whole: with a network that is a few lines, and with the shipped weights."""

from pathlib import Path

import numpy as np
import pytest

from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.entities import VehicleType
from detector.errors import ModelError
from detector.inference import Device, OnnxModel

WEIGHTS = Path(__file__).parents[3] / "weights" / "vehicle_detector.onnx"
LABELS = [kind.label for kind in VehicleType]


class BrightestSpot:
    """A network that reports a truck of 40 x 20 px centred on the brightest pixel, and notes what it was given."""

    def __init__(self) -> None:
        self.shapes = []

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        self.shapes.append(batch.shape)
        outputs = np.zeros((len(batch), 9, 1), np.float32)
        for row, image in enumerate(batch):
            y, x = np.unravel_index(image[0].argmax(), image.shape[1:])
            outputs[row, :, 0] = [x + 0.5, y + 0.5, 40, 20, 0, 0, 0.9, 0, 0]
        return [outputs]


def spot(height: int, width: int, y: int, x: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[y, x] = 255
    return image


def test_boxes_are_in_px_of_each_image() -> None:
    """A spot in an image that fits, and one in an image of twice the size."""
    small, large = spot(360, 640, 100, 200), np.zeros((720, 1280, 3), np.uint8)
    large[200:202, 400:402] = 255
    found = OnnxVehicleDetector(BrightestSpot()).detect([small, large])
    assert found[0].xyxy.tolist() == [[180.5, 90.5, 220.5, 110.5]]
    assert found[1].xyxy == pytest.approx(np.array([[361, 181, 441, 221]]), abs=1)
    assert found[0].class_id.tolist() == [VehicleType.TRUCK]


def test_images_of_one_size_go_together_and_results_keep_the_order_of_the_images() -> None:
    """Two sizes mixed: two runs, four results in place."""
    network = BrightestSpot()
    images = [spot(360, 640, 100, 100), spot(640, 360, 50, 60), spot(360, 640, 100, 300), spot(640, 360, 50, 160)]
    found = OnnxVehicleDetector(network).detect(images)
    assert network.shapes == [(2, 3, 384, 640), (2, 3, 640, 384)]
    assert [d.xyxy[0, 0] for d in found] == [80.5, 40.5, 280.5, 140.5]


def test_no_images_give_no_results() -> None:
    """An empty batch is no error."""
    assert OnnxVehicleDetector(BrightestSpot()).detect([]) == []


def test_a_box_in_the_border_is_no_detection() -> None:
    """The input is higher than the image; what the network sees only there does not exist."""

    class Border:
        def run(self, batch: np.ndarray) -> list[np.ndarray]:
            return [np.array([[[100], [5], [40], [8], [0], [0], [0.9], [0], [0]]] * len(batch), np.float32)]

    (found,) = OnnxVehicleDetector(Border()).detect([spot(360, 640, 0, 0)])
    assert len(found) == 0


def test_the_number_of_boxes_an_image_is_limited_to_the_best() -> None:
    """A wild image cannot flood what follows."""

    class Many:
        def run(self, batch: np.ndarray) -> list[np.ndarray]:
            rows = [[30 + 60 * i, 50, 40, 40, 0.5 + 0.04 * i, 0, 0, 0, 0] for i in range(10)]
            return [np.array([rows] * len(batch), np.float32).transpose(0, 2, 1)]

    (found,) = OnnxVehicleDetector(Many(), DetectorSettings(max_detections=3)).detect([spot(360, 640, 0, 0)])
    assert found.confidence.tolist() == pytest.approx([0.86, 0.82, 0.78])


def test_settings_come_from_the_manifest_row() -> None:
    """Known keys are taken, keys for other readers left alone."""
    row = {"classes": LABELS, "input_px": 512, "max_iou": 0.5, "thresholds": [0.3, 0.4, 0.2, 0.3, 0.5], "n": 485}
    settings = DetectorSettings.parse(row)
    assert (settings.input_px, settings.max_iou, settings.thresholds[VehicleType.BUS]) == (512, 0.5, 0.4)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"classes": ["car", "truck"]}, "classes are"),
        ({"input_px": 500}, "input_px is 500"),
        ({"class_weights": [1, 1, 0, 1, 1]}, "class_weights are"),
        ({"max_iou": 0.0}, "max_iou"),
        ({"thresholds": [0.3]}, "thresholds are"),
        ({"thresholds": [0.3, 0.3, 30, 0.3, 0.3]}, "thresholds are"),
    ],
)
def test_a_manifest_row_that_cannot_be_right_is_refused(row: dict, said: str) -> None:
    """Each mistake is a model error that names the key."""
    with pytest.raises(ModelError, match=said):
        DetectorSettings.parse(row)


def test_the_shipped_weights_give_the_same_result_alone_and_in_company() -> None:
    """Bit by bit, with one image a run or three: what is found in a frame may not depend on its batch."""
    settings = DetectorSettings(input_px=256, thresholds=(0.0005,) * 5)  # even noise shows something
    images = list(np.random.default_rng(0).integers(0, 256, (3, 144, 256, 3), np.uint8))
    one, three = (
        OnnxVehicleDetector(OnnxModel(WEIGHTS, Device.CPU, threads=1, batch_size=n), settings) for n in (1, 3)
    )
    together = three.detect(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = one.detect([image])
        assert len(found) > 0
        assert (alone.xyxy == found.xyxy).all()
        assert (alone.confidence == found.confidence).all()

"""A static INT8 version of a model for processors, to be measured before anybody ships it.

    .venv-train/bin/python scripts/quantize_weights.py vehicle_detector OUT_DIR --films demo/demo.mp4 \
        --pictures ../shared/data/vehicles/highway-id/train/images

Calibration is what the product itself shows the network: films and pictures go through the product's own code, and the
inputs are kept. OUT_DIR becomes a whole set of weights, so that the result is measured as any other:

    ROADWARDEN_WEIGHTS=OUT_DIR roadwarden evaluate vehicles DIR
    ROADWARDEN_WEIGHTS=OUT_DIR roadwarden evaluate passes DIR

Weights have 7 bits, since the AVX2 instructions saturate with 8. The file that is shipped beside the 32-bit one is made
with the defaults from these films and pictures:

    cp OUT_DIR/vehicle_detector.onnx weights/vehicle_detector_int8.onnx
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import onnx

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would report to Microsoft
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detector.detection import OnnxVehicleDetector
from detector.inference import OnnxModel
from detector.weights import find_weights, load_model_file

FILM_STEP = 12
PICTURES = 120
SENSITIVE = r"/model\.(0|1|10)/|/model\.23/(?!cv)|/model\.23/cv[23]\.\d/cv[23]\.\d\.2/"
"""Names of layers that stay in 32 bits: the first two, attention, and the end of the head, which turns features into
boxes and classes. With less kept, more than half a point of AP50 is lost (docs/model-log.md)."""


class KeepingNetwork:
    """Runs a network and keeps what it was shown."""

    def __init__(self, network: OnnxModel) -> None:
        """Start with nothing kept."""
        self._network = network
        self.shown: list[np.ndarray] = []

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """See `Network.run`."""
        self.shown += [batch[i : i + 1] for i in range(len(batch))]
        return self._network.run(batch)


class Inputs(CalibrationDataReader):
    """Kept inputs, one after another."""

    def __init__(self, name: str, inputs: list[np.ndarray]) -> None:
        """Take the network's input name and the inputs."""
        self._rows = iter([{name: tensor} for tensor in inputs])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input; None at the end."""
        return next(self._rows, None)


def main() -> None:
    """Quantise and write the set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=["vehicle_detector"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--films", type=Path, nargs="*", default=[])
    parser.add_argument("--pictures", type=Path, nargs="*", default=[])
    parser.add_argument("--keep", default=SENSITIVE, metavar="PATTERN", help="names of layers to keep in 32 bits")
    options = parser.parse_args()
    file = load_model_file(options.model)
    network = KeepingNetwork(OnnxModel(file.path))
    detector = OnnxVehicleDetector(network)
    for image in read_images(options.films, options.pictures):
        detector.detect([image])
    shutil.copytree(find_weights(), options.out)
    quantise(file.path, options.out / file.path.name, network.shown, options.keep)
    register(options.out, file.sha256, hashlib.sha256((options.out / file.path.name).read_bytes()).hexdigest())
    print(f"{options.out}: {file.path.name} of {len(network.shown)} pictures")


def read_images(films: list[Path], folders: list[Path]) -> Iterator[np.ndarray]:
    """Every twelfth picture of the films, and some of the pictures, (H, W, 3) BGR."""
    for film in films:
        with av.open(str(film)) as container:
            for index, picture in enumerate(container.decode(video=0)):
                if index % FILM_STEP == 0:
                    yield picture.to_ndarray(format="bgr24")
    paths = sorted(path for folder in folders for path in folder.glob("*.jpg"))
    for path in random.Random(1).sample(paths, min(PICTURES, len(paths))):
        image = cv2.imread(str(path))
        if image is not None:
            yield image


def quantise(source: Path, target: Path, inputs: list[np.ndarray], keep: str) -> None:
    """Write the INT8 version of a model; layers in whose names the pattern `keep` is found stay as they are."""
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    graph = onnx.load(str(prepared)).graph
    kept = [node.name for node in graph.node if re.search(keep, node.name)]
    quantize_static(
        str(prepared),
        str(target),
        Inputs(graph.input[0].name, inputs),
        quant_format=QuantFormat.QOperator,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=kept,
        # Of each tensor's extremes, those of single pictures count for a twentieth: glare does not coarsen the rest.
        extra_options={"CalibMovingAverage": True, "CalibMovingAverageConstant": 0.05},
    )
    prepared.unlink()


def register(folder: Path, old_sha256: str, new_sha256: str) -> None:
    """Name the new file's hash in the manifest."""
    manifest = folder / "manifest.toml"
    manifest.write_text(re.sub(old_sha256, new_sha256, manifest.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

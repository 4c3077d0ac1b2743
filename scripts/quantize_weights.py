"""A static INT8 version of a model for processors, to be measured before anybody ships it.

    python scripts/quantize_weights.py vehicle_detector OUT_DIR --films demo/demo.mp4 \
        --pictures ../shared/data/vehicles/highway-id/train/images
    python scripts/quantize_weights.py load_state OUT_DIR

The detector is calibrated on what the product itself shows it: films and pictures go through the product's own code,
and the inputs are kept. The load net is calibrated on beds that it learnt from, rendered and photographed ones. OUT_DIR
becomes a whole set of weights, in which MODEL_int8.onnx stands in for the model on processors, measured as any other:

    ROADWARDEN_WEIGHTS=OUT_DIR roadwarden evaluate vehicles DIR
    ROADWARDEN_WEIGHTS=OUT_DIR roadwarden evaluate load-state CSV

Weights have 7 bits, since the AVX2 instructions saturate with 8. What is shipped was made with the defaults, of the
detector from these films and pictures. Needs the package itself and, of the extra [train], `onnx`.
"""

import argparse
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from detector.inference import OnnxModel, to_batch
from detector.weights import ModelFile, find_weights, load_model_file
from scripts import register_weights
from scripts.train_load_state import RENDERS
from scripts.training.load_samples import cut_bed, has_bed, load_photographs, load_renders, read_picture

FILM_STEP = 12
PICTURES = 120
RENDERED, PHOTOGRAPHED = 240, 60
"""Beds from which the load net is calibrated."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is made of fewer bits.

    Attributes:
        sensitive: names of layers that stay in 32 bits, a pattern. With less kept, more than half a point of accuracy
            is lost (docs/model-log.md).
        operators: what becomes 8 bits; None for all that can.
    """

    sensitive: str
    operators: list[str] | None = None


RECIPES = {
    # The first two layers, attention, and the end of the head, which turns features into boxes and classes.
    "vehicle_detector": Recipe(r"/model\.(0|1|10)/|/model\.23/(?!cv)|/model\.23/cv[23]\.\d/cv[23]\.\d\.2/"),
    # The layers down to stride 4, which see the grain of cloths and loads.
    "load_state": Recipe(r"/conv_stem/|/blocks\.[01]/", ["Conv", "Add", "Clip"]),
}


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
    parser.add_argument("model", choices=RECIPES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--films", type=Path, nargs="*", default=[], help="for the detector")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[], help="for the detector")
    parser.add_argument("--renders", type=Path, default=RENDERS, help="for the load net: folder with train/")
    parser.add_argument("--data", type=Path, default=Path("/work/shared/data"), help="for the load net: real pictures")
    parser.add_argument("--keep", metavar="PATTERN", help="names of layers to keep in 32 bits")
    options = parser.parse_args()
    recipe = RECIPES[options.model]
    if options.keep:
        recipe = replace(recipe, sensitive=options.keep)
    file = load_model_file(options.model)
    inputs = show_detector(file, options) if options.model == "vehicle_detector" else show_load_net(file, options)
    shutil.copytree(find_weights(), options.out)
    made = options.out / f"{options.model}_int8.onnx"
    quantise(file.path, made, inputs, recipe)
    row = {"version": f"{file.version}-int8", "stands_in_for": options.model, "on": "cpu", "made_of": file.sha256}
    register_weights.main(made.stem, str(made), *(f"{key}={json.dumps(value)}" for key, value in row.items()))
    print(f"{made}: of {len(inputs)} inputs")


def show_detector(file: ModelFile, options: argparse.Namespace) -> list[np.ndarray]:
    """What the product shows the detector of films and pictures, each (1, 3, H, W)."""
    network = KeepingNetwork(OnnxModel(file.path))
    detector = OnnxVehicleDetector(network)
    for image in read_images(options.films, options.pictures):
        detector.detect([image])
    return network.shown


def show_load_net(file: ModelFile, options: argparse.Namespace) -> list[np.ndarray]:
    """Some of the beds from which the load net learns, as the locator might cut them, each (1, 3, S, S)."""
    rng = np.random.default_rng(5)
    size_px = file.settings["state_input_px"]
    inputs = []
    rendered, photographed = load_renders(options.renders / "train"), load_photographs(options.data, "train")
    for vehicles, count in ((rendered, RENDERED), (photographed, PHOTOGRAPHED)):
        beds = [vehicle for vehicle in vehicles if has_bed(vehicle)]
        for index in rng.choice(len(beds), min(count, len(beds)), replace=False):
            inputs.append(to_batch([cut_bed(read_picture(beds[index].image), beds[index], size_px, rng)[0]]))
    return inputs


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


def quantise(source: Path, target: Path, inputs: list[np.ndarray], recipe: Recipe) -> None:
    """Write the INT8 version of a model."""
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    graph = onnx.load(str(prepared)).graph
    kept = [node.name for node in graph.node if re.search(recipe.sensitive, node.name)]
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
        op_types_to_quantize=recipe.operators,
        # Of each tensor's extremes, those of single pictures count for a twentieth: glare does not coarsen the rest.
        extra_options={"CalibMovingAverage": True, "CalibMovingAverageConstant": 0.05},
    )
    prepared.unlink()


if __name__ == "__main__":
    main()

"""Train the two load networks, calibrate them, and register them in the manifest.

    python scripts/train_load_state.py                       # everything; takes up again what was interrupted
    python scripts/train_load_state.py --only bed_locator    # one network, no measuring
    python scripts/train_load_state.py --own mine/train/load_state.csv       # with pictures of one's own cameras
    python scripts/train_load_state.py --only load_state --backbone imagenet        # what is shipped began so
    python scripts/train_load_state.py --only measure        # calibrate and measure what lies in weights/

Needs the extra [train], renders of `scripts/render_scenes` under ROADWARDEN_CACHE and the sets of real pictures.
Seeded.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from detector.errors import ModelError  # noqa: E402  the repository's own packages must be found first
from detector.geometry import Box  # noqa: E402

if TYPE_CHECKING:
    from scripts.training.load_nets import Backbone
    from scripts.training.load_samples import Vehicle
    from scripts.training.load_tasks import Task

os.environ.setdefault("YOLO_OFFLINE", "true")
CACHE = Path(os.environ.get("ROADWARDEN_CACHE", "~/.cache/roadwarden")).expanduser()
RENDERS = CACHE / "renders" / "load_state"
SKETCHES = CACHE / "sketches" / "load_state"
SKETCH_COUNT = 2400
ACCUSED_ALLOWED = 0.06
"""Share of single looks at closed or empty beds of validation renders that may say *loaded* or *heaped*; sets the
thresholds. A case needs several looks that agree."""

SIZES_PX = {"bed_locator": 224, "load_state": 288}
STEPS = {"bed_locator": 1000, "load_state": 2000}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*SIZES_PX, "measure"], help="one part; default: all")
    parser.add_argument("--renders", type=Path, default=RENDERS, help="folder with train/ and val/")
    parser.add_argument("--data", type=Path, default=Path("/work/shared/data"), help="sets of real pictures")
    parser.add_argument("--own", type=Path, help="load_state.csv of one's own set, from `roadwarden labels import`")
    parser.add_argument(
        "--backbone",
        choices=("detector", "imagenet"),
        default="detector",
        help="what to start from: the first layers of weights/vehicle_detector.onnx, or EfficientNet-lite0",
    )
    parser.add_argument("--weights", type=Path, default=ROOT / "weights", help="where ONNX files and manifest go")
    parser.add_argument(
        "--steps", type=int, help="steps of each network; default 1000 and 2000; 0 writes down what --start holds"
    )
    parser.add_argument(
        "--start",
        nargs="+",
        metavar="FILE[:SHARE]",
        help="what to learn on from instead of the backbone alone: an exported ONNX file, or checkpoints, of several "
        "of which the weighted mean",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="FILE",
        help="an exported load_state.onnx whose answers are learnt beside labels",
    )
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate; 4e-4 to learn on from a file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", default=time.strftime("%Y.%m.%d"), help="written into the manifest")
    return parser.parse_args()


def train(name: str, arguments: argparse.Namespace) -> None:
    """Train one network and write its ONNX file."""
    from scripts.mix_weights import read_share
    from scripts.training import load_fit, load_nets, load_samples, load_sketch, onnx_weights

    vehicles = load_samples.load_renders(arguments.renders / "train")
    if arguments.data.is_dir():
        vehicles += load_samples.load_photographs(arguments.data, "train")
    if arguments.own:
        vehicles += load_samples.load_own(arguments.own, open_locator(arguments.weights))
    if name == "load_state":  # sketches show beds, not vehicles
        backdrops = sorted((arguments.data / "vehicles").glob("*/train/images/*.jpg"))
        backdrops = backdrops or sorted({vehicle.image for vehicle in vehicles})
        load_sketch.draw_sketches(SKETCHES, SKETCH_COUNT, backdrops)
        vehicles += load_samples.load_renders(SKETCHES, "sketch")
    steps = STEPS[name] if arguments.steps is None else arguments.steps
    schedule = load_fit.Schedule(steps, rate=arguments.rate, seed=arguments.seed)
    checkpoint = CACHE / "runs" / f"{name}-{arguments.backbone}-{schedule.steps}-{schedule.seed}-{len(vehicles)}.pt"
    print(f"{name}: {len(vehicles)} vehicles, {schedule}", flush=True)
    network = load_nets.build(name, open_backbone(arguments))
    task = open_task(name, vehicles, arguments.teacher)
    starts = [read_share(start) for start in arguments.start or ()]
    if len(starts) == 1 and starts[0][0].suffix == ".onnx":
        onnx_weights.take_up(network, starts[0][0], task.draw(96, np.random.default_rng(0))["images"])
    elif starts:
        load_fit.load_averaged(network, starts)
    network = load_fit.fit(network, task, schedule, checkpoint)
    path = arguments.weights / f"{name}.onnx"
    print(f"{path}: differs from PyTorch by {load_nets.export(network, name, SIZES_PX[name], path):.1e}")


def open_task(name: str, vehicles: "list[Vehicle]", teacher: Path | None) -> "Task":
    """What a network is shown; `teacher` is of the load state alone."""
    from detector.inference import Device, OnnxModel
    from scripts.training import load_tasks

    if name == "bed_locator":
        return load_tasks.LocatorTask(vehicles, SIZES_PX[name])
    if teacher is None:
        return load_tasks.StateTask(vehicles, SIZES_PX[name])
    return load_tasks.TaughtStateTask(vehicles, SIZES_PX[name], OnnxModel(teacher, Device.CPU, threads=1))


def open_locator(weights: Path) -> Callable[[np.ndarray, Box], Box | None]:
    """Finds beds with the locator that stands in `weights`; None where it sees no tipper."""
    from detector.inference import Device, OnnxModel
    from detector.observation.load_state import LoadStateSettings, OnnxLoadStateReader
    from detector.weights import load_model_file

    bed, state = (OnnxModel(load_model_file(name, weights).path, Device.CPU, threads=1) for name in SIZES_PX)
    settings = LoadStateSettings.parse(load_model_file("load_state", weights).settings)
    reader = OnnxLoadStateReader(bed, state, settings)
    return lambda image, box: reader.read(image, [box])[0].bed_xyxy


def open_backbone(arguments: argparse.Namespace) -> "Backbone":
    """What to start from; the detector's normalisation, which its export has folded away, can be trained again."""
    from scripts.training import load_nets, vehicles

    if arguments.backbone == "imagenet":
        return load_nets.ImageNetBackbone()
    checkpoint = CACHE / "runs" / "backbone.pt"
    images = arguments.renders / "train"
    return load_nets.DetectorBackbone(vehicles.take_up(ROOT / "weights" / "vehicle_detector.onnx", images, checkpoint))


def measure(arguments: argparse.Namespace) -> None:
    """Calibrate on validation renders, register both files, and print what the reader gets right."""
    from detector.inference import Device, OnnxModel
    from detector.observation.load_state import LoadStateSettings, OnnxLoadStateReader
    from scripts.training import load_measure, load_samples

    bed, state = (OnnxModel(arguments.weights / f"{n}.onnx", Device.CPU, threads=1) for n in SIZES_PX)
    settings = LoadStateSettings(bed_input_px=SIZES_PX["bed_locator"], state_input_px=SIZES_PX["load_state"])
    renders = load_samples.load_renders(arguments.renders / "val")
    logits = load_measure.collect_logits(state, renders, settings.state_input_px)
    try:
        settings = load_measure.calibrate(logits, settings, ACCUSED_ALLOWED)
    except ValueError as error:
        sys.exit(f"{arguments.weights / 'load_state.onnx'}: {error}")
    most = replace(settings, tipper_odds=load_measure.TIPPER_ODDS[-1])
    states = load_measure.read_all(OnnxLoadStateReader(bed, state, most), renders)
    settings = replace(settings, tipper_odds=load_measure.choose_tipper_odds(renders, states))
    print(settings)
    print(
        "likeliest answers:",
        *(f"{name} {rate}" for name, rate in load_measure.rate_likeliest(logits).items()),
        sep="\n  ",
    )
    register(arguments, asdict(settings))
    reader = OnnxLoadStateReader(bed, state, settings)
    measured = [("validation renders", renders)]
    if arguments.data.is_dir():
        measured.append(("real pictures held back", load_samples.load_photographs(arguments.data, "held")))
    for title, vehicles in measured:
        states = load_measure.read_all(reader, vehicles)
        print(f"\n{title}: {len(vehicles)} vehicles")
        for name, figure in load_measure.count(vehicles, states).items():
            print(f"  {name:32s}{figure}")
        for (truth, answer), n in sorted(load_measure.list_errors(vehicles, states).items()):
            print(f"    {truth:32s} -> {answer:28s}{n}")


def register(arguments: argparse.Namespace, settings: dict[str, float]) -> None:
    """Write both rows of the manifest beside the files."""
    rows = {
        "bed_locator": {"input_px": SIZES_PX["bed_locator"], "outputs": ["box", "tipper"]},
        "load_state": {
            **settings,
            "covers": ["closed", "partial", "open", "not_visible"],
            "fills": ["empty", "below_edge", "above_edge", "not_visible"],
        },
    }
    for name, row in rows.items():
        pairs = [f"{key}={json.dumps(value)}" for key, value in row.items()]
        script, file = ROOT / "scripts" / "register_weights.py", arguments.weights / f"{name}.onnx"
        version = f"version={json.dumps(arguments.version)}"
        subprocess.run([sys.executable, str(script), name, str(file), version, *pairs], check=True)


def main() -> None:
    """Run the parts that were asked for."""
    arguments = parse_arguments()
    parts = [arguments.only] if arguments.only else [*SIZES_PX, "measure"]
    try:
        for part in parts:
            if part == "measure":
                measure(arguments)
            else:
                train(part, arguments)
    except ModelError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""Fine-tunes the vehicle detector (car, bus, truck, motorcycle, person) and exports it to ONNX.

The shipped weights were made by this command, on one core of an AMD EPYC (7 epochs at 512 px)::

    YOLO_OFFLINE=1 OMP_NUM_THREADS=1 python -m scripts.train_vehicle_detector \
        --data ../shared/data/vehicles --start ../shared/weights/yolo11n-coco.pt

With pictures of one's own alone (docs/own-data.md)::

    YOLO_OFFLINE=1 python -m scripts.train_vehicle_detector --own mine --start weights/vehicle_detector.onnx \
        --epochs 20 --rate 2e-4 --run mine --output mine.onnx

Seeded; a broken run continues when started again. Needs the ``train`` extra. Nothing is downloaded. Works in
``$ROADWARDEN_CACHE`` (default ``~/.cache/roadwarden``); the data folder is only read.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with one folder a set")
    parser.add_argument("--own", type=Path, help="set of one's own, from `roadwarden labels import`")
    parser.add_argument("--start", type=Path, required=True, help="COCO checkpoint, or shipped .onnx to learn on from")
    parser.add_argument("--renders", type=Path, help="folder of rendered stills with labels.jsonl")
    parser.add_argument("--rate", type=float, default=8e-4, help="highest learning rate")
    parser.add_argument("--output", type=Path, default=Path("weights/vehicle_detector.onnx"))
    parser.add_argument("--epochs", type=int, default=7, help="0 exports the carried-over COCO weights untrained")
    parser.add_argument("--image-size", type=int, default=512, help="pixels of the long side in training")
    parser.add_argument("--batch", type=int, default=16, help="images a step")
    parser.add_argument("--freeze", type=int, default=5, help="first layers that stay as they are")
    parser.add_argument("--device", default="cpu", help="cpu, or the number of a GPU")
    parser.add_argument("--run", default="vehicle_detector", help="name of the run; a new name starts afresh")
    parser.add_argument("--measure", action="store_true", help="AP50 on every val set, before and after (minutes)")
    arguments = parser.parse_args()
    if not (arguments.data or arguments.own):
        parser.error("nothing to train on: give --data, --own, or both")
    return arguments


def main() -> None:
    """Links the data, trains, exports, and prints one JSON object with what was measured."""
    arguments = parse_arguments()
    cache = Path(os.environ.get("ROADWARDEN_CACHE", Path.home() / ".cache" / "roadwarden")) / "vehicle_detector"
    os.environ["YOLO_OFFLINE"] = "1"  # read by ultralytics when it is imported
    os.environ.setdefault("YOLO_CONFIG_DIR", str(cache / "settings"))
    Path(os.environ["YOLO_CONFIG_DIR"]).mkdir(parents=True, exist_ok=True)
    from scripts.training import vehicles

    data = arguments.data.resolve() if arguments.data else None
    descriptions = vehicles.link_sets(data, arguments.renders, arguments.own, cache / "data")
    images = cache / "data" / "train" / "images"
    start = cache / "runs" / arguments.run / "start.pt"
    if not start.exists():
        begin = vehicles.take_up if arguments.start.suffix == ".onnx" else vehicles.carry_over
        begin(arguments.start, images, start)
    settings = {
        "epochs": arguments.epochs, "imgsz": arguments.image_size, "batch": arguments.batch, "nbs": arguments.batch,
        "freeze": arguments.freeze, "device": arguments.device, "amp": arguments.device != "cpu", "seed": 7,
        "deterministic": True, "optimizer": "AdamW", "lr0": arguments.rate, "lrf": 0.05, "cos_lr": True,
        "warmup_epochs": 0.5, "warmup_bias_lr": 0.0, "weight_decay": 5e-4, "mosaic": 0.5, "close_mosaic": 2,
        "scale": 0.4, "translate": 0.1, "fliplr": 0.5,
    }  # fmt: skip
    report = {}
    trained = start
    if arguments.epochs:
        trained = vehicles.train(start, next(iter(descriptions.values())), cache / "runs" / arguments.run, settings)
    report["onnx_max_probability_difference"] = vehicles.export(trained, arguments.output, images)
    if arguments.measure:
        report["ap50_before"] = vehicles.average_precision(start, descriptions, cache / "val")
        report["ap50_after"] = vehicles.average_precision(trained, descriptions, cache / "val")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

"""Train, calibrate, export and measure the plate reader.

    python -m scripts.train_plate_reader --data /work/shared/data              # train (resumes), calibrate, export
    python -m scripts.train_plate_reader --data /work/shared/data --evaluate   # figures of both shipped plate models

Training sees 20,000 drawn crops an epoch, drawn once into the cache ($ROADWARDEN_CACHE, default ~/.cache/roadwarden,
0.7 GB a part). `--evaluate` needs both rows of weights/manifest.toml; the export prints the command that writes one.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import torch

from detector.entities import PlateColour
from detector.inference import Device, OnnxModel
from detector.observation.plate_reader import OnnxPlateReader, PlateReaderSettings
from scripts.training.plates_crops import ALPHABET, COLOURS, read_backgrounds, read_real_crops
from scripts.training.plates_export import export_reader
from scripts.training.plates_measure import (
    calibrate,
    confusions,
    measure_crops,
    measure_drawn,
    measure_photos,
    open_reader,
)
from scripts.training.plates_reader import Plan, build, train
from scripts.training.plates_sources import BACKGROUNDS, cache_folder, crop_parts, glyph_sources

SEED = 0
VALIDATION_SEED = 77  # of drawn plates that choose the temperature; never trained on
MEASURING_SEED = 99  # of drawn plates that are measured; neither trained on nor used for any choice
WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "plate_reader.onnx"


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with plates/ and vehicles/")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--parts", type=int, default=5, help="different parts of 20,000 drawn crops")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--start", type=Path, help="exported reader to learn on from, instead of afresh")
    parser.add_argument("--export-only", action="store_true", help="export the last checkpoint as it is")
    parser.add_argument("--calibrate", action="store_true", help="only choose the temperature of --output anew")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--evaluate", action="store_true", help="measure the shipped models instead of training")
    parser.add_argument("--drawn", type=int, default=200, help="drawn plates a kind in --evaluate")
    args = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    cv2.setNumThreads(1)
    if args.evaluate:
        evaluate(args.data, args.drawn)
        return
    if args.calibrate:
        recalibrate(args.data, args.output)
        return
    checkpoint = cache_folder() / "reader.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if args.export_only:
        net = build()
        net.load_state_dict(torch.load(checkpoint, weights_only=True)["net"])
    else:
        real = read_real_crops(args.data / "plates" / "crops-94x24", train=True)
        net = train(crop_parts(args.data, SEED), real, Plan(args.epochs, args.parts, args.rate, args.start), checkpoint)
    export_reader(net, args.output)
    recalibrate(args.data, args.output)


def recalibrate(data: Path, file: Path) -> None:
    """Print the command that registers a reader with the temperature that fits drawn validation plates."""
    settings = PlateReaderSettings(ALPHABET, tuple(PlateColour(name) for name in COLOURS))
    reader = OnnxPlateReader(open_reader()[1], OnnxModel(file, Device.CPU, threads=1), settings)
    sources = glyph_sources(data), read_backgrounds(data / "vehicles", BACKGROUNDS, VALIDATION_SEED)
    temperature = calibrate(reader, sources, 40, VALIDATION_SEED)
    colours, today = json.dumps(list(COLOURS)), time.strftime("%Y.%m.%d")
    print(f"python scripts/register_weights.py plate_reader {file} version={today} input='[64, 192]'")
    print(f"    alphabet={ALPHABET} colours='{colours}' temperature={temperature:.3f}")


def evaluate(data: Path, drawn: int) -> None:
    """Print the figures of the model cards."""
    reader, _ = open_reader()
    photos = measure_photos(reader, data / "plates" / "road-photos")
    print("road photos, whole picture in:", photos)
    for truth, said in photos.errors:
        print("   ", truth, said)
    crops = measure_crops(reader, data / "plates" / "crops-94x24")
    print("real crops never trained on:  ", crops)
    print("    most confused:", confusions(crops).most_common(12))
    sources = glyph_sources(data), read_backgrounds(data / "vehicles", BACKGROUNDS, MEASURING_SEED)
    for kind, score in measure_drawn(reader, sources, drawn, MEASURING_SEED).items():
        print(f"drawn {kind:14}", score)


if __name__ == "__main__":
    main()

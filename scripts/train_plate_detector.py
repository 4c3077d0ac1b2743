"""Train and export the plate detector.

    python -m scripts.train_plate_detector --data /work/shared/data --start weights/vehicle_detector.onnx

Draws its scenes into the cache first ($ROADWARDEN_CACHE, default ~/.cache/roadwarden, 2 GB a part), trains, resumes
where it stopped, and exports to weights/plate_detector.onnx. `python -m scripts.train_plate_reader --evaluate` measures
it.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("YOLO_OFFLINE", "true")

import cv2
import torch

from detector.inference import Device, OnnxModel
from detector.observation.plate_detector import OnnxPlateDetector, PlateDetectorSettings
from detector.weights import load_model_file
from scripts.training.plates_detector import Plan, open_scenes, read_sources, train
from scripts.training.plates_detector_net import DetectorNet
from scripts.training.plates_export import export_detector
from scripts.training.plates_sources import cache_folder, glyph_sources
from scripts.training.plates_thresholds import print_scan, scan_scenes

SEED = 0
VALIDATION_SEED = 77
WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "plate_detector.onnx"


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with plates/ and vehicles/")
    parser.add_argument(
        "--start", type=Path, required=True, help="shipped vehicle detector (.onnx), whose backbone is taken up"
    )
    parser.add_argument("--go-on", type=Path, help="exported plate detector to learn on from, instead of new heads")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--parts", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=4000, help="of one part")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--draw-only", action="store_true", help="fill the cache and stop")
    parser.add_argument("--export-only", action="store_true", help="export the last checkpoint as it is")
    parser.add_argument("--scan", type=int, metavar="N", help="measure the shipped model on N drawn scenes and stop")
    args = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    cv2.setNumThreads(1)
    cache_folder().mkdir(parents=True, exist_ok=True)
    checkpoint = cache_folder() / "detector.pt"
    if args.scan:
        scan(args.data, args.scan)
        return
    if args.export_only:
        net = DetectorNet(open_backbone(args.start, args.data))
        net.load_state_dict(torch.load(checkpoint, weights_only=True)["net"])
        export_detector(net, WEIGHTS)
        return
    parts = [open_scenes(i, args.scenes, args.data, SEED) for i in range(args.parts)]
    if args.draw_only:
        return
    plan = Plan(args.epochs, args.parts, args.rate, args.go_on)
    net = train(parts, open_backbone(args.start, args.data), plan, checkpoint)
    export_detector(net, WEIGHTS)


def open_backbone(exported: Path, data: Path) -> Path:
    """The vehicle detector as a checkpoint whose normalisation can be trained (an export has it folded away)."""
    from scripts.training import vehicles

    return vehicles.take_up(
        exported, data / "vehicles" / "highway-id" / "train" / "images", cache_folder() / "start.pt"
    )


def scan(data: Path, n: int) -> None:
    """Print what each threshold finds on drawn validation scenes; the manifest's row was chosen from this table."""
    row = load_model_file("plate_detector")
    settings = PlateDetectorSettings(min_first_look=0.05, min_confidence=0.1)
    detector = OnnxPlateDetector(OnnxModel(row.path, Device.CPU, threads=1), settings)
    print_scan(scan_scenes(detector, (read_sources(data / "vehicles"), glyph_sources(data)), n, VALIDATION_SEED))


if __name__ == "__main__":
    main()

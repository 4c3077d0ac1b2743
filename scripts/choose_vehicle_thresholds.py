"""Chooses the vehicle detector's thresholds on validation pictures, and prints what each would give.

    python -m scripts.choose_vehicle_thresholds ../shared/data/vehicles weights/vehicle_detector.onnx \
        --class-weights 0.2 0.4 1 0.4 0.4

For every class the threshold with the best F2 (a missed vehicle weighs four times a false one, since a false one must
still persist over frames and show a load) over the val parts in which every vehicle is labelled; `road-cameras`, in
which far ones are not, is only counted. Boxes match at IoU 0.5, class by class, in the
detector's order.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.entities import VehicleType
from detector.evaluation.vehicles import match
from detector.inference import OnnxModel
from pipelines.evaluation.pictures import list_pictures, read_picture
from pipelines.evaluation.vehicles import read_labels

FULLY_LABELLED = ("highway-id", "openimages-vehicles")
SETS = (*FULLY_LABELLED, "road-cameras")
GRID = np.round(np.arange(0.05, 0.8, 0.05), 2)


def measure(folder: Path, detector: OnnxVehicleDetector) -> Iterator[tuple[int, float, bool, float]]:
    """Of every picture: (class, confidence, right, height in px at 640 px) of what was found; -1 where it was missed.

    A truth that was found is a row with its confidence; one that was not has confidence -1; a false box has height 0.
    """
    for path in list_pictures(folder / "images"):
        image = read_picture(path)
        truth = read_labels(folder / "labels" / f"{path.stem}.txt", *image.shape[:2])
        found = detector.detect([image])[0]
        for kind in VehicleType:
            mine, boxes = found.where(found.class_id == kind), truth.boxes(kind)
            taken = match(mine.xyxy, boxes, 0.5)
            for confidence, index in zip(mine.confidence, taken, strict=True):
                side = boxes[index, 3] - boxes[index, 1] if index >= 0 else 0.0
                yield int(kind), float(confidence), bool(index >= 0), float(side)
            for index in set(range(len(boxes))) - set(taken.tolist()):
                yield int(kind), -1.0, True, float(boxes[index, 3] - boxes[index, 1])


def score(rows: np.ndarray, threshold: float) -> tuple[float, float, float]:
    """Precision, recall, and recall of boxes at least 32 px high, of rows (confidence, right, height)."""
    kept, true = rows[:, 0] >= threshold, rows[:, 1] == 1
    tall = true & (rows[:, 2] >= 32)
    precision = (kept & true).sum() / max(kept.sum(), 1)
    return precision, (kept & true).sum() / max(true.sum(), 1), (kept & tall).sum() / max(tall.sum(), 1)


def main() -> None:
    """Measure every set once at 0.05, then try every threshold of the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--input-px", type=int, default=640)
    parser.add_argument(
        "--class-weights", type=float, nargs=5, default=[1.0] * 5, help="car bus truck motorcycle person"
    )
    arguments = parser.parse_args()
    settings = DetectorSettings(
        input_px=arguments.input_px, thresholds=(float(GRID[0]),) * 5, class_weights=tuple(arguments.class_weights)
    )
    detector = OnnxVehicleDetector(OnnxModel(arguments.model, threads=1), settings)
    rows = {name: np.array(list(measure(arguments.data / name / "val", detector))) for name in SETS}
    thresholds: list[float] = []
    pooled = np.concatenate([rows[name] for name in FULLY_LABELLED])
    for kind in VehicleType:
        mine = pooled[pooled[:, 0] == kind][:, 1:]
        f2 = [5 * p * r / max(4 * p + r, 1e-9) for p, r, _ in (score(mine, t) for t in GRID)]
        thresholds.append(float(GRID[int(np.argmax(f2))]))
        for name, table in {"both fully labelled": pooled, **rows}.items():
            table = table[table[:, 0] == kind][:, 1:]
            n = int(table[:, 1].sum())
            line = " ".join(
                f"{t:.2f}: {p:.3f}/{r:.3f}/{tall:.3f}" for t in GRID[:12] for p, r, tall in [score(table, t)]
            )
            print(f"{kind.label:10} {name:20} n {n:4} precision/recall/recall from 32 px  {line}")
    print(f"thresholds={thresholds}")


if __name__ == "__main__":
    main()

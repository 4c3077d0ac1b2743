"""Chooses the vehicle detector's thresholds on validation pictures, and prints what each would give.

    python -m scripts.choose_vehicle_thresholds ../shared/data/vehicles weights/vehicle_detector.onnx \
        --class-weights 0.2 0.4 1 0.4 0.4

For every class the threshold with the best F2 (a missed vehicle weighs four times a false one, since a false one must
still persist over frames and show a load) over the val parts in which every vehicle is labelled; `road-cameras`, in
which far ones are not, is only counted. Boxes match at IoU 0.5, class by class, surest first.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.entities import VehicleType
from detector.geometry import iou_matrix
from detector.inference import OnnxModel

FULLY_LABELLED = ("highway-id", "openimages-vehicles")
SETS = (*FULLY_LABELLED, "road-cameras")
GRID = np.round(np.arange(0.05, 0.8, 0.05), 2)


def read_labels(path: Path, width_px: int, height_px: int) -> np.ndarray:
    """Rows of class, x1, y1, x2, y2 in px from a YOLO text file."""
    rows = np.array([line.split()[:5] for line in path.read_text().splitlines() if line.split()], float).reshape(-1, 5)
    half = rows[:, 3:] / 2
    corners = np.concatenate([rows[:, 1:3] - half, rows[:, 1:3] + half], axis=1)
    return np.concatenate([rows[:, :1], corners * [width_px, height_px, width_px, height_px]], axis=1)


def match_image(found_xyxy: np.ndarray, truth_xyxy: np.ndarray) -> np.ndarray:
    """For each found box, surest first, the truth that it takes, or -1."""
    overlap = iou_matrix(found_xyxy, truth_xyxy)
    taken = np.full(len(found_xyxy), -1)
    for row in range(len(found_xyxy)):
        if len(truth_xyxy) and overlap[row].max() >= 0.5:
            taken[row] = overlap[row].argmax()
            overlap[:, taken[row]] = 0.0
    return taken


def measure(folder: Path, detector: OnnxVehicleDetector) -> Iterator[tuple[int, float, bool, float]]:
    """Of every picture: (class, confidence, right, height in px at 640 px) of what was found; -1 where it was missed.

    A truth that was found is a row with its confidence; one that was not has confidence -1; a false box has height 0.
    """
    for path in sorted((folder / "images").iterdir()):
        image = cv2.imread(str(path))
        height, width = image.shape[:2]
        truth = read_labels(folder / "labels" / f"{path.stem}.txt", width, height)
        found = detector.detect([image])[0]
        for kind in VehicleType:
            mine, boxes = found.where(found.class_id == kind), truth[truth[:, 0] == kind, 1:]
            taken = match_image(mine.xyxy, boxes)
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

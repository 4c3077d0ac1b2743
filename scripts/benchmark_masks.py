"""How many heads copies for publication cover: labelled persons and riders in real pictures.

    python scripts/benchmark_masks.py FOLDER [--pictures 200] [--least 32]

FOLDER holds `images/` and `labels/` in YOLO's form (0 car, 1 bus, 2 truck, 3 motorcycle, 4 person). A person's head is
taken to be at an eighth of the box's height from its top; it is covered when any mask holds that point. Persons lower
than `--least` px are counted apart: of them nobody recognises a face. There is no subject, so every vehicle counts.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np

from detector.entities import Observation, VehicleType
from detector.evaluation.intervals import wilson
from detector.evidence.masks import plan_masks
from pipelines.build_models import load_models

NOBODY = Observation(0, 0, 0.0, datetime.now(UTC), "", (-9.0, -9.0, -8.0, -8.0), 0.0, 0.0)


def read_persons(path: Path, image: np.ndarray) -> list[tuple[float, float, float]]:
    """Head (x, y) and height of each labelled person, px."""
    height, width = image.shape[:2]
    rows = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    found = []
    for kind, x, y, _, h in ((int(row[0]), *map(float, row[1:5])) for row in rows if len(row) >= 5):
        if kind == VehicleType.PERSON:
            found.append((x * width, (y - h / 2 + h / 8) * height, h * height))
    return found


def main() -> None:
    """Measure, and print one line a group."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--least", type=float, default=32.0)
    arguments = parser.parse_args()
    look = load_models()[0].look
    assert look is not None
    covered: dict[bool, list[bool]] = {True: [], False: []}
    pictures = 0
    for path in sorted((arguments.folder / "images").iterdir()):
        labels = arguments.folder / "labels" / f"{path.stem}.txt"
        image = cv2.imread(str(path))
        persons = read_persons(labels, image) if labels.is_file() and image is not None else []
        if not persons:
            continue
        masks = plan_masks(look(image), NOBODY, leaves=True)
        for x, y, height_px in persons:
            is_hidden = any(m.xyxy[0] <= x <= m.xyxy[2] and m.xyxy[1] <= y <= m.xyxy[3] for m in masks)
            covered[height_px >= arguments.least].append(is_hidden)
        pictures += 1
        if pictures == arguments.pictures:
            break
    print(f"{pictures} pictures with persons of {arguments.folder}")
    for is_large, name in ((True, f"persons of {arguments.least:.0f} px and more"), (False, "smaller persons")):
        rows = covered[is_large]
        if rows:
            low, high = wilson(sum(rows), len(rows))
            share = 100 * sum(rows) / len(rows)
            print(f"{name}: {share:.1f} % of heads covered ({100 * low:.1f} to {100 * high:.1f}, n={len(rows)})")


if __name__ == "__main__":
    main()

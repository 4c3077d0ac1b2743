"""Makes byte_track.npz: a seeded street, and the ids that the reference gives its detections.

The reference is ByteTrack of the library `trackers`, which is not a dependency (docs/decisions/0002-tracking.md)::

    python -m venv /tmp/reference && /tmp/reference/bin/pip install trackers==2.6.1
    /tmp/reference/bin/python tests/golden/make_byte_track.py

Arrays, one row a detection: `frame`, `xyxy` (px), `confidence`, `truth` (vehicle, -1 for a false alarm), `reference`
(id, -1 for none); and `time_s`, one entry a frame, unevenly spaced.
"""

from pathlib import Path

import numpy as np
import supervision
from trackers import ByteTrackTracker

FRAMES, LANES, VEHICLES = 240, 4, 24


def drive(rng: np.random.Generator, time_s: np.ndarray) -> list[list[tuple[int, np.ndarray, float]]]:
    """Vehicles on four lanes of a 1280 x 720 picture, both ways; a detection is missed, unsure or invented at times."""
    lane = rng.integers(0, LANES, VEHICLES)
    start_s = np.sort(rng.uniform(0, time_s[-1] - 6, VEHICLES))
    speed_px = rng.uniform(120, 320, VEHICLES) * np.where(lane % 2, -1, 1)
    width = rng.uniform(90, 240, VEHICLES)
    height = width * rng.uniform(0.5, 0.8, VEHICLES)
    frames = []
    for now_s in time_s:
        rows = []
        for vehicle in range(VEHICLES):
            travelled = speed_px[vehicle] * (now_s - start_s[vehicle])
            x = (-100 if speed_px[vehicle] > 0 else 1380) + travelled
            if now_s < start_s[vehicle] or not -60 < x < 1340 or rng.random() < 0.06:
                continue
            y = 150 + 130 * lane[vehicle]
            half = np.array([width[vehicle], height[vehicle]]) / 2
            box = np.array([x - half[0], y - half[1], x + half[0], y + half[1]]) + rng.normal(
                0, 0.015 * width[vehicle], 4
            )
            rows.append((vehicle, box, rng.uniform(0.2, 0.55) if rng.random() < 0.1 else rng.uniform(0.72, 0.97)))
        if rng.random() < 0.1:
            corner = rng.uniform((0, 0), (1200, 650))
            rows.append((-1, np.concatenate([corner, corner + rng.uniform(20, 60, 2)]), rng.uniform(0.3, 0.9)))
        frames.append(rows)
    return frames


def main() -> None:
    """Drive, track, and write the arrays beside this file."""
    rng = np.random.default_rng(2026)
    time_s = np.cumsum(rng.uniform(0.09, 0.16, FRAMES))
    tracker = ByteTrackTracker(lost_track_buffer=45, frame_rate=8.0, minimum_iou_threshold=0.1)
    columns: dict[str, list] = {name: [] for name in ("frame", "xyxy", "confidence", "truth", "reference")}
    for index, rows in enumerate(drive(rng, time_s)):
        if rows:
            truth, boxes, confidences = zip(*rows, strict=True)
        else:
            truth, boxes, confidences = (), np.zeros((0, 4)), ()
        detections = supervision.Detections(
            xyxy=np.array(boxes), confidence=np.array(confidences), class_id=np.arange(len(truth))
        )
        found = tracker.update(detections, timestamp=float(time_s[index]))
        ids = np.full(len(truth), -1)
        ids[found.class_id] = found.tracker_id  # the reference changes the order
        columns["frame"] += [index] * len(truth)
        columns["xyxy"] += list(boxes)
        columns["confidence"] += list(confidences)
        columns["truth"] += list(truth)
        columns["reference"] += list(ids)
    arrays = {name: np.array(values) for name, values in columns.items()}
    np.savez_compressed(Path(__file__).with_name("byte_track.npz"), time_s=time_s, **arrays)


if __name__ == "__main__":
    main()

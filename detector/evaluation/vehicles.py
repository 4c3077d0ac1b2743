"""Boxes against labelled boxes: average precision as COCO counts it, and what the shipped thresholds find."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detector.entities import Detections, VehicleType
from detector.geometry import iou_matrix

IOUS = np.round(np.arange(0.5, 1.0, 0.05), 2)
RECALLS = np.linspace(0, 1, 101)
FAR_PX = 32
"""Vehicles lower than this in the picture are far away; `recall_32px` leaves them out."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Labelled boxes of one picture: `xyxy` (N, 4) px and `class_id` (N,), values of `VehicleType`."""

    xyxy: np.ndarray
    class_id: np.ndarray

    def boxes(self, kind: VehicleType) -> np.ndarray:
        """Boxes (M, 4) of one class."""
        chosen: np.ndarray = self.xyxy[self.class_id == kind]
        return chosen


def match(found_xyxy: np.ndarray, truth_xyxy: np.ndarray, min_iou: float) -> np.ndarray:
    """Which truth each found box takes: the free one that it overlaps most, surest box first.

    Args:
        found_xyxy: (N, 4), surest first.
        truth_xyxy: (M, 4).
        min_iou: smallest overlap that counts.

    Returns:
        (N,) indices into the truth, -1 for a false box; no truth is taken twice.
    """
    overlap = iou_matrix(found_xyxy, truth_xyxy)
    return _take(overlap, min_iou)


def _take(overlap: np.ndarray, min_iou: float) -> np.ndarray:
    free = overlap.copy()
    taken = np.full(len(overlap), -1)
    if not overlap.shape[1]:
        return taken
    for row in np.flatnonzero(overlap.max(axis=1) >= min_iou):
        best = free[row].argmax()
        if free[row, best] >= min_iou:
            taken[row] = best
            free[:, best] = -1.0
    return taken


def average_precision(confidence: np.ndarray, right: np.ndarray, n_truth: int) -> float | None:
    """Area under the precision-recall curve at 101 recalls, as COCO measures it.

    Args:
        confidence: (N,) of all found boxes of a class.
        right: (N,) whether each took a truth.
        n_truth: labelled boxes.

    Returns:
        0 to 1; None where there is no truth to find.
    """
    if not n_truth:
        return None
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[order])
    recall = hits / n_truth
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS - 1e-12)
    return float(np.where(places < len(envelope), np.append(envelope, 0.0)[places], 0.0).mean())


@dataclass(slots=True)
class _ClassTally:
    """What was counted of one class."""

    n: int = 0
    n_near: int = 0
    found: int = 0
    found_near: int = 0
    reported: int = 0
    confidence: list[np.ndarray] = field(default_factory=list)
    right: list[np.ndarray] = field(default_factory=list)  # (len(IOUS), N) each


class VehicleScore:
    """Sums over pictures; ask `to_json` at the end."""

    def __init__(self) -> None:
        """Start with no picture."""
        self.n = 0
        self._tallies = {kind: _ClassTally() for kind in VehicleType}

    def add(self, truth: Truth, candidates: Detections, reported: Detections) -> bool:
        """Count one picture.

        Args:
            truth: every labelled box.
            candidates: all boxes down to a confidence near 0, for the average precision.
            reported: what the product reports at its thresholds.

        Returns:
            Whether everything reported is right and nothing is missing.
        """
        self.n += 1
        flawless = True
        for kind, tally in self._tallies.items():
            boxes = truth.boxes(kind)
            self._add_curve(tally, candidates.where(candidates.class_id == kind), boxes)
            mine = _surest_first(reported.where(reported.class_id == kind))
            taken = match(mine.xyxy, boxes, 0.5)
            hit = taken[taken >= 0]
            near = boxes[:, 3] - boxes[:, 1] >= FAR_PX
            tally.n += len(boxes)
            tally.n_near += int(near.sum())
            tally.found += len(hit)
            tally.found_near += int(near[hit].sum())
            tally.reported += len(mine)
            flawless &= len(hit) == len(boxes) == len(mine)
        return flawless

    @staticmethod
    def _add_curve(tally: _ClassTally, candidates: Detections, boxes: np.ndarray) -> None:
        mine = _surest_first(candidates)
        overlap = iou_matrix(mine.xyxy, boxes)
        tally.confidence.append(mine.confidence)
        tally.right.append(np.array([_take(overlap, float(iou)) >= 0 for iou in IOUS]).reshape(len(IOUS), len(mine)))

    def to_json(self) -> dict[str, Any]:
        """The keys of `roadwarden evaluate vehicles`; a figure that cannot be measured is None.

        The means are over classes with labelled boxes.
        """
        per_class = {kind.label: _describe(tally) for kind, tally in self._tallies.items()}
        return {
            "n": self.n,
            "map50": _mean([c["ap50"] for c in per_class.values()]),
            "map50_95": _mean([c["ap50_95"] for c in per_class.values()]),
            "per_class": per_class,
        }


def _describe(tally: _ClassTally) -> dict[str, Any]:
    confidence = np.concatenate(tally.confidence) if tally.confidence else np.empty(0)
    right = np.concatenate(tally.right, axis=1) if tally.right else np.empty((len(IOUS), 0))
    curve = [average_precision(confidence, row, tally.n) for row in right]
    return {
        "n": tally.n,
        "ap50": curve[0],
        "ap50_95": _mean(curve),
        "recall": tally.found / tally.n if tally.n else None,
        "recall_32px": tally.found_near / tally.n_near if tally.n_near else None,
        "precision": tally.found / tally.reported if tally.reported else None,
        "found": tally.found,
        "n_32px": tally.n_near,
        "found_32px": tally.found_near,
        "reported": tally.reported,
    }


def _surest_first(detections: Detections) -> Detections:
    order = np.argsort(-detections.confidence, kind="stable")
    return Detections(detections.xyxy[order], detections.confidence[order], detections.class_id[order])


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

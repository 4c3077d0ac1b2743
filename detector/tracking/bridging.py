"""What lies between two looks at a scene that show the same vehicles: nothing that a detector need be asked for."""

from collections.abc import Sequence

import numpy as np

from detector.entities import Detections
from detector.geometry import iou_matrix
from detector.tracking.association import match

SURE_CONFIDENCE = 0.45
"""A box from here on must be in both looks; it is what starts a track (`ByteTrackSettings.start_confidence`)."""

MIN_IOU = 0.25
"""Overlap of a vehicle's boxes in the two looks, below which it might be another vehicle."""


def bridge(before: Detections, after: Detections, shares: Sequence[float]) -> list[Detections] | None:
    """The boxes at some moments between two looks, each vehicle on a straight way from its one box to its other.

    Args:
        before: what the earlier look found.
        after: what the later one found.
        shares: of the time between both that has passed at each moment, above 0 and below 1.

    Returns:
        One `Detections` a moment; None where a sure box of either look has no counterpart in the other, so that
        something has come or gone, or has moved too far to be told. Unsure boxes without one are left out.
    """
    rows, columns = match(iou_matrix(before.xyxy, after.xyxy), MIN_IOU)
    alone_before, alone_after = _without(len(before), rows), _without(len(after), columns)
    if _has_sure(before.where(alone_before)) or _has_sure(after.where(alone_after)):
        return None
    first, last = before.where(rows), after.where(columns)
    return [_mix(first, last, share) for share in shares]


def _without(count: int, taken: np.ndarray) -> np.ndarray:
    """Mask (count,) of the rows that are not among `taken`."""
    return ~np.isin(np.arange(count), taken)


def _has_sure(detections: Detections) -> bool:
    return bool((detections.confidence >= SURE_CONFIDENCE).any())


def _mix(first: Detections, last: Detections, share: float) -> Detections:
    """Parallel detections of the same vehicles, mixed; the class is that of the nearer look."""
    weight = np.float32(share)
    xyxy = (1 - weight) * first.xyxy + weight * last.xyxy
    confidence = (1 - weight) * first.confidence + weight * last.confidence
    return Detections(xyxy, confidence, first.class_id if share < 0.5 else last.class_id)

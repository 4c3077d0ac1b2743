"""From the network's raw output to detections: decoding, thresholds, suppression of doubles. Arrays only."""

import numpy as np

from detector.entities import Detections
from detector.geometry import iou_matrix

SAME_OBJECT = np.array([0, 0, 0, 1, 2])
"""Suppression group by `VehicleType`: car, bus and truck are rivals for one vehicle; a rider sits on a motorcycle."""

MAX_CANDIDATES = 1000
"""Boxes that take part in suppression, best first: it costs their number squared, and a street shows fewer."""


def decode(output: np.ndarray, thresholds: np.ndarray) -> Detections:
    """Boxes whose best class reaches that class's threshold.

    Args:
        output: (4 + C, A) float32: centre x, centre y, width, height in input px, then C class probabilities.
        thresholds: (C,) smallest probability by class.

    Returns:
        At most `MAX_CANDIDATES` detections in input px, best first; doubles are still among them.
    """
    probabilities = output[4:]
    class_id = probabilities.argmax(axis=0)
    confidence = np.take_along_axis(probabilities, class_id[None], axis=0)[0]
    kept = np.flatnonzero(confidence >= thresholds[class_id])
    kept = kept[np.argsort(-confidence[kept], kind="stable")][:MAX_CANDIDATES]
    centre, half = output[:2, kept].T, output[2:4, kept].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return Detections(xyxy, confidence[kept].astype(np.float32), class_id[kept].astype(np.int64))


def suppress(detections: Detections, max_iou: float) -> Detections:
    """Keep the best of boxes that overlap by more than `max_iou` within one group of `SAME_OBJECT`, best first."""
    order = np.argsort(-detections.confidence, kind="stable")
    ordered = detections.where(order)
    group = SAME_OBJECT[ordered.class_id]
    rivals = (iou_matrix(ordered.xyxy, ordered.xyxy) > max_iou) & (group[:, None] == group[None, :])
    alive = np.ones(len(ordered), bool)
    for index in range(len(ordered)):
        if alive[index]:
            alive[index + 1 :] &= ~rivals[index, index + 1 :]
    return ordered.where(alive)


def drop_slivers(detections: Detections, min_side_px: float = 2.0) -> Detections:
    """Leave out boxes narrower or lower than `min_side_px`: what remains of boxes that lie outside the image."""
    sides = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    return detections.where((sides >= min_side_px).all(axis=1))

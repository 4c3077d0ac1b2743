"""From the network's raw output to detections: decoding, thresholds, suppression of doubles. Arrays only."""

import numpy as np

from detector.entities import Detections
from detector.geometry import iou_matrix

SAME_OBJECT = np.array([0, 0, 0, 1, 2])
"""Suppression group by `VehicleType`: car, bus and truck are rivals for one vehicle; a rider sits on a motorcycle."""

MAX_CANDIDATES = 1000
"""Boxes that take part in suppression, best first: it costs their number squared, and a street shows fewer."""


def decode(output: np.ndarray, thresholds: np.ndarray, weights: np.ndarray) -> Detections:
    """Boxes whose best class reaches that class's threshold.

    The best class is that of the largest *weighted* probability: a detector that saw seven cars for every truck in
    training calls a doubtful truck a car. The confidence is the class's own probability, unweighted.

    Args:
        output: (4 + C, A) float32: centre x, centre y, width, height in input px, then C class probabilities.
        thresholds: (C,) smallest probability by class.
        weights: (C,) factors with which classes compete.

    Returns:
        At most `MAX_CANDIDATES` detections in input px, best (weighted) first; doubles are still among them.
    """
    output = output[:, (output[4:] >= thresholds.min()).any(axis=0)]  # nearly all anchors see nothing
    probabilities = output[4:]
    weighted = probabilities * weights[:, None]
    class_id = weighted.argmax(axis=0)
    confidence = np.take_along_axis(probabilities, class_id[None], axis=0)[0]
    kept = np.flatnonzero(confidence >= thresholds[class_id])
    kept = kept[np.argsort(-weighted.max(axis=0)[kept], kind="stable")][:MAX_CANDIDATES]
    centre, half = output[:2, kept].T, output[2:4, kept].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return Detections(xyxy, confidence[kept].astype(np.float32), class_id[kept].astype(np.int64))


def suppress(detections: Detections, max_iou: float) -> Detections:
    """Keep the first of boxes that overlap by more than `max_iou` within one group of `SAME_OBJECT`.

    Args:
        detections: best first, as `decode` orders them.
        max_iou: overlap beyond which two boxes are one object, 0 to 1.

    Returns:
        Those that stay, in their order.
    """
    group = SAME_OBJECT[detections.class_id]
    rivals = (iou_matrix(detections.xyxy, detections.xyxy) > max_iou) & (group[:, None] == group[None, :])
    alive = np.ones(len(detections), bool)
    for index in range(len(detections)):
        if alive[index]:
            alive[index + 1 :] &= ~rivals[index, index + 1 :]
    return detections.where(alive)


def drop_slivers(detections: Detections, min_side_px: float = 2.0) -> Detections:
    """Leave out boxes narrower or lower than `min_side_px`: what remains of boxes that lie outside the image."""
    sides = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    return detections.where((sides >= min_side_px).all(axis=1))

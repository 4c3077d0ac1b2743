"""Boxes, polygons and points in pixel coordinates: x grows to the right, y grows downward.

A box is `xyxy`: left, top, right, bottom; right and bottom are exclusive edges, so width is `x2 - x1`.
"""

import math
from collections.abc import Sequence

import numpy as np

Box = tuple[float, float, float, float]
Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]


def area(xyxy: Box) -> float:
    """Area in px²; an inverted box has area 0."""
    return max(0.0, xyxy[2] - xyxy[0]) * max(0.0, xyxy[3] - xyxy[1])


def centre(xyxy: Box) -> Point:
    """Centre point of a box in px."""
    return (xyxy[0] + xyxy[2]) / 2, (xyxy[1] + xyxy[3]) / 2


def intersection(a: Box, b: Box) -> Box:
    """The overlap of two boxes; an inverted box (area 0) where they do not meet."""
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0.0 to 1.0; 0.0 for two empty boxes."""
    shared = area(intersection(a, b))
    union = area(a) + area(b) - shared
    return shared / union if union > 0 else 0.0


def iou_matrix(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """Pairwise intersection over union: boxes (N, 4) and (M, 4) in px give (N, M) float64."""
    a, b = np.asarray(a_xyxy, np.float64).reshape(-1, 4), np.asarray(b_xyxy, np.float64).reshape(-1, 4)
    wide = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    high = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    area_a, area_b = (np.maximum(x[:, 2] - x[:, 0], 0) * np.maximum(x[:, 3] - x[:, 1], 0) for x in (a, b))
    union = area_a[:, None] + area_b[None, :] - shared
    shares: np.ndarray = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares


def clip(xyxy: Box, width_px: float, height_px: float) -> Box:
    """The part of a box that lies inside a picture of the given size."""
    return intersection(xyxy, (0.0, 0.0, float(width_px), float(height_px)))


def expand(xyxy: Box, share: float) -> Box:
    """A box grown on every side by `share` of its own width and height (0.1 grows it by 10 % on each side)."""
    dx, dy = (xyxy[2] - xyxy[0]) * share, (xyxy[3] - xyxy[1]) * share
    return xyxy[0] - dx, xyxy[1] - dy, xyxy[2] + dx, xyxy[3] + dy


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Whether a point lies inside a polygon (even-odd rule); fewer than three corners contain nothing."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside and len(polygon) >= 3


def distance(a: Point, b: Point) -> float:
    """Euclidean distance between two points in px."""
    return math.hypot(a[0] - b[0], a[1] - b[1])

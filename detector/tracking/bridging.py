"""What lies between two looks at a scene: often nothing that a detector need be asked for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detector.entities import Detections
from detector.geometry import iou_matrix
from detector.tracking.association import match
from detector.tracking.optical_flow import follow

SURE_CONFIDENCE = 0.45
"""A box from here on must be explained; it is what starts a track (`ByteTrackSettings.start_confidence`)."""

MIN_IOU = 0.25
"""Overlap of a vehicle's boxes in the two looks, below which it might be another vehicle."""

MIN_IOU_SLOW = 0.6
"""Overlap from which on a vehicle's way between the looks is taken for straight, whatever the others do."""

MIN_IOU_FOLLOWED = 0.3
"""Overlap of a box that was followed to the other look and the one found there, below which it is another vehicle."""

MIN_SHOWN = 0.3
"""Share of a box within the picture, below which the vehicle has left it."""

NEAR_PX = 32
"""Shorter side of a box from which on it matters in which frame it appears or vanishes within the picture."""

LARGE_PX = 72
"""The same for a box that is lost at the picture's edge: vehicles are largest there, and plates are read there."""

EDGE_PX = 2  # of the small pictures


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
    if _is_sure(_without(before, rows)).any() or _is_sure(_without(after, columns)).any():
        return None
    first, last = before.where(rows), after.where(columns)
    return [_mix(first, last, share, _blend(first.xyxy, last.xyxy, share)) for share in shares]


def bridge_by_flow(
    before: Detections, after: Detections, shares: Sequence[float], pictures: Sequence[np.ndarray], scale: int
) -> list[Detections] | None:
    """The boxes at some moments between two looks, each vehicle on the way that the pictures show.

    A vehicle that comes or leaves over the picture's edge has boxes while enough of it is in the picture. What is small
    and appears or vanishes within the picture counts from or to the look that shows it.

    Args:
        before: what the earlier look found.
        after: what the later one found.
        shares: of the time between both that has passed at each moment, above 0 and below 1.
        pictures: as `optical_flow.follow` wants them: of the earlier look, of each moment, of the later look.
        scale: px of the boxes per px of the pictures.

    Returns:
        One `Detections` a moment; None where a sure box that is not small appears, vanishes or is lost on its way.
        Unsure boxes without a counterpart are left out.
    """
    height, width = (side * scale for side in pictures[0].shape)
    edges = np.array([width, height, width, height])
    passed = np.array([0, *shares, 1])[:, None, None]

    slow = match(iou_matrix(before.xyxy, after.xyxy), MIN_IOU_SLOW)
    first, last = before.where(slow.rows), after.where(slow.columns)
    parts = [_Ways(first, last, (1 - passed) * first.xyxy + passed * last.xyxy)]

    old, new = _without(before, slow.rows), _without(after, slow.columns)
    onward = follow(pictures, old.xyxy / scale) * scale
    reached = match(iou_matrix(_cut(onward[-1], edges), new.xyxy), MIN_IOU_FOLLOWED)
    first, last = old.where(reached.rows), new.where(reached.columns)
    onward_found, onward = onward[:, reached.rows], np.delete(onward, reached.rows, axis=1)
    parts.append(_Ways(first, last, onward_found + passed * (last.xyxy - onward_found[-1])))

    old, new = _without(old, reached.rows), _without(new, reached.columns)
    new = new.where(_is_sure(new))
    back = follow(pictures[::-1], new.xyxy / scale)[::-1] * scale
    reached = match(iou_matrix(old.xyxy, _cut(back[0], edges)), MIN_IOU_FOLLOWED)
    first, last = old.where(reached.rows), new.where(reached.columns)
    back_found, back = back[:, reached.columns], np.delete(back, reached.columns, axis=1)
    parts.append(_Ways(first, last, back_found + (1 - passed) * (first.xyxy - back_found[0])))

    old, new, onward = _without(old, reached.rows), _without(new, reached.columns), np.delete(onward, reached.rows, 1)
    old, onward = old.where(_is_sure(old)), onward[:, _is_sure(old)]
    leaving, coming = _see_off(onward, edges, scale), _see_off(back[::-1], edges, scale)
    if leaving is None or coming is None:
        return None
    parts += [_Ways(old, old, leaving), _Ways(new, new, coming[::-1])]

    first, last = _pile([part.first for part in parts]), _pile([part.last for part in parts])
    ways = _cut(np.concatenate([part.xyxy for part in parts], axis=1), edges).astype(np.float32)
    at_moments = zip(shares, ways[1:-1], strict=True)
    return [_mix(first, last, share, way).where(~np.isnan(way[:, 0])) for share, way in at_moments]


class _Ways(NamedTuple):
    """The ways of N vehicles between two looks.

    Attributes:
        first: what the earlier look found of them.
        last: what the later one found; for what only one look shows, the same.
        xyxy: (T, N, 4) px: boxes at the earlier look, each moment and the later look; NaN where not in the picture.
    """

    first: Detections
    last: Detections
    xyxy: np.ndarray


def _see_off(ways: np.ndarray, edges: np.ndarray, scale: int) -> np.ndarray | None:
    """What the other look does not show, on its way from the look that does.

    Args:
        ways: (T, N, 4) px, in the order of time away from the look; NaN where lost.
        edges: the picture's width, height, width, height in px.
        scale: as in `bridge_by_flow`.

    Returns:
        The ways, NaN where the vehicle is not in the picture; None where one must be looked for.
    """
    ways = ways.copy()
    for way in ways.swapaxes(0, 1):
        lost, out = _first(np.isnan(way[:, 0])), _first(_share_shown(way, edges) < MIN_SHOWN)
        if out < lost:
            way[out:] = np.nan
            continue
        last, side_px = way[lost - 1], (way[0, 2:] - way[0, :2]).min()
        is_at_edge = (last[:2] <= EDGE_PX * scale).any() or (last[2:] >= edges[2:] - EDGE_PX * scale).any()
        if side_px >= (LARGE_PX if is_at_edge else NEAR_PX):
            return None
        if not is_at_edge:
            way[1:] = np.nan
    return ways


def _first(mask: np.ndarray) -> int:
    """The first true row of (T,); T where none is."""
    return int(mask.argmax()) if mask.any() else len(mask)


def _share_shown(xyxy: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How much of each box (N, 4) lies within the picture (N,); NaN of NaN."""
    shown, whole = _cut(xyxy, edges), np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1e-6)
    share: np.ndarray = np.clip(shown[:, 2:] - shown[:, :2], 0, None).prod(1) / whole.prod(1)
    return share


def _cut(xyxy: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Boxes (..., 4) cut off at the picture's edges."""
    cut: np.ndarray = np.clip(xyxy, 0, edges)
    return cut


def _without(detections: Detections, taken: np.ndarray) -> Detections:
    """The detections but for the rows `taken`."""
    return detections.where(np.delete(np.arange(len(detections)), taken))


def _is_sure(detections: Detections) -> np.ndarray:
    """Mask (N,)."""
    mask: np.ndarray = detections.confidence >= SURE_CONFIDENCE
    return mask


def _pile(parts: Sequence[Detections]) -> Detections:
    """All rows of all parts, in order."""
    return Detections(
        np.concatenate([part.xyxy for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.class_id for part in parts]),
    )


def _mix(first: Detections, last: Detections, share: float, xyxy: np.ndarray) -> Detections:
    """Parallel detections of the same vehicles at a moment between, with these boxes; the class of the nearer look."""
    confidence = _blend(first.confidence, last.confidence, share)
    return Detections(xyxy, confidence, first.class_id if share < 0.5 else last.class_id)


def _blend(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    """What lies between two float32 arrays when a share of the time has passed."""
    weight = np.float32(share)
    return (1 - weight) * first + weight * last

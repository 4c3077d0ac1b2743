"""What lies between two looks at a scene: often nothing that a detector need be asked for."""

from collections.abc import Sequence
from typing import NamedTuple, Self

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


class Bridged(NamedTuple):
    """What lies between two looks.

    Attributes:
        found: one `Detections` a moment.
        last_step: (N, 4) px by which the boxes of the later look have moved since the last moment; NaN: nobody knows.
    """

    found: list[Detections]
    last_step: np.ndarray


def measure_step(before: Detections, after: Detections, expected: np.ndarray | None) -> np.ndarray:
    """By how much the boxes of a look have moved since the one before.

    Args:
        before: what the earlier look found.
        after: what the later one found.
        expected: (N, 4) px by which the earlier boxes should have moved; NaN where nobody knows, None: of all of them.

    Returns:
        (M, 4) px for the later boxes; NaN where none of the earlier ones comes to lie there.
    """
    moved = before.xyxy if expected is None else before.xyxy + np.nan_to_num(expected)
    rows, columns = match(iou_matrix(moved, after.xyxy), MIN_IOU)
    step = np.full((len(after), 4), np.nan)
    step[columns] = after.xyxy[columns] - before.xyxy[rows]
    return step


def bridge(before: Detections, after: Detections, shares: Sequence[float]) -> Bridged | None:
    """The boxes at some moments between two looks, each vehicle on a straight way from its one box to its other.

    Args:
        before: what the earlier look found.
        after: what the later one found.
        shares: of the time between both that has passed at each moment, at least one, above 0 and below 1.

    Returns:
        None where a sure box of either look has no counterpart in the other, so that something has come or gone, or has
        moved too far to be told. Unsure boxes without one are left out.
    """
    rows, columns = match(iou_matrix(before.xyxy, after.xyxy), MIN_IOU)
    if any(_is_sure(look)[_others(len(look), taken)].any() for look, taken in ((before, rows), (after, columns))):
        return None
    first, last = before.where(rows), after.where(columns)
    step = np.full((len(after), 4), np.nan)
    step[columns] = (1 - shares[-1]) * (last.xyxy - first.xyxy)
    return Bridged([_mix(first, last, share, _blend(first.xyxy, last.xyxy, share)) for share in shares], step)


def bridge_by_flow(
    before: Detections,
    after: Detections,
    shares: Sequence[float],
    pictures: Sequence[np.ndarray],
    scale: int,
    first_step: np.ndarray | None = None,
) -> Bridged | None:
    """The boxes at some moments between two looks, each vehicle on the way that the pictures show.

    A vehicle that comes or leaves over the picture's edge has boxes while enough of it is in the picture. What is lost
    on its way goes on as it last moved, if that leads out of the picture or to where the other look shows a vehicle.
    What is small and appears or vanishes within the picture counts from or to the look that shows it.

    Args:
        before: what the earlier look found.
        after: what the later one found.
        shares: of the time between both that has passed at each moment, above 0 and below 1.
        pictures: as `optical_flow.follow` wants them: of the earlier look, of each moment, of the later look.
        scale: px of the boxes per px of the pictures.
        first_step: (N, 4) px by which the earlier boxes are expected to move to the first moment, as `follow` wants it.

    Returns:
        None where a sure box that is not small appears, vanishes or is lost on its way. Unsure boxes without a
        counterpart are left out.
    """
    height, width = (side * scale for side in pictures[0].shape)
    edges = np.array([width, height, width, height])
    passed = np.array([0, *shares, 1])[:, None, None]

    slow = match(iou_matrix(before.xyxy, after.xyxy), MIN_IOU_SLOW)
    first, last = before.where(slow.rows), after.where(slow.columns)
    parts = [_Ways(first, last, (1 - passed) * first.xyxy + passed * last.xyxy, slow.columns)]
    olds, news = _others(len(before), slow.rows), _others(len(after), slow.columns)

    onward = _Followed.start(pictures, scale, before, olds, first_step)
    reached = match(iou_matrix(_cut(onward.xyxy[-1], edges), after.xyxy[news]), MIN_IOU_FOLLOWED)
    first, last = before.where(olds[reached.rows]), after.where(news[reached.columns])
    parts.append(_Ways(first, last, onward.where(reached.rows).bend(last.xyxy, passed), news[reached.columns]))
    onward, news = onward.without(reached.rows), news[_others(len(news), reached.columns)]

    back = _Followed.start(pictures[::-1], scale, after, news[_is_sure(after)[news]])
    reached = match(iou_matrix(before.xyxy[onward.rows], _cut(back.xyxy[-1], edges)), MIN_IOU_FOLLOWED)
    first, last = before.where(onward.rows[reached.rows]), after.where(back.rows[reached.columns])
    way = back.where(reached.columns).bend(first.xyxy, 1 - passed[::-1])
    parts.append(_Ways(first, last, way[::-1], back.rows[reached.columns]))
    onward, back = onward.without(reached.rows), back.without(reached.columns)

    onward = onward.where(_is_sure(before)[onward.rows])
    leaving, coming = onward.see_off(edges, scale), back.see_off(edges, scale)
    if leaving is None or coming is None:
        return None
    gone, come = before.where(onward.rows), after.where(back.rows)
    parts += [_Ways(gone, gone, leaving, np.zeros(0, int)), _Ways(come, come, coming[::-1], back.rows)]

    first, last = _pile([part.first for part in parts]), _pile([part.last for part in parts])
    ways = _cut(np.concatenate([part.xyxy for part in parts], axis=1), edges).astype(np.float32)
    at_moments = zip(shares, ways[1:-1], strict=True)
    found = [_mix(first, last, share, way).where(~np.isnan(way[:, 0])) for share, way in at_moments]
    last_step = np.full((len(after), 4), np.nan)
    for part in parts:
        last_step[part.rows] = (part.xyxy[-1] - part.xyxy[-2])[: len(part.rows)]
    return Bridged(found, last_step)


class _Ways(NamedTuple):
    """The ways of N vehicles between two looks.

    Attributes:
        first: what the earlier look found of them.
        last: what the later one found; for what only one look shows, the same.
        xyxy: (T, N, 4) px: boxes at the earlier look, each moment and the later look; NaN where not in the picture.
        rows: (N,) of the later look; empty where it does not show them.
    """

    first: Detections
    last: Detections
    xyxy: np.ndarray
    rows: np.ndarray


class _Followed(NamedTuple):
    """N vehicles of one look on their way to the other one, in the order of time away from their own.

    Attributes:
        rows: (N,) of the look.
        xyxy: (T, N, 4) px: boxes at the look, each moment and the other look. What was lost goes on as it last moved,
            in the first step as it was expected to; NaN where nobody knows.
        lost: (N,) when each was lost; T: never.
    """

    rows: np.ndarray
    xyxy: np.ndarray
    lost: np.ndarray

    @classmethod
    def start(
        cls,
        pictures: Sequence[np.ndarray],
        scale: int,
        look: Detections,
        rows: np.ndarray,
        first_step: np.ndarray | None = None,
    ) -> Self:
        """Follow the rows of a look, that of the first picture; the rest is as in `bridge_by_flow`."""
        step = np.full((len(rows), 4), np.nan) if first_step is None else first_step[rows]
        ways = follow(pictures, look.xyxy[rows] / scale, step / scale) * scale
        lost = np.where(np.isnan(ways[-1, :, 0]), np.isnan(ways[:, :, 0]).argmax(axis=0), len(ways))
        for row in np.flatnonzero(lost < len(ways)):
            at = lost[row]
            onward = ways[at - 1, row] - ways[at - 2, row] if at > 1 else step[row]
            ways[at:, row] = ways[at - 1, row] + onward * np.arange(1, len(ways) - at + 1)[:, None]
        return cls(rows, ways, lost)

    def where(self, chosen: np.ndarray) -> Self:
        """Those of a boolean mask (N,) or an index array."""
        return type(self)(self.rows[chosen], self.xyxy[:, chosen], self.lost[chosen])

    def without(self, taken: np.ndarray) -> Self:
        """Those that an index array does not name."""
        return self.where(_others(len(self.rows), taken))

    def bend(self, end: np.ndarray, passed: np.ndarray) -> np.ndarray:
        """The ways (T, N, 4) bent to end at boxes (N, 4), by the share of the time that has passed (T, 1, 1)."""
        bent: np.ndarray = self.xyxy + passed * (end - self.xyxy[-1])
        return bent

    def see_off(self, edges: np.ndarray, scale: int) -> np.ndarray | None:
        """The ways of what the other look does not show.

        Args:
            edges: the picture's width, height, width, height in px.
            scale: as in `bridge_by_flow`.

        Returns:
            (T, N, 4), NaN where the vehicle is not in the picture; None where one must be looked for.
        """
        ways = self.xyxy.copy()
        for way, end in zip(ways.swapaxes(0, 1), self.lost, strict=True):
            out = _first(_share_shown(way, edges) < MIN_SHOWN)
            if out < len(way):
                way[out:] = np.nan
                continue
            last, side_px = way[end - 1], (way[0, 2:] - way[0, :2]).min()
            is_at_edge = (last[:2] <= EDGE_PX * scale).any() or (last[2:] >= edges[2:] - EDGE_PX * scale).any()
            if side_px >= (LARGE_PX if is_at_edge else NEAR_PX):
                return None
            way[end if is_at_edge else 1 :] = np.nan
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


def _others(count: int, taken: np.ndarray) -> np.ndarray:
    """The rows (M,) of `count` that an index array does not name, in order."""
    is_left = np.ones(count, bool)
    is_left[taken] = False
    return np.flatnonzero(is_left)


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

"""Where vehicles have moved from picture to picture, by their texture alone: no detector need be asked.

Pyramidal Lucas-Kanade (Bouguet 2000, in OpenCV) follows a grid of points in each box; the box takes their median motion
and the growth of their spread. A box whose points do not move together is lost rather than guessed.
"""

from collections.abc import Sequence

import cv2
import numpy as np

LONG_SIDE_PX = 640
"""Pictures are made smaller by whole factors until their longer side is about this: enough for a car of 16 px."""

POINTS_A_SIDE = 4
INSET = 0.15  # of a box: its edges show the road
WINDOW_PX = 9
LEVELS = 4  # of the pyramid: a near car leaps by more than its length between two pictures
MIN_TEXTURE = 1e-3  # smallest eigenvalue of a point's gradient, as OpenCV normalises it
MIN_POINTS = 4
MIN_AGREEING = 0.6  # of the points that were found again
STRAY_PX, STRAY_SHARE = 1.5, 0.12  # how far a point may stray from the median motion, px or share of the shorter side
MAX_GROWTH = 1.18  # from one picture to the next; what grows faster has been mistaken

_steps = np.linspace(INSET, 1 - INSET, POINTS_A_SIDE)
_GRID = np.stack(np.meshgrid(_steps, _steps), -1).reshape(1, -1, 2)
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 6, 0.1)


def shrink(image: np.ndarray) -> np.ndarray:
    """What `follow` wants of an image (H, W, 3) uint8, BGR: its green, (H // k, W // k); k is `shrinking_of` it."""
    green = cv2.extractChannel(image, 1)
    factor = shrinking_of(green.shape)
    if factor == 1:
        return green
    height, width = (side // factor for side in green.shape)
    return cv2.resize(green[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA)


def shrinking_of(shape: tuple[int, ...]) -> int:
    """The factor by which `shrink` makes an image of this height and width smaller."""
    return max(1, round(max(shape[:2]) / LONG_SIDE_PX))


def follow(pictures: Sequence[np.ndarray], xyxy: np.ndarray, first_step: np.ndarray | None = None) -> np.ndarray:
    """Follow boxes from the first picture through all others.

    Args:
        pictures: (h, w) uint8, all of one size; a quarter of a second apart at most.
        xyxy: (N, 4) px of the first picture.
        first_step: (N, 4) px by which they are expected to move to the second one, where they are sought; NaN where
            nobody knows, None: of all of them. A near car that leaps by most of its length is lost without.

    Returns:
        (T, N, 4) float64, px: the boxes in each of the T pictures, the first as given; they may reach beyond the
        picture. NaN from the picture on in which a box was lost.
    """
    path = np.full((len(pictures), len(xyxy), 4), np.nan)
    path[0] = xyxy
    step = np.zeros_like(path[0]) if first_step is None else np.nan_to_num(first_step)
    for at in range(1, len(pictures)):
        living = np.flatnonzero(~np.isnan(path[at - 1, :, 0]))
        if not len(living):
            break
        xyxy = path[at - 1, living]
        path[at, living] = _move(pictures[at - 1], pictures[at], xyxy, xyxy + step[living])
        step = path[at] - path[at - 1]
    return path


def _move(before: np.ndarray, after: np.ndarray, xyxy: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The boxes (N, 4) of one picture in the next, sought where they are expected; NaN where they are lost."""
    height, width = before.shape
    shown = np.minimum(np.maximum(xyxy, 0), (width, height, width, height))
    size = np.maximum(shown[:, 2:] - shown[:, :2], 1)
    start = shown[:, None, :2] + _GRID * size[:, None]
    grown = (expected[:, 2:] - expected[:, :2]) / np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1e-6)
    guess = expected[:, None, :2] + (start - xyxy[:, None, :2]) * grown[:, None]
    found, is_found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        start.reshape(-1, 1, 2).astype(np.float32),
        guess.reshape(-1, 1, 2).astype(np.float32),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=LEVELS,
        criteria=_STOP,
        minEigThreshold=MIN_TEXTURE,
    )
    end, good = found.reshape(start.shape).astype(np.float64), is_found.reshape(start.shape[:2]) > 0
    count = good.sum(1)
    median = _median(end - start, good, count)
    stray = np.abs(end - start - median[:, None]).max(2)
    agreeing = good & (stray <= np.maximum(STRAY_PX, STRAY_SHARE * size.min(1))[:, None])
    is_sure = agreeing.sum(1) >= np.maximum(MIN_POINTS, MIN_AGREEING * count)
    (old_centre, new_centre), (old_spread, new_spread) = _spread(np.stack([start, end]), agreeing)
    growth = new_spread / np.maximum(old_spread, 1e-6)
    growth = np.minimum(np.maximum(growth, 1 / MAX_GROWTH), MAX_GROWTH)[:, None, None]
    corners = new_centre[:, None] + (xyxy.reshape(-1, 2, 2) - old_centre[:, None]) * growth
    return np.where(is_sure[:, None], corners.reshape(-1, 4), np.nan)


def _median(moved: np.ndarray, good: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The median motion (N, 2) of the good ones among points (N, P, 2); of none of them something finite."""
    ordered = np.sort(np.where(good[..., None], moved, np.inf), axis=1)
    middle = ordered[np.arange(len(moved)), np.maximum(count - 1, 0) // 2]
    return np.where(np.isfinite(middle), middle, 0.0)


def _spread(points: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (2, N, 2) and root summed squared distances from them (2, N) of the chosen of points (2, N, P, 2)."""
    weight = chosen[..., None].astype(np.float64)
    centre = (points * weight).sum(2) / np.maximum(weight.sum(1), 1)
    return centre, np.sqrt(((points - centre[:, :, None]) ** 2 * weight).sum((2, 3)))

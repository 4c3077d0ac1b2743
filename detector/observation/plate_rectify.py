"""Straightens a plate: four corners in a picture become an upright crop of fixed size."""

import cv2
import numpy as np

from detector.geometry import Corners

CROP_WIDTH_PX, CROP_HEIGHT_PX = 192, 64
MARGIN_X, MARGIN_Y = 0.04, 0.08  # shares of the plate that are kept around it, so that a corner may be a little off

NUDGE_GROWTH_X, NUDGE_GROWTH_Y = 0.015, 0.02  # on every side, so that a nudged crop still holds the whole plate


def rectify(image: np.ndarray, corners: Corners) -> np.ndarray:
    """Cut out one plate, upright, stretched to the reader's input whether it has one row or two.

    Args:
        image: (H, W, 3) uint8.
        corners: of the plate in px: top-left, top-right, bottom-right, bottom-left; they may lie outside the picture.

    Returns:
        (CROP_HEIGHT_PX, CROP_WIDTH_PX, 3) uint8, in the channel order of `image`; the plate with a small margin.
    """
    source = np.asarray(corners, np.float32)
    longest_px = max(np.linalg.norm(source[1] - source[0]), np.linalg.norm(source[2] - source[3]))
    scale = int(
        np.clip(np.ceil(longest_px / CROP_WIDTH_PX), 1, 8)
    )  # warp large plates large, then average: no aliasing
    width, height = CROP_WIDTH_PX * scale, CROP_HEIGHT_PX * scale
    x, y = width * MARGIN_X / (1 + 2 * MARGIN_X), height * MARGIN_Y / (1 + 2 * MARGIN_Y)
    target = np.array([[x, y], [width - x, y], [width - x, height - y], [x, height - y]], np.float32)
    warp = cv2.getPerspectiveTransform(source, target)
    crop = cv2.warpPerspective(image, warp, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if scale > 1:
        crop = cv2.resize(crop, (CROP_WIDTH_PX, CROP_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return crop


def nudge(corners: Corners, share: float) -> Corners:
    """The corners of a plate, moved along its width by a share of it and grown a little on every side."""
    a, b, c, d = np.asarray(corners, np.float64)
    along, down = (b - a + c - d) / 2, (d - a + c - b) / 2
    wide, high = NUDGE_GROWTH_X * along, NUDGE_GROWTH_Y * down
    moved = np.array([a - wide - high, b + wide - high, c + wide + high, d - wide + high]) + share * along
    first, second, third, fourth = ((float(x), float(y)) for x, y in moved)
    return first, second, third, fourth

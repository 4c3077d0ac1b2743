"""Vehicles as boxes full of texture on a road without any."""

import cv2
import numpy as np

_RNG = np.random.default_rng(4)


def _paint(cells: int) -> np.ndarray:
    return cv2.resize(_RNG.uniform(0, 120, (cells, cells)), (240, 240), interpolation=cv2.INTER_LINEAR)


TEXTURE = (_paint(4) + _paint(14)).astype(np.uint8)  # panes and doors, lamps and seams


def draw(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    """A picture (180, 320) uint8 with vehicles of x, y, width and height in px; they may lie beyond its edge."""
    width, height, margin = 320, 180, 200
    picture = np.full((height + 2 * margin, width + 2 * margin), 120, np.uint8)
    for x, y, w, h in boxes:
        left, top, right, bottom = (round(v) + margin for v in (x, y, x + w, y + h))
        picture[top:bottom, left:right] = cv2.resize(
            TEXTURE, (right - left, bottom - top), interpolation=cv2.INTER_AREA
        )
    return np.ascontiguousarray(picture[margin:-margin, margin:-margin])

"""Whether a picture shows what an earlier one showed, so that nobody need look at it again."""

import cv2
import numpy as np

CELL_PX = 8
"""Side of a cell in the small picture that `shrink` makes: over 64 pixels the noise of a sensor evens out."""

MAX_CHANGE = 6
"""Grey levels by which cells of a still scene differ at most. Key frames of an empty road with a sensor's noise differ
by 2; vehicles from 32 px on that come and go change a cell by 29 and more (docs/performance.md)."""


def sketch(small: np.ndarray) -> np.ndarray:
    """Mean grey (h, w) uint8 of each cell of what `shrink` makes of a picture; a rest that fills none is left out."""
    height, width = (max(1, side // CELL_PX) for side in small.shape)
    return cv2.resize(small[: height * CELL_PX, : width * CELL_PX], (width, height), interpolation=cv2.INTER_AREA)


def is_same(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether two sketches show one still scene; those of different size do not."""
    return before.shape == after.shape and int(cv2.absdiff(before, after).max()) <= MAX_CHANGE

"""Pictures as networks want them: the one way in which pixels become numbers when the program runs."""

from collections.abc import Sequence

import cv2
import numpy as np


def to_batch(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one size, (H, W, 3) uint8 BGR, as network input (N, 3, H, W) float32 RGB, 0 to 1; N at least 1."""
    batch = np.empty((len(pictures), 3, *pictures[0].shape[:2]), np.float32)
    for planes, picture in zip(batch, pictures, strict=True):
        for plane, channel in zip(planes, reversed(cv2.split(picture)), strict=True):
            plane[:] = channel
    batch /= 255
    return batch

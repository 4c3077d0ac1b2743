"""Fits an image into the detector's input, keeping its proportions, and takes boxes back."""

from dataclasses import dataclass

import cv2
import numpy as np

GREY = 114
"""Value of the border; the detector was trained with it."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How an image of one size lies in the detector's input.

    Attributes:
        scale: input px per image px.
        content_wh: size of the scaled image in px.
        input_wh: size of the input in px, multiples of the stride.
        offset_xy: upper left corner of the scaled image in the input, px.
    """

    scale: float
    content_wh: tuple[int, int]
    input_wh: tuple[int, int]
    offset_xy: tuple[int, int]

    @classmethod
    def fit(cls, height_px: int, width_px: int, long_side_px: int, stride: int = 32) -> "Letterbox":
        """The smallest input that holds the image, its long side scaled to `long_side_px` (a multiple of `stride`)."""
        scale = long_side_px / max(height_px, width_px)
        content = max(1, round(width_px * scale)), max(1, round(height_px * scale))
        padded = tuple(-(-side // stride) * stride for side in content)
        offset = (padded[0] - content[0]) // 2, (padded[1] - content[1]) // 2
        return cls(scale, content, (padded[0], padded[1]), offset)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """An image (H, W, 3) as the input holds it, (h, w, 3): scaled, on grey; uint8 BGR both."""
        height, width = image.shape[:2]
        if (width, height) != self.content_wh:
            method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
            image = cv2.resize(image, self.content_wh, interpolation=method)
        canvas = np.full((self.input_wh[1], self.input_wh[0], 3), GREY, np.uint8)
        x, y = self.offset_xy
        canvas[y : y + self.content_wh[1], x : x + self.content_wh[0]] = image
        return canvas

    def restore(self, xyxy: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
        """Boxes (N, 4) of the input as boxes of the image, cut off at its edges; float32 px."""
        x, y = self.offset_xy
        scale_xy = self.content_wh[0] / width_px, self.content_wh[1] / height_px
        boxes = (xyxy - np.array([x, y, x, y], np.float32)) / np.array(scale_xy * 2, np.float32)
        return np.clip(boxes, 0, np.array([width_px, height_px] * 2, np.float32)).astype(np.float32)

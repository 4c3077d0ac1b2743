"""Square cut-outs at raw brightness: the one way in which pictures reach the load networks, in training and in use."""

from dataclasses import dataclass

import cv2
import numpy as np

from detector.geometry import Box, Point, clip

PADDING_GREY = 114
MAX_BED_STRETCH = 1.6


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a picture that a square cut-out shows: origin and size in px of the picture; may reach beyond it."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float

    def to_image(self, xyxy: Box) -> Box:
        """A box in shares of the window (0 to 1) as a box in px of the picture."""
        (x1, y1), (x2, y2) = self.point_to_image(xyxy[:2]), self.point_to_image(xyxy[2:])
        return x1, y1, x2, y2

    def point_to_image(self, point: Point) -> Point:
        """A point in shares of the window as a point in px of the picture."""
        return self.x_px + point[0] * self.width_px, self.y_px + point[1] * self.height_px

    def to_window(self, xyxy: Box) -> Box:
        """A box in px of the picture as a box in shares of the window."""
        return (
            (xyxy[0] - self.x_px) / self.width_px,
            (xyxy[1] - self.y_px) / self.height_px,
            (xyxy[2] - self.x_px) / self.width_px,
            (xyxy[3] - self.y_px) / self.height_px,
        )


def cut_square(image: np.ndarray, xyxy: Box, size_px: int, max_stretch: float = 1.0) -> tuple[np.ndarray, Window]:
    """Cut a box out, scale its longer side to `size_px` and centre it on grey.

    Nothing outside the box is shown (a neighbour's load is not this truck's), and what lies outside the picture is
    grey too, so that a network can see that a bed is cut off. Brightness is left as it is.

    Args:
        image: (H, W, 3) uint8, BGR.
        xyxy: box in px with an area above 0; may reach beyond the picture.
        size_px: side of the result.
        max_stretch: how much more the shorter side may be enlarged than the longer one, to fill the square.

    Returns:
        (size_px, size_px, 3) uint8, BGR, and where it lies in the picture.
    """
    height, width = image.shape[:2]
    shown = max(xyxy[2] - xyxy[0], 1.0), max(xyxy[3] - xyxy[1], 1.0)
    wide, high = (max(side, max(shown) / max_stretch) for side in shown)
    window = Window((xyxy[0] + xyxy[2] - wide) / 2, (xyxy[1] + xyxy[3] - high) / 2, wide, high)
    canvas = np.full((size_px, size_px, 3), PADDING_GREY, np.uint8)
    x1, y1, x2, y2 = (round(v) for v in clip(xyxy, width, height))
    if x2 <= x1 or y2 <= y1:
        return canvas, window
    left, top, right, bottom = (round(v * size_px) for v in window.to_window((x1, y1, x2, y2)))
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, size_px), min(bottom, size_px)
    if right > left and bottom > top:
        size = right - left, bottom - top
        how = cv2.INTER_AREA if size[0] * size[1] < (x2 - x1) * (y2 - y1) else cv2.INTER_LINEAR
        canvas[top:bottom, left:right] = cv2.resize(image[y1:y2, x1:x2], size, interpolation=how)
    return canvas, window


def cut_bed(image: np.ndarray, bed_xyxy: Box, size_px: int) -> tuple[np.ndarray, Window]:
    """Cut a bed out as `cut_square` does, with a margin; flat views are stretched, for height tells a heap."""
    return cut_square(image, grow_bed(bed_xyxy), size_px, MAX_BED_STRETCH)


def grow_bed(xyxy: Box) -> Box:
    """A bed's box with a margin: little at the sides and below, more above, where a heap or a cover stands."""
    width, height = xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]
    return xyxy[0] - 0.06 * width, xyxy[1] - 0.14 * height, xyxy[2] + 0.06 * width, xyxy[3] + 0.06 * height

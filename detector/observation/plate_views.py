"""Other views of a picture in which a plate may show itself that the plain one hides: lit up, or turned to the camera.

Looked at only after the plain picture was searched in vain, since each costs as much as that search.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from detector.geometry import Box, Corners, clip

CONTRAST_LIMIT = 3.0
TILES = (8, 8)
LEANS = (0.45, -0.45)
"""By how much rows are sheared, px of height per px of width: a plate seen steeply leans to one side."""

STRETCH = 1.5
"""A plate seen steeply from the side is narrow."""

BORDER = (114, 114, 114)


class View:
    """A changed piece of a picture, and the way back to the whole one."""

    def __init__(self, piece: np.ndarray, matrix: np.ndarray, origin: tuple[float, float]) -> None:
        """Apply an affine map.

        Args:
            piece: (H, W, 3) uint8, BGR, cut from the picture.
            matrix: (2, 2) from the piece to the view; the shift follows from it.
            origin: px of the picture at which the piece begins.
        """
        height, width = piece.shape[:2]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float) @ matrix.T
        low = corners.min(axis=0)
        size = np.ceil(corners.max(axis=0) - low).astype(int)
        forward = np.hstack([matrix, -low[:, None]])
        self.image = cv2.warpAffine(piece, forward, (int(size[0]), int(size[1])), borderValue=BORDER)
        self._backward = cv2.invertAffineTransform(forward)
        self._origin = np.array(origin)

    @property
    def box(self) -> Box:
        """All of the view, px of it."""
        return 0.0, 0.0, float(self.image.shape[1]), float(self.image.shape[0])

    def restore(self, corners: Corners) -> Corners:
        """Four points of the view as points of the whole picture, px."""
        points = np.array(corners) @ self._backward[:, :2].T + self._backward[:, 2] + self._origin
        a, b, c, d = ((float(x), float(y)) for x, y in points)
        return a, b, c, d


def make_views(image: np.ndarray, box: Box) -> Iterator[View]:
    """Views of a box (px) of the picture (H, W, 3) BGR, likeliest first; none of a box that lies outside."""
    x1, y1, x2, y2 = (round(v) for v in clip(box, image.shape[1], image.shape[0]))
    piece = image[y1:y2, x1:x2]
    if min(piece.shape[:2]) < 4:
        return
    yield View(_equalise(piece), np.eye(2), (x1, y1))
    for lean in LEANS:
        yield View(piece, np.array([[STRETCH, 0.0], [lean, 1.0]]), (x1, y1))


def _equalise(piece: np.ndarray) -> np.ndarray:
    """The same with its local contrast raised: plates at dusk and in headlights' glare."""
    lab = cv2.cvtColor(piece, cv2.COLOR_BGR2LAB)
    lab[..., 0] = cv2.createCLAHE(CONTRAST_LIMIT, TILES).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)

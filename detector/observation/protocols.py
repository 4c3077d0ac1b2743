"""The two doors of this station: who looks at loads, and who looks at plates."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from detector.entities import LoadState, PlateReading
from detector.geometry import Box, Corners


class LoadReader(Protocol):
    """Judges cargo beds."""

    def read(self, image: np.ndarray, boxes: Sequence[Box]) -> list[LoadState]:
        """One state for each vehicle box (px) of the (H, W, 3) BGR image; abstains with NOT_VISIBLE."""
        ...


class PlateReader(Protocol):
    """Finds and reads plates."""

    def read(
        self, image: np.ndarray, boxes: Sequence[Box], expected: Sequence[Corners | None] | None = None
    ) -> list[PlateReading | None]:
        """The best plate inside each vehicle box (px) of the (H, W, 3) BGR image; None where there is none.

        Args:
            image: the picture.
            boxes: vehicles.
            expected: for each box the corners where its plate should be by an earlier look, or None; saves work.
        """
        ...

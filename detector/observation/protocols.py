"""The two doors of this station: who looks at loads, and who looks at plates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detector.entities import LoadState, PlateReading
from detector.geometry import Box, Corners


class LoadReader(Protocol):
    """Judges cargo beds."""

    def read(self, image: np.ndarray, boxes: Sequence[Box]) -> list[LoadState]:
        """One state for each vehicle box (px) of the (H, W, 3) BGR image; abstains with NOT_VISIBLE."""
        ...


@dataclass(frozen=True, slots=True)
class PlateHint:
    """What earlier looks say of a vehicle's plate. It decides where and how hard is looked, never what is read.

    Attributes:
        expected: corners (px) where the plate should be now; None where that is not known.
        in_vain: usual looks found nothing so often that a costly search is worth its while.
    """

    expected: Corners | None = None
    in_vain: bool = False


NO_HINT = PlateHint()


class PlateReader(Protocol):
    """Finds and reads plates."""

    def read(
        self, image: np.ndarray, boxes: Sequence[Box], hints: Sequence[PlateHint] | None = None
    ) -> list[PlateReading | None]:
        """The best plate inside each vehicle box (px) of the (H, W, 3) BGR image; None where there is none.

        Args:
            image: the picture.
            boxes: vehicles.
            hints: one a box; None for `NO_HINT` everywhere.
        """
        ...

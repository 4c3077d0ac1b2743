"""The door of this station."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from detector.entities import Detections


class VehicleDetector(Protocol):
    """Finds vehicles and persons; keeps no state, so that one serves all cameras."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """What each image holds, in the order of the images; an image's result does not depend on the others.

        Args:
            images: (H, W, 3) uint8 BGR; sizes may differ.

        Returns:
            One `Detections` an image, boxes in px of that image, best first; empty ones where nothing was found.
        """
        ...

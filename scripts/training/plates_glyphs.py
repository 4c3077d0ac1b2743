"""Real stamped character shapes for the plate generator, read at training time and never copied."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from scripts.synthesis.plates import font_glyph


class StampedGlyphs:
    """A `Glyphs` function over a folder of pictures `140_京.jpg`, `220_up_A.jpg`, `220_down_A.jpg`, `green_A.jpg`.

    Characters without a picture fall back to the bundled fonts.
    """

    def __init__(self, folder: Path) -> None:
        """Load every picture of the folder as ink masks."""
        self._masks: dict[str, np.ndarray] = {}
        for path in sorted(folder.glob("*.jpg")):
            grey = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
            self._masks[path.stem] = 255 - grey
        self._draw = lru_cache(maxsize=4096)(self._stretch)

    def __call__(self, character: str, width_px: int, height_px: int) -> np.ndarray:
        """The mask (height_px, width_px) of a character; the shape set follows from the cell's proportions."""
        return self._draw(character, width_px, height_px)

    def _stretch(self, character: str, width_px: int, height_px: int) -> np.ndarray:
        aspect = width_px / height_px
        if aspect > 1:
            names = (f"220_up_{character}", f"220_{character}")
        elif aspect > 0.54:
            names = (f"220_down_{character}", f"220_{character}")
        else:
            names = (f"green_{character}",) if aspect < 0.49 else ()
        for name in (*names, f"140_{character}"):
            if name in self._masks:
                return cv2.resize(self._masks[name], (width_px, height_px), interpolation=cv2.INTER_AREA)
        return font_glyph(character, width_px, height_px)

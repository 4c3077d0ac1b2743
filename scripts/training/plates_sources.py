"""Where the plate models' training material lies, and the cache that is made from it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.synthesis.plates import Glyphs, font_glyph
from scripts.training.plates_crops import Crops, open_crops, read_backgrounds, write_crops
from scripts.training.plates_glyphs import StampedGlyphs

PART_CROPS = 20_000
BACKGROUNDS = 300


def cache_folder() -> Path:
    """`$ROADWARDEN_CACHE/plates`, by default under ~/.cache/roadwarden."""
    return Path(os.environ.get("ROADWARDEN_CACHE", "~/.cache/roadwarden")).expanduser() / "plates"


def glyph_sources(data: Path) -> list[Glyphs]:
    """Stamped shapes twice, the bundled fonts once: a third of the plates shows other shapes than the stamped ones."""
    stamped = StampedGlyphs(data / "plates" / "glyphs" / "font")
    return [stamped, stamped, font_glyph]


def crop_parts(data: Path, seed: int, n: int = PART_CROPS) -> Callable[[int], Crops]:
    """A function that gives one part of `n` drawn crops by its number, and draws it where the cache lacks it."""
    backgrounds: list[np.ndarray] = []

    def part(number: int) -> Crops:
        folder = cache_folder() / f"crops-seed{seed}-part{number:02d}"
        if not folder.exists():
            if not backgrounds:
                backgrounds.extend(read_backgrounds(data / "vehicles", BACKGROUNDS, seed))
            write_crops(folder, n, (glyph_sources(data), backgrounds), seed=1000 * seed + number)
        return open_crops(folder)

    return part

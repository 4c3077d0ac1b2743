"""Whether a camera's picture is worth judging: black, frozen, blurred, moved, blind at night.

A look a second, on a small grey copy: about 2 ms for 1920x1080. The functions are pure; `PictureWatch` remembers what a
judgement over time needs. Nothing is reported on one look: a state must last `LASTING_S`, and as long to be taken back.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

WIDTH_PX, HEIGHT_PX = 480, 270
LASTING_S = 15.0

BLACK_LEVEL = 24.0
"""Grey below which nearly all of a black picture lies: video black is 16, and noise comes on top."""

COVERED_CONTRAST = 3.0
"""Standard deviation of the grey of a covered lens; a foggy road still has 10."""

DARK_LEVEL = 50.0
TEXTURE = 4.0
"""Standard deviation of grey within a block from which on it shows something."""

BLIND_SHARE = 0.08
"""Share of blocks that show something below which a dark picture shows no road: some lamps remain."""

GLARE_SHARE = 0.3
FROZEN_CHANGE = 0.02
"""Median change of the blocks between looks, in grey levels; sensor noise makes about 0.3, and a clock in the picture
changes few blocks."""

FROZEN_S = 30.0
BLURRED_SHARE = 0.35
MOVED_SHARE = 0.025
"""Of the picture's width: a zone drawn by hand is no more exact."""

_BLOCK_PX = 15
_EDGES_WH = 160, 90
_REFERENCE_LOOKS = 9
_SPACING_S = 2.0
_SHIFT_TRUST = 0.1
_LIKENESS = 0.2


class PictureFault(StrEnum):
    """What may be wrong with a picture, the worst first."""

    BLACK = "black"
    FROZEN = "frozen"
    NIGHT_BLIND = "night_blind"
    BLURRED = "blurred"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one picture shows.

    Attributes:
        grey: (270, 480) uint8.
        level: mean grey.
        textured_share: share of blocks that show something.
        sharpness: variance of the Laplacian against the variance of the grey; free of contrast and exposure.
    """

    grey: np.ndarray
    level: float
    textured_share: float
    sharpness: float


def look_at(image: np.ndarray) -> Look:
    """Measure one picture (H, W, 3) uint8 BGR."""
    grey = cv2.cvtColor(cv2.resize(image, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    exact = grey.astype(np.float32)
    spread = np.maximum(_block_means(exact * exact) - _block_means(exact) ** 2, 0.0)
    textured = float((spread > TEXTURE**2).mean())
    variance = float(exact.var())
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var()) / max(variance, 1.0)
    return Look(grey, float(grey.mean()), textured, sharpness)


def is_black(look: Look) -> bool:
    """Nothing is seen at all: no light, or a covered lens."""
    return float((look.grey >= BLACK_LEVEL).mean()) < 0.01 or float(look.grey.std()) < COVERED_CONTRAST


def is_night_blind(look: Look) -> bool:
    """The road is not seen: too dark but for some lamps, or drowned in glare."""
    is_dark = look.level < DARK_LEVEL and look.textured_share < BLIND_SHARE
    return not is_black(look) and (is_dark or float((look.grey > 250).mean()) > GLARE_SHARE)


def change_between(a: np.ndarray, b: np.ndarray) -> float:
    """Median over the blocks of the mean absolute difference of two grey pictures (270, 480), in levels."""
    return float(np.median(_block_means(cv2.absdiff(a, b).astype(np.float32))))


def shrink(grey: np.ndarray) -> np.ndarray:
    """A grey picture (270, 480) as (90, 160) uint8."""
    return cv2.resize(grey, _EDGES_WH, interpolation=cv2.INTER_AREA)


def edges_of(small_greys: list[np.ndarray]) -> np.ndarray:
    """Edges (90, 160) float32 of what stands still in several pictures as `shrink` gives them; traffic drops out."""
    small = np.median(np.stack(small_greys), axis=0).astype(np.float32)
    edges = cv2.magnitude(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    edges -= edges.mean()
    normed: np.ndarray = edges / max(float(edges.std()), 1e-6)
    return normed


def shift_between(reference: np.ndarray, edges: np.ndarray) -> float | None:
    """By which share of the width a view has moved against a reference, both as `edges_of` gives them.

    Returns:
        0 to about 0.5; None when the two show different things altogether.
    """
    window = cv2.createHanningWindow(_EDGES_WH, cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(reference, edges, window)
    likeness = float((reference * edges).mean())
    if likeness > 1 - _LIKENESS or (abs(dx) < 1 and abs(dy) < 1 and likeness > _LIKENESS):
        return 0.0
    if response < _SHIFT_TRUST:
        return 0.0 if likeness > _LIKENESS else None
    return float(np.hypot(dx, dy)) / _EDGES_WH[0]


class PictureWatch:
    """The faults of one camera's picture over time; shown looks in any rhythm, about one a second."""

    def __init__(self) -> None:
        """Start without faults; the first minute is taken for what the camera should show."""
        self._since: dict[PictureFault, float] = {}
        self._absent: dict[PictureFault, float] = {}
        self._faults: set[PictureFault] = set()
        self._changed: tuple[np.ndarray, float] | None = None  # the picture that last showed a change, and when
        self._recent: deque[np.ndarray] = deque(maxlen=_REFERENCE_LOOKS)
        self._recent_s = float("-inf")
        self._recent_dark = self._was_moved = False
        self._references: dict[bool, np.ndarray] = {}
        self._sharp: dict[bool, float] = {}

    @property
    def faults(self) -> tuple[PictureFault, ...]:
        """What is wrong now, the worst first."""
        return tuple(fault for fault in PictureFault if fault in self._faults)

    def update(self, look: Look, at_s: float) -> None:
        """Take a look; `at_s` grows from look to look."""
        is_blank = is_black(look)
        is_blind = is_night_blind(look)
        found = {
            PictureFault.BLACK: is_blank,
            PictureFault.FROZEN: self._is_frozen(look, at_s),
            PictureFault.NIGHT_BLIND: is_blind,
        }
        if not is_blank and not is_blind:  # else nothing can be said of them, and what was known stays
            found[PictureFault.BLURRED] = self._is_blurred(look)
            found[PictureFault.MOVED] = self._is_moved(look, at_s)
        for fault, is_there in found.items():
            self._note(fault, is_there, at_s)

    def forget_view(self) -> None:
        """The camera was turned on purpose: what it shows now is right."""
        self._references.clear()
        self._recent.clear()
        self._was_moved = False

    def _note(self, fault: PictureFault, is_there: bool, at_s: float) -> None:
        if is_there:
            self._absent.pop(fault, None)
            if at_s - self._since.setdefault(fault, at_s) >= LASTING_S:
                self._faults.add(fault)
        else:
            self._since.pop(fault, None)
            if at_s - self._absent.setdefault(fault, at_s) >= LASTING_S:
                self._faults.discard(fault)

    def _is_frozen(self, look: Look, at_s: float) -> bool:
        if self._changed is None or change_between(self._changed[0], look.grey) > FROZEN_CHANGE:
            self._changed = look.grey, at_s
        return at_s - self._changed[1] >= FROZEN_S - LASTING_S

    def _is_blurred(self, look: Look) -> bool:
        """Against the sharpness that this camera had by day or by night, which sinks slowly: seasons may change."""
        is_dark = look.level < DARK_LEVEL
        best = self._sharp[is_dark] = max(look.sharpness, 0.99999 * self._sharp.get(is_dark, 0.0))
        return look.sharpness < BLURRED_SHARE * best

    def _is_moved(self, look: Look, at_s: float) -> bool:
        if at_s - self._recent_s < _SPACING_S:
            return self._was_moved
        is_dark = look.level < DARK_LEVEL
        if is_dark != self._recent_dark:
            self._recent.clear()  # what was still by day and by night together is nothing that can be compared
        self._recent.append(shrink(look.grey))
        self._recent_s, self._recent_dark = at_s, is_dark
        if len(self._recent) < _REFERENCE_LOOKS:
            return self._was_moved
        edges = edges_of(list(self._recent))
        reference = self._references.setdefault(is_dark, edges)
        shift = shift_between(reference, edges)
        if shift == 0.0:
            self._references[is_dark] = 0.98 * reference + 0.02 * edges
        self._was_moved = shift is None or shift > MOVED_SHARE
        return self._was_moved


def _block_means(grey: np.ndarray) -> np.ndarray:
    """Means (18, 32) of the blocks of a picture (270, 480) float32."""
    return cv2.resize(grey, (WIDTH_PX // _BLOCK_PX, HEIGHT_PX // _BLOCK_PX), interpolation=cv2.INTER_AREA)

"""Finds plates: four corners and the number of rows, inside vehicle boxes or in a whole picture."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import cv2
import numpy as np

from detector.errors import ModelError
from detector.geometry import Box, Corners, Point, centre, distance, expand
from detector.inference import Network, to_batch
from detector.observation.plate_views import make_views
from detector.observation.protocols import NO_HINT, PlateHint

STRIDE_PX = 8
GREY = 114
"""Value of the border around a crop that is not square; the network was trained with it."""

BOX_MARGIN = 0.05
"""Share by which a vehicle's box is grown: plates hang at its lower edge."""

ZOOM = 5.0
"""Side of the second look's window in plate widths: it shows a plate 64 px wide, a size of which training had many."""

RIVAL_SHARE = 0.4
"""Candidates of a box less likely than this share of its best one are not looked at closely: of the second looks on the
demo clip seven in ten were at such, and none of them became a plate."""


@dataclass(frozen=True, slots=True)
class PlateBox:
    """One plate in a picture.

    Attributes:
        corners: top-left, top-right, bottom-right, bottom-left, px of the whole picture.
        rows: 1 or 2.
        confidence: that this is a plate, 0 to 1.
    """

    corners: Corners
    rows: int
    confidence: float

    @property
    def centre(self) -> Point:
        """Mean of the corners, px."""
        return sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4

    @property
    def width_px(self) -> float:
        """Mean length of the upper and lower edge, px."""
        a, b, c, d = self.corners
        return (distance(a, b) + distance(d, c)) / 2

    @property
    def height_px(self) -> float:
        """Mean length of the left and right edge, px."""
        a, b, c, d = self.corners
        return (distance(a, d) + distance(b, c)) / 2


class PlateDetector(Protocol):
    """Finds plates."""

    def find(
        self, image: np.ndarray, boxes: Sequence[Box], hints: Sequence[PlateHint] | None = None
    ) -> list[list[PlateBox]]:
        """Plates inside each box (px) of the (H, W, 3) BGR image, best first; an empty list where there is none.

        Args:
            image: the picture.
            boxes: vehicles.
            hints: one a box; None for none. A plate that is not where it was expected is looked for in the whole box.
        """
        ...


@dataclass(frozen=True, slots=True)
class PlateDetectorSettings:
    """What the manifest's row `plate_detector` says beside the file; thresholds were chosen on drawn scenes.

    Attributes:
        input_px: side of the network's square input, a multiple of 32.
        min_confidence: smallest calibrated confidence that is reported.
        min_first_look: smallest probability of a first look that is worth a second one, as the network gives it.
        slope, offset: of the logistic curve that turns the looks' mean into the probability of being right.
        max_plates: plates a box, best first.
        min_width_px: narrower plates are left out, since nobody could read them.
    """

    input_px: int = 320
    min_confidence: float = 0.4
    min_first_look: float = 0.1
    slope: float = 1.0
    offset: float = 0.0
    max_plates: int = 3
    min_width_px: float = 16.0

    def __post_init__(self) -> None:
        """Refuse values that the detector cannot work with."""
        if self.input_px < 32 or self.input_px % 32:
            raise ModelError(f"weights plate_detector: input_px is {self.input_px}, must be a multiple of 32")
        if not (0 < self.min_first_look < 1 and 0 < self.min_confidence < 1) or self.slope <= 0 or self.max_plates < 1:
            raise ModelError("weights plate_detector: thresholds in 0 to 1, slope above 0, max_plates from 1")

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "PlateDetectorSettings":
        """Read a manifest row; keys of other readers are ignored, missing ones keep their default.

        Raises:
            ModelError: a value is out of range.
        """
        return cls(**{f.name: row[f.name] for f in fields(cls) if f.name in row})


class OnnxPlateDetector:
    """A `PlateDetector` in two looks: the box as a whole, then closely at each candidate.

    The second look gives a small plate's corners their accuracy, and rejects what only resembled a plate from afar.
    Where the plate's place is known from an earlier picture the close look alone is taken. To do without the close look
    where a plate is large in the first one was tried: it made double-row plates a sixth too narrow.
    """

    def __init__(self, network: Network, settings: PlateDetectorSettings | None = None) -> None:
        """Take a network that is ready to run.

        Args:
            network: an `OnnxModel` with input (N, 3, S, S) RGB 0 to 1, and as outputs scores (N, 2, S/8, S/8) of centre
                and two rows, and corner offsets (N, 8, S/8, S/8) px.
            settings: None for the defaults.
        """
        self._network = network
        self._settings = settings or PlateDetectorSettings()

    def find(
        self, image: np.ndarray, boxes: Sequence[Box], hints: Sequence[PlateHint] | None = None
    ) -> list[list[PlateBox]]:
        """See `PlateDetector.find`."""
        hints = hints or [NO_HINT] * len(boxes)
        found = self._find_again(image, [hint.expected for hint in hints])
        fresh = [i for i, plates in enumerate(found) if not plates]
        for i, plates in zip(fresh, self._find_anew(image, [boxes[i] for i in fresh]), strict=True):
            found[i] = plates or (self._find_hidden(image, boxes[i]) if hints[i].in_vain else [])
        return found

    def _find_again(self, image: np.ndarray, expected: Sequence[Corners | None]) -> list[list[PlateBox]]:
        """One close look at each place where a plate is expected; an empty list where it is not there."""
        known = [(i, PlateBox(corners, 1, 1.0)) for i, corners in enumerate(expected) if corners is not None]
        looks = self._look(image, [_window(plate) for _, plate in known])
        found: list[list[PlateBox]] = [[] for _ in expected]
        for (i, before), close in zip(known, looks, strict=True):
            near = [p for p in close if distance(p.centre, before.centre) < before.width_px]
            found[i] = self._report([(p, p) for p in near[:1]])
        return found

    def _find_anew(self, image: np.ndarray, boxes: Sequence[Box]) -> list[list[PlateBox]]:
        """Both looks: each box as a whole, then closely at its candidates."""
        first = self._look(image, [expand(box, BOX_MARGIN) for box in boxes])
        candidates = [(i, plate) for i, plates in enumerate(first) for plate in self._hopeful(plates)]
        second = self._look(image, [_window(plate) for _, plate in candidates])
        pairs: list[list[tuple[PlateBox, PlateBox]]] = [[] for _ in boxes]
        for (i, glimpse), close in zip(candidates, second, strict=True):
            same = [p for p in close if distance(p.centre, glimpse.centre) < glimpse.width_px / 2]
            pairs[i] += [(same[0], glimpse)] if same else []
        return [self._report(kept) for kept in pairs]

    def _find_hidden(self, image: np.ndarray, box: Box) -> list[PlateBox]:
        """Both looks at other views of one box, up to the first that shows a plate."""
        for view in make_views(image, expand(box, BOX_MARGIN)):
            (plates,) = self._find_anew(view.image, [view.box])
            if plates:
                return [replace(plate, corners=view.restore(plate.corners)) for plate in plates]
        return []

    def _report(self, pairs: Sequence[tuple[PlateBox, PlateBox]]) -> list[PlateBox]:
        """Plates as seen closely that are wide and sure enough, with the confidence of both looks, best first."""
        plates = []
        for plate, glimpse in pairs:
            confidence = self._calibrate(float(np.sqrt(plate.confidence * glimpse.confidence)))
            if confidence >= self._settings.min_confidence and plate.width_px >= self._settings.min_width_px:
                plates.append(PlateBox(plate.corners, plate.rows, confidence))
        return suppress(sorted(plates, key=lambda p: -p.confidence), self._settings.max_plates)

    def _hopeful(self, plates: Sequence[PlateBox]) -> list[PlateBox]:
        """The candidates of one box (best first) that a sure close look would make a plate, and that rival the best."""
        return [
            plate
            for plate in plates
            if plate.confidence >= RIVAL_SHARE * plates[0].confidence
            and self._calibrate(float(np.sqrt(plate.confidence))) >= self._settings.min_confidence
        ]

    def _calibrate(self, confidence: float) -> float:
        bounded = min(max(confidence, 1e-6), 1 - 1e-6)
        logit = np.log(bounded / (1 - bounded))
        return float(1 / (1 + np.exp(-(self._settings.slope * logit + self._settings.offset))))

    def _look(self, image: np.ndarray, boxes: Sequence[Box]) -> list[list[PlateBox]]:
        """One run of the network on each box that holds a piece of the picture."""
        crops = [_Crop.cut(image, box, self._settings.input_px) for box in boxes]
        seen = [crop for crop in crops if crop is not None]
        if not seen:
            return [[] for _ in boxes]
        scores, corners = self._network.run(to_batch([crop.pixels for crop in seen]))
        results = iter(zip(seen, scores, corners, strict=True))
        found: list[list[PlateBox]] = []
        for crop in crops:
            if crop is None:
                found.append([])
                continue
            seen_crop, crop_scores, crop_corners = next(results)
            plates = decode(crop_scores, crop_corners, self._settings.min_first_look)
            found.append([seen_crop.restore(plate) for plate in suppress(plates, self._settings.max_plates)])
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Crop:
    """A piece of a picture in the network's input, and the way back."""

    pixels: np.ndarray
    scale: float
    origin: Point

    @classmethod
    def cut(cls, image: np.ndarray, box: Box, side_px: int) -> "_Crop | None":
        """Letterbox the part of `box` that lies in the picture; None when that is less than 4 px wide or high."""
        height, width = image.shape[:2]
        x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
        x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
        if x2 - x1 < 4 or y2 - y1 < 4:
            return None
        scale = side_px / max(x2 - x1, y2 - y1)
        size = max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        square = np.full((side_px, side_px, 3), GREY, np.uint8)
        left, top = (side_px - size[0]) // 2, (side_px - size[1]) // 2
        piece = cv2.resize(image[y1:y2, x1:x2], size, interpolation=method)
        square[top : top + size[1], left : left + size[0]] = piece
        return cls(square, scale, (x1 - left / scale, y1 - top / scale))

    def restore(self, plate: PlateBox) -> PlateBox:
        """A plate in input px as one in px of the whole picture."""
        a, b, c, d = ((x / self.scale + self.origin[0], y / self.scale + self.origin[1]) for x, y in plate.corners)
        return PlateBox((a, b, c, d), plate.rows, plate.confidence)


def decode(scores: np.ndarray, corners: np.ndarray, min_confidence: float) -> Iterator[PlateBox]:
    """Peaks of one output as plates in input px, best first: few are asked for.

    Args:
        scores: (2, H, W) logits: centre of a plate here, two rows.
        corners: (8, H, W) offsets from the cell's centre in px: x and y of the four corners.
        min_confidence: smallest probability of a centre.
    """
    heat = 1 / (1 + np.exp(-scores[0].astype(np.float64)))
    is_peak = heat >= cv2.dilate(heat, np.ones((3, 3)))
    rows, columns = np.nonzero(is_peak & (heat >= min_confidence))
    for at in np.argsort(-heat[rows, columns], kind="stable"):
        r, c = int(rows[at]), int(columns[at])
        p, q, s, t = ((float(x), float(y)) for x, y in _mean_corners(heat, corners, (r, c)))
        yield PlateBox((p, q, s, t), 2 if scores[1, r, c] > 0 else 1, float(heat[r, c]))


def _mean_corners(heat: np.ndarray, corners: np.ndarray, peak: tuple[int, int]) -> np.ndarray:
    """Corners (4, 2) in px as the cells around a peak see them, weighted by their own probability.

    Cells below half of the peak's probability have no say: they may belong to something else.
    """
    r, c = peak
    height, width = heat.shape
    block = slice(max(0, r - 1), min(height, r + 2)), slice(max(0, c - 1), min(width, c + 2))
    weights = np.where(heat[block] >= heat[r, c] / 2, heat[block], 0.0)
    ys, xs = np.mgrid[block]
    at = np.stack([xs + 0.5, ys + 0.5]) * STRIDE_PX
    points = corners[(slice(None), *block)].reshape(4, 2, *weights.shape) + at
    mean: np.ndarray = (points * weights).sum(axis=(2, 3)) / weights.sum()
    return mean


def suppress(plates: Iterable[PlateBox], at_most: int) -> list[PlateBox]:
    """The first plates (given best first) but those whose centre lies within half a width of a better one's."""
    kept: list[tuple[PlateBox, Point, float]] = []
    for plate in plates:
        middle, width_px = plate.centre, plate.width_px
        if all(distance(middle, other) > max(width_px, other_px) / 2 for _, other, other_px in kept):
            kept.append((plate, middle, width_px))
        if len(kept) == at_most:
            break
    return [plate for plate, *_ in kept]


def _window(plate: PlateBox) -> Box:
    """Square around a plate for the second look."""
    x, y = plate.centre
    half = max(plate.width_px, plate.height_px) * ZOOM / 2
    return x - half, y - half, x + half, y + half


def assign(found: Sequence[Sequence[PlateBox]], boxes: Sequence[Box]) -> list[PlateBox | None]:
    """Give each box its best plate, and no plate to two boxes.

    A plate that was found in several overlapping boxes belongs to the smallest: a car's plate also lies in the box of
    the truck behind it, hardly ever the other way round.

    Args:
        found: plates of each box, best first.
        boxes: the boxes, px.

    Returns:
        One plate a box; None where there is none, or only other vehicles' ones.
    """
    order = sorted(range(len(boxes)), key=lambda i: (boxes[i][2] - boxes[i][0]) * (boxes[i][3] - boxes[i][1]))
    taken: list[PlateBox] = []
    chosen: list[PlateBox | None] = [None] * len(boxes)
    for i in order:
        free = [p for p in found[i] if all(distance(p.centre, t.centre) > t.width_px / 2 for t in taken)]
        if free:
            middle = centre(boxes[i])[0]
            best = max(free, key=lambda p: (round(p.confidence, 2), -abs(p.centre[0] - middle)))
            chosen[i] = best
            taken.append(best)
    return chosen

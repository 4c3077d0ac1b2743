"""Judges the cargo beds of one picture: where the bed is, what covers it, what lies in it, or that it cannot be seen.

Two networks: `bed_locator` looks at the vehicle and finds the bed (and tells tippers from other vehicles), `load_state`
looks at the bed alone. The crop decides the quality: with the whole vehicle as input the same data give less than half.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from detector.entities import Cover, Fill, LoadState
from detector.errors import ModelError
from detector.geometry import Box, area, clip, expand
from detector.inference import Network, to_batch
from detector.observation.load_crop import Window, cut_bed, cut_square

COVERS = (Cover.CLOSED, Cover.PARTIAL, Cover.OPEN, Cover.NOT_VISIBLE)
"""Order of the cover logits."""

FILLS = (Fill.EMPTY, Fill.BELOW_EDGE, Fill.ABOVE_EDGE, Fill.NOT_VISIBLE)
"""Order of the fill logits."""

TRUCK_MARGIN = 0.08
"""Share by which a vehicle's box is grown before the bed is looked for: detectors' boxes are that inexact."""


@dataclass(frozen=True, slots=True)
class LoadStateSettings:
    """What the manifest's row `load_state` says beside the file; chosen on validation pictures only.

    Attributes:
        bed_input_px, state_input_px: sides of the two networks' inputs.
        cover_temperature, fill_temperature: divisors of the logits that calibrate confidences.
        tipper_odds: factor on the odds of a tipper; renders hold more of what looks like one than roads do.
        min_closed, min_open: probabilities from which a cover is named closed, or open in whole or part.
        min_empty, min_loaded: probabilities from which a bed is named empty, or loaded.
        min_heaped: probability of ABOVE_EDGE from which it is named instead of BELOW_EDGE.
        min_bed_px: root of the bed's area below which nothing is said.
        min_inside: share of the bed's box that must lie inside the picture.
    """

    bed_input_px: int = 224
    state_input_px: int = 288
    cover_temperature: float = 1.0
    fill_temperature: float = 1.0
    tipper_odds: float = 1.0
    min_closed: float = 0.7
    min_open: float = 0.7
    min_empty: float = 0.75
    min_loaded: float = 0.75
    min_heaped: float = 0.7
    min_bed_px: float = 40.0
    min_inside: float = 0.6

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "LoadStateSettings":
        """Read a manifest row; keys of other readers are ignored, missing ones keep their default.

        Raises:
            ModelError: a value that is not a number above 0; names the key.
        """
        known = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        for key, value in known.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise ModelError(f"weights load_state: {key} is {value!r}, must be a number above 0")
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Bed:
    """What the locator says of one vehicle: the bed's box in px, unclipped, and the probability of a tipper."""

    xyxy: Box
    tipper_confidence: float


class OnnxLoadStateReader:
    """Reads load states with two networks; the answer for a vehicle does not depend on its neighbours in the batch."""

    def __init__(self, bed_network: Network, state_network: Network, settings: LoadStateSettings) -> None:
        """Keep the networks.

        Args:
            bed_network: outputs bed boxes (N, 4) as shares of the crop, and logits (N, 1) for *tipper*.
            state_network: outputs logits (N, 4) in the order of `COVERS` and (N, 4) in the order of `FILLS`.
            settings: from the manifest.
        """
        self._bed_network = bed_network
        self._state_network = state_network
        self._settings = settings

    def read(self, image: np.ndarray, boxes: Sequence[Box]) -> list[LoadState]:
        """Judge the bed of each vehicle.

        Args:
            image: (H, W, 3) uint8, BGR.
            boxes: vehicles in px; may reach beyond the picture.

        Returns:
            One state for each box, in order. Cover and fill are NOT_VISIBLE where the vehicle is no tipper, the bed is
            too small or cut off by the picture's edge, or the networks are not sure; `bed_xyxy` (clipped to the
            picture) is None where the vehicle is no tipper.
        """
        beds = self._locate(image, boxes)
        readable = [(i, bed) for i, bed in enumerate(beds) if bed is not None and self._is_readable(image, bed)]
        crops = [cut_bed(image, bed.xyxy, self._settings.state_input_px)[0] for _, bed in readable]
        logits = _run(self._state_network, crops)
        states = [hide(image, found) for found in beds]
        for (i, bed), cover_logits, fill_logits in zip(readable, *logits, strict=True) if readable else ():
            cover = name_cover(soften(cover_logits, self._settings.cover_temperature), self._settings)
            fill = name_fill(soften(fill_logits, self._settings.fill_temperature), cover[0], self._settings)
            states[i] = LoadState(*cover, *fill, bed.tipper_confidence, states[i].bed_xyxy)
        return states

    def _locate(self, image: np.ndarray, boxes: Sequence[Box]) -> list[Bed | None]:
        """The bed of each vehicle; None where nothing of the box lies inside the picture."""
        height, width = image.shape[:2]
        seen = [i for i, box in enumerate(boxes) if area(clip(box, width, height)) >= 1.0]
        cuts = [cut_square(image, expand(boxes[i], TRUCK_MARGIN), self._settings.bed_input_px) for i in seen]
        beds: list[Bed | None] = [None] * len(boxes)
        outputs = _run(self._bed_network, [crop for crop, _ in cuts])
        for i, (_, window), xyxy, logit in zip(seen, cuts, *outputs, strict=True) if seen else ():
            beds[i] = _place(window, xyxy, float(logit[0]) + np.log(self._settings.tipper_odds))
        return beds

    def _is_readable(self, image: np.ndarray, bed: Bed) -> bool:
        """Whether a bed belongs to a tipper and is large and whole enough to be judged."""
        inside = area(clip(bed.xyxy, image.shape[1], image.shape[0]))
        large = inside >= self._settings.min_bed_px**2
        return bed.tipper_confidence >= 0.5 and large and inside >= self._settings.min_inside * area(bed.xyxy)


def soften(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Calibrated probabilities (K,) of logits (K,), to four decimals.

    Rounding keeps the last bits, in which batches of different size may differ, out of the judgement.
    """
    scaled = logits.astype(np.float64) / temperature
    weights = np.exp(scaled - scaled.max())
    shares: np.ndarray = np.round(weights / weights.sum(), 4)
    return shares


def name_cover(probabilities: np.ndarray, settings: LoadStateSettings) -> tuple[Cover, float]:
    """Cover from probabilities (4,) in the order of `COVERS`, with the probability that it is, or is not, closed.

    Below `min_closed` or `min_open` it is NOT_VISIBLE, with the probability that the better answer would have been
    wrong.
    """
    closed, partial, opened, _ = (float(p) for p in probabilities)
    uncovered = round(partial + opened, 4)
    if max(closed, uncovered) < (settings.min_closed if closed > uncovered else settings.min_open):
        return Cover.NOT_VISIBLE, _rest(max(closed, uncovered))
    if closed > uncovered:
        return Cover.CLOSED, closed
    return (Cover.OPEN if opened > partial else Cover.PARTIAL), min(1.0, uncovered)


def name_fill(probabilities: np.ndarray, cover: Cover, settings: LoadStateSettings) -> tuple[Fill, float]:
    """Fill from probabilities (4,) in the order of `FILLS`, under the cover that was named.

    EMPTY and BELOW_EDGE carry the probability that the bed is empty, or is loaded; ABOVE_EDGE that the load stands
    above the edge: in doubt about the height the lesser is named. Below `min_empty` or `min_loaded` it is NOT_VISIBLE,
    with the probability that the better answer would have been wrong. Of what lies under a closed cover only a heap
    can be seen.
    """
    empty, below, above, _ = (float(p) for p in probabilities)
    loaded = round(below + above, 4)
    if cover is Cover.CLOSED:
        return (Fill.ABOVE_EDGE, above) if above >= settings.min_heaped else (Fill.NOT_VISIBLE, _rest(above))
    if max(empty, loaded) < (settings.min_empty if empty > loaded else settings.min_loaded):
        return Fill.NOT_VISIBLE, _rest(max(empty, loaded))
    if empty > loaded:
        return Fill.EMPTY, empty
    if above >= settings.min_heaped:
        return Fill.ABOVE_EDGE, above
    return Fill.BELOW_EDGE, min(1.0, loaded)


def hide(image: np.ndarray, bed: Bed | None) -> LoadState:
    """The state of a bed that is not judged; None is a vehicle that was not seen: tipper or not, even odds."""
    tipper_confidence = bed.tipper_confidence if bed else 0.5
    box = clip(bed.xyxy, image.shape[1], image.shape[0]) if bed and tipper_confidence >= 0.5 else None
    if box is not None and area(box) <= 0.0:
        box = None
    return LoadState(Cover.NOT_VISIBLE, 1.0, Fill.NOT_VISIBLE, 1.0, tipper_confidence, box)


def _rest(probability: float) -> float:
    """What is left of 1, to four decimals, never below 0."""
    return max(0.0, round(1.0 - probability, 4))


def _place(window: Window, xyxy: np.ndarray, tipper_logit: float) -> Bed:
    """A located bed in px of the picture (tenths are kept); corners in the wrong order make a box of no area."""
    left, top, right, bottom = (float(v) for v in xyxy)
    x1, y1, x2, y2 = (round(float(v), 1) for v in window.to_image((left, top, right, bottom)))
    probability = 1.0 / (1.0 + np.exp(-np.clip(tipper_logit, -30.0, 30.0)))
    return Bed((x1, y1, max(x1, x2), max(y1, y2)), round(float(probability), 4))


def _run(network: Network, crops: list[np.ndarray]) -> list[np.ndarray]:
    """A network's outputs for any number of crops; [] for none."""
    return network.run(to_batch(crops)) if crops else []

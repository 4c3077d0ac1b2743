"""Reads plates: finds the best one of each vehicle, straightens it, and names its characters and ground."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.entities import PlateColour, PlateReading
from detector.errors import ModelError
from detector.geometry import Box
from detector.inference import Network, to_batch
from detector.observation.plate_detector import PlateBox, PlateDetector, assign
from detector.observation.plate_rectify import nudge, rectify
from detector.observation.protocols import PlateHint

ALTERNATIVES = 3
"""Other characters reported a position; the vote needs them, a person does not need more."""

MIN_ALTERNATIVE = 0.005

NUDGES = (-0.025, 0.025)
"""Shares of the width by which a plate is cut out again, to the left and to the right. On 600 drawn plates (seed 78)
single looks went from 560 exact and 4 wrong to 576 and 1; a fourth cut gave 579 and 1."""
BLANK = 0


@dataclass(frozen=True, slots=True)
class PlateReaderSettings:
    """What the manifest's row `plate_reader` says beside the file; calibrated on drawn validation crops.

    Attributes:
        alphabet: characters of classes 1, 2, …; class 0 is "no character".
        colours: ground colours in the order of the network's output.
        temperature: divides the characters' scores, so that probabilities are those of being right.
        min_colour: probability below which the ground colour is UNKNOWN.
    """

    alphabet: str
    colours: tuple[PlateColour, ...]
    temperature: float = 1.0
    min_colour: float = 0.6

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "PlateReaderSettings":
        """Read a manifest row.

        Raises:
            ModelError: alphabet or colours missing, or a value out of range.
        """
        try:
            colours = tuple(PlateColour(name) for name in row["colours"])
            alphabet = str(row["alphabet"])
        except (KeyError, ValueError) as error:
            raise ModelError(f"weights plate_reader: alphabet and colours are needed: {error}") from error
        temperature, min_colour = float(row.get("temperature", 1.0)), float(row.get("min_colour", 0.6))
        if temperature <= 0 or not 0 <= min_colour <= 1 or len(set(alphabet)) != len(alphabet):
            raise ModelError("weights plate_reader: temperature above 0, min_colour 0 to 1, alphabet without doubles")
        return cls(alphabet, colours, temperature, min_colour)


class OnnxPlateReader:
    """A `PlateReader` of two networks: one finds plates, one reads the straightened crop."""

    def __init__(self, detector: PlateDetector, network: Network, settings: PlateReaderSettings) -> None:
        """Take both parts, ready to run.

        Args:
            detector: finds the plates.
            network: an `OnnxModel` with input (N, 3, 64, 192) RGB 0 to 1, and as outputs scores of characters
                (N, slots, 1 + alphabet) and of colours (N, colours).
            settings: the manifest's row.
        """
        self._detector = detector
        self._network = network
        self._settings = settings

    def read(
        self, image: np.ndarray, boxes: Sequence[Box], hints: Sequence[PlateHint] | None = None
    ) -> list[PlateReading | None]:
        """See `PlateReader.read`; a plate in which no character is seen is a reading with text ""."""
        plates = assign(self._detector.find(image, boxes, hints), boxes)
        readings = iter(self.read_plates(image, [plate for plate in plates if plate is not None]))
        return [None if plate is None else next(readings) for plate in plates]

    def read_plates(self, image: np.ndarray, plates: Sequence[PlateBox]) -> list[PlateReading]:
        """Read plates whose corners are known, one reading each."""
        if not plates:
            return []
        characters, colours = self.score(image, plates)
        return [self._interpret(plate, c, g) for plate, c, g in zip(plates, characters, colours, strict=True)]

    def score(self, image: np.ndarray, plates: Sequence[PlateBox]) -> tuple[np.ndarray, np.ndarray]:
        """The network's scores of characters (N, slots, 1 + alphabet) and colours (N, colours), before temperature.

        Each plate is cut out once by its corners and once for each of `NUDGES`, and the scores are averaged: corners
        are good to a few percent only, and a character that depends on them is none to be sure of.
        """
        cuts = [cut for plate in plates for cut in (plate.corners, *(nudge(plate.corners, x) for x in NUDGES))]
        characters, colours = self._network.run(to_batch([rectify(image, cut) for cut in cuts]))
        slots, grounds = (s.reshape(len(plates), -1, *s.shape[1:]).mean(axis=1) for s in (characters, colours))
        return slots, grounds

    def _interpret(self, plate: PlateBox, characters: np.ndarray, colours: np.ndarray) -> PlateReading:
        slots = softmax(characters / self._settings.temperature)
        ground = softmax(colours)
        spelled = [slot for slot in slots if slot.argmax() != BLANK]
        names = [self._settings.alphabet[slot.argmax() - 1] for slot in spelled]
        is_known = ground.max() >= self._settings.min_colour
        return PlateReading(
            text="".join(names),
            characters=tuple(float(slot.max()) for slot in spelled),
            alternatives=tuple(self._others(slot) for slot in spelled),
            colour=self._settings.colours[int(ground.argmax())] if is_known else PlateColour.UNKNOWN,
            colour_confidence=float(ground.max()),
            corners=plate.corners,
            rows=plate.rows,
            detection_confidence=plate.confidence,
        )

    def _others(self, slot: np.ndarray) -> tuple[tuple[str, float], ...]:
        """The likeliest other characters of a slot; "no character" is none of them."""
        best = np.argsort(-slot)[1 : ALTERNATIVES + 2]
        others = [(self._settings.alphabet[i - 1], float(slot[i])) for i in best if i != BLANK]
        return tuple(other for other in others if other[1] >= MIN_ALTERNATIVE)[:ALTERNATIVES]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis, float64."""
    shifted = np.exp(scores.astype(np.float64) - scores.max(axis=-1, keepdims=True))
    shares: np.ndarray = shifted / shifted.sum(axis=-1, keepdims=True)
    return shares

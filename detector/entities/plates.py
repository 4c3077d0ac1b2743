"""Number plates: one look, and the vote over all looks."""

from dataclasses import dataclass
from enum import StrEnum

from detector.geometry import Box, Point, distance


class PlateType(StrEnum):
    """Kinds of Chinese plates (GA 36-2018 and others; domain.md section 3)."""

    ORDINARY = "ordinary"
    NEV_SMALL = "nev_small"
    NEV_LARGE = "nev_large"
    TRAILER = "trailer"
    TRAINER = "trainer"
    POLICE = "police"
    OVERSIZE = "oversize"
    HK_MACAU = "hk_macau"
    EMBASSY = "embassy"
    CONSULATE = "consulate"
    MILITARY = "military"
    ARMED_POLICE = "armed_police"
    EMERGENCY = "emergency"
    AIRSIDE = "airside"
    TRACTOR = "tractor"
    UNKNOWN = "unknown"


class PlateColour(StrEnum):
    """Ground colour of a plate."""

    BLUE = "blue"
    YELLOW = "yellow"
    GREEN = "green"
    YELLOW_GREEN = "yellow_green"
    WHITE = "white"
    BLACK = "black"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PlateReading:
    """One look at one plate.

    Attributes:
        text: as read, any length; "" when the reader saw no character.
        characters: confidence of each character of `text`, 0 to 1.
        alternatives: per character the likeliest others with their probability, best first; may be empty.
        colour, colour_confidence: ground colour, and its probability.
        corners: the four corners in px of the whole image: top-left, top-right, bottom-right, bottom-left.
        rows: 1 or 2.
        detection_confidence: that this is a plate at all, 0 to 1.
    """

    text: str
    characters: tuple[float, ...]
    alternatives: tuple[tuple[tuple[str, float], ...], ...]
    colour: PlateColour
    colour_confidence: float
    corners: tuple[Point, Point, Point, Point]
    rows: int
    detection_confidence: float

    @property
    def width_px(self) -> float:
        """Length of the plate's upper edge in px."""
        return distance(self.corners[0], self.corners[1])

    @property
    def xyxy(self) -> Box:
        """The upright box around the four corners."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True)
class Plate:
    """The voted plate of a pass.

    Attributes:
        text: full plate; characters that are not sure are "-".
        characters: confidence of each character after the vote, 0 to 1.
        plate_type: by grammar; UNKNOWN while a character is unsure and several types fit.
        colour: voted ground colour.
        looks: how many readings took part.
    """

    text: str
    characters: tuple[float, ...]
    plate_type: PlateType
    colour: PlateColour
    looks: int

    @property
    def confidence(self) -> float:
        """The lowest character confidence: a plate is as sure as its least sure character."""
        return min(self.characters, default=0.0)

    @property
    def is_certain(self) -> bool:
        """Whether every character is sure."""
        return bool(self.text) and "-" not in self.text

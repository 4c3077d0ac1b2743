"""Many readings of one plate become one plate, with "-" where a character is not sure.

- Each reading is a distribution per position (its character and alternatives); readings are pooled linearly with the
  weight of what they could see: width in px, and that it is a plate at all. A pool of means, not of products: the looks
  of one pass share light, angle and model, so their errors are alike and must not add up to certainty.
- Readings of different length are different hypotheses. The forms of `plate_grammar` compete by the support that their
  positions find; the winner's alphabets are the mask: what a position cannot hold counts for no character, so that a
  look that saw it there weakens the position instead of being bent to the nearest allowed character.
- A character is sure from `SURE`; one that has look-alikes (0 D Q, 8 B, …) from `SURE_CONFUSABLE`. Nothing is guessed.
- A pass with fewer than `ENOUGH_LOOKS` agreeing readings, or with a doubt of the grammar, keeps its text but reports
  less confidence.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from detector.entities import Plate, PlateColour, PlateReading, PlateType
from detector.observation.plate_grammar import PATTERNS, UNSURE, Pattern, classify, doubts, look_alikes

SURE = 0.7
SURE_CONFUSABLE = 0.8
"""Mean probability of a character from which it is written; set on validation renders, see the model card."""

MIN_LENGTH_SHARE = 0.6
"""Share of the readings' weight that must have the winner's length; below it every character is unsure."""

ENOUGH_LOOKS = 3
FEW_LOOKS_FACTOR = {1: 0.8, 2: 0.9}
DOUBT_FACTOR = 0.9

WIDTH_POWER = 3
"""How fast a look's weight falls with the plate's width: on the demo clip half of the readings below 45 px are wrong,
none above 60 px, and an approaching truck gives more far looks than near ones."""

FULL_WIDTH_PX = 100.0
"""A plate this wide counts fully (domain.md 3: below it no plate is reliably legible)."""

MIN_COLOUR_SHARE = 0.5
WRONG_GROUND_FACTOR, WRONG_ROWS_FACTOR = 0.5, 0.8
"""By which a form is less likely whose ground or rows were not seen; an impossible ground counts for nothing."""

USUAL_LENGTH = 7

Distribution = dict[str, float]


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading as weight and distributions."""

    weight: float
    positions: tuple[Distribution, ...]
    rows: int


def vote(readings: Sequence[PlateReading]) -> Plate | None:
    """Fuse the readings of one vehicle.

    Args:
        readings: looks at the plate, in any order; readings without text take part in the colour alone.

    Returns:
        None when there is no reading at all: no plate was found. A plate that is found but cannot be read, or whose
        looks contradict each other, is a `Plate` of "-" alone.
    """
    if not readings:
        return None
    readings = sorted(readings, key=_order)  # sums of floats depend on their order; the vote must not
    colour = _vote_colour(readings)
    looks = [_as_look(r) for r in readings if r.text]
    pattern = _best_pattern(looks, colour)
    if pattern is None:
        return _unread(readings, colour)
    group = [look for look in looks if len(look.positions) == len(pattern.positions)]
    total = sum(look.weight for look in looks)
    weight = sum(look.weight for look in group)
    if weight < MIN_LENGTH_SHARE * total:
        return _unread(readings, colour)
    pooled = [_pool(group, i, allowed) for i, allowed in enumerate(pattern.positions)]
    best = [max(position.items(), key=lambda item: item[1]) for position in pooled]
    text = _within_letter_limit(pattern, [c if _is_sure(c, p) else UNSURE for c, p in best], pooled)
    kind = classify(text, colour)
    if kind is None or set(text) == {UNSURE}:
        return _unread(readings, colour)
    agreeing = sum(_agrees(look, text) for look in group)
    factor = FEW_LOOKS_FACTOR.get(max(agreeing, 1), 1.0) * (DOUBT_FACTOR if doubts(text, colour) else 1.0)
    return Plate(text, tuple(round(p * factor, 4) for _, p in best), kind, colour, len(readings))


def mask_unsure(reading: PlateReading) -> str:
    """One look's text with "-" for every character that is not sure by itself."""
    return "".join(c if _is_sure(c, p) else UNSURE for c, p in zip(reading.text, reading.characters, strict=True))


def _order(reading: PlateReading) -> tuple[object, ...]:
    return reading.text, reading.characters, reading.alternatives, reading.corners, reading.colour


def _vote_colour(readings: Sequence[PlateReading]) -> PlateColour:
    support: dict[PlateColour, float] = defaultdict(float)
    for reading in readings:
        support[reading.colour] += reading.colour_confidence
    support.pop(PlateColour.UNKNOWN, None)
    if not support:
        return PlateColour.UNKNOWN
    winner = max(support, key=lambda colour: support[colour])
    return winner if support[winner] > MIN_COLOUR_SHARE * sum(support.values()) else PlateColour.UNKNOWN


def _as_look(reading: PlateReading) -> _Look:
    """Distributions of a reading; characters that it does not name have probability 0."""
    others = reading.alternatives or ((),) * len(reading.text)
    positions = tuple(
        {**dict(alternatives), character: probability}
        for character, probability, alternatives in zip(reading.text, reading.characters, others, strict=True)
    )
    width = min(1.0, reading.width_px / FULL_WIDTH_PX) ** WIDTH_POWER
    return _Look(max(reading.detection_confidence * width, 1e-6), positions, reading.rows)


def _best_pattern(looks: Sequence[_Look], colour: PlateColour) -> Pattern | None:
    """The form with most support: weight of its looks times the least probable position under its alphabets."""
    support: dict[Pattern, float] = {}
    for pattern in PATTERNS:
        if colour in pattern.impossible:
            continue
        ground = 1.0 if colour in pattern.colours or colour is PlateColour.UNKNOWN else WRONG_GROUND_FACTOR
        for look in looks:
            if len(look.positions) != len(pattern.positions):
                continue
            masses = (
                sum(p for c, p in position.items() if c in allowed)
                for position, allowed in zip(look.positions, pattern.positions, strict=True)
            )
            rows = 1.0 if look.rows in pattern.rows else WRONG_ROWS_FACTOR
            support[pattern] = support.get(pattern, 0.0) + look.weight * ground * rows * min(masses)
    best = max(support, key=lambda pattern: support[pattern], default=None)
    return best if best is not None and support[best] > 0 else None


def _pool(looks: Sequence[_Look], index: int, allowed: str) -> Distribution:
    """Weighted mean of one position over the looks, restricted to the allowed characters but not rescaled."""
    total = sum(look.weight for look in looks)
    pooled: Distribution = dict.fromkeys(allowed, 0.0)
    for look in looks:
        for character, probability in look.positions[index].items():
            if character in pooled:
                pooled[character] += look.weight * probability / total
    return pooled


def _is_sure(character: str, probability: float) -> bool:
    return probability >= (SURE_CONFUSABLE if look_alikes(character) else SURE)


def _within_letter_limit(pattern: Pattern, characters: list[str], pooled: Sequence[Distribution]) -> str:
    """Give up the least sure serial letters where there are more than the standard allows."""
    while pattern.max_letters is not None:
        letters = pattern.free_letters("".join(characters))
        if len(letters) <= pattern.max_letters:
            break
        characters[min(letters, key=lambda i: pooled[i][characters[i]])] = UNSURE
    return "".join(characters)


def _agrees(look: _Look, text: str) -> bool:
    """Whether a look's own best characters are the voted ones wherever these are sure."""
    best = (max(position, key=lambda c: position[c]) for position in look.positions)
    return all(voted in (UNSURE, seen) for voted, seen in zip(text, best, strict=True))


def _unread(readings: Sequence[PlateReading], colour: PlateColour) -> Plate:
    return Plate(UNSURE * USUAL_LENGTH, (0.0,) * USUAL_LENGTH, PlateType.UNKNOWN, colour, len(readings))

"""Which texts a Chinese number plate can carry: GA 36-2018 and the other kinds, as data.

A pattern is a tuple of alphabets, one a position, so that the same data checks texts, names the kind, and masks the
vote position by position. Sources: domain.md section 3; kinds marked (K) there are known from practice only.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from detector.entities import PlateColour, PlateType

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # serial letters: no I, no O
AUTHORITIES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of police plates: O is the provincial authority
NEV_LETTERS = "DABCEFGHJK"  # D, A, B, C, E: pure electric; the others: not pure electric
MIXED = LETTERS + DIGITS
UNSURE = "-"

MAX_SERIAL_LETTERS = 2
"""Of the five serial characters of an ordinary plate (GA 36-2018 table 4)."""

CONFUSABLE = ("0DQO", "8B", "5S", "2Z", "17T", "6G", "UV", "4A")
"""Characters that look alike when blurred (domain.md 3)."""

CONFUSABLE_PROVINCES = "渝湘皖豫鄂粤"

AUTHORITIES_IN_USE = {"渝": "ABCDFGHN"}
"""Where the list is known: other letters are possible (GA 36 lets municipalities open A to Z) but rare, hence a doubt.
Never infer a district from the letter: since 2018 they have stopped meaning districts."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One form that texts of a kind take.

    Attributes:
        plate_type: the kind.
        positions: the characters that each position may hold.
        colours: grounds on which it is issued.
        impossible: grounds that rule it out; other wrong grounds only raise a doubt.
        rows: numbers of rows in which it is stamped.
        max_letters: most letters among the positions that take letters and digits; None for no limit.
        refused_start: texts that begin so belong to another kind; "" for none.
    """

    plate_type: PlateType
    positions: tuple[str, ...]
    colours: frozenset[PlateColour]
    impossible: frozenset[PlateColour] = frozenset()
    rows: frozenset[int] = frozenset({1})
    max_letters: int | None = None
    refused_start: str = ""

    def fits(self, text: str) -> bool:
        """Whether a text has this form; UNSURE fits every position."""
        if len(text) != len(self.positions) or (self.refused_start and text.startswith(self.refused_start)):
            return False
        if not all(c == UNSURE or c in allowed for c, allowed in zip(text, self.positions, strict=True)):
            return False
        return self.max_letters is None or len(self.free_letters(text)) <= self.max_letters

    def free_letters(self, text: str) -> list[int]:
        """Positions at which `text` has a letter where a digit might stand as well."""
        both = [i for i, allowed in enumerate(self.positions) if allowed == MIXED]
        return [i for i in both if text[i] in LETTERS]


def _pattern(kind: PlateType, positions: str, colours: str, rows: str = "1") -> Pattern:
    """Spell a pattern.

    P province, L letter, U authority letter of the police, N new-energy letter, 9 digit, * letter or digit, [AB] one of
    these, =W the letter W itself; a Chinese character is itself.
    """
    alphabets = {"P": PROVINCES, "L": LETTERS, "U": AUTHORITIES, "N": NEV_LETTERS, "9": DIGITS, "*": MIXED}
    symbols = re.findall(r"=.|\[.+?\]|.", positions)
    grounds = frozenset(PlateColour(c) for c in colours.split())
    if re.search("[挂学警超港使领急]", positions):  # a mark is stamped on its own ground only
        impossible = frozenset(PlateColour) - grounds - {PlateColour.UNKNOWN}
    else:
        impossible = frozenset({PlateColour.BLUE} if "N" in symbols else ())
    return Pattern(
        plate_type=kind,
        positions=tuple(alphabets.get(s, s.strip("=[]")) for s in symbols),
        colours=grounds,
        impossible=impossible,
        rows=frozenset(int(r) for r in rows),
        max_letters=MAX_SERIAL_LETTERS if kind is PlateType.ORDINARY else None,
        refused_start="WJ" if kind is PlateType.MILITARY else "",
    )


PATTERNS: tuple[Pattern, ...] = (
    _pattern(PlateType.ORDINARY, "PL*****", "blue yellow", rows="12"),
    _pattern(PlateType.NEV_SMALL, "PLN*9999", "green"),
    _pattern(PlateType.NEV_LARGE, "PL99999N", "yellow_green"),
    _pattern(PlateType.TRAILER, "PL****挂", "yellow", rows="2"),
    _pattern(PlateType.TRAINER, "PL****学", "yellow"),
    _pattern(PlateType.POLICE, "PU****警", "white"),
    _pattern(PlateType.OVERSIZE, "PL****超", "white"),
    _pattern(PlateType.HK_MACAU, "粤=Z****[港澳]", "black"),
    _pattern(PlateType.EMBASSY, "999999使", "black"),
    _pattern(PlateType.EMBASSY, "使999999", "black"),
    _pattern(PlateType.CONSULATE, "P99999领", "black"),
    _pattern(PlateType.CONSULATE, "PL9999领", "black"),
    _pattern(PlateType.MILITARY, "LL99999", "white", rows="12"),
    _pattern(PlateType.ARMED_POLICE, "=W=JP9999*", "white", rows="12"),
    _pattern(PlateType.ARMED_POLICE, "=W=J9999*", "white", rows="12"),
    _pattern(PlateType.EMERGENCY, "P[XS]9999应急", "white"),
    _pattern(PlateType.AIRSIDE, "民航L9999", "green"),
    _pattern(PlateType.TRACTOR, "P99*9999", "green yellow", rows="2"),
)


def as_expressions() -> list[tuple[PlateType, str, int]]:
    """Every form as a regular expression of the whole text, without look-around, with the text's length.

    Returns:
        (kind, expression, length) in the order of `PATTERNS`; complete texts only, UNSURE fits nowhere.
    """
    found = []
    for pattern in PATTERNS:
        fixed = [f"[{p}]" for p in pattern.positions if p != MIXED or pattern.max_letters is None]
        if pattern.max_letters is not None:
            fixed.append(f"[{DIGITS}]*(?:[{LETTERS}][{DIGITS}]*){{0,{pattern.max_letters}}}")
        start = "".join(fixed)
        if pattern.refused_start == "WJ":  # the one text that another kind begins with
            start = start.replace(
                f"[{LETTERS}][{LETTERS}]",
                f"(?:[{LETTERS.replace('W', '')}][{LETTERS}]|W[{LETTERS.replace('J', '')}])",
                1,
            )
        found.append((pattern.plate_type, start, len(pattern.positions)))
    return found


class Doubt(StrEnum):
    """Why a text that is possible is yet unlikely: lowers the confidence, and sends a case to closer review."""

    AUTHORITY_NOT_IN_USE = "authority_not_in_use"
    COLOUR_AGAINST_KIND = "colour_against_kind"


def classify(text: str, colour: PlateColour = PlateColour.UNKNOWN) -> PlateType | None:
    """The kind of a plate.

    Args:
        text: characters without separator; UNSURE ("-") for unsure ones.
        colour: ground colour; UNKNOWN where it is not known.

    Returns:
        The kind; UNKNOWN while unsure characters leave several possible; None when no plate can carry this text on this
        ground, so that it must be a misreading.
    """
    fitting = [p for p in PATTERNS if p.fits(text) and colour not in p.impossible]
    kinds = {p.plate_type for p in fitting}
    if len(kinds) > 1:
        kinds = {p.plate_type for p in fitting if colour in p.colours} or kinds
    if not kinds:
        return None
    return kinds.pop() if len(kinds) == 1 else PlateType.UNKNOWN


def is_complete(text: str) -> bool:
    """Whether a text is a whole plate of a kind that exists, every character of it known."""
    return UNSURE not in text and classify(text) is not None


def doubts(text: str, colour: PlateColour = PlateColour.UNKNOWN) -> frozenset[Doubt]:
    """What speaks against a possible text (domain.md 3, soft); empty for one that `classify` refuses."""
    fitting = [p for p in PATTERNS if p.fits(text) and colour not in p.impossible]
    found = set()
    if fitting and colour is not PlateColour.UNKNOWN and not any(colour in p.colours for p in fitting):
        found.add(Doubt.COLOUR_AGAINST_KIND)
    letters = AUTHORITIES_IN_USE.get(text[:1])
    ordinary = {p.plate_type for p in fitting} - {PlateType.POLICE, PlateType.EMERGENCY, PlateType.TRACTOR}
    if letters and ordinary and text[1] != UNSURE and text[1].isalpha() and text[1] not in letters:
        found.add(Doubt.AUTHORITY_NOT_IN_USE)
    return frozenset(found)


def look_alikes(character: str) -> str:
    """The characters that are taken for this one when blurred, itself excluded; "" where it is distinct."""
    groups = [g for g in (*CONFUSABLE, CONFUSABLE_PROVINCES) if character in g]
    return "".join(sorted(set("".join(groups)) - {character}))

"""Load states that were named against labelled ones."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from detector.entities import Cover, Fill, LoadLabel, LoadState

LABELS = ("covered", "empty", "loaded", "heaped", "laden", "open", "not_visible", "not_a_tipper")
"""`laden` is loaded or heaped, `open` is any uncovered bed: for pictures of which no more can be told."""

UNCOVERED = frozenset({"empty", "loaded", "heaped", "laden", "open"})
LADEN = frozenset({"loaded", "heaped", "laden"})
STATES = frozenset({"covered", "empty", "loaded", "heaped"})


@dataclass(slots=True)
class _Tally:
    n: int = 0
    right: int = 0

    def add(self, right: bool) -> None:
        self.n += 1
        self.right += right

    def to_json(self) -> dict[str, int]:
        return {"n": self.n, "right": self.right}


@dataclass(slots=True)
class LoadScore:
    """Counts of labelled vehicles; an abstention is never right, unless nothing can be seen.

    - covered or open: truths that say which; right where the cover is named and lies on that side.
    - empty or laden: truths `empty`, `loaded`, `heaped`, `laden`; right where the fill is named and lies on that side.
    - states: truths `covered`, `empty`, `loaded`, `heaped`; right where exactly this label is given.
    - not_visible, not_a_tipper: right where exactly this label is given.
    - abstained: vehicles of which the label `not_visible` was given, where that does not answer the truth.
    """

    covered_open: _Tally = field(default_factory=_Tally)
    empty_laden: _Tally = field(default_factory=_Tally)
    states: _Tally = field(default_factory=_Tally)
    not_visible: _Tally = field(default_factory=_Tally)
    not_a_tipper: _Tally = field(default_factory=_Tally)
    n: int = 0
    abstained: int = 0
    confusion: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, truth: str, state: LoadState) -> bool:
        """Count one vehicle.

        Args:
            name: of the picture, for the list of errors.
            truth: one of `LABELS`.
            state: what the product says.

        Returns:
            Whether every question that the truth answers was answered right.
        """
        is_tipper = state.label is not LoadLabel.NOT_A_TIPPER
        answers: list[tuple[_Tally, bool]] = []
        if truth == "covered" or truth in UNCOVERED:
            sides = {Cover.CLOSED} if truth == "covered" else {Cover.OPEN, Cover.PARTIAL}
            answers.append((self.covered_open, is_tipper and state.cover in sides))
        if truth == "empty" or truth in LADEN:
            fills = {Fill.EMPTY} if truth == "empty" else {Fill.BELOW_EDGE, Fill.ABOVE_EDGE}
            answers.append((self.empty_laden, is_tipper and state.fill in fills))
        if truth in STATES:
            answers.append((self.states, state.label.value == truth))
        if truth == "not_visible":
            answers.append((self.not_visible, state.label is LoadLabel.NOT_VISIBLE))
        if truth == "not_a_tipper":
            answers.append((self.not_a_tipper, not is_tipper))
        for tally, right in answers:
            tally.add(right)
        self.n += 1
        right = all(right for _, right in answers)
        self.abstained += not right and state.label is LoadLabel.NOT_VISIBLE
        self.confusion[truth][state.label.value] += 1
        if not right:
            said = {"label": state.label.value, "cover": state.cover.value, "fill": state.fill.value}
            self.errors.append({"picture": name, "truth": truth, **said, "confidence": round(state.confidence, 4)})
        return right

    def to_json(self) -> dict[str, Any]:
        """The keys of `roadwarden evaluate load-state`."""
        return {
            "n": self.n,
            "covered_open": self.covered_open.to_json(),
            "empty_laden": self.empty_laden.to_json(),
            "states": self.states.to_json(),
            "not_visible": self.not_visible.to_json(),
            "not_a_tipper": self.not_a_tipper.to_json(),
            "abstained": self.abstained,
            "confusion": {truth: dict(counts) for truth, counts in sorted(self.confusion.items())},
            "errors": self.errors,
        }

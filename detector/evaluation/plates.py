"""Plates that were read against plates that are there."""

from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from detector.entities import Plate


def count_right_characters(truth: str, said: str) -> int:
    """How many characters of the truth were read, in order; unsure ones ("-") count as not read."""
    blocks = SequenceMatcher(None, truth, said, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


@dataclass(slots=True)
class PlateScore:
    """Every picture is exactly one of exact, wrong (a full plate that is not the truth) and abstained."""

    n: int = 0
    found: int = 0
    exact: int = 0
    wrong: int = 0
    characters: int = 0
    right_characters: int = 0
    by_type: dict[str, Counter[str]] = field(default_factory=dict)
    errors: list[dict[str, str | None]] = field(default_factory=list)

    def add(self, name: str, truth: str, plate_type: str, plate: Plate | None) -> str:
        """Count one plate.

        Args:
            name: of the picture, for the list of errors.
            truth: the plate without separators.
            plate_type: kind of the truth, for the figures by type.
            plate: what the product says; None where it found no plate.

        Returns:
            `exact`, `wrong` or `abstained`.
        """
        said = plate.text if plate else None
        outcome = "abstained"
        if plate is not None and said == truth:
            outcome = "exact"
        elif plate is not None and plate.is_certain:
            outcome = "wrong"
        self.n += 1
        self.found += plate is not None
        self.exact += outcome == "exact"
        self.wrong += outcome == "wrong"
        self.characters += len(truth)
        self.right_characters += count_right_characters(truth, said or "")
        self.by_type.setdefault(plate_type, Counter()).update(["n", outcome])
        if outcome != "exact":
            self.errors.append({"picture": name, "truth": truth, "said": said, "outcome": outcome})
        return outcome

    @property
    def abstained(self) -> int:
        """Pictures of which no full plate was named."""
        return self.n - self.exact - self.wrong

    def to_json(self) -> dict[str, Any]:
        """The keys of `roadwarden evaluate plates`; `char_accuracy` is None without plates."""
        keys = ("n", "exact", "wrong", "abstained")
        return {
            "n": self.n,
            "found": self.found,
            "exact": self.exact,
            "wrong": self.wrong,
            "abstained": self.abstained,
            "char_accuracy": self.right_characters / self.characters if self.characters else None,
            "by_type": {kind: {key: counts[key] for key in keys} for kind, counts in sorted(self.by_type.items())},
            "errors": self.errors,
        }

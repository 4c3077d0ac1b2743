"""The score of illegal ride-hailing: a logistic model whose every weight is published in `scorer.toml`.

Each feature is stretched to 0…1 between two published bounds and multiplied by its weight (log-odds); the sum with the
bias gives a calibrated probability. The same products, sorted, are the reasons. Features of one signal are not
independent of each other; a lead needs at least two signals that are plainly there.
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from detector.entities import LeadOutcome, Reason
from detector.errors import ModelError

PLAIN = 0.4
"""Share of a feature's range from which its signal counts as plainly there."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One row of the published table.

    Attributes:
        feature: name of the column.
        signal: family; features of one family are not independent.
        low, high: values that count as 0 and 1; what lies beyond is cut off; high may be below low.
        weight: log-odds between the two.
    """

    feature: str
    signal: str
    low: float
    high: float
    weight: float

    def stretch(self, values: Any) -> Any:
        """Values as a share of the range."""
        return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Scorer:
    """The model.

    Attributes:
        version: of the published table.
        bias: log-odds of a plate with nothing to say against it.
        weights: in the order of the table.
        outcomes: log-odds that an earlier outcome adds.
    """

    version: str
    bias: float
    weights: tuple[Weight, ...]
    outcomes: Mapping[LeadOutcome, float]

    def score(self, columns: Mapping[str, np.ndarray], earlier: Sequence[LeadOutcome | None]) -> np.ndarray:
        """Probabilities (N,) of plates whose features are columns (N,); `earlier` is each one's last outcome."""
        logit = np.full(len(earlier), self.bias)
        for w in self.weights:
            logit += w.weight * w.stretch(np.asarray(columns[w.feature], float))
        logit += np.array([self.outcomes.get(outcome, 0.0) if outcome else 0.0 for outcome in earlier])
        probability: np.ndarray = 1.0 / (1.0 + np.exp(-logit))
        return probability

    def signals(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """How many independent signals are plainly there, (N,) int."""
        found: dict[str, np.ndarray] = {}
        for w in self.weights:
            if w.weight > 0:
                plain = w.stretch(np.asarray(columns[w.feature], float)) >= PLAIN
                found[w.signal] = found.get(w.signal, np.zeros_like(plain)) | plain
        if not found:
            return np.zeros(0, int)
        count: np.ndarray = np.sum([plain.astype(int) for plain in found.values()], axis=0)
        return count

    def reasons(self, row: Mapping[str, float], earlier: LeadOutcome | None) -> tuple[Reason, ...]:
        """What speaks for the suspicion, strongest first; what speaks against it only lowers the score."""
        found = []
        for w in self.weights:
            points = float(w.weight * w.stretch(row[w.feature]))
            if points > 0.05:
                values = {w.feature: round(float(row[w.feature]), 3)}
                if w.signal == "frequency":
                    values |= {"visits": int(row["visits"]), "visit_days": int(row["visit_days"])}
                if w.feature == "loops_per_day":
                    values["loops"] = int(row["loops"])
                found.append(Reason(w.feature, w.signal, values, round(points, 3)))
        if earlier and self.outcomes.get(earlier, 0.0) > 0:
            found.append(Reason(f"outcome_{earlier.value}", "history", {}, round(self.outcomes[earlier], 3)))
        return tuple(sorted(found, key=lambda reason: -reason.points))


def load_scorer(path: Path | None = None) -> Scorer:
    """The published model, or another table of the same form.

    Raises:
        ModelError: the table is missing or wrong.
    """
    place = path or files("detector.patterns") / "scorer.toml"
    try:
        table = tomllib.loads(place.read_text(encoding="utf-8"))
        weights = tuple(Weight(**row) for row in table["feature"])
        scorer = Scorer(
            version=str(table["version"]),
            bias=float(table["bias"]),
            weights=weights,
            outcomes={LeadOutcome(name): float(value) for name, value in table["outcomes"].items()},
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{place}: is no table of score weights: {error}") from error
    if not all(math.isfinite(w.weight) and w.low != w.high for w in weights):
        raise ModelError(f"{place}: a weight is not finite, or low equals high")
    return scorer

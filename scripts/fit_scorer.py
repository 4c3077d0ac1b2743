"""Fit the published weights of the ride-hailing score on simulated months.

    python scripts/fit_scorer.py MONTH [MONTH...]

Each MONTH is a folder that scripts/simulate_sightings.py wrote (population `main`; `shifted` is never fitted to).
Bounds, signals and signs are set by hand in `TABLE`; the weights are fitted by logistic regression with a penalty, each
held to its sign, so that the probability stays calibrated and no weight says the opposite of its sentence. Writes
detector/patterns/scorer.toml.
"""

import argparse
import csv
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from scipy.optimize import minimize

from detector.entities import Opening
from detector.patterns.features import read_features
from detector.patterns.scanning import prepare
from pipelines.evaluation.leads import open_study

TARGET = Path(__file__).resolve().parent.parent / "detector" / "patterns" / "scorer.toml"
PENALTY = 1.0
"""Variance of the weights expected beforehand is its inverse: the simulated kinds are so far apart that a free fit
would put everything on the two habits that separate them best, and nothing on kerb loops."""

TABLE = (
    # feature, signal, value that counts 0, value that counts 1, sign
    ("visit_days", "frequency", 6, 26, 1),
    ("visits_per_day", "frequency", 1, 5, 1),
    ("busy_days", "frequency", 0, 1, 1),
    ("loops_per_day", "loops", 0, 1.5, 1),
    ("waits_per_day", "waiting", 0, 1, 1),
    ("pickup_share", "picking_up", 0.2, 0.9, 1),
    ("through_share", "passing_through", 0, 0.5, -1),
    ("long_stay_share", "parking", 0, 0.5, -1),
    ("dwell_median_min", "dwell", 60, 10, 1),
    ("regularity", "regularity", 0.5, 0.9, 1),
    ("night_share", "hours", 0, 0.7, 1),
    ("hour_spread", "hours", 1.0, 2.6, 1),
    ("weekend_share", "weekend", 0.35, 0.9, 1),
    ("gate_variety", "variety", 1.0, 3.5, 1),
    ("hubs", "several_hubs", 1, 3, 1),
    ("is_local", "origin", 1, 0, 1),
)

JUDGED = """
# Set by judgement, not fitted: the simulation has neither such plates nor outcomes.
[[feature]]
feature = "type_mismatch"
signal = "vehicle"
low = 0.0
high = 1.0
weight = 0.5

[outcomes]
confirmed = 1.5
licensed_soliciting = 0.5
not_found = 0.0
wrong_plate = -0.5
lawful = -2.0
"""


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("months", type=Path, nargs="+")
    months = parser.parse_args().months
    parts = [read_month(month) for month in months]
    features = np.concatenate([part[0] for part in parts])
    illegal = np.concatenate([part[1] for part in parts])
    start = np.zeros(features.shape[1] + 1)
    bounds = [(None, None)] + [(0, None) if row[4] > 0 else (None, 0) for row in TABLE]
    fitted = minimize(loss, start, (features, illegal), "L-BFGS-B", jac=True, bounds=bounds).x
    lines = [
        "# Weights of the ride-hailing score: written by scripts/fit_scorer.py, explained in docs/sightings.md.",
        f"# Fitted on {len(illegal)} plates with enough history, {int(illegal.sum())} of them illegal, of "
        f"{len(months)} simulated months.",
        'version = "1"',
        f"bias = {fitted[0]:.3f}",
    ]
    for (feature, signal, low, high, _), weight in zip(TABLE, fitted[1:], strict=True):
        lines += ["", "[[feature]]", f'feature = "{feature}"', f'signal = "{signal}"']
        lines += [f"low = {float(low)}", f"high = {float(high)}", f"weight = {weight:.3f}"]
    TARGET.write_text("\n".join(lines) + "\n" + JUDGED, encoding="utf-8")
    print(
        f"{TARGET}: {len(illegal)} plates, {int(illegal.sum())} illegal, loss {loss(fitted, features, illegal)[0]:.4f}"
    )


def read_month(month: Path) -> tuple[np.ndarray, np.ndarray]:
    """Stretched features (N, F) and labels (N,) of the plates that would be scored."""
    with (month / "truth.csv").open(encoding="utf-8") as file:
        illegal = {row["plate"] for row in csv.DictReader(file) if row["illegal"] == "1"}
    with tempfile.TemporaryDirectory() as folder:
        study = open_study(Path(folder), month / "sightings.csv", month / "registers", month / "cameras.toml")
        with study.store.window(study.window_to - timedelta(days=30), study.window_to) as connection:
            prepare(connection, study.scan, study.window_to)
            keys, columns = read_features(connection)
            plates = study.store.open_plates(connection, keys, Opening("fit_scorer", "simulated data", "fit"))
    stretched = [np.clip((columns[name] - low) / (high - low), 0, 1) for name, _, low, high, _ in TABLE]
    return np.stack(stretched, axis=1), np.array([plates[key] in illegal for key in keys], float)


def loss(parameters: np.ndarray, features: np.ndarray, illegal: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean log loss with a quadratic penalty on the weights, and its gradient."""
    logit = parameters[0] + features @ parameters[1:]
    probability = 1 / (1 + np.exp(-logit))
    value = np.mean(np.logaddexp(0, logit) - illegal * logit) + PENALTY / len(illegal) * np.sum(parameters[1:] ** 2) / 2
    error = (probability - illegal) / len(illegal)
    gradient = np.concatenate([[error.sum()], features.T @ error + PENALTY / len(illegal) * parameters[1:]])
    return float(value), gradient


if __name__ == "__main__":
    main()

"""Thresholds of the load networks: chosen per side on validation pictures."""

import numpy as np

from scripts.training.load_measure import THRESHOLDS, find_thresholds


def draw_answers(n, wrong_from, rng):
    """Probabilities (2, n) whose first side is always right; the second errs wherever it is less sure than asked."""
    first = rng.uniform(0, 1, n)
    sides = np.stack([first, 1 - first])
    named = sides.argmax(0)
    truth = np.where((named == 1) & (sides[1] < wrong_from), 0, named)
    return sides, truth


def test_a_side_that_errs_does_not_silence_the_other():
    sides, truth = draw_answers(4000, 0.9, np.random.default_rng(1))
    first, second = find_thresholds(sides, truth, 0.03)
    assert first == THRESHOLDS[0]
    assert 0.86 <= second <= 0.91


def test_naming_a_side_where_nothing_can_be_seen_is_half_an_error():
    sides = np.array([[0.9] * 100, [0.1] * 100])
    hidden = np.arange(100)
    first, _ = find_thresholds(sides, np.where(hidden < 6, 2, 0), 0.03)
    assert first == THRESHOLDS[0]
    first, _ = find_thresholds(sides, np.where(hidden < 8, 2, 0), 0.03)
    assert first == 0.91, "from here on nothing is answered, and nothing wrong"

"""Who continues whom."""

import numpy as np
import pytest

from detector.tracking.association import match


def pairs(similarity: list[list[float]], minimum: float) -> list[tuple[int, int]]:
    found = match(np.array(similarity, float), minimum)
    return list(zip(found.rows.tolist(), found.columns.tolist(), strict=True))


def test_the_best_sum_wins_over_the_best_single_pair() -> None:
    """0.6 + 0.6 beats 0.7 + 0.1."""
    assert pairs([[0.7, 0.6], [0.6, 0.1]], 0.05) == [(0, 1), (1, 0)]


def test_a_pair_below_the_minimum_neither_counts_nor_takes_a_place() -> None:
    """Two unusable 0.29 do not push out a usable 0.5, and are not returned."""
    assert pairs([[0.5, 0.29], [0.29, 0.0]], 0.3) == [(0, 0)]


def test_nothing_on_one_side_matches_nothing() -> None:
    """Empty streets and empty memories are ordinary."""
    assert [len(match(np.zeros(shape), 0.1).rows) for shape in ((0, 0), (0, 3), (3, 0))] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(40))
def test_the_sum_is_the_largest_that_there_is(seed: int) -> None:
    """Against SciPy, on sparse tables of any shape, as vehicles make them: most pairs do not overlap."""
    from scipy.optimize import linear_sum_assignment  # a second that no other worker of the test run need spend

    rng = np.random.default_rng(seed)
    similarity = rng.random((rng.integers(1, 12), rng.integers(1, 12)))
    similarity *= rng.random(similarity.shape) < 0.5
    found = match(similarity, 0.2)
    usable = np.where(similarity >= 0.2, similarity, 0.0)
    assert usable[found.rows, found.columns].sum() == pytest.approx(
        usable[linear_sum_assignment(usable, maximize=True)].sum()
    )
    assert len(set(found.columns.tolist())) == len(found.columns)
    assert (np.diff(found.rows) > 0).all()

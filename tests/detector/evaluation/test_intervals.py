"""Wilson's interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.evaluation.intervals import wilson


def test_known_interval() -> None:
    """Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_nothing_measured_is_nothing_known() -> None:
    """No sample excludes no share."""
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    """The measured share lies inside, and the misses have the mirrored interval."""
    right, n = counts
    low, high = wilson(right, n)
    assert 0 <= low <= right / n + 1e-12 and right / n <= high + 1e-12 <= 1 + 2e-12
    assert wilson(n - right, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)

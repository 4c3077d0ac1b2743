"""Repair of time stamps: sound ones stay, broken ones are repaired by the stated rule and counted."""

import itertools
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.video.timestamps import TimestampRepair

TICK = Fraction(1, 100)
RATE = Fraction(25)
PICTURE = 4

maybe = st.one_of(st.none(), st.integers(-5000, 5000))


def repair_all(stamps: list[tuple[int | None, int | None]]) -> tuple[list[tuple[int, int]], TimestampRepair]:
    repair = TimestampRepair(TICK, RATE)
    return [repair.repair(pts, dts, 0) for pts, dts in stamps], repair


def test_sound_stamps_stay() -> None:
    """Reordered pictures with proper stamps pass unchanged and uncounted."""
    sound = [(8, 0), (20, 4), (12, 8), (16, 12), (32, 16)]
    repaired, repair = repair_all(sound)
    assert repaired == sound
    assert repair.repaired == 0


def test_missing_stamps_get_the_previous_plus_one_picture() -> None:
    """Without any stamp, time goes on at the average rate from zero."""
    repaired, repair = repair_all([(None, None)] * 4)
    assert repaired == [(0, 0), (4, 4), (8, 8), (12, 12)]
    assert repair.repaired == 4


def test_a_missing_pts_takes_the_dts() -> None:
    """Where nothing is reordered, a picture is shown when it is decoded."""
    repaired, repair = repair_all([(0, 0), (None, 4), (8, 8)])
    assert repaired == [(0, 0), (4, 4), (8, 8)]
    assert repair.repaired == 1


def test_matroska_without_dts_is_no_fault() -> None:
    """Matroska omits decoding times at reordered pictures; they are filled in before the given ones, uncounted."""
    repair = TimestampRepair(TICK, RATE, reorder_depth=2)
    stamps = [(0, None), (12, None), (4, 0), (8, 4), (24, 8)]
    repaired = [repair.repair(pts, dts, 4) for pts, dts in stamps]
    assert repaired == [(0, -8), (12, -4), (4, 0), (8, 4), (24, 8)]
    assert repair.repaired == 0


def test_jitter_is_raised_and_recovers() -> None:
    """A small step back is raised by one tick, and later stamps keep their own values."""
    repaired, repair = repair_all([(0, 0), (8, 8), (4, 4), (12, 12), (16, 16)])
    assert repaired == [(0, 0), (8, 8), (9, 9), (12, 12), (16, 16)]
    assert repair.repaired == 1
    assert repair.jumps == []


def test_a_clock_that_starts_anew_is_shifted() -> None:
    """After a step back of a second or more time goes on without a hole, and distances are kept."""
    repaired, repair = repair_all([(500, 500), (504, 504), (0, 0), (4, 4), (10, 10)])
    assert repaired == [(500, 500), (504, 504), (508, 508), (512, 512), (518, 518)]
    assert repair.jumps == [(0.08, 5.04)]
    assert repair.repaired == 0


def test_a_pause_is_time() -> None:
    """A step forward is a pause of the recording, and kept."""
    repaired, _ = repair_all([(0, 0), (4, 4), (9000, 9000)])
    assert repaired[-1] == (9000, 9000)


@settings(deadline=None)
@given(stamps=st.lists(st.tuples(maybe, maybe), min_size=1, max_size=60), depth=st.integers(0, 4))
def test_any_stamps_become_sound(stamps: list[tuple[int | None, int | None]], depth: int) -> None:
    """Whatever comes in, dts strictly increases, and pts is not before dts and unique among its neighbours."""
    repair = TimestampRepair(TICK, RATE, depth)
    repaired = [repair.repair(pts, dts, 0) for pts, dts in stamps]
    assert all(a[1] < b[1] for a, b in itertools.pairwise(repaired))
    assert all(pts >= dts for pts, dts in repaired)
    assert len({pts for pts, _ in repaired}) == len(repaired)

"""The sampling grid: the same instants give the same choice, wherever a run begins."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.video.sampling import SamplingGrid

START = datetime(2026, 3, 1, 14, 15, 4, 250_000, tzinfo=UTC)

instants = st.lists(st.integers(1, 400_000), min_size=2, max_size=60).map(
    lambda steps: [START + timedelta(microseconds=sum(steps[: i + 1])) for i in range(len(steps))]
)
rates = st.one_of(st.integers(1, 30).map(float), st.floats(0.2, 60.0))


def chosen(times: list[datetime], fps: float) -> list[datetime]:
    grid = SamplingGrid(fps)
    return [t for t in times if grid.chooses(t)]


@settings(deadline=None)
@given(times=instants, fps=rates, begin=st.integers(0, 59))
def test_a_restarted_run_chooses_the_same_frames(times: list[datetime], fps: float, begin: int) -> None:
    """Beginning later changes at most the very first choice."""
    begin = min(begin, len(times) - 1)
    assert chosen(times[begin:], fps)[1:] == [t for t in chosen(times, fps) if t > times[begin]]


@settings(deadline=None)
@given(times=instants, fps=rates)
def test_one_frame_a_cell(times: list[datetime], fps: float) -> None:
    """Each cell that holds a frame has exactly its first one chosen."""
    grid = SamplingGrid(fps)
    first = {}
    for t in times:
        first.setdefault(grid.cell(t), t)
    assert chosen(times, fps) == list(first.values())


@pytest.mark.parametrize(
    ("source_fps", "analysis_fps", "expected"),
    [(25, 8, 80), (30, 8, 80), (30, 15, 150), (24, 12, 120), (60, 7, 70), (5, 8, 50), (29.97, 10, 100)],
)
def test_ten_seconds_give_ten_times_the_rate(source_fps: float, analysis_fps: float, expected: int) -> None:
    """The analysed rate is the asked one, or the source's where that is lower."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = [epoch + timedelta(seconds=i / source_fps) for i in range(round(10 * source_fps))]
    assert len(chosen(times, analysis_fps)) == expected


def test_frames_on_the_borders_of_cells_are_evenly_spaced() -> None:
    """Half the rate of the source is every second frame, though instants are rounded to microseconds."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = [epoch + timedelta(seconds=i / 30) for i in range(300)]
    assert chosen(times, 15) == times[::2]


@pytest.mark.parametrize("fps", [0, -1.0, float("nan")])
def test_a_rate_that_is_no_rate_is_refused(fps: float) -> None:
    """Zero frames a second would silently analyse nothing."""
    with pytest.raises(ValueError, match="must be positive"):
        SamplingGrid(fps)

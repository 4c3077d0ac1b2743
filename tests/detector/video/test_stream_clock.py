"""Capture time of live streams: reports first, arrival else, and a mapping that no longer holds is told."""

from datetime import UTC, datetime, timedelta

from detector.entities import TimeSource
from detector.video.stream_clock import ARRIVAL_UNCERTAINTY_MS, SETTLE_S, StreamClock

T0 = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_the_first_report_settles_the_time() -> None:
    """Capture time is the camera's, and its distance from arrival is the uncertainty."""
    clock = StreamClock()
    clock.take(0.0, at(0.3), None)
    assert clock.settled is None
    clock.take(1.0, at(1.3), at(0.9))
    assert clock.settled.basis.source is TimeSource.RTCP_SENDER_REPORT
    assert clock.settled.started_at == at(-0.1)
    assert clock.settled.basis.uncertainty_ms == 400.0


def test_a_camera_with_a_wrong_clock_is_uncertain_by_as_much() -> None:
    """Ten minutes off: far beyond what evidence allows."""
    clock = StreamClock()
    clock.take(0.0, at(0.0), at(600))
    assert clock.settled.basis.uncertainty_ms == 600_000.0


def test_reports_of_a_relay_are_not_taken_for_capture_time() -> None:
    """A media server stamps anew what it passes on: arrival counts, with its uncertainty."""
    clock = StreamClock(trusts_reports=False)
    clock.take(0.0, at(0.3), at(0.2))
    assert clock.settled is None
    clock.take(SETTLE_S, at(SETTLE_S + 0.4), at(SETTLE_S + 0.2))
    assert clock.settled.basis.source is TimeSource.HOST_ARRIVAL
    assert clock.settled.started_at == at(0.3)


def test_without_reports_the_least_delayed_arrival_counts() -> None:
    """A burst of stored packets at the beginning does not move the time."""
    clock = StreamClock()
    clock.take(0.0, at(2.0), None)
    for n in range(1, 100):
        clock.take(n / 10, at(max(2.0, n / 10 + 0.2)), None)
    assert clock.settled.basis.source is TimeSource.HOST_ARRIVAL
    assert clock.settled.basis.uncertainty_ms == ARRIVAL_UNCERTAINTY_MS
    assert clock.settled.started_at == at(0.2)


def test_a_jump_of_the_cameras_clock_ends_the_session() -> None:
    """Small corrections are borne, a jump is told in words."""
    clock = StreamClock()
    assert clock.take(0.0, at(0.0), at(0.0)) is None
    assert clock.take(1.0, at(1.0), at(1.2)) is None
    assert "moved by 30.0 s" in clock.take(2.0, at(2.0), at(32.0))


def test_time_stamps_that_run_ahead_of_arrival_end_the_session() -> None:
    """Without reports a forward jump shows as packets from the future; a stall does not."""
    clock = StreamClock()
    for n in range(int(SETTLE_S) + 2):
        assert clock.take(float(n), at(n), None) is None
    assert clock.take(9.0, at(30.0), None) is None
    assert "ran ahead" in clock.take(40.0, at(31.0), None)


def test_time_stamps_that_fall_behind_for_a_minute_end_the_session() -> None:
    """A lasting delay beyond the bound means that the mapping has drifted."""
    clock = StreamClock()
    faults = [clock.take(n * 0.5, at(n * 0.5 * 1.1), None) for n in range(400)]
    assert any(fault and "fell behind" in fault for fault in faults)


def test_a_session_that_ends_early_has_the_time_of_arrival() -> None:
    """A few seconds of video are worth analysing; no packet at all is nothing."""
    clock = StreamClock()
    clock.settle()
    assert clock.settled is None
    clock.take(0.0, at(0.5), None)
    clock.settle()
    assert clock.settled.basis.source is TimeSource.HOST_ARRIVAL
    assert clock.settled.started_at == at(0.5)

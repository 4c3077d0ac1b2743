"""When the pictures of a live stream were taken: the camera's own clock by RTCP, else the time of arrival."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from detector.entities import TimeBasis, TimeSource
from detector.packets import RawPacket

SETTLE_S = 6.0
"""How long to wait for the first sender report: cameras send one every five seconds (RFC 3550, 6.2)."""

ARRIVAL_UNCERTAINTY_MS = 2000.0
"""Encoder and network delay a picture by an unknown part of this before it arrives."""

REPORT_UNCERTAINTY_MS = 50.0
"""Of a sender report itself: the stamp is taken somewhere between exposure and sending."""

MAX_DRIFT_S = 0.5
"""More than this between the time in use and what the stream says now: the session ends and a new one begins."""

_WINDOW_S = 60.0


def reported_at(packet: RawPacket) -> datetime | None:
    """Capture time of a packet as the camera's sender reports give it; None before the first report."""
    if not packet.has_sidedata("prft"):
        return None
    (microseconds,) = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class Settled:
    """The time of a session: `started_at` is the capture time at `stream_s` 0, aware UTC."""

    basis: TimeBasis
    started_at: datetime


class StreamClock:
    """Maps the time stamps of one session to capture times, once and for all, and watches the mapping afterwards.

    The delay of arrival varies, but never below what the way takes: hence the least delayed packet counts.

    Attributes:
        settled: the mapping; None until it is known.
        offset_s: how far the camera's clock is ahead of ours (the way here makes it seem a little behind); None without
            sender reports.
    """

    def __init__(self, *, trusts_reports: bool = True) -> None:
        """Start before the first packet.

        Args:
            trusts_reports: whether sender reports come from the camera itself; those of a relay say nothing of capture.
        """
        self._trusts_reports = trusts_reports
        self.settled: Settled | None = None
        self.offset_s: float | None = None
        self._first_arrival: datetime | None = None
        self._least: datetime | None = None  # arrival of stream_s 0 as the least delayed packet has it
        self._window: datetime | None = None  # the same, of the current window
        self._window_ends: datetime | None = None

    def take(self, stream_s: float, arrival: datetime, reported: datetime | None) -> str | None:
        """Note one packet.

        Args:
            stream_s: its place in the session.
            arrival: when it came, aware UTC.
            reported: `reported_at` of it.

        Returns:
            Why the session's time no longer holds, in words; None while it does.
        """
        reported = reported if self._trusts_reports else None
        origin = arrival - timedelta(seconds=stream_s)
        self._first_arrival = self._first_arrival or arrival
        self._least = least = origin if self._least is None else min(self._least, origin)
        settled = self.settled
        if settled is None:
            waited = arrival - self._first_arrival
            self._try_to_settle(least, waited, reported - timedelta(seconds=stream_s) if reported else None)
            return None
        if reported is not None and settled.basis.source is TimeSource.RTCP_SENDER_REPORT:
            drift_s = (reported - timedelta(seconds=stream_s) - settled.started_at).total_seconds()
            return f"the camera's clock moved by {drift_s:.1f} s" if abs(drift_s) > MAX_DRIFT_S else None
        return self._check_arrival(origin, arrival, settled.started_at)

    def settle(self) -> None:
        """Wait no longer: without a report by now, arrival must do; no effect when no packet came."""
        if self.settled is None and self._least is not None:
            self.settled = Settled(TimeBasis(TimeSource.HOST_ARRIVAL, ARRIVAL_UNCERTAINTY_MS), self._least)

    def _try_to_settle(self, least: datetime, waited: timedelta, started_at: datetime | None) -> None:
        """Settle by the camera's own time of `stream_s` 0, or by arrival once the camera has had time to tell it."""
        if started_at is not None:
            self.offset_s = (started_at - least).total_seconds()
            uncertainty_ms = round(max(REPORT_UNCERTAINTY_MS, abs(self.offset_s) * 1000), 1)
            basis = TimeBasis(TimeSource.RTCP_SENDER_REPORT, uncertainty_ms)
            self.settled = Settled(basis, started_at)
        elif waited >= timedelta(seconds=SETTLE_S):
            self.settle()

    def _check_arrival(self, origin: datetime, arrival: datetime, started_at: datetime) -> str | None:
        """Without reports: the least delay of each minute must stay what it was."""
        if self._window is None or self._window_ends is None:
            self._window, self._window_ends = origin, arrival + timedelta(seconds=_WINDOW_S)
        self._window = min(self._window, origin)
        drift_s = (self._window - started_at).total_seconds()
        if drift_s < -MAX_DRIFT_S:
            return f"the time stamps ran ahead by {-drift_s:.1f} s"
        if arrival < self._window_ends:
            return None
        self._window = None
        return f"the time stamps fell behind by {drift_s:.1f} s" if drift_s > MAX_DRIFT_S else None

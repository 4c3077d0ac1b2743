"""How the capture time of a frame is known."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum


class TimeSource(StrEnum):
    """Where the absolute time of a frame comes from, best first; RELATIVE means that there is none."""

    RTCP_SENDER_REPORT = "rtcp_sr"
    OPERATOR = "operator"
    FILE_SIDECAR = "file_sidecar"
    CONTAINER = "container"
    HOST_ARRIVAL = "host_arrival"
    RELATIVE = "relative"


BEIJING = timezone(timedelta(hours=8))
"""The clock that officers read; China has had no summer time since 1991. Everything else is UTC."""

RELATIVE_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""With `TimeSource.RELATIVE`, `captured_at` counts from this instant: only differences mean anything."""


@dataclass(frozen=True, slots=True)
class TimeBasis:
    """How the capture time of a source is known.

    Attributes:
        uncertainty_ms: half-width of the interval in which the true time lies; None when nothing is known about it.
        host_offset_ms: how far the clock of the machine may be off, by its time synchronisation; None where that is not
            known or plays no part (recorded footage).
    """

    source: TimeSource
    uncertainty_ms: float | None
    host_offset_ms: float | None = None

    @property
    def rests_on_host(self) -> bool:
        """Whether the clock of the machine that watched live was what the time was held against."""
        return self.source in (TimeSource.RTCP_SENDER_REPORT, TimeSource.HOST_ARRIVAL)

    @property
    def is_absolute(self) -> bool:
        """Whether the time can be compared with a wall clock."""
        return self.source is not TimeSource.RELATIVE

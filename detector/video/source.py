"""The door of the station: what every supplier of frames offers, be it a file or a live camera."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from detector.entities import Frame, TimeBasis
from detector.packets import AnalysedStream, PacketStore, StreamInfo


@dataclass(frozen=True, slots=True)
class SourceCounters:
    """What went through a source so far; nothing disappears without being counted here.

    Attributes:
        packets: compressed packets read.
        decoded: pictures that came out of the decoder and are sound.
        analysed: frames handed out, those on the sampling grid.
        corrupt: pictures that could not be decoded, or only with damage; they are not analysed.
        repaired: packets whose time stamps were missing or did not increase.
    """

    packets: int = 0
    decoded: int = 0
    analysed: int = 0
    corrupt: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """A picture of a scene that is held to be still, outside the order of time: for a detector without memory."""

    frame: Frame


class Footage(Protocol):
    """What a case needs of its source: a `FrameSource`, or what a killed process left of one."""

    @property
    def info(self) -> StreamInfo:
        """The stream that clips are cut from."""

    @property
    def time(self) -> TimeBasis:
        """How the capture times are known."""

    @property
    def ring(self) -> PacketStore:
        """The packets; each one is there before the frame that it becomes is handed out."""

    @property
    def analysed(self) -> AnalysedStream | None:
        """The stream that the frames come from, where it is another one than `info` and `ring` are of."""


class FrameSource(Footage, Protocol):
    """Hands out the analysed frames of one camera in time order, and keeps every packet for evidence.

    Used as a context manager; leaving it closes the source at once. `ring` stays readable after closing.
    """

    @property
    def started_at(self) -> datetime:
        """Capture time of the first picture, aware UTC; RELATIVE_EPOCH when time is relative."""

    @property
    def counters(self) -> SourceCounters:
        """A snapshot of what went through so far."""

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was mended without loss, in words; complete after the last frame."""

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be read, in words: damage, truncation; complete after the last frame."""

    def __iter__(self) -> Iterator[Frame | Glance]:
        """Analysed frames in time order; glances between them where a gate holds the scene to be still."""

    def close(self) -> None:
        """Release decoder and file; harmless when repeated."""

    def __enter__(self) -> Self:
        """Return the source itself."""

    def __exit__(self, *_: object) -> None:
        """Close."""

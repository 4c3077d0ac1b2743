"""Recorded files as a source of frames."""

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Self

from detector.entities import Frame, TimeBasis
from detector.errors import SourceError
from detector.packets import Packet, PacketStore, RawPacket, StreamInfo
from detector.video.activity_gate import PacketGate
from detector.video.decoding import describe, pts_of
from detector.video.frame_cutter import FrameCutter
from detector.video.gated_cutter import GatedCutter
from detector.video.recording import Recording, presentation_stamps
from detector.video.ring import PacketRing
from detector.video.source import Glance, SourceCounters
from detector.video.time_basis import clip_time

_TRUNCATED_S = 0.5


class FileSource:
    """A `FrameSource` over any file that FFmpeg reads.

    Opening decodes up to the first picture, so that a file without one is refused at once. Frames come from one pass
    through the file, which can be made once.

    Attributes:
        gate: holds back what a still scene does not need; None, as at first, for nothing. To be set before iterating.
    """

    def __init__(
        self,
        path: Path,
        camera_id: str,
        analysis_fps: float = 8.0,
        started_at: datetime | None = None,
        ring: PacketRing | None = None,
    ) -> None:
        """Open a file.

        Args:
            path: the file.
            camera_id: goes into the frames.
            analysis_fps: frames analysed a second, on an absolute time grid (`SamplingGrid`).
            started_at: the operator's word on the time of the first picture, aware; None = find it (`clip_time`).
            ring: takes every packet; None makes a `PacketRing` of the default size.

        Raises:
            SourceError: the file cannot be opened or nothing in it can be decoded; names the file.
            ConfigurationError: `started_at` or the sidecar is wrong.
        """
        self._path = Path(path)
        self._ring = PacketRing() if ring is None else ring
        self._stamps = presentation_stamps(self._path)
        self._probe()
        found = clip_time(self._path, started_at, self._creation_time)
        self._time, self._started_at = found.basis, found.started_at
        self.gate: PacketGate | None = None
        self._recording: Recording | None = None
        self._cutter = FrameCutter(camera_id, analysis_fps, self._info, self._started_at)
        self._end_s = 0.0
        self._is_finished = self._is_cut = False
        self._frames: Generator[Frame | Glance, None, None] = self._run()

    @property
    def info(self) -> StreamInfo:
        """The video stream of the file."""
        return self._info

    @property
    def time(self) -> TimeBasis:
        """How the capture times are known."""
        return self._time

    @property
    def started_at(self) -> datetime:
        """Capture time of the first picture, aware UTC; RELATIVE_EPOCH when time is relative."""
        return self._started_at

    @property
    def duration_s(self) -> float | None:
        """Length that the file claims to have; None when it claims nothing."""
        return self._declared_s

    @property
    def ring(self) -> PacketStore:
        """The packets; each one is there before the frame that it becomes is handed out."""
        return self._ring

    @property
    def analysed(self) -> None:
        """A file's own stream is analysed."""
        return None

    @property
    def counters(self) -> SourceCounters:
        """A snapshot of what went through so far."""
        recording = self._recording
        return SourceCounters(
            packets=recording.packets_read if recording else 0,
            decoded=self._cutter.decoded,
            analysed=self._cutter.analysed,
            corrupt=self._cutter.damage.count,
            repaired=recording.repair.repaired if recording else 0,
        )

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was mended without loss, in words; complete after the last frame."""
        return tuple(self._repairs())

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be read, in words: damage, truncation; complete after the last frame."""
        return tuple(self._losses())

    @property
    def end_s(self) -> float:
        """Seconds from the first picture to the end of what has been read so far."""
        return self._end_s

    def __iter__(self) -> Iterator[Frame | Glance]:
        """Analysed frames in time order, with a gate also glances; another iteration goes on where one stopped."""
        return self._frames

    def __enter__(self) -> Self:
        """Return the source itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Release decoder and file; harmless when repeated."""
        self._frames.close()

    def _probe(self) -> None:
        """Read up to the first picture: what stream this is, and where its time starts."""
        with Recording(self._path, self._stamps) as recording:
            self._declared_s = recording.declared_s
            self._creation_time = recording.container.metadata.get("creation_time")
            template: Packet | None = None
            every: Iterator[tuple[Packet | None, RawPacket | None]] = chain(recording.packets(), [(None, None)])
            for packet, raw in every:
                if packet is not None and (template is None or packet.is_keyframe):
                    template = packet
                if template is None:
                    continue
                for picture in recording.decoder.decode(raw):
                    self._origin_pts: int = pts_of(picture)
                    self._info = describe(recording.stream, template, picture)
                    return
        raise SourceError(f"{self._path}: no picture in it can be decoded")

    def _run(self) -> Generator[Frame | Glance, None, None]:
        with (
            Recording(self._path, self._stamps) as recording,
            GatedCutter(self._cutter, self._info, self.gate, lambda: nullcontext(recording.decoder)) as cutter,
        ):
            self._recording = recording
            for packet, raw in recording.packets(self._origin_pts):
                self._ring.append(packet)
                if not raw.is_discard:  # an edit list hides the picture
                    self._end_s = max(self._end_s, packet.end_s)
                yield from cutter.take(packet, raw.is_corrupt, raw)
            yield from cutter.finish()
            self._is_cut = recording.ends_in_a_fragment
            self._cutter.lose_before(None)
            self._ring.finish()
            self._is_finished = True

    def _repairs(self) -> Iterator[str]:
        recording = self._recording
        if self._stamps is not None:
            yield "time stamps: the file stores no presentation times; they follow the order of its pictures"
        if recording is not None and recording.repair.repaired:
            yield f"time stamps: {recording.repair.repaired} were missing or did not increase and were repaired"
        for at_s, jump_s in recording.repair.jumps if recording is not None else ():
            yield f"time stamps: jump back by {jump_s:.1f} s at {at_s:.1f} s; time goes on without the jump"

    def _losses(self) -> Iterator[str]:
        recording = self._recording
        yield from self._cutter.damage.notes()
        if recording is not None and recording.failures:
            yield f"corrupt: the container could not be read in {recording.failures} places"
        if self._is_finished and self._declared_s is not None and self._declared_s - self._end_s > _TRUNCATED_S:
            yield f"truncated: nothing can be read after {self._end_s:.1f} s of {self._declared_s:.1f} s"
        elif self._is_cut:
            yield f"truncated: the file ends in the middle of a packet after {self._end_s:.1f} s"

"""A live camera as a source of frames: one session, from a connection to its end; a new connection is a new session.

    reader thread:  RTSP ─► packets ─► ring on disk          (goes on whatever analysis does)
                                  └──► queue ─► decoder ─► frames on the grid     (the thread that iterates)

A session has one stream description and one mapping of time. Whatever changes either of them ends it.
"""

import errno
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Self, cast

import av
import av.error
from av.video.stream import VideoStream

from detector.entities import Frame, TimeBasis
from detector.errors import SourceError
from detector.packets import AnalysedStream, Packet, RawPacket, StreamInfo, seconds, time_base_of
from detector.video.activity_gate import PacketGate
from detector.video.decoding import describe, open_decoder
from detector.video.frame_cutter import FrameCutter
from detector.video.gated_cutter import GatedCutter
from detector.video.gateway import locate
from detector.video.host_clock import read_host_offset_ms
from detector.video.segment_ring import SegmentRing, SessionRing
from detector.video.source import Glance, SourceCounters
from detector.video.stream_clock import StreamClock, reported_at
from detector.video.stream_settings import StreamSettings
from detector.video.timestamps import TimestampRepair

OPEN_TIMEOUT_S = 10.0
QUEUE_S = 4.0
"""Seconds of packets that may wait for the decoder: what is older would alert too late, and the machine is too slow."""

FIRST_QUEUE_S, FIRST_S = 12.0, 40.0
"""The same in the first seconds of a session, when they wait for the clock to settle and are then caught up with."""

_MAX_EARLY = 50


class LiveSource:
    """A `FrameSource` over one session with a camera; iterating ends with the session, and `end_reason` says why.

    Attributes:
        end_reason: None while the session lasts.
        gate: holds back what a still scene does not need; None, as at first, for nothing. To be set before iterating.
        undecoded: packets that were left out because the decoder lagged; they are in the ring all the same.
    """

    def __init__(
        self,
        camera_id: str,
        analysis_fps: float | None,
        settings: StreamSettings,
        ring_folder: Path,
        stop: threading.Event | None = None,
    ) -> None:
        """Connect, and wait until the stream and its time are known.

        Args:
            camera_id: goes into the frames.
            analysis_fps: frames analysed a second, on an absolute time grid; None: packets go to the ring alone.
            settings: how to reach the camera.
            ring_folder: of this session alone; must not exist.
            stop: ends the session with its next packet once it is set; None makes an event of its own.

        Raises:
            SourceError: the camera cannot be reached, refuses, or sends no video; never names credentials.
        """
        self._camera_id = camera_id
        self._is_analysed = analysis_fps is not None
        try:
            self._settings = locate(settings)
        except SourceError as error:
            raise SourceError(f"camera {camera_id}: {error}") from None
        self._container = self._connect()
        self._stream = self._video_stream()
        try:
            self._ring = SegmentRing(ring_folder, settings.ring_s, settings.ring_mb * 2**20)
        except OSError as error:
            self._container.close()
            raise SourceError(f"camera {camera_id}: packet ring {ring_folder}: {error.strerror}") from error
        self._time_base = time_base_of(self._stream)
        self._repair = TimestampRepair(
            self._time_base,
            self._stream.average_rate or self._stream.guessed_rate,
            self._stream.codec_context.reorder_depth,
        )
        self._clock = StreamClock(trusts_reports=not settings.is_relayed)
        self._probed: StreamInfo | None = None
        self._origin_pts = 0
        self._packets = 0
        self._newest_s = 0.0
        self._arrived_at = monotonic()
        self._queue: deque[tuple[Packet, bool]] = deque()
        self._skipped = False
        self._changed = threading.Condition()
        self._stop = stop or threading.Event()
        self._closed = threading.Event()
        self.undecoded = 0
        self.end_reason: str | None = None
        self._tell_end: Callable[[str], None] | None = None
        self._reader = threading.Thread(target=self._read, name=f"read {camera_id}", daemon=True)
        self._reader.start()
        with self._changed:
            self._changed.wait_for(lambda: self._clock.settled is not None or self.end_reason is not None)
        settled, info = self._clock.settled, self._probed
        if settled is None or info is None:
            self.close()
            self._ring.discard()
            raise SourceError(f"camera {camera_id}: {self.end_reason} before its stream was known")
        self._info: StreamInfo = info
        self._started_at: datetime = settled.started_at
        self._time: TimeBasis = replace(settled.basis, host_offset_ms=read_host_offset_ms())
        self._cutter: FrameCutter = FrameCutter(camera_id, analysis_fps or 1.0, info, settled.started_at)
        self.gate: PacketGate | None = None
        self._frames: Iterator[Frame | Glance] = self._run()

    @property
    def newest_s(self) -> float:
        """Seconds of the stream at which the newest packet is decoded: what has arrived, not what has been analysed."""
        return self._newest_s

    @property
    def silence_s(self) -> float:
        """Seconds since the last packet arrived."""
        return monotonic() - self._arrived_at

    @property
    def info(self) -> StreamInfo:
        """The stream that the frames come from."""
        return self._info

    @property
    def analysed(self) -> AnalysedStream | None:
        """The stream that the frames come from, where it is another one than `info` and `ring` are of; None here."""
        return None

    @property
    def time(self) -> TimeBasis:
        """How the capture times are known."""
        return self._time

    @property
    def clock_offset_s(self) -> float | None:
        """How far the camera's clock was ahead of ours when the session began; None where it tells no time."""
        return self._clock.offset_s

    @property
    def started_at(self) -> datetime:
        """Capture time of the first picture, aware UTC."""
        return self._started_at

    @property
    def ring(self) -> SessionRing:
        """The packets; each one is there before the frame that it becomes is handed out."""
        return self._ring

    @property
    def counters(self) -> SourceCounters:
        """A snapshot of what went through so far."""
        cutter = self._cutter
        return SourceCounters(
            self._packets, cutter.decoded, cutter.analysed, cutter.damage.count, self._repair.repaired
        )

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was mended without loss, in words."""
        repaired = self._repair.repaired
        return (f"time stamps: {repaired} were missing or did not increase and were repaired",) if repaired else ()

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be read or was not decoded, in words."""
        lag = (f"{self.undecoded} packets were not decoded: the machine is too slow",) if self.undecoded else ()
        return (*self._cutter.damage.notes(), *lag)

    def __iter__(self) -> Iterator[Frame | Glance]:
        """Analysed frames in time order, until the session ends; with a gate, glances between them."""
        return self._frames

    def __enter__(self) -> Self:
        """Return the source itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def when_ended(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called with the reason when the session ends, from whichever thread; at once when it has."""
        with self._changed:
            self._tell_end = tell
            reason = self.end_reason
        if reason is not None:
            tell(reason)

    def give_up(self, reason: str) -> None:
        """End the session soon, for a reason from outside; does not wait."""
        with self._changed:
            self.end_reason = self.end_reason or reason
            self._changed.notify_all()
        self._closed.set()

    def close(self) -> None:
        """End the session; returns when the connection is closed, harmless when repeated."""
        self._closed.set()
        self._reader.join()

    def _connect(self) -> av.container.InputContainer:
        try:
            timeout = (OPEN_TIMEOUT_S, self._settings.timeout_s)
            return av.open(self._settings.full_url(), options=self._settings.options(), timeout=timeout)
        except (av.error.FFmpegError, OSError) as error:
            # The exception's own text holds the URL with the password.
            reason = error.strerror or type(error).__name__
            if self._settings.url.startswith("rtsps:") and error.errno == errno.EIO:
                reason += " (over TLS: an unknown authority, or a certificate that is not for this host?)"
            raise SourceError(f"camera {self._camera_id}: {self._settings.shown_url}: {reason}") from None

    def _video_stream(self) -> VideoStream:
        streams = self._container.streams.video
        if not streams or streams[0].codec_context is None:
            self._container.close()
            raise SourceError(f"camera {self._camera_id}: {self._settings.shown_url}: no video that can be decoded")
        return streams[0]

    def _read(self) -> None:
        """The reader thread: every packet to the ring, then to the decoder."""
        reason = "the stream ended"
        try:
            for raw in self._raw_packets():
                if self._stop.is_set() or self._closed.is_set():
                    reason = "it was stopped"
                    break
                fault = self._take(raw, datetime.now(UTC))
                if fault:
                    reason = fault
                    break
        except (av.error.FFmpegError, OSError) as error:
            reason = f"the stream broke off ({error.strerror or type(error).__name__})"
        except Exception as error:  # whatever a hostile stream provokes ends this session and no other
            reason = f"the stream could not be read ({type(error).__name__}: {error})"
        finally:
            self._container.close()
            self._ring.finish()
            with self._changed:
                self._clock.settle()  # a session that was short is analysed all the same
                self.end_reason = self.end_reason or reason
                self._changed.notify_all()
                tell = self._tell_end
            if tell is not None:
                tell(self.end_reason)

    def _raw_packets(self) -> Iterator[RawPacket]:
        """Packets of the video from its first key frame on; the first of them may lack a time and are given one."""
        early: list[RawPacket] | None = []
        look_ahead = self._stream.codec_context.reorder_depth + 3
        for raw in self._container.demux(self._stream):
            if not raw.size or not (early is None or early or raw.is_keyframe):
                continue
            if early is None:
                yield raw
                continue
            early.append(raw)
            if sum(waiting.pts is not None for waiting in early) >= look_ahead or len(early) >= _MAX_EARLY:
                self._complete_times(early)
                yield from early
                early = None
        yield from early or []

    def _complete_times(self, early: list[RawPacket]) -> None:
        """What comes before the first time stamp is shown before everything that has one."""
        untimed = [raw for raw in early if raw.pts is None]
        timed = sorted(raw.pts for raw in early if raw.pts is not None)
        # The picture rate that FFmpeg guesses can be twice the true one; the stamps that follow know better.
        picture = min((b - a for a, b in pairwise(timed) if b > a), default=self._repair.picture)
        for back, raw in enumerate(reversed(untimed), start=1):
            raw.pts = (timed[0] if timed else 0) - back * picture
            raw.dts = None

    def _take(self, raw: RawPacket, arrival: datetime) -> str | None:
        """One packet to ring, clock and queue; returns why the session must end."""
        pts, dts = self._repair.repair(raw.pts, raw.dts, raw.duration or 0)
        if self._packets == 0:
            self._origin_pts = pts
        stream_s = seconds(pts - self._origin_pts, self._time_base)
        packet = Packet(bytes(raw), pts, dts, raw.duration or 0, self._time_base, raw.is_keyframe, stream_s)
        self._packets += 1
        self._newest_s, self._arrived_at = packet.decode_s, monotonic()
        self._ring.append(packet)
        if self._probed is None and packet.is_keyframe:
            self._probed = self._probe(packet)
        fault = self._clock.take(stream_s, arrival, reported_at(raw))
        with self._changed:
            if self._is_analysed:
                self._queue.append((packet, raw.is_corrupt))
            longest_s = FIRST_QUEUE_S if stream_s < FIRST_S else QUEUE_S
            if self._queue and stream_s - self._queue[0][0].stream_s > longest_s:
                self._leave_out()
            self._changed.notify_all()
        return fault

    def _leave_out(self) -> None:
        """The decoder lags: as soon as a new group of pictures begins, go on with that one."""
        newest = self._queue[-1]
        if newest[0].is_keyframe:
            self.undecoded += len(self._queue) - 1
            self._queue.clear()
            self._queue.append(newest)
            self._skipped = True

    def _probe(self, key: Packet) -> StreamInfo | None:
        """Describe the stream by one key frame, which is decoded alone; None when it is damaged."""
        context = cast(av.VideoCodecContext, av.CodecContext.create(self._stream.codec_context.name, "r"))
        context.extradata = self._stream.codec_context.extradata
        try:
            pictures = [*context.decode(key.to_av()), *context.decode(None)]
        except av.error.FFmpegError:
            return None
        return describe(self._stream, key, pictures[0]) if pictures else None

    def _run(self) -> Iterator[Frame | Glance]:
        decoder = partial(open_decoder, self._info, self._settings.decoder)
        with GatedCutter(self._cutter, self._info, self.gate, decoder) as cutter:
            for packet, is_damaged, is_after_gap in self._next_packets():
                if is_after_gap:
                    cutter.skip()
                for seen in cutter.take(packet, is_damaged):
                    frame = seen.frame if isinstance(seen, Glance) else seen
                    if frame.wh != self._info.upright_wh:
                        self._end("the picture's size changed to {}x{}".format(*frame.wh))
                        return
                    yield seen
            yield from cutter.finish()

    def _next_packets(self) -> Iterator[tuple[Packet, bool, bool]]:
        """Packets for the decoder as they come, each with whether others were left out before it."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self.end_reason is not None)
                if not self._queue:
                    return
                (packet, is_damaged), is_after_gap = self._queue.popleft(), self._skipped
                self._skipped = False
            yield packet, is_damaged, is_after_gap

    def _end(self, reason: str) -> None:
        with self._changed:
            self.end_reason = self.end_reason or reason
        self.close()

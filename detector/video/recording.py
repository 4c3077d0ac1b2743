"""A recorded file, opened: its packets with sound time stamps, and one clear line for whatever is wrong with it."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Self

import av
import av.error
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from detector.errors import SourceError
from detector.packets import Packet, RawPacket, seconds, time_base_of
from detector.video.decoding import Decoder, pts_of
from detector.video.timestamps import TimestampRepair

_THREADS = 2
_MAX_FAILURES = 10
_LOOK_AHEAD = 32
_TAGGED_END = re.compile(r"(\d+):(\d{2}):(\d{2}(?:\.\d+)?)")
_CLAIM_THEIR_END = ("matroska,webm", "nut", "asf")
"""Containers whose length is the time of their end: what was cut out of a longer recording begins late."""
_TS_SYNC = b"\x47"
_TS_PACKET_SIZES = (188, 192, 204)

Stamps = list[tuple[int, int]]
"""(pts, dts) of each packet in decoding order, found beforehand; see `presentation_stamps`."""


class Recording:
    """An open file and its one video stream; a context manager.

    Attributes:
        container, stream: PyAV's.
        decoder: of the stream, not used yet.
        repair: the time stamp repair and its counts.
        failures: how often reading failed and was taken up again.
        packets_read: packets so far.
    """

    def __init__(self, path: Path, stamps: Stamps | None = None) -> None:
        """Open a file.

        Args:
            path: the file.
            stamps: time stamps that replace the file's own; None = repair the file's own.

        Raises:
            SourceError: it is missing, no file, empty, not a video, or holds no video stream; names the file.
        """
        self._path = path
        self.container = _open(path)
        self.stream = _video_stream(self.container, path)
        self.decoder = Decoder(self.stream.codec_context, _THREADS)
        rate = self.stream.average_rate or self.stream.guessed_rate
        self._time_base = time_base_of(self.stream)
        self.repair = TimestampRepair(self._time_base, rate, self.stream.codec_context.reorder_depth)
        self.failures = 0
        self.packets_read = 0
        self._stamps = stamps

    def __enter__(self) -> Self:
        """Return the recording itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.container.close()

    @property
    def ends_in_a_fragment(self) -> bool:
        """Whether the last packet of a transport stream is incomplete; False for other containers."""
        if self.container.format.name != "mpegts":
            return False
        with self._path.open("rb") as file:
            head = file.read(4 + 2 * max(_TS_PACKET_SIZES) + 1)
        sizes = (n for n in _TS_PACKET_SIZES for at in (0, 4) if head[at::n][:3] == _TS_SYNC * 3)
        return self.container.size % next(sizes, 1) != 0

    @property
    def declared_s(self) -> float | None:
        """Length that the file claims its video to have; None when it claims none, or one for sound and video alike."""
        claimed_s = _tagged_end_s(self.stream)
        if self.stream.duration:
            claimed_s = seconds(self.stream.duration, self._time_base)
        elif claimed_s is None and len(self.container.streams) == 1 and self.container.duration:
            claimed_s = self.container.duration / av.time_base
        if claimed_s is not None and self.container.format.name in _CLAIM_THEIR_END:
            claimed_s -= max(0, self.container.start_time or 0) / av.time_base
        return claimed_s

    def packets(self, origin_pts: int = 0) -> Iterator[tuple[Packet, RawPacket]]:
        """Packets in decoding order, each with PyAV's own for the decoder; its `opaque` holds the repaired pts.

        Args:
            origin_pts: pts of the first picture, from which `stream_s` counts.
        """
        for raw in self.raw_packets():
            if self._stamps is None:
                pts, dts = self.repair.repair(raw.pts, raw.dts, raw.duration or 0)
            else:
                pts, dts = self._stamps[min(self.packets_read, len(self._stamps) - 1)]
            self.packets_read += 1
            packet = Packet(
                data=bytes(raw),
                pts=pts,
                dts=dts,
                duration=raw.duration or 0,
                time_base=self._time_base,
                is_keyframe=raw.is_keyframe,
                stream_s=seconds(pts - origin_pts, self._time_base),
            )
            raw.opaque = (pts,)
            yield packet, raw

    def raw_packets(self) -> Iterator[RawPacket]:
        """Packets as PyAV gives them; what cannot be read is skipped, until ten attempts in a row have failed."""
        failed_in_a_row = 0
        while failed_in_a_row < _MAX_FAILURES:
            try:
                for raw in self.container.demux(self.stream):
                    if raw.size:
                        failed_in_a_row = 0
                        yield raw
                return
            except av.error.FFmpegError:
                self.failures += 1
                failed_in_a_row += 1


def presentation_stamps(path: Path) -> Stamps | None:
    """Time stamps for a file that does not say when its reordered pictures are shown; None for all other files.

    AVI and raw H.264 or H.265 know only the order of decoding, and program streams stamp only some pictures. Which
    picture is shown when comes to light by decoding, so such a file (and no other) is decoded once beforehand: the k-th
    picture that comes out gets the k-th decoding time.
    """
    with Recording(path) as recording:
        if not recording.stream.codec_context.reorder_depth or _has_presentation_times(recording):
            return None
    with Recording(path) as recording:
        _, shown = _decode_order(recording, limit=_LOOK_AHEAD)
        if _is_in_order(shown):
            return None
    with Recording(path) as recording:
        times, shown = _decode_order(recording, limit=None)
        delay = (recording.stream.codec_context.reorder_depth + 1) * recording.repair.picture
    shown_at = dict(zip(shown, sorted(shown), strict=True))
    return [(shown_at.get(time, time), time - delay) for time in times]


def _has_presentation_times(recording: Recording) -> bool:
    """Whether the first packets all say when they are shown, and not merely repeat when they are decoded."""
    first = list(islice(recording.raw_packets(), _LOOK_AHEAD))
    delays = {raw.pts - raw.dts for raw in first if raw.pts is not None and raw.dts is not None}
    return len(delays) > 1 and all(raw.pts is not None for raw in first)


def _decode_order(recording: Recording, limit: int | None) -> tuple[list[int], list[int]]:
    """Stamps of the first `limit` packets (None: all), as sent to the decoder and as their pictures come out.

    The stamps are those of presentation when there is a limit (do they come out in order?), else those of decoding.
    """
    sent: list[int] = []
    shown: list[int] = []
    for raw in islice(recording.raw_packets(), limit):
        stamp, _ = recording.repair.repair(None if limit is None else raw.pts, raw.dts, raw.duration or 0)
        raw.opaque = (stamp,)
        sent.append(stamp)
        shown += [pts_of(picture) for picture in recording.decoder.decode(raw)]
    shown += [pts_of(picture) for picture in recording.decoder.decode(None)]
    return sent, shown


def _tagged_end_s(stream: VideoStream) -> float | None:
    """When the video ends by its tag, as Matroska's writers leave one ("00:01:02.500000000"); None without."""
    found = _TAGGED_END.fullmatch(stream.metadata.get("DURATION", ""))
    return float(found[1]) * 3600 + float(found[2]) * 60 + float(found[3]) if found else None


def _is_in_order(values: list[int]) -> bool:
    return all(a < b for a, b in pairwise(values))


def _open(path: Path) -> av.container.InputContainer:
    try:
        if path.is_dir():
            raise SourceError(f"{path}: is a directory, not a video file")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened ({error.strerror or error})") from error
    if size == 0:
        raise SourceError(f"{path}: is empty")
    try:
        # "file:" keeps FFmpeg from taking a colon in the name for a protocol; recorders write metadata in any encoding.
        return av.open(f"file:{path}", metadata_errors="replace")
    except av.error.FFmpegError as error:
        reason = f"not a video file, or cut off before its index was written ({error.strerror})"
        raise SourceError(f"{path}: {reason}") from error


def _video_stream(container: av.container.InputContainer, path: Path) -> VideoStream:
    """The best video stream; cover pictures of audio files do not count."""
    candidates = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    best = container.streams.best("video")
    stream = best if best in candidates else next(iter(candidates), None)
    if stream is None or stream.codec_context is None:
        reason = "holds no video stream" if stream is None else "its video codec is unknown"
        container.close()
        raise SourceError(f"{path}: {reason}")
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return stream

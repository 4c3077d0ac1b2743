"""The evidence clip: the camera's own packets in an MP4 file, never re-encoded; and where needed, a viewing copy."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import av
import av.error
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from detector.errors import EvidenceError, StorageError
from detector.evidence.nal_units import is_parameter_set, length_size_of, nal_units, parameter_sets
from detector.evidence.staging import sync
from detector.packets import Packet, StreamInfo, time_base_of

_MP4_CODECS = {"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"}
_SUFFIXES = {"mp4": ".mp4", "matroska": ".mkv", "mov": ".mov", "avi": ".avi"}
_BROWSER_CODECS = {"h264", "vp9", "av1"}
_BROWSER_PIXELS = {"yuv420p", "yuvj420p"}


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """A clip on disk.

    Attributes:
        path: where it lies; its suffix is the container's, whatever was asked.
        container: "mp4"; "matroska", "mov" or "avi" where MP4 cannot hold the codec.
        codec: FFmpeg's name of the codec, the same as the source's.
        start_s, end_s: what it shows, on the scale of `Packet.stream_s`; the first frame lies at `start_s`.
        packets: how many packets it holds.
        size_bytes: of the file.
    """

    path: Path
    container: str
    codec: str
    start_s: float
    end_s: float
    packets: int
    size_bytes: int


def write_clip(packets: Sequence[Packet], info: StreamInfo, path: Path) -> ClipRecord:
    """Write packets into a new MP4 file (another container where MP4 cannot hold the codec), unaltered.

    The first packet is shown at time 0; pictures that precede it in showing order (H.265 with open groups: they need
    pictures from before the clip) stay in the file, but players skip them. Decoding times may be negative, which MP4
    expresses by an edit list. Annex B becomes length-prefixed: the NAL units stay the same.

    Args:
        packets: in decoding order from a key frame on, as `PacketStore.read` gives them.
        info: the stream that they belong to.
        path: the file to make; it appears under this name only when it is whole and on the disk.

    Raises:
        EvidenceError: the packets do not begin with a key frame, no container holds them, or FFmpeg refuses them.
        StorageError: the folder cannot be written or the disk is full; nothing is left behind.
    """
    if not packets or not packets[0].is_keyframe:
        raise EvidenceError(f"{path}: a clip must begin with a key frame")
    with av.open(io.BytesIO(info.header)) as template:
        container = _container_for(template.streams.video[0], info)
        path = path.with_suffix(_SUFFIXES[container])
        with _new_file(path) as file, av.open(file, "w", format=container) as out:
            _mux(packets, info, out.add_stream_from_template(template.streams.video[0], opaque=True))
    return ClipRecord(
        path=path,
        container=container,
        codec=info.codec,
        start_s=packets[0].stream_s,
        end_s=max(p.end_s for p in packets),
        packets=len(packets),
        size_bytes=path.stat().st_size,
    )


def needs_viewing_copy(info: StreamInfo) -> bool:
    """Whether common browsers cannot play a clip of this stream, so that a viewing copy should stand beside it."""
    return info.codec not in _BROWSER_CODECS or info.pixel_format not in _BROWSER_PIXELS


def write_viewing_copy(clip: Path, path: Path) -> None:
    """Encode a clip again as H.264 that every browser plays; the file says of itself that it is only a copy.

    Frames keep their times, and those that cannot be decoded are left out. An odd width or height shrinks by one pixel,
    because 4:2:0 needs even ones.

    Args:
        clip: the evidence clip.
        path: the MP4 file to make; it appears under this name only when it is whole and on the disk.

    Raises:
        EvidenceError: the clip cannot be opened.
        StorageError: the folder cannot be written or the disk is full; nothing is left behind.
    """
    with _open_clip(clip) as source, _new_file(path) as file, av.open(file, "w", format="mp4") as out:
        out.metadata["comment"] = "VIEWING COPY, re-encoded; the evidence is the clip beside it"
        stream = source.streams.video[0]
        copy = out.add_stream("libx264", rate=stream.average_rate or 25, options={"crf": "23", "preset": "veryfast"})
        copy.width, copy.height, copy.pix_fmt = stream.width // 2 * 2, stream.height // 2 * 2, "yuv420p"
        copy.codec_context.time_base = time_base_of(stream)
        last_pts: int | None = None
        for picture in _pictures(source, stream):
            if picture.pts is None or (last_pts is not None and picture.pts <= last_pts):
                continue
            if last_pts is None and picture.rotation:
                copy.set_display_rotation(picture.rotation)
            last_pts = picture.pts
            out.mux(copy.encode(picture.reformat(copy.width, copy.height, "yuv420p")))
        out.mux(copy.encode(None))


def _pictures(source: av.container.InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """What can be decoded of a clip; a damaged stretch, which the evidence keeps as it is, is left out."""
    for packet in source.demux(stream):
        try:
            yield from stream.decode(packet)
        except av.error.InvalidDataError:
            continue


def _open_clip(clip: Path) -> av.container.InputContainer:
    try:
        return av.open(f"file:{clip}")
    except (av.error.FFmpegError, OSError) as error:
        raise EvidenceError(f"{clip}: cannot be opened ({error.strerror})") from error


def _container_for(stream: VideoStream, info: StreamInfo) -> str:
    """MP4 for what players expect there, else the first container that knows the codec."""
    if info.codec in _MP4_CODECS:
        return "mp4"
    for container in list(_SUFFIXES)[1:]:
        with av.open(io.BytesIO(), "w", format=container) as trial, suppress(ValueError):
            trial.add_stream_from_template(stream, opaque=True)
            return container
    raise EvidenceError(f"no container holds the codec {info.codec} without re-encoding")


def _mux(packets: Sequence[Packet], info: StreamInfo, stream: VideoStream) -> None:
    """Send packets to a new output stream, the first one shown at time 0."""
    context = stream.codec_context
    stream.time_base = info.time_base
    context.color_range, context.color_primaries, context.color_trc, context.colorspace = info.colour
    stream.set_display_matrix(info.display_matrix)
    if info.codec == "hevc":
        context.codec_tag = "hev1" if _has_changing_parameter_sets(packets, info) else "hvc1"
    for packet in packets:
        raw = packet.to_av()
        raw.pts, raw.dts = packet.pts - packets[0].pts, packet.dts - packets[0].pts
        raw.stream = stream
        cast(av.container.OutputContainer, stream.container).mux(raw)


def _has_changing_parameter_sets(packets: Sequence[Packet], info: StreamInfo) -> bool:
    """Whether packets bring other parameter sets: under "hvc1" (which Apple's players want) they would be lost."""
    known = parameter_sets(info.extradata, info.codec)
    length_size = length_size_of(info.extradata, info.codec)
    return any(
        unit not in known
        for packet in packets
        if packet.is_keyframe
        for unit in nal_units(packet.data, length_size)
        if unit and is_parameter_set(unit, info.codec)
    )


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears at `path` only when everything is written and on the disk; otherwise nothing is left."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync(path.parent)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror or error})") from error
    except av.error.FFmpegError as error:
        raise EvidenceError(f"{path}: cannot be made of these packets ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)

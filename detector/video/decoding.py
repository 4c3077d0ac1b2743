"""From compressed to upright BGR images, the same way for analysis and for the stills of the evidence."""

import io
import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, cast

import av
import av.error
import numpy as np
from av.codec.hwaccel import HWAccel
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from detector.errors import EvidenceError, SourceError
from detector.packets import Packet, RawPacket, StreamInfo, time_base_of

logger = logging.getLogger(__name__)

_PLANAR = {"nv12": "yuv420p", "p010le": "yuv420p10le"}
"""What a graphics card decodes into, and what FFmpeg's own decoders make of the same packets. Only the order of the
colour samples differs: brought into the latter first, both become the same image, to the last bit."""

_HEADER_CONTAINERS = ("nut", "mov", "matroska")
"""NUT keeps extradata verbatim; the others are for studio codecs that it does not know."""


def describe(stream: VideoStream, packet: Packet, picture: VideoFrame) -> StreamInfo:
    """Describe an open stream by its parameters, a key packet and the first picture decoded from it.

    Raises:
        SourceError: no container can hold the stream without re-encoding; names the codec.
    """
    context = stream.codec_context
    return StreamInfo(
        codec=context.codec.canonical_name,
        width=picture.width,
        height=picture.height,
        time_base=time_base_of(stream),
        average_rate=stream.average_rate or stream.guessed_rate,
        pixel_format=picture.format.name,
        display_matrix=display_matrix(picture),
        colour=(context.color_range, context.color_primaries, context.color_trc, context.colorspace),
        extradata=context.extradata or b"",
        header=_header(stream, packet),
    )


def _header(stream: VideoStream, packet: Packet) -> bytes:
    """A file with the parameters of `stream` and one packet; see `StreamInfo.header`."""
    for container in _HEADER_CONTAINERS:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=container) as out:
            try:
                copy = out.add_stream_from_template(stream, opaque=True)
            except ValueError:  # the container does not know the codec
                continue
            raw = packet.to_av()
            raw.pts = raw.dts = 0
            raw.stream = copy
            out.mux(raw)
        return buffer.getvalue()
    raise SourceError(f"the codec {stream.codec_context.name} cannot be copied without re-encoding")


def display_matrix(picture: VideoFrame) -> tuple[int, ...] | None:
    """The nine integers that say how to turn a decoded picture upright; None when it is upright."""
    data = cast("Mapping[Any, Any]", picture.side_data).get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return None
    matrix = tuple(int(v) for v in np.frombuffer(bytes(data), np.int32)[:9])
    is_upright = matrix[0] > 0 and matrix[4] > 0 and matrix[1] == matrix[3] == 0
    return None if is_upright else matrix


class ImageConverter:
    """Turns decoded pictures of any pixel format into upright BGR images; keeps FFmpeg's scaler between calls."""

    def __init__(self, info: StreamInfo | None = None) -> None:
        """Make a converter; `info` gives the display matrix of pictures that carry none themselves."""
        self._matrix = info.display_matrix if info else None
        self._reformatter = VideoReformatter()
        self._planes = VideoReformatter()
        self._lock = threading.Lock()

    def image(self, picture: VideoFrame) -> np.ndarray:
        """Convert one picture to (H, W, 3) uint8, BGR, upright, contiguous; any thread may ask."""
        planar = _PLANAR.get(picture.format.name)
        with self._lock:
            planes = self._planes.reformat(picture, format=planar, threads=1) if planar else picture
            bgr = self._reformatter.reformat(planes, format="bgr24", threads=1).to_ndarray()
        return upright(bgr, self.matrix_of(picture))

    def matrix_of(self, picture: VideoFrame) -> tuple[int, ...] | None:
        """The display matrix by which a picture is turned; None when it is upright."""
        # PyAV ties a picture whose side data was asked for to itself, so that its 3 MB (1920x1080) wait for the garbage
        # collector: ask only where something is turned. A mirrored stream without a turn is known from its start.
        is_plain = self._matrix is None and picture.rotation == 0
        return None if is_plain else display_matrix(picture) or self._matrix


class DecodedPicture:
    """A `Picture` as the decoder gave it: half the memory of the image that it becomes when somebody looks."""

    def __init__(self, decoded: VideoFrame, converter: ImageConverter) -> None:
        """Keep a decoded picture; nothing is converted yet."""
        turn = converter.matrix_of(decoded)
        is_on_side = turn is not None and abs(turn[0]) + abs(turn[4]) < abs(turn[1]) + abs(turn[3])
        self.wh = (decoded.height, decoded.width) if is_on_side else (decoded.width, decoded.height)
        self._shown: VideoFrame | np.ndarray = decoded
        self._converter = converter
        self._lock = threading.Lock()

    def to_image(self) -> np.ndarray:
        """(H, W, 3) uint8, BGR, upright; the same one at each call."""
        with self._lock:
            if isinstance(self._shown, VideoFrame):
                self._shown = self._converter.image(self._shown)
            return self._shown


def upright(image: np.ndarray, matrix: tuple[int, ...] | None) -> np.ndarray:
    """Turn an image (H, W, 3) as a display matrix asks, to the nearest quarter turn, mirrored where it says so.

    The result is contiguous. None as matrix: the image is upright.

    FFmpeg's matrix sends (x, y) to (a·x + c·y, b·x + d·y), its integers being (a, b, u, c, d, v, x, y, w).
    """
    if matrix is None:
        return np.ascontiguousarray(image)
    a, b, _, c, d = matrix[:5]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        x_sign, y_sign = a, d
    else:
        image, x_sign, y_sign = image.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(image[:: -1 if y_sign < 0 else 1, :: -1 if x_sign < 0 else 1])


def decode_at(packets: Sequence[Packet], info: StreamInfo, wanted_pts: Collection[int]) -> dict[int, np.ndarray]:
    """Decode chosen pictures again, bit for bit what the source handed out as `Frame.image`.

    Args:
        packets: in decoding order from a key frame on, as `PacketStore.read` gives them.
        info: the stream that they belong to.
        wanted_pts: `Frame.pts` of the pictures.

    Returns:
        pts to image (H, W, 3) uint8, BGR, upright.

    Raises:
        EvidenceError: a wanted picture is not among the packets or does not decode; names its pts.
    """
    missing = set(wanted_pts)
    images: dict[int, np.ndarray] = {}
    converter = ImageConverter(info)
    # A clip begins seconds before its first still: nothing before that one's key frame is needed.
    keys = [i for i, packet in enumerate(packets) if packet.is_keyframe and packet.pts <= min(missing, default=0)]
    needed = packets[keys[-1] if keys else 0 :]
    with open_decoder(info) as decoder:
        for raw in chain((packet.to_av() for packet in needed), [None]):
            if not missing:
                break
            for picture in decoder.decode(raw):
                pts = pts_of(picture)
                if pts in missing and not picture.is_corrupt:
                    images[pts] = converter.image(picture)
                    missing.discard(pts)
    if missing:
        raise EvidenceError(f"pictures cannot be decoded again from the packets: pts {sorted(missing)}")
    return images


def decode_between(
    packets: Sequence[Packet], info: StreamInfo, start_s: float, end_s: float
) -> Iterator[tuple[Packet, np.ndarray]]:
    """Decode the sound pictures that are shown from `start_s` to `end_s` (`Packet.stream_s`), each with its packet.

    Args:
        packets: in decoding order from a key frame on.
        info: the stream that they belong to.
        start_s, end_s: both included.
    """
    keys = [i for i, packet in enumerate(packets) if packet.is_keyframe and packet.stream_s <= start_s]
    needed = [p for p in packets[keys[-1] if keys else 0 :] if p.decode_s <= end_s]
    by_pts = {packet.pts: packet for packet in needed}
    converter = ImageConverter(info)
    with open_decoder(info) as decoder:
        for raw in chain((packet.to_av() for packet in needed), [None]):
            for picture in decoder.decode(raw):
                packet = by_pts[pts_of(picture)]
                if start_s <= packet.stream_s <= end_s and not picture.is_corrupt:
                    yield packet, converter.image(picture)


@contextmanager
def open_decoder(info: StreamInfo, device: str = "cpu") -> Iterator["Decoder"]:
    """A decoder of a stream's packets that needs nothing but its description.

    Args:
        info: the stream.
        device: "cpu", or "cuda" for the decoder of an NVIDIA card (its pictures are copied into the machine's memory);
            the processor decodes where no card answers, which is logged, and what the card cannot decode.
    """
    with _open_header(info, device) as container:
        context = container.streams.video[0].codec_context
        context.color_range, context.color_primaries, context.color_trc, context.colorspace = info.colour
        yield Decoder(context)


def _open_header(info: StreamInfo, device: str) -> av.container.InputContainer:
    """The stream's header, opened for decoding on a device."""
    if device != "cpu":
        try:
            # One context of the card for all cameras: each one of its own would take some hundred MB there.
            return av.open(io.BytesIO(info.header), "r", hwaccel=HWAccel(device, options={"primary_ctx": "1"}))
        except (av.error.FFmpegError, OSError) as error:
            logger.warning("decoding on %s: no such device (%s); the processor decodes", device, error.strerror)
    return av.open(io.BytesIO(info.header), "r")


def pts_of(picture: VideoFrame) -> int:
    """The repaired pts of the packet that a picture was decoded from.

    It travels as `opaque`, wrapped in a tuple of its own: PyAV keys these objects by address, and an int that two
    decoders share is lost to both when the first one frees it.
    """
    (pts,) = cast("tuple[int]", picture.opaque)
    return pts


class Decoder:
    """Sends packets to FFmpeg's decoder; what does not decode yields no picture and is told by `has_failed`.

    Attributes:
        has_failed: whether the last call met an error.
    """

    def __init__(self, context: av.VideoCodecContext, threads: int = 1) -> None:
        """Take over a codec context that is not open yet; more than one thread decodes whole pictures in parallel."""
        self._context = context
        context.copy_opaque = True
        context.thread_type = "FRAME"
        context.thread_count = threads
        self.has_failed = False

    def drain(self) -> list[VideoFrame]:
        """What is still inside; afterwards decoding may begin anew with any key frame."""
        pictures = self.decode(None)
        self._context.flush_buffers()
        return pictures

    def decode(self, raw: RawPacket | None) -> list[VideoFrame]:
        """Send one packet (None: the end) and collect the pictures that are ready, each with its packet's `opaque`."""
        self.has_failed = False
        try:
            pictures = self._context.decode(raw)
        except av.error.FFmpegError:
            self.has_failed = True
            return []
        return [picture for picture in pictures if picture.opaque is not None]  # a picture of no packet proves nothing

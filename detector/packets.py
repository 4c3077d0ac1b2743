"""The nouns before decoding: `Packet`, `StreamInfo`, and the door of the buffer that keeps packets (`PacketStore`).

They stand beside `entities` because two stations share them: `video` fills the buffer, `evidence` cuts clips from it.

    camera or file ─► Packet ─► PacketStore ─► clip            (the camera's own bytes, never re-encoded)
                         └────► decoder ─► Frame
"""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, cast

import av
from av.video.stream import VideoStream

from detector.errors import SourceError

if TYPE_CHECKING:
    RawPacket = av.Packet[VideoStream]
else:
    RawPacket = av.Packet  # generic in its stub alone
"""A packet as FFmpeg has it, with what hangs on it."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What must be known besides the packets to decode or remux them.

    Attributes:
        codec: FFmpeg's name of the codec: "h264", "hevc", "mpeg4", "mjpeg", "vp9"...
        width, height: coded picture in px, before rotation; later pictures of the stream may differ.
        time_base: seconds of one tick of `Packet.pts` and `dts`.
        average_rate: pictures a second as the container states or FFmpeg guesses; None when unknown.
        pixel_format: FFmpeg's name, for instance "yuv420p"; None when unknown.
        display_matrix: nine integers of FFmpeg's AV_PKT_DATA_DISPLAYMATRIX; None when pictures are upright already.
        colour: FFmpeg's numbers for range, primaries, transfer and matrix; 0 and 2 mean unspecified.
        extradata: the codec's parameter sets as the source stores them; b"" when it stores none.
        header: a small file (NUT) with one packet of the stream. It carries the codec parameters verbatim (extradata
            stay Annex B or length-prefixed as the source has them); muxers and decoders take it as their template.
    """

    codec: str
    width: int
    height: int
    time_base: Fraction
    average_rate: Fraction | None
    pixel_format: str | None
    display_matrix: tuple[int, ...] | None
    colour: tuple[int, int, int, int]
    extradata: bytes
    header: bytes

    @property
    def upright_wh(self) -> tuple[int, int]:
        """Width and height in px of the pictures once they are turned upright."""
        if self.display_matrix is None:
            return self.width, self.height
        a, b, _, c, d = self.display_matrix[:5]
        is_quarter_turn = abs(a) + abs(d) < abs(b) + abs(c)
        return (self.height, self.width) if is_quarter_turn else (self.width, self.height)


def time_base_of(stream: VideoStream) -> Fraction:
    """Seconds of one tick of a stream's time stamps.

    Raises:
        SourceError: it has none, so that nothing in it has a time.
    """
    if stream.time_base is None:
        raise SourceError(f"a stream of {stream.codec_context.name} has no time base")
    return stream.time_base


def seconds(ticks: int, time_base: Fraction) -> float:
    """What `float(ticks * time_base)` is, to the last bit, in a tenth of its time: every packet asks."""
    return ticks * time_base.numerator / time_base.denominator


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """One compressed picture, as the source delivered it.

    Attributes:
        data: the bytes, unaltered.
        pts, dts: presentation and decoding time in ticks of `time_base`, as repaired by the source: `dts` strictly
            increases, `pts` is unique and never before `dts`.
        duration: ticks; 0 when unknown.
        time_base: seconds of one tick.
        is_keyframe: whether decoding can start here.
        stream_s: seconds from the first picture of the source to this one; negative for what precedes it.
    """

    data: bytes
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    is_keyframe: bool
    stream_s: float

    @property
    def decode_s(self) -> float:
        """Decoding time on the scale of `stream_s`: no later packet is shown before this instant."""
        return self.stream_s - seconds(self.pts - self.dts, self.time_base)

    @property
    def end_s(self) -> float:
        """End of the picture's time on the scale of `stream_s`."""
        return self.stream_s + seconds(self.duration, self.time_base)

    @property
    def sha256(self) -> str:
        """Hex digest of `data`, computed at each call."""
        return hashlib.sha256(self.data).hexdigest()

    def to_av(self) -> RawPacket:
        """Copy into FFmpeg's memory; `opaque` is (pts,), which a decoder hands on to the picture.

        `av.Packet(bytes)` would borrow the bytes, which lack the zeroed padding that FFmpeg's readers may run into.
        """
        raw = cast(RawPacket, av.Packet(len(self.data)))
        raw.update(self.data)
        raw.pts, raw.dts, raw.duration = self.pts, self.dts, self.duration
        raw.time_base = self.time_base
        raw.is_keyframe = self.is_keyframe
        raw.opaque = (self.pts,)  # a new object: PyAV keys `opaque` by address, so a shared int would be freed twice
        return raw


@dataclass(frozen=True, slots=True, eq=False)
class AnalysedStream:
    """The smaller stream of a camera in which vehicles were looked for, beside the one that clips are cut from.

    Attributes:
        info: of the smaller stream.
        ring: its packets.
        shift_s: added to a time of the other stream it gives the time of the same instant in this one, as the clocks of
            the two have it.
    """

    info: StreamInfo
    ring: "PacketStore"
    shift_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """Packets of a stream that show a passage, in decoding order from a key frame on."""

    info: StreamInfo
    packets: list[Packet]


class PacketStore(Protocol):
    """Keeps the last minutes of packets of one source, so that a clip can begin before its violation was noticed.

    `detector.video.ring.PacketRing` keeps them in memory; a live worker may keep key-frame-aligned segments on disk.
    Times are `Packet.stream_s`. This is the reader's side: who fills it, knows which kind it is.
    """

    def hold(self, name: str, from_s: float) -> None:
        """Keep what is needed to show everything from `from_s` on until `release(name)`; the same name replaces."""

    def release(self, name: str) -> None:
        """Give up a hold; an unknown name is ignored."""

    def is_complete(self, end_s: float) -> bool:
        """Whether `read(..., end_s)` would give the same answer at any later time."""

    def read(self, start_s: float, end_s: float) -> list[Packet]:
        """Packets in decoding order that show everything in [start_s, end_s], outward to key frames.

        Raises:
            EvidenceError: the start has been dropped already, or nothing decodable is there.
        """

"""Tiny synthetic clips whose frames say their own number, made with PyAV; other tests may import this.

Every picture carries its index as a row of black and white blocks along the top, wide enough to survive compression,
so that `index_in` can tell which picture an image really is.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

_BITS = 8
_SQUARE_PX = 12


@dataclass(frozen=True)
class ClipSpec:
    """How a clip is made; the default is a 1.2 s H.264 clip of 96x64 px with B-frames and a key frame each 10 frames.

    Attributes:
        times: presentation time of each frame in units of 1/25 s; None = one after the other.
        rotation: counter-clockwise degrees written as display matrix; None writes none.
        options: of the encoder, over those of `codec`.
    """

    codec: str = "libx264"
    frames: int = 30
    width: int = 96
    height: int = 64
    pixel_format: str = "yuv420p"
    gop: int = 10
    b_frames: int = 2
    times: Sequence[int] | None = None
    rotation: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)


def draw(index: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Picture number `index` (H, W, 3), BGR: its number in blocks along the top, a moving square below."""
    image = np.full((height, width, 3), 60, np.uint8)
    block, band = width // _BITS, height // 4
    for bit in range(_BITS):
        image[:band, bit * block : (bit + 1) * block] = 235 if index >> bit & 1 else 20
    x = index * 3 % (width - _SQUARE_PX)
    image[height // 2 : height // 2 + _SQUARE_PX, x : x + _SQUARE_PX] = (40, 200, 230)
    return image


def index_in(image: np.ndarray) -> int:
    """The number that `draw` wrote into an upright image."""
    block, band = image.shape[1] // _BITS, image.shape[0] // 4
    rows = image[band // 4 : band * 3 // 4]
    return sum(
        1 << bit
        for bit in range(_BITS)
        if rows[:, bit * block + block // 4 : (bit + 1) * block - block // 4].mean() > 128
    )


def write(path: Path, spec: ClipSpec | None = None, options: dict[str, str] | None = None) -> Path:
    """Write a clip and return its path; the suffix names the container, `options` are its muxer's."""
    spec = spec or ClipSpec()
    with av.open(f"file:{path}", "w", options=options or {}) as out:
        out.metadata.update(spec.metadata)
        stream = out.add_stream(spec.codec, rate=25, options=_encoder_options(spec))
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, spec.pixel_format
        stream.codec_context.thread_count = 1
        if spec.rotation is not None:
            stream.set_display_rotation(spec.rotation)
        for index, time in zip(range(spec.frames), spec.times or itertools.count(), strict=False):
            frame = av.VideoFrame.from_ndarray(draw(index, spec.width, spec.height), format="bgr24")
            frame.pts, frame.time_base = time, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_with_sound(path: Path, spec: ClipSpec, sound_s: float) -> Path:
    """Write a clip beside which silence is heard for so long."""
    video = write(path.with_name(f"silent-{path.name}"), spec)
    with av.open(str(video)) as pictures, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(pictures.streams.video[0])
        stream = out.add_stream("aac", rate=48000)
        for packet in pictures.demux(pictures.streams.video[0]):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
        for at in range(0, int(sound_s * 48000), 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate, frame.pts, frame.time_base = 48000, at, Fraction(1, 48000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_audio(path: Path) -> Path:
    """Write a file that holds 0.2 s of sound and no video."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts = 8000, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_audio_with_cover(path: Path) -> Path:
    """Write a file that holds sound and a cover picture, which FFmpeg counts among the video streams."""
    with av.open(str(write_audio(path.with_name("sound.mp4")))) as sound, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(sound.streams.audio[0])
        cover = out.add_stream("png", rate=1, width=32, height=32, pix_fmt="rgb24")
        cover.disposition = Disposition.attached_pic
        for packet in sound.demux(sound.streams.audio[0]):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
        out.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        out.mux(cover.encode(None))
    return path


def remux(source: Path, target: Path, stamps: Iterable[tuple[int, int] | None]) -> Path:
    """Copy the packets of a clip with other time stamps: (pts, dts) in units of 1/25 s; None drops the packet."""
    with av.open(str(source)) as original, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(original.streams.video[0], opaque=True)
        packets = (p for p in original.demux(original.streams.video[0]) if p.size)
        for packet, stamp in zip(packets, stamps, strict=False):
            if stamp is not None:
                packet.pts, packet.dts = stamp
                packet.time_base, packet.stream = Fraction(1, 25), stream
                out.mux(packet)
    return target


def tag_full_range(source: Path, target: Path) -> Path:
    """Copy a clip and let the container alone say that its colours are full range, BT.709."""
    with av.open(str(source)) as original, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(original.streams.video[0], opaque=True)
        stream.codec_context.color_range, stream.codec_context.colorspace = 2, 1
        stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
        for packet in original.demux(original.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return target


def join(parts: Iterable[Path], target: Path) -> Path:
    """Put MPEG-TS files one after the other as a recorder without a break would: only time starts anew in each."""
    counters: dict[int, int] = {}
    content = bytearray(b"".join(part.read_bytes() for part in parts))
    for at in range(0, len(content), 188):
        pid = int.from_bytes(content[at + 1 : at + 3], "big") & 0x1FFF
        if content[at + 3] & 0x10:  # with payload: the continuity counter goes on
            counters[pid] = (counters.get(pid, -1) + 1) % 16
        content[at + 3] = content[at + 3] & 0xF0 | counters.get(pid, 0)
    target.write_bytes(content)
    return target


def _encoder_options(spec: ClipSpec) -> dict[str, str]:
    if spec.codec == "libx264":
        options = {"preset": "ultrafast", "crf": "18", "x264-params": f"bframes={spec.b_frames}:b-adapt=0:scenecut=0"}
    elif spec.codec == "libx265":
        parameters = f"log-level=none:pools=none:keyint={spec.gop}:min-keyint={spec.gop}:bframes={spec.b_frames}"
        options = {"preset": "ultrafast", "crf": "18", "x265-params": parameters}
    else:
        options = {}
    return {"g": str(spec.gop)} | options | spec.options

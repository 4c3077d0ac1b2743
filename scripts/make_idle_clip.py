"""A mostly idle clip from a busy one, to measure what still scenes cost and whether anything is missed in them.

    python scripts/make_idle_clip.py demo/demo.mp4 OUT.mp4 [--minutes 5] [--visits 2]

The busy clip is encoded anew, and with the same encoder 10 s of the empty road: the median of the busy clip's pictures
with the noise of a sensor on it. The packets of both are then put one after the other: a visit, stillness, a visit…
"""

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STILL_S = 10
NOISE = 2.5
"""Standard deviation of the noise in grey levels: a camera by day."""

OPTIONS = {"preset": "veryfast", "crf": "23", "g": "50", "bf": "2", "sc_threshold": "0"}
"""A camera's usual coding, as far as this encoder goes: a key frame every four seconds at 12.5 pictures a second."""


def main() -> None:
    """Write the clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--visits", type=int, default=2)
    options = parser.parse_args()
    pictures, rate = read(options.clip)
    busy = encode(pictures, rate)
    still = encode(list(make_still(pictures, round(STILL_S * rate))), rate)
    between = max(1, round((options.minutes * 60 / options.visits - len(pictures) / rate) / STILL_S))
    write(options.out, pictures[0].shape, rate, ([busy] + [still] * between) * options.visits)


def read(clip: Path) -> tuple[list[np.ndarray], Fraction]:
    """Pictures (H, W, 3) RGB of a clip, and their rate."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        return [picture.to_ndarray(format="rgb24") for picture in container.decode(stream)], stream.average_rate


def make_still(pictures: list[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """The empty road, as a sensor would see it again and again."""
    road = np.median(np.stack(pictures[:: max(1, len(pictures) // 25)]), axis=0)
    random = np.random.default_rng(0)
    noise = [random.normal(0, NOISE, road.shape).astype(np.float32) for _ in range(8)]
    for index in range(count):
        yield np.clip(road + noise[index % len(noise)], 0, 255).astype(np.uint8)


def encode(pictures: list[np.ndarray], rate: Fraction) -> list[tuple[bytes, int, int, bool]]:
    """Packets as data, pts and dts in pictures, and whether each is a key frame."""
    context = make_encoder(pictures[0].shape, rate)
    packets = []
    for index, image in enumerate([*pictures, None]):
        picture = None if image is None else av.VideoFrame.from_ndarray(image, format="rgb24")
        if picture is not None:
            picture.pts, picture.time_base = index, 1 / rate
        packets += [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in context.encode(picture)]
    return packets


def make_encoder(shape: tuple[int, ...], rate: Fraction) -> av.VideoCodecContext:
    """The one encoder; each use of it begins with a key frame."""
    context = av.CodecContext.create("libx264", "w")
    context.height, context.width = shape[:2]
    context.pix_fmt, context.framerate, context.time_base, context.options = "yuv420p", rate, 1 / rate, OPTIONS
    return context


def write(out: Path, shape: tuple[int, ...], rate: Fraction, parts: list[list[tuple[bytes, int, int, bool]]]) -> None:
    """Put parts one after the other."""
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options=OPTIONS)
        stream.height, stream.width, stream.pix_fmt = *shape[:2], "yuv420p"
        at = 0
        for part in parts:
            for data, pts, dts, is_key in part:
                packet = av.Packet(data)
                packet.pts, packet.dts, packet.time_base, packet.duration = at + pts, at + dts, 1 / rate, 1
                packet.stream, packet.is_keyframe = stream, is_key
                container.mux(packet)
            at += len(part)


if __name__ == "__main__":
    main()

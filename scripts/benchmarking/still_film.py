"""Films with long still parts: the empty road of a rendered clip under sensor noise, and now and then the clip itself.

The empty road is the median of the clip's pictures. Encoded as cameras do: no B-frames, a key frame each 2 s.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

NOISE_LEVELS = 1.5
GOP_S = 2.0


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """How a film is made.

    Attributes:
        clip: with vehicles.
        still_s: seconds of empty road before each passage of the clip.
        passages: how often the clip is shown; 0 for the empty road alone.
        fps: pictures a second; a slower clip shows each picture more than once, with other noise.
        bit_rate: constant, bits a second; None for constant quality.
    """

    clip: Path
    still_s: float
    passages: int
    fps: int = 25
    bit_rate: int | None = None


def write_film(plan: FilmPlan, path: Path) -> list[tuple[float, float]]:
    """Write a film, unless it is there already.

    Returns:
        Start and end of each passage, in seconds.
    """
    pictures = _read(plan.clip)
    repeat = round(plan.fps / pictures.rate)
    passage_s = len(pictures.planes) * repeat / plan.fps
    starts = [(number + 1) * plan.still_s + number * passage_s for number in range(plan.passages)]
    spans = [(start, start + passage_s) for start in starts]
    if path.exists():
        return spans
    road = np.median(np.stack(pictures.planes[:: max(1, len(pictures.planes) // 40)]), axis=0).astype(np.uint8)
    still = [road] * round(plan.still_s * plan.fps)
    passage = [plane for plane in pictures.planes for _ in range(repeat)]
    shown = itertools.chain.from_iterable([*still, *passage] for _ in range(plan.passages)) if plan.passages else still
    part = path.with_suffix(".part.mp4")
    _encode(shown, pictures.wh, plan, part)
    part.replace(path)
    return spans


def write_loop(films: Sequence[Path], path: Path, seconds: float, skip_s: float = 0.0) -> Path:
    """Show films one after another, again and again, until it lasts long enough: their packets as they are.

    Args:
        films: encoded alike.
        path: of the result.
        seconds: how long it must last.
        skip_s: of the first lap; it begins with the first key frame from there on.
    """
    lap: list[tuple[bytes, int, int, int, bool]] = []
    length = 0
    for film in films:
        with av.open(str(film)) as source:
            stream = source.streams.video[0]
            base = stream.time_base
            packets = [p for p in source.demux(stream) if p.size]
            begin = length - min(p.pts for p in packets)
            lap += [(bytes(p), begin + p.pts, begin + p.dts, p.duration, p.is_keyframe) for p in packets]
            length = begin + max(p.pts + p.duration for p in packets)
    first = next(i for i, (_, pts, *_, is_key) in enumerate(lap) if is_key and pts * base >= skip_s)
    with av.open(str(films[0])) as template, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(template.streams.video[0])
        for number in itertools.count():
            for data, pts, dts, duration, is_key in lap[first if number == 0 else 0 :]:
                later = number * length - lap[first][1]
                if (pts + later) * base > seconds:
                    return path
                packet = av.Packet(data)
                packet.pts, packet.dts = pts + later, dts + later
                packet.duration, packet.time_base, packet.is_keyframe, packet.stream = duration, base, is_key, copy
                out.mux(packet)
    return path


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    planes: list[np.ndarray]
    wh: tuple[int, int]
    rate: float


def _read(clip: Path) -> _Pictures:
    """All pictures as planes (H * 3 / 2, W) uint8 of yuv420p."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        planes = [picture.reformat(format="yuv420p").to_ndarray() for picture in container.decode(stream)]
        return _Pictures(planes, (stream.width, stream.height), float(stream.average_rate))


def _encode(shown: Iterable[np.ndarray], wh: tuple[int, int], plan: FilmPlan, path: Path) -> None:
    options = {"preset": "veryfast", "tune": "zerolatency", "g": str(round(GOP_S * plan.fps)), "sc_threshold": "0"}
    if plan.bit_rate is None:
        options["crf"] = "25"
    else:
        rate = str(plan.bit_rate)
        options |= {"b": rate, "maxrate": rate, "minrate": rate, "bufsize": rate, "nal-hrd": "cbr"}
    rng = np.random.default_rng(7)
    width, height = wh
    noise = [np.round(rng.normal(0, NOISE_LEVELS, (height, width))).astype(np.int16) for _ in range(9)]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=plan.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, plane in enumerate(shown):
            noisy = plane.copy()
            noisy[:height] = np.clip(plane[:height] + noise[number * 5 % len(noise)], 0, 255)
            picture = av.VideoFrame.from_ndarray(noisy, format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, plan.fps)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))

"""Behind a gate the frames that matter are the same as without it, and a still scene is hardly decoded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial

import av
import numpy as np
import pytest

from detector.entities import Frame
from detector.packets import Packet, StreamInfo
from detector.video.activity_gate import ActivityLevel, PacketGate
from detector.video.decoding import Decoder, describe, open_decoder
from detector.video.frame_cutter import FrameCutter
from detector.video.gated_cutter import GatedCutter
from detector.video.source import Glance

FPS, GOP, SECONDS = 25, 50, 50
PASSES = ((6, 8), (12, 14), (18, 20), (40, 43))
"""Seconds in which something moves; the gate needs three passes before it trusts itself."""

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def is_moving(stream_s: float) -> bool:
    return any(start <= stream_s < end for start, end in PASSES)


def draw_road(number: int, rng: np.random.Generator) -> np.ndarray:
    """A road with sensor noise; a vehicle of coarse pattern crosses it while something moves."""
    image = np.full((64, 128, 3), 90, np.uint8)
    if is_moving(number / FPS):
        left = number * 5 % 70
        image[20:60, left : left + 50] = np.repeat(np.repeat(rng.integers(0, 255, (8, 10, 3)), 5, 0), 5, 1)
    return np.clip(image + rng.normal(0, 1.5, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", params=[0, 2], ids=["P-frames", "B-frames"])
def stream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamInfo, list[Packet]]:
    path, rng = tmp_path_factory.mktemp("film") / "road.mp4", np.random.default_rng(1)
    parameters = f"bframes={request.param}:b-adapt=0:scenecut=0:keyint={GOP}:min-keyint={GOP}"
    with av.open(str(path), "w") as out:
        coded = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "x264-params": parameters})
        coded.width, coded.height, coded.pix_fmt = 128, 64, "yuv420p"
        for number in range(SECONDS * FPS):
            picture = av.VideoFrame.from_ndarray(draw_road(number, rng), format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, FPS)
            out.mux(coded.encode(picture))
        out.mux(coded.encode(None))
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        raws = [raw for raw in container.demux(video) if raw.size]
        packets = [
            Packet(bytes(r), r.pts, r.dts, r.duration, r.time_base, r.is_keyframe, float(r.pts * r.time_base))
            for r in raws
        ]
        return describe(video, packets[0], first), packets


def cut(info: StreamInfo, packets: list[Packet], gate: PacketGate | None) -> tuple[FrameCutter, list[Frame | Glance]]:
    """All that comes out, with an analysis that comes to each picture at once and learns from each pass."""
    cutter, seen = FrameCutter("gate", 8.0, info, BEGAN), []
    learned = set()
    with GatedCutter(cutter, info, gate, partial(open_decoder, info)) as gated:

        def note(outs: Iterator[Frame | Glance]) -> None:
            for out in outs:
                seen.append(out)
                frame = out.frame if isinstance(out, Glance) else out
                if gate is not None:
                    gate.judged(frame.stream_s, is_moving(frame.stream_s))
                for start, end in PASSES:
                    if gate is not None and start not in learned and frame.stream_s > end:
                        learned.add(start)
                        gate.learn(start)

        for packet in packets:
            note(gated.take(packet, False))
        note(gated.finish())
    return cutter, seen


def frames_of(seen: list[Frame | Glance], wanted: Callable[[float], bool]) -> list[tuple[int, int, bytes]]:
    return [(f.index, f.pts, f.image.tobytes()) for f in seen if isinstance(f, Frame) and wanted(f.stream_s)]


def test_nothing_that_moves_is_missed_and_little_else_is_decoded(stream: tuple[StreamInfo, list[Packet]]) -> None:
    """The frames of each pass and of the second before it are the same to the bit, with the same numbers."""
    info, packets = stream
    open_cutter, everything = cut(info, packets, None)
    gate = PacketGate(ActivityLevel())
    cutter, seen = cut(info, packets, gate)
    for start, end in PASSES:
        around = frames_of(everything, lambda s, a=start - 1, b=end: a <= s < b)
        assert around == frames_of(seen, lambda s, a=start - 1, b=end: a <= s < b)
    assert [f.pts for f in seen if isinstance(f, Frame)] == sorted({f.pts for f in seen if isinstance(f, Frame)})
    still = [s for s in seen if 26 <= (s.frame if isinstance(s, Glance) else s).stream_s < 37]
    assert {type(s) for s in still} == {Glance}
    assert cutter.decoded < 0.75 * open_cutter.decoded
    assert cutter.damage.count == 0
    assert gate.held_back > 10 * FPS


def test_the_decoder_of_all_packets_is_given_back_while_the_gate_is_closed(
    stream: tuple[StreamInfo, list[Packet]],
) -> None:
    """It holds a dozen pictures, 26 MB at 1920x1080; another one begins with the key frame that opens the gate."""
    info, packets = stream
    gate, held = PacketGate(ActivityLevel()), set[Decoder]()

    @contextmanager
    def hold() -> Iterator[Decoder]:
        with open_decoder(info) as decoder:
            held.add(decoder)
            yield decoder
            held.discard(decoder)

    opened: dict[bool, set[int]] = {True: set(), False: set()}
    cutter = FrameCutter("gate", 8.0, info, BEGAN)
    with GatedCutter(cutter, info, gate, hold) as gated:
        for packet in packets:
            for out in gated.take(packet, False):
                frame = out.frame if isinstance(out, Glance) else out
                gate.judged(frame.stream_s, is_moving(frame.stream_s))
            if packet.stream_s in (9.0, 15.0, 21.0):
                gate.learn(packet.stream_s - 2)
            opened[gate.is_open].add(len(held))
    assert opened == {True: {1}, False: {0}}
    assert not held

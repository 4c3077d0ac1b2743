"""A still scene is held back, nothing that begins is missed, and a camera without contrast is never gated."""

import itertools
from fractions import Fraction

from detector.packets import Packet
from detector.video.activity_gate import ActivityLevel, GateSettings, Need, PacketGate

FPS, GOP = 25, 50
STILL, MOVING = 400, 4000


def packet(number: int, size: int) -> Packet:
    is_key = number % GOP == 0
    return Packet(bytes(20_000 if is_key else size), number, number, 1, Fraction(1, FPS), is_key, number / FPS)


def trained(rate: float = MOVING * FPS) -> ActivityLevel:
    level = ActivityLevel()
    for _ in range(GateSettings().passes_to_trust):
        level.add(rate)
    return level


class Camera:
    """A gate with an analysis that comes to every picture at once."""

    def __init__(self, level: ActivityLevel) -> None:
        self.gate = PacketGate(level)
        self.out: list[tuple[int, Need]] = []
        self.number = 0

    def run(self, seconds: float, size: int, is_busy: bool = False) -> None:
        for _ in range(round(seconds * FPS)):
            for released, need in self.gate.take(packet(self.number, size)):
                self.out.append((released.pts, need))
                if need is not Need.REFERENCE:
                    self.gate.judged(released.stream_s, is_busy)
            self.number += 1

    def numbers(self, need: Need) -> list[int]:
        return [number for number, given in self.out if given is need]


def test_a_still_scene_costs_its_key_frames() -> None:
    """After a while of quiet only key frames pass, each to be decoded alone."""
    camera = Camera(trained())
    camera.run(60, STILL)
    assert not camera.gate.is_open
    assert max(camera.numbers(Need.ANALYSE)) < 5 * FPS
    glances = camera.numbers(Need.GLANCE)
    assert len(glances) > 12
    assert all(number % GOP == 0 for number in glances)
    assert camera.gate.held_back > 50 * FPS


def test_what_begins_is_analysed_from_before_it_began() -> None:
    """Decoding starts at a key frame, analysis the look-back before the first sign, without a gap, in order."""
    camera = Camera(trained())
    camera.run(60.6, STILL)
    begins = camera.number
    camera.run(2, MOVING, is_busy=True)
    after = [(number, need) for number, need in camera.out if number >= 58 * FPS and need is not Need.GLANCE]
    assert after[0][0] % GOP == 0
    assert [number for number, _ in after] == list(range(after[0][0], camera.number))
    analysed = [number for number, need in after if need is Need.ANALYSE]
    assert analysed[0] <= begins - FPS
    assert analysed == list(range(analysed[0], camera.number))


def test_a_glance_that_shows_a_vehicle_opens() -> None:
    """Bytes tell nothing, as with a vehicle that creeps in: the detector's word on a key frame is enough."""
    camera = Camera(trained())
    camera.run(61, STILL)
    camera.run(7, STILL, is_busy=True)
    assert camera.gate.is_open
    assert camera.numbers(Need.ANALYSE)[-1] == camera.number - 1


def test_it_stays_open_while_analysis_sees_something_busy() -> None:
    """A truck that waits at a light moves no byte, and is watched all the same."""
    camera = Camera(trained())
    camera.run(61, STILL)
    camera.run(3, MOVING, is_busy=True)
    camera.run(30, STILL, is_busy=True)
    assert camera.gate.is_open
    camera.run(10, STILL)
    assert not camera.gate.is_open


def test_it_never_closes_before_analysis_has_caught_up() -> None:
    """A judge that lags may still find something in what it has not seen."""
    gate = PacketGate(trained())
    for number in range(60 * FPS):
        gate.take(packet(number, STILL))
    assert gate.is_open


def test_without_contrast_or_experience_it_stays_open() -> None:
    """Constant bit rate: a still scene takes as many bytes as a pass. And before anything passed nobody knows."""
    for level in (trained(STILL * FPS), ActivityLevel()):
        camera = Camera(level)
        camera.run(60, STILL)
        assert camera.gate.is_open
        assert len(camera.numbers(Need.ANALYSE)) == camera.number


def test_it_learns_from_passes_and_forgets_old_ones() -> None:
    """The least of the last passes counts, with a margin; a pass that it has no bytes of teaches nothing."""
    settings = GateSettings(passes_to_trust=2, passes_remembered=2)
    level = ActivityLevel(settings)
    gate = PacketGate(level)
    for number in range(10 * FPS):
        gate.take(packet(number, MOVING if number >= 5 * FPS else STILL))
    gate.learn(5.0)
    assert level.threshold is None
    gate.learn(7.0)
    gate.learn(99.0)
    assert 0.6 * MOVING * FPS < level.threshold < MOVING * FPS
    level.add(10.0)
    assert level.threshold == 10.0 * settings.margin


def test_rare_key_frames_are_no_glances() -> None:
    """A stream with a key frame a minute is not left alone for that long."""
    gate = PacketGate(trained())
    numbers = []
    for number in range(200 * FPS):
        size = 20_000 if number % (60 * FPS) == 0 else STILL
        sent = Packet(bytes(size), number, number, 1, Fraction(1, FPS), number % (60 * FPS) == 0, number / FPS)
        for released, need in gate.take(sent):
            if need is Need.ANALYSE:
                numbers.append(released.pts)
            gate.judged(released.stream_s, is_busy=False)
    closed = [b - a for a, b in itertools.pairwise(numbers)]
    assert max(closed) <= 10 * FPS

"""How many cameras a machine can carry: what each stage costs here and now, and what a camera asks of it.

Every stage is run on all cores at once, as in use, so that shared memory and caches are counted. Looks per vehicle are
those of the rendered demo clip (docs/performance.md). A scene in which nothing moves costs less (`PacketGate`); nothing
is counted on that.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from detector.geometry import Box
from detector.packets import Packet, RawPacket
from detector.video.decoding import Decoder, ImageConverter
from pipelines.build_models import load_models
from pipelines.violation_pipeline import Models

LOAD_RUNS = 15.0 * 2.8
"""Looks at the load of one truck, times what such a look costs beside one at a picture without a bed, as here."""

PLATE_RUNS = 21.0
"""Runs of the plate detector for one vehicle: about two in each look; a look at a picture without a plate takes one."""

LOOKED_AT = 0.5
"""Share of the analysed frames that the detector looks at while vehicles are in view (`pipelines.spans`)."""

USABLE = 0.8
"""Share of the machine that is planned with: the rest is for evidence, database, and the moments of much traffic."""

CLIP_S = 2


@dataclass(frozen=True, slots=True)
class Demand:
    """What one camera asks.

    Attributes:
        width_px, height_px: of its pictures.
        rate: pictures a second that it sends.
        analysis_fps: pictures a second that are analysed.
        vehicles_per_minute: that come near enough for their plates to be read.
        truck_share: of these, those whose load is looked at.
    """

    width_px: int = 1920
    height_px: int = 1080
    rate: float = 25.0
    analysis_fps: float = 8.0
    vehicles_per_minute: float = 10.0
    truck_share: float = 0.3


@dataclass(frozen=True, slots=True)
class StageCost:
    """One stage of one camera.

    Attributes:
        name: of the stage.
        each_ms: of one core, for one picture or look.
        per_s: how often a second of one camera needs it.
    """

    name: str
    each_ms: float
    per_s: float

    @property
    def cores(self) -> float:
        """Cores that one camera keeps busy with this stage."""
        return self.each_ms / 1e3 * self.per_s


@dataclass(frozen=True, slots=True)
class Capacity:
    """What was measured, and what follows from it."""

    stages: tuple[StageCost, ...]
    cores: int

    @property
    def cores_per_camera(self) -> float:
        """Cores that one camera keeps busy."""
        return sum(stage.cores for stage in self.stages)

    @property
    def cameras(self) -> int:
        """Cameras that `USABLE` of the machine carries."""
        return int(self.cores * USABLE / self.cores_per_camera)


def measure_capacity(demand: Demand, seconds: float) -> Capacity:
    """Measure every stage for `seconds`.

    Raises:
        ModelError: weights are missing, altered, or cannot run here.
    """
    models, _ = load_models()
    packets, image = make_footage(demand)
    blank = np.full_like(image, 120)
    box: Box = (0.3 * demand.width_px, 0.2 * demand.height_px, 0.6 * demand.width_px, 0.8 * demand.height_px)
    vehicles, trucks = demand.vehicles_per_minute / 60, demand.vehicles_per_minute * demand.truck_share / 60
    jobs: list[tuple[str, Callable[[], int], float]] = [
        ("decode", lambda: _decode(packets), demand.rate),
        ("convert", _converter(packets), demand.analysis_fps),
        ("detect", lambda: _detect(models, image), demand.analysis_fps * LOOKED_AT),
        ("load", lambda: len(models.load_reader.read(blank, [box])), trucks * LOAD_RUNS),
        ("plate", lambda: len(models.plate_reader.read(blank, [box])), vehicles * PLATE_RUNS),
    ]
    cores = os.cpu_count() or 1
    return Capacity(tuple(StageCost(name, time_each_ms(job, cores, seconds), n) for name, job, n in jobs), cores)


def time_each_ms(job: Callable[[], int], cores: int, seconds: float) -> float:
    """Milliseconds of one core that a job takes for each thing it does, with every core at it for `seconds`."""
    job()
    end_at = time.perf_counter() + seconds

    def work(_: int) -> tuple[int, float]:
        began, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() < end_at:
            done += job()
        return done, time.perf_counter() - began

    with ThreadPoolExecutor(cores) as pool:
        found = list(pool.map(work, range(cores)))
    return 1e3 * sum(spent_s for _, spent_s in found) / sum(done for done, _ in found)


def make_footage(demand: Demand) -> tuple[list[Packet], np.ndarray]:
    """Packets of a moving, noisy scene in H.264, and one of its pictures (H, W, 3) BGR."""
    rate = Fraction(demand.rate).limit_denominator(1000)
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = demand.width_px - demand.width_px % 2, demand.height_px - demand.height_px % 2
    context.pix_fmt, context.framerate, context.time_base = "yuv420p", rate, 1 / rate
    context.options = {"preset": "veryfast", "crf": "26"}
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (context.height // 8 + 1, context.width // 8 + 1, 3), np.uint8)
    scene = np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1)[: context.height, : context.width])
    packets: list[Packet] = []
    for index in range(round(CLIP_S * demand.rate)):
        noise = random.integers(0, 6, (context.height, 1, 1), np.uint8)
        picture = av.VideoFrame.from_ndarray(np.roll(scene, 4 * index, axis=1) + noise, format="bgr24")
        picture.pts, picture.time_base = index, 1 / rate
        packets += [_keep(packet, rate) for packet in context.encode(picture)]
    return packets + [_keep(packet, rate) for packet in context.encode(None)], scene


def _keep(raw: RawPacket, rate: Fraction) -> Packet:
    pts, dts = raw.pts or 0, raw.dts or 0
    return Packet(bytes(raw), pts, dts, 1, 1 / rate, raw.is_keyframe, float(pts / rate))


def _pictures(packets: list[Packet]) -> list[av.VideoFrame]:
    decoder = Decoder(av.CodecContext.create("h264", "r"))
    return [p for packet in [*packets, None] for p in decoder.decode(packet.to_av() if packet else None)]


def _decode(packets: list[Packet]) -> int:
    return len(_pictures(packets))


def _converter(packets: list[Packet]) -> Callable[[], int]:
    picture = _pictures(packets)[0]

    def convert() -> int:
        ImageConverter().image(picture)
        return 1

    return convert


def _detect(models: Models, image: np.ndarray) -> int:
    return len(models.detector.detect([image]))

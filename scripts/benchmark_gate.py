"""What the gate for still scenes costs and saves: the same film with and without it, on one core's clock.

    python scripts/benchmark_gate.py [--clip tests/golden/rear.mp4] [--still 20] [--passages 6] [--bit-rate BITS]

Makes a film with long still parts (`scripts/benchmarking/still_film.py`: the empty road under noise, and now and then
the clip), judges every sampled frame of it, then the same film behind the gate, and holds passes and violations of both
against each other. The gate starts without experience, so the first passages are never gated.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detector.entities import Camera
from detector.rules import RULES
from detector.tracking import ByteTracker
from detector.video.activity_gate import ActivityLevel, PacketGate
from detector.video.file_source import FileSource
from detector.video.frame_cutter import FrameCutter
from detector.video.gated_cutter import GatedCutter
from detector.video.recording import Recording
from detector.video.source import Glance
from pipelines.build_models import load_models
from pipelines.spans import Seen, cut_spans, last_frame
from pipelines.violation_pipeline import JudgedPass, ViolationPipeline
from scripts.benchmarking.still_film import FilmPlan, write_film

ROOT = Path(__file__).resolve().parent.parent
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(slots=True)
class Outcome:
    """What one run gave and took."""

    passes: list[JudgedPass] = field(default_factory=list)
    detected: int = 0
    decoded: int = 0
    cpu_s: float = 0.0

    def found(self) -> list[tuple[float, str, tuple[str, ...]]]:
        """Each judged vehicle: when it was first seen, its plate, the rules that it broke."""
        seen = [p for p in self.passes if p.vehicle_pass.observations and p.vehicle_pass.direction]
        return [
            (
                round(p.vehicle_pass.first_seen_s, 2),
                p.vehicle_pass.plate.text if p.vehicle_pass.plate else "-",
                tuple(f.rule for f in p.violation.findings) if p.violation else (),
            )
            for p in sorted(seen, key=lambda p: (p.vehicle_pass.first_seen_s, p.vehicle_pass.track_id))
        ]


def main() -> None:
    """Make the film, run twice, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=ROOT / "tests" / "golden" / "rear.mp4")
    parser.add_argument("--still", type=float, default=20.0, help="seconds of empty road before each passage")
    parser.add_argument("--passages", type=int, default=6)
    parser.add_argument("--bit-rate", type=int, help="constant, bits a second; default constant quality")
    options = parser.parse_args()
    models, _ = load_models()
    pipeline = ViolationPipeline(models, ByteTracker)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        write_film(FilmPlan(options.clip, options.still, options.passages, bit_rate=options.bit_rate), film)
        free, gate = run(film, pipeline, None), PacketGate(ActivityLevel())
        gated = run(film, pipeline, gate)
    rate = f"{options.bit_rate} bit/s" if options.bit_rate else "constant quality"
    film_is = f"{options.passages} passages of {options.clip.name}, {options.still:g} s still before each, {rate}"
    print(f"{platform.machine()}, {os.cpu_count()} cores; {film_is}")
    for name, outcome in (("without gate", free), ("with gate", gated)):
        rules = sum(len(rules) for _, _, rules in outcome.found())
        print(
            f"{name:13} {len(outcome.found()):3} vehicles judged, {rules:3} findings, {outcome.decoded:5} pictures "
            f"decoded, {outcome.detected:5} analysed, {outcome.cpu_s:6.1f} s of processor time"
        )
    missing = [item for item in free.found() if not any(_is_same(item, other) for other in gated.found())]
    print(f"missing behind the gate: {missing or 'nothing'}; packets never decoded: {gate.held_back}")


def run(film: Path, pipeline: ViolationPipeline, gate: PacketGate | None) -> Outcome:
    """Judge a film, frame by frame, as live does."""
    with FileSource(film, "film") as source:
        info = source.info
    camera, outcome = Camera("film", rules={name: {} for name in RULES}), Outcome()
    cutter = FrameCutter("film", camera.analysis_fps, info, BEGAN)
    pipeline.open_camera(camera, absolute_time=True)
    began = time.process_time()
    with (
        Recording(film) as recording,
        GatedCutter(cutter, info, gate, lambda: nullcontext(recording.decoder)) as gated,
    ):
        seen = (item for packet, raw in recording.packets() for item in gated.take(packet, raw.is_corrupt))
        for item in cut_spans(chain(seen, gated.finish()), camera.analysis_fps):
            take(item, pipeline, gate, outcome)
    keep(pipeline.close_camera("film"), gate, outcome)
    outcome.cpu_s, outcome.decoded = time.process_time() - began, cutter.decoded
    return outcome


def take(item: Seen, pipeline: ViolationPipeline, gate: PacketGate | None, outcome: Outcome) -> None:
    """One span or glance."""
    outcome.detected += 1 if isinstance(item, Glance) else len(item.frames)
    (found,) = pipeline.look([item]).result()
    keep(pipeline.judge(item, found), gate, outcome)
    if gate is not None:
        gate.judged(last_frame(item).stream_s, pipeline.is_busy("film"))


def keep(judged: list[JudgedPass], gate: PacketGate | None, outcome: Outcome) -> None:
    """The passes that ended; the gate learns from them as in `pipelines.live`."""
    for item in judged:
        ended = item.vehicle_pass
        if not ended.is_open:
            outcome.passes.append(item)
            if gate is not None and ended.direction and ended.observations:
                gate.learn(ended.observations[0].stream_s)


def _is_same(one: tuple[float, str, tuple[str, ...]], other: tuple[float, str, tuple[str, ...]]) -> bool:
    """The same vehicle, judged alike; first seen up to a second apart: the gate may show its first frames later."""
    return abs(one[0] - other[0]) <= 1.0 and one[1:] == other[1:]


if __name__ == "__main__":
    main()

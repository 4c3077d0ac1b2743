"""How fast a clip is replayed on this machine, and where the time goes.

    python scripts/benchmark_replay.py demo/demo.mp4 [CLIP...] [--cameras cameras.toml] [--repeat 3] [--json FILE]

Each repetition replays every clip into a new, empty folder; the median of the repetitions is printed. `decode` is the
time spent waiting for the next frame, `other` is tracking, voting, rules, evidence and database, and waiting for the
detector; `detect` runs beside all of these in a thread of its own.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipelines import build, replay
from pipelines.config import load_cameras
from pipelines.progress import ReplayProgress
from pipelines.violation_pipeline import Models

STAGES = ("decode", "detect", "load", "plate")


class Timed:
    """Passes a method's calls on and sums their time under a name."""

    def __init__(self, target: Any, method: str, name: str, spent_s: dict[str, float]) -> None:
        """Wrap `target.method`."""

        def timed(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return getattr(target, method)(*args)
            finally:
                spent_s[name] += time.perf_counter() - began

        setattr(self, method, timed)


def time_models(models: Models, spent_s: dict[str, float]) -> Models:
    """The same models, with their time summed by stage."""
    return Models(
        Timed(models.detector, "detect", "detect", spent_s),
        Timed(models.load_reader, "read", "load", spent_s),
        Timed(models.plate_reader, "read", "plate", spent_s),
    )


def time_batches(batches: Callable[..., Iterator[list]], spent_s: dict[str, float]) -> Callable[..., Iterator[list]]:
    """The same batches of frames, with the time spent waiting for them summed as `decode`."""

    def timed(*args: Any) -> Iterator[list]:
        iterator = batches(*args)
        while True:
            began = time.perf_counter()
            batch = next(iterator, None)
            spent_s["decode"] += time.perf_counter() - began
            if batch is None:
                return
            yield batch

    return timed


def measure(clip: Path, cameras: Path | None) -> dict[str, float]:
    """Replay one clip once; seconds by stage, and what was done."""
    spent_s: dict[str, float] = defaultdict(float)
    load_models, batches = build.load_models, replay.batches
    build.load_models = lambda: (lambda models, files: (time_models(models, spent_s), files))(*load_models())
    replay.batches = time_batches(batches, spent_s)
    try:
        with tempfile.TemporaryDirectory() as folder, ReplayProgress() as progress:
            options = replay.ReplayOptions(load_cameras(cameras), None, None, Path(folder) / "evidence")
            report = build.open_replayer(f"sqlite:///{folder}/cases.db", options).replay(clip, progress)
    finally:
        build.load_models, replay.batches = load_models, batches
    other_s = report.wall_s - sum(spent_s[name] for name in STAGES if name != "detect")
    return {
        "video_s": report.video_s,
        "wall_s": report.wall_s,
        "real_time": report.video_s / report.wall_s,
        "analysed_fps": report.analysed / report.wall_s,
        **{f"{name}_s": spent_s[name] for name in STAGES},
        "other_s": other_s,
        "passes": len(report.passes),
        "cases": len(report.cases),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--cameras", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {options.repeat} repetitions, medians"
    )
    print(
        f"{'clip':24} {'video':>7} {'wall':>7} {'speed':>6} {'fps':>6} "
        + " ".join(f"{n:>7}" for n in (*STAGES, "other"))
    )
    results = {}
    for clip in options.clips:
        runs = [measure(clip, options.cameras) for _ in range(options.repeat)]
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        results[str(clip)] = median
        shares = " ".join(f"{median[f'{n}_s']:6.2f}s" for n in (*STAGES, "other"))
        print(
            f"{clip.name[:24]:24} {median['video_s']:6.1f}s {median['wall_s']:6.1f}s {median['real_time']:5.2f}x "
            f"{median['analysed_fps']:6.1f} {shares}"
        )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak_mb:.0f} MB")
    if options.json:
        options.json.write_text(json.dumps({"clips": results, "peak_mb": peak_mb}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()

"""One measurement in a process of its own, so that memory and start are its own; prints one JSON object.

    python -m scripts.benchmarking.child whole|stages|floor CLIP FPS [FLOOR_ITEMS]

`whole` replays a clip as the product does, into ROADWARDEN_HOME, which `benchmark_replay` makes for it; `stages` does
so with the stages timed; `floor` decodes it, and runs each model on ready tensors as many times as FLOOR_ITEMS (JSON,
file name to count) says, and does nothing else.
"""

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

_TICKS = float(Path("/proc/self/stat").read_text().split()[21])
STARTED_AT = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + _TICKS / os.sysconf("SC_CLK_TCK")
"""When this process began, seconds since 1970: interpreter and imports count."""


def main() -> None:
    """Measure what the command line names."""
    mode, clip, fps = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    result = floor(clip, fps, json.loads(sys.argv[4])) if mode == "floor" else replay(clip, fps, mode == "stages")
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def replay(clip: Path, fps: float, timed: bool) -> dict[str, Any]:
    """The product's own replay of one clip into this home folder."""
    from pipelines.freed_memory import loading, share_one_heap

    share_one_heap()  # as the command does
    with loading():
        from pipelines.build_models import begin_loading

        models = begin_loading()
        from detector.video.time_basis import read_sidecar
        from pipelines import build
        from pipelines.config import load_cameras, resolve_home
        from pipelines.progress import ReplayProgress
        from pipelines.replay import ReplayOptions
        from pipelines.violation_pipeline import ViolationPipeline

    cameras = load_cameras(None)
    sidecar = read_sidecar(clip)
    name = sidecar.camera_id if sidecar and sidecar.camera_id else "camera"
    camera = replace(next(iter(cameras.by_id.values())), camera_id=name, analysis_fps=fps)
    cameras = replace(cameras, by_id={name: camera})
    first_at: list[float] = []
    judge = ViolationPipeline.judge

    def note_first(*args: Any) -> Any:
        judged = judge(*args)
        first_at.append(time.time()) if not first_at else None
        return judged

    ViolationPipeline.judge = note_first
    clock = None
    if timed:
        from scripts.benchmarking.stages import StageClock

        clock = StageClock()
    home = resolve_home()
    with ReplayProgress() as progress, clock.watching() if clock else nullcontext():
        options = ReplayOptions(cameras, None, None, home / "evidence")
        replayer = build.open_replayer(f"sqlite:///{home}/cases.db", options, models)
        cpu_s = time.process_time()
        report = replayer.replay(clip, progress)
        cpu_s = time.process_time() - cpu_s
    return {
        "video_s": report.video_s,
        "wall_s": report.wall_s,
        "cpu_s": cpu_s,
        "frames": report.frames,
        "analysed": report.analysed,
        "passes": len(report.passes),
        "cases": len(report.cases),
        "looks": sum(len(p.observations) for p in report.passes),
        "first_frame_s": first_at[0] - STARTED_AT if first_at else None,
        "stages_s": dict(clock.spent_s) if clock else None,
        "items": dict(clock.items) if clock else None,
    }


def floor(clip: Path, fps: float, items: dict[str, int]) -> dict[str, Any]:
    """The unavoidable: decoding, and the models' arithmetic on ready tensors, each spread over all cores."""
    from detector.inference import OnnxModel
    from detector.video.file_source import FileSource
    from detector.video.frame_cutter import FrameCutter
    from detector.weights import find_weights
    from pipelines.build_models import chosen_device

    FrameCutter._analyse = lambda self, *_: iter(())  # decoded, and neither converted nor handed out
    began = time.perf_counter()
    with FileSource(clip, "floor", fps) as source:
        for _ in source:
            pass
        width, height = source.info.upright_wh
    decode_s = time.perf_counter() - began
    random = np.random.default_rng(0)
    cores = os.cpu_count() or 1
    seconds = {}
    with ThreadPoolExecutor(cores) as pool:
        for name, count in items.items():
            model = OnnxModel(find_weights() / name, chosen_device(), threads=1)
            shape = [1, *(_side(side, axis, width, height) for axis, side in enumerate(model.input_shape[1:], 1))]
            tensor = random.random(shape, np.float32)
            list(pool.map(model.run, [tensor] * cores))
            began = time.perf_counter()
            list(pool.map(model.run, [tensor] * count))
            seconds[name] = time.perf_counter() - began
    return {"decode_s": decode_s, "models_s": seconds, "floor_s": decode_s + sum(seconds.values())}


def _side(side: int | str | None, axis: int, width: int, height: int) -> int:
    """A free side of an input is that of the vehicle detector for this clip."""
    from detector.detection.letterbox import Letterbox

    return side if isinstance(side, int) else Letterbox.fit(height, width, 640).input_wh[2 - axis]


if __name__ == "__main__":
    main()

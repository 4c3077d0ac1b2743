"""How fast clips are replayed on this machine, where the time goes, how near that is to the unavoidable, and to a peer.

    python scripts/benchmark_replay.py demo/demo.mp4 [CLIP...] [--fps 8] [--repeat 3] [--peer PYTHON] [--json FILE]

For each clip and repetition, one after another, each in a process of its own:

- `whole`: the product's replay into a new, empty folder: wall and processor time, frames a second, peak memory, start;
- `floor`: decoding alone, and the arithmetic of every model alone on ready tensors, as often as the replay ran it, both
  spread over all cores: what remains when everything else costs nothing and nothing waits;
- `peer`: `ultralytics` `YOLO(...).track` on the same clip with the same weights, input size and sampling, by the Python
  of an environment that has it (--peer; `ultralytics`, `lap` and `onnxruntime`). It finds and follows vehicles only.

ROADWARDEN_DEVICE=openvino has both run on OpenVINO (the peer's environment then needs `openvino`).

Medians are printed; `/floor` is that of the ratios of runs that followed each other, since machines change
their speed within minutes. The table of stages comes from one more replay, with decoding in one thread: processor time.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import av

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from detector.database.engine import open_database  # noqa: E402
from detector.detection.letterbox import Letterbox  # noqa: E402
from detector.inference import Device  # noqa: E402
from detector.weights import load_model_file  # noqa: E402
from pipelines.build_models import chosen_device  # noqa: E402
from scripts.benchmarking.names import STAGES  # noqa: E402

TRACKERS = ("bytetrack.yaml", "botsort.yaml")
"""The tracker that ours resembles, and the one that the peer takes by itself."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--fps", type=float, default=8.0, help="analysed frames a second, rounded to a whole stride")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="Python of an environment with ultralytics")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    missing = find_missing(options.peer)
    results = {clip.name: measure(clip, options, None if missing else options.peer) for clip in options.clips}
    machine = f"{processor()}, {os.cpu_count()} cores, {date.today()}, medians of {options.repeat}"
    print(machine, *describe(results), *([f"no peer: {missing}"] if missing else []), sep="\n")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "clips": results}, indent=2), encoding="utf-8")


def find_missing(peer: Path | None) -> str | None:
    """What the peer lacks, in words; None when it can run."""
    if peer is None:
        return "name its Python with --peer"
    if not peer.is_file():
        return f"{peer} is not there"
    done = subprocess.run(
        [peer, "-c", f"import ultralytics, lap, {find_engine()}"], capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else None


def find_engine() -> str:
    """What runs the networks: ours by ROADWARDEN_DEVICE, and the peer's likewise."""
    return "openvino" if chosen_device() is Device.OPENVINO else "onnxruntime"


def measure(clip: Path, options: argparse.Namespace, peer: Path | None) -> dict[str, Any]:
    """Everything about one clip."""
    rate, width, height = describe_clip(clip)
    stride = max(1, round(rate / options.fps))
    fps = str(rate / stride)
    staged = run_child("stages", clip, fps)
    runs: dict[str, list[dict[str, Any]]] = {"whole": [], "floor": []}
    for _ in range(options.repeat):
        whole, floor = run_child("whole", clip, fps), run_child("floor", clip, fps, json.dumps(staged["items"]))
        runs["whole"].append(whole | {"to_floor": whole["wall_s"] / floor["floor_s"]})
        runs["floor"].append(floor)
        for tracker in TRACKERS if peer else ():
            runs.setdefault(f"peer {tracker}", []).append(run_peer(peer, clip, stride, (width, height), tracker))
    medians = {name: median(found) for name, found in runs.items()}
    return {"fps": rate / stride, "stride": stride, "stages": staged, **medians}


def describe_clip(clip: Path) -> tuple[float, int, int]:
    """Pictures a second, width and height in px."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        return float(stream.average_rate), stream.width, stream.height


def run_child(mode: str, clip: Path, *arguments: str) -> dict[str, Any]:
    """One measurement of ours, in a home folder that exists: tables are made once, and so is compiled Python."""
    command = [sys.executable, "-m", "scripts.benchmarking.child", mode, str(clip.resolve()), *arguments]
    with tempfile.TemporaryDirectory() as home:
        open_database(f"sqlite:///{home}/cases.db").dispose()
        own = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", "ROADWARDEN_HOME": home}
        return run_json(command, os.environ | own)


def run_peer(peer: Path, clip: Path, stride: int, size_wh: tuple[int, int], tracker: str) -> dict[str, Any]:
    """One run of the peer, on as many threads as there are cores."""
    weights = load_model_file("vehicle_detector")
    width, height = Letterbox.fit(size_wh[1], size_wh[0], weights.settings.get("input_px", 640)).input_wh
    script = ROOT / "scripts" / "benchmarking" / "peer.py"
    arguments = [str(clip.resolve()), str(weights.path), str(stride), f"{width}x{height}", tracker, find_engine()]
    return run_json([str(peer), str(script), *arguments], {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"})


def run_json(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """What a process prints as its last line, and how long it took from its start to its end (`process_s`)."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1]) | {"process_s": time.perf_counter() - began}


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of every number."""
    return {
        key: statistics.median(run[key] for run in runs) if isinstance(value, int | float) else value
        for key, value in runs[0].items()
    }


def describe(results: dict[str, dict[str, Any]]) -> list[str]:
    """The tables: wholes, ratios, stages."""
    lines = [
        f"{'clip':20} {'video':>7} {'wall':>7} {'speed':>6} {'cpu':>7} {'fps':>6} {'peak':>7} {'start':>6}"
        f" {'floor':>7} {'/floor':>6}"
    ]
    for name, found in results.items():
        whole, floor = found["whole"], found["floor"]
        fps, speed = whole["analysed"] / whole["wall_s"], whole["video_s"] / whole["wall_s"]
        lines.append(
            f"{name[:20]:20} {whole['video_s']:6.1f}s {whole['wall_s']:6.2f}s {speed:5.2f}x {whole['cpu_s']:6.2f}s"
            f" {fps:6.1f} {whole['peak_mb']:5.0f}MB {whole['first_frame_s']:5.2f}s"
            f" {floor['floor_s']:6.2f}s {whole['to_floor']:5.2f}x"
        )
    for name, found in results.items():
        for key, peer in ((k, v) for k, v in found.items() if k.startswith("peer")):
            ours = found["whole"]
            ours_s, ours_cpu_s = ours["wall_s"] / ours["analysed"], ours["cpu_s"] / ours["analysed"]
            its_s, its_cpu_s = peer["wall_s"] / peer["frames"], peer["cpu_s"] / peer["frames"]
            lines.append(
                f"{name[:20]:20} {key} {peer['version']}: {1e3 * its_s:.0f} ms a frame (cpu {1e3 * its_cpu_s:.0f} ms),"
                f" ours {1e3 * ours_s:.0f} ms (cpu {1e3 * ours_cpu_s:.0f} ms): {its_s / ours_s:.2f}x;"
                f" whole processes {peer['process_s']:.1f} s and {ours['process_s']:.1f} s:"
                f" {peer['process_s'] / ours['process_s']:.2f}x"
            )
    lines.append(f"{'processor time':20} " + " ".join(f"{stage:>9}" for stage in (*STAGES, "other")))
    for name, found in results.items():
        staged = found["stages"]
        spent = [staged["stages_s"].get(stage, 0.0) for stage in STAGES]
        spent.append(max(0.0, staged["cpu_s"] - sum(spent)))
        shares = " ".join(f"{s:5.2f}s{100 * s / staged['cpu_s']:3.0f}%" for s in spent)
        lines.append(f"{name[:20]:20} {shares}")
        looks = ", ".join(f"{model.removesuffix('.onnx')} {n}" for model, n in sorted(staged["items"].items()))
        passes = max(1, staged["passes"])
        lines.append(f"{'':20} {staged['passes']} passes, {staged['looks'] / passes:.1f} looks a pass; runs: {looks}")
    return lines


def processor() -> str:
    """The processor's name."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


if __name__ == "__main__":
    main()

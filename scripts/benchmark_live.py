"""How many cameras a machine sustains: 1920x1080, 25 pictures a second, 8 analysed.

    python scripts/benchmark_live.py --busy 1 --idle 3 [--seconds 120] [--warm-up 40] [--films DIR]

Makes two films of the demo clip (pictures shown twice: 12.5 become 25 a second), serves them as cameras by GStreamer's
RTSP server (`tests/rtsp_server.py`), runs `roadwarden run` as a process of its own, and reads its `/status`:

    busy   the clip over and over: two to three vehicles in view all the time, a violation each 12 s
    idle   150 s of empty road under noise, then the clip (8 % of the time), each camera at another point of it

What gates learn from their first passes is given to them, as after a restart. A camera is sustained when it lost no
more than 5 % of its frames; alerts count from the capture of the picture that decided to the stored case.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import av
import httpx

from detector.video.activity_gate import WINDOW_S, ActivityLevel
from pipelines.level_memory import FILE
from scripts.benchmarking.still_film import FilmPlan, write_film, write_loop

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "demo" / "demo.mp4"
STILL_S, STILL_LAPS = 10.0, 15
ANALYSIS_FPS = 8.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """Worker and server at one moment."""

    at: float
    worker_cpu_s: float
    server_cpu_s: float
    memory_mb: float
    status: dict[str, Any]


def main() -> None:
    """Make films, serve, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=1)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--warm-up", type=int, default=40)
    parser.add_argument("--films", type=Path, help="where films are kept for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        films = options.films or Path(folder)
        films.mkdir(parents=True, exist_ok=True)
        first, last, delays = measure(Path(folder), films, options)
    show(options, first, last, delays)


def measure(folder: Path, films: Path, options: argparse.Namespace) -> tuple[Sample, Sample, list[float]]:
    """The worker after warming up and at the end, and the delays of the alerts between."""
    mounts = make_films(folder, films, options)
    server = subprocess.Popen(
        ["/usr/bin/python3", ROOT / "tests" / "rtsp_server.py", *(f"{n}={p}" for n, p in mounts.items())],
        stdout=subprocess.PIPE,
        text=True,
    )
    port = int(server.stdout.readline())
    cameras = "".join(
        f'[[camera]]\nid = "{name}"\nanalysis_fps = {ANALYSIS_FPS:g}\n[camera.stream]\n'
        f'url = "rtsp://127.0.0.1:{port}/{name}"\n\n'
        for name in mounts
    )
    (folder / "cameras.toml").write_text(cameras, encoding="utf-8")
    environment = os.environ | {"ROADWARDEN_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipelines", "run", "--cameras", folder / "cameras.toml"]
    health = f"127.0.0.1:{_free_port()}"
    with (folder / "log").open("w") as log:
        worker = subprocess.Popen([*command, "--health", health], env=environment, cwd=folder, stderr=log)
        try:
            _wait_until_live(f"http://{health}", folder / "log")
            time.sleep(options.warm_up)
            first = sample(worker, server, health)
            time.sleep(options.seconds)
            last = sample(worker, server, health)
        finally:
            worker.send_signal(signal.SIGTERM)
            server.kill()
            worker.wait(90)
    before, after = (len(s.status["alert_delays_s"]) for s in (first, last))
    return first, last, last.status["alert_delays_s"][before:after]


def make_films(folder: Path, films: Path, options: argparse.Namespace) -> dict[str, Path]:
    """The film of each camera by mount, long enough for the run; and what the gates of idle ones have learned."""
    seconds = options.warm_up + options.seconds + 60
    busy, still = films / "busy.mp4", films / "still.mp4"
    ((_, busy_s),) = write_film(FilmPlan(CLIP, 0.0, 1), busy)
    write_film(FilmPlan(CLIP, STILL_S, 0), still)
    idle = [still] * STILL_LAPS + [busy]
    lap_s = STILL_S * STILL_LAPS + busy_s
    mounts = {}
    for number in range(options.busy):
        skip_s = (busy_s - 2) * number / max(1, options.busy)
        mounts[f"busy-{number}"] = write_loop([busy], folder / f"busy-{number}.mp4", seconds, skip_s)
    for number in range(options.idle):
        skip_s = (lap_s - 2) * number / options.idle
        mounts[f"idle-{number}"] = write_loop(idle, folder / f"idle-{number}.mp4", seconds, skip_s)
    level = learn(busy)
    ring = folder / "home" / "ring"
    ring.mkdir(parents=True)
    (ring / FILE).write_text(json.dumps({name: level for name in mounts if name.startswith("idle")}), encoding="utf-8")
    return mounts


def learn(film: Path) -> list[float]:
    """Bytes a second in a film's first second; as often as a gate must have seen a pass."""
    with av.open(str(film)) as container:
        video = container.streams.video[0]
        packets = [(float(p.pts * p.time_base), p.size) for p in container.demux(video) if p.size and not p.is_keyframe]
    rates = [sum(z for t, z in packets if at < t <= at + WINDOW_S) / WINDOW_S for at in (0.0, 0.5)]
    return [max(rates)] * ActivityLevel().settings.passes_to_trust


def sample(worker: subprocess.Popen, server: subprocess.Popen, health: str) -> Sample:
    """Processor time, memory and status now."""
    pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[1])
    status = httpx.get(f"http://{health}/status").json()
    memory_mb = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Sample(time.monotonic(), _cpu_s(worker.pid), _cpu_s(server.pid), memory_mb, status)


def show(options: argparse.Namespace, first: Sample, last: Sample, delays: list[float]) -> None:
    """The table."""
    elapsed_s = last.at - first.at
    worker, server = last.worker_cpu_s - first.worker_cpu_s, last.server_cpu_s - first.server_cpu_s
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")
    print(f"{options.busy} busy and {options.idle} idle cameras, 1920x1080, 25/s, {elapsed_s:.0f} s measured")
    before = {camera["camera_id"]: camera for camera in first.status["cameras"]}
    sustained = 0
    for camera in last.status["cameras"]:
        old = before[camera["camera_id"]]
        analysed, shed = camera["analysed"] - old["analysed"], camera["shed"] - old["shed"]
        packets = camera["tally"]["packets"] - old["tally"]["packets"]
        held_back = camera["tally"]["held_back"] - old["tally"]["held_back"]
        share = shed / max(1, shed + analysed)
        sustained += share <= 0.05 and camera["tally"]["undecoded"] == old["tally"]["undecoded"]
        print(
            f"  {camera['camera_id']:8} {packets / elapsed_s:5.1f} packets/s, {held_back / max(1, packets):4.0%} never "
            f"decoded, {analysed / elapsed_s:4.1f} analysed/s, {share:4.0%} shed, lag {camera['lag_s']:.1f} s, "
            f"{', '.join(camera['faults']) or 'live'}"
        )
    print(f"sustained {sustained} of {len(before)}")
    print(
        f"worker {worker / elapsed_s:.2f} cores, {last.memory_mb:.0f} MiB; RTSP server {server / elapsed_s:.2f} cores"
    )
    print(f"cases with evidence {last.status['cases_sealed'] - first.status['cases_sealed']}")
    if len(delays) >= 2:
        p95_s = statistics.quantiles(delays, n=20, method="inclusive")[-1]
        print(f"{len(delays)} alerts: median {statistics.median(delays):.1f} s, p95 {p95_s:.1f} s")


def _wait_until_live(url: str, log: Path) -> None:
    for _ in range(240):
        try:
            cameras = httpx.get(f"{url}/status").json()["cameras"]
            if cameras and all(camera["state"] != "connecting" for camera in cameras):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"not all cameras came to life:\n{log.read_text()[-3000:]}")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()

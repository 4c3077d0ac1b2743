"""Whether a worker that watches for long grows: memory and open files, through reconnections and reloads.

    python scripts/soak_live.py [--cameras 3] [--minutes 10] [--reset-every 20]

Serves a film with still parts as cameras (GStreamer's RTSP server), through a proxy that resets every connection now
and then (`tests/fault_proxy.py`), runs `roadwarden run` as a process of its own, and prints resident memory, open
files, threads and files in the packet ring once a minute. Exit code 1 when the last third is more than 10 % above the
middle third.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmarking.still_film import FilmPlan, write_film, write_loop
from tests.fault_proxy import FaultProxy

ROOT = Path(__file__).resolve().parent.parent
GROWTH = 1.10


@dataclass(frozen=True, slots=True)
class Size:
    """The worker at one moment."""

    memory_mb: float
    files: int
    threads: int
    ring_files: int


def main() -> None:
    """Serve, watch, disturb, measure, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--reset-every", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--clip", type=Path, default=ROOT / "tests" / "golden" / "rear.mp4")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = soak(Path(folder), options)
    third = len(sizes) // 3
    is_flat = True
    for name in Size.__slots__:
        middle, last = (
            statistics.mean(getattr(size, name) for size in part)
            for part in (sizes[third : 2 * third], sizes[2 * third :])
        )
        is_flat &= last <= middle * GROWTH + 1
        print(f"{name:10} middle third {middle:8.1f}, last third {last:8.1f}")
    print("flat" if is_flat else "it grows")
    sys.exit(0 if is_flat else 1)


def soak(folder: Path, options: argparse.Namespace) -> list[Size]:
    """Sizes every five seconds, without the first minute."""
    write_film(FilmPlan(options.clip, 10.0, 1), folder / "once.mp4")
    film = write_loop([folder / "once.mp4"], folder / "film.mp4", options.minutes * 60 + 120)
    command = ["/usr/bin/python3", ROOT / "tests" / "rtsp_server.py", f"gate={film}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    proxy = FaultProxy(int(server.stdout.readline()))
    stream = f'[camera.stream]\nurl = "rtsp://127.0.0.1:{proxy.port}/gate"\ntimeout_s = 3\n'
    tables = [f'[[camera]]\nid = "gate-{number}"\nanalysis_fps = 2\n{stream}' for number in range(options.cameras)]
    (folder / "cameras.toml").write_text("\n".join(tables), encoding="utf-8")
    environment = os.environ | {"ROADWARDEN_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    run = [sys.executable, "-m", "pipelines", "run", "--cameras", folder / "cameras.toml", "--health", "off"]
    sizes: list[Size] = []
    with (folder / "log").open("w") as log:
        worker = subprocess.Popen(run, env=environment, cwd=folder, stderr=log)
        try:
            began, reset_at = time.monotonic(), time.monotonic() + options.reset_every
            while (now := time.monotonic()) < began + options.minutes * 60:
                time.sleep(5.0)
                if worker.poll() is not None:
                    raise SystemExit(f"the worker ended:\n{(folder / 'log').read_text()[-3000:]}")
                if now >= reset_at:
                    proxy.reset()
                    reset_at = now + options.reset_every
                if now > began + min(60.0, options.minutes * 20):
                    sizes.append(measure(worker.pid, folder / "home" / "ring"))
                    if len(sizes) % 12 == 1:
                        print(f"{now - began:5.0f} s, {proxy.connections} connections: {sizes[-1]}", flush=True)
        finally:
            worker.send_signal(signal.SIGTERM)
            code = worker.wait(120)
            server.kill()
    print(f"{proxy.connections} connections, exit code {code}")
    return sizes


def measure(pid: int, ring: Path) -> Size:
    """Sizes of a process now."""
    place = Path(f"/proc/{pid}")
    pages = int((place / "statm").read_text().split()[1])
    files = len(list((place / "fd").iterdir()))
    threads = len(list((place / "task").iterdir()))
    return Size(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, files, threads, len(list(ring.rglob("*.es"))))


if __name__ == "__main__":
    main()

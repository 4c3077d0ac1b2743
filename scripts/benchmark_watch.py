"""How soon a listed plate's alert leaves, on real RTSP streams: from the deciding frame to the outgoing line.

    python scripts/benchmark_watch.py [--cameras 1] [--seconds 300] [--clip demo/demo.mp4]

Serves the clip as so many cameras (GStreamer's RTSP server: `tests/rtsp_server.py`), lists the plates of the clip's
truth, runs `roadwarden run` as a process of its own, and reads its alerts as they come. An interception is closed as
soon as it is measured, so that the vehicle's next appearance opens another. The time of the deciding frame is the
camera's own (RTCP sender reports), so that decoding, waiting, inference, matching and the database all count.
"""

import argparse
import json
import os
import platform
import queue
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Engine

from detector.database.engine import open_database
from detector.entities import InterceptionOutcome, Role, WatchRequest
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from detector.review.accounts import EVERYWHERE, Account, AccountStore

ROOT = Path(__file__).resolve().parent.parent
ALERT = re.compile(r"roadwarden: listed plate .* (IN-\S+)$")


def main() -> None:
    """Serve, watch, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--clip", type=Path, default=ROOT / "demo" / "demo.mp4")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        latencies_s = measure(Path(folder), options)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")
    print(f"{options.cameras} cameras of {options.clip.name}, {options.seconds} s: {len(latencies_s)} alerts")
    if len(latencies_s) >= 2:
        p95_s = statistics.quantiles(latencies_s, n=20, method="inclusive")[-1]
        print(f"median {statistics.median(latencies_s):.2f} s, p95 {p95_s:.2f} s, worst {max(latencies_s):.2f} s")


def measure(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds from each deciding frame to its alert."""
    truth = json.loads(options.clip.with_suffix(".truth.json").read_text(encoding="utf-8"))
    engine = open_database(f"sqlite:///{folder / 'cases.db'}")
    list_plates(engine, sorted({v["plate"] for v in truth["vehicles"] if v.get("plate")}))
    names = [f"camera-{number}" for number in range(options.cameras)]
    mounts = [f"{name}={options.clip.resolve()}" for name in names]
    server = subprocess.Popen(
        ["/usr/bin/python3", str(ROOT / "tests" / "rtsp_server.py"), *mounts], stdout=subprocess.PIPE, text=True
    )
    worker = None
    try:
        port = server.stdout.readline().strip()
        tables = (
            f'[[camera]]\nid = "{n}"\nplace = "{n}"\n[camera.stream]\nurl = "rtsp://127.0.0.1:{port}/{n}"\n'
            for n in names
        )
        (folder / "cameras.toml").write_text("".join(tables), encoding="utf-8")
        worker = subprocess.Popen(
            [sys.executable, "-m", "pipelines", "run", "--cameras", str(folder / "cameras.toml"),
             "--database", str(engine.url), "--for", str(options.seconds)],
            cwd=ROOT, env={**os.environ, "ROADWARDEN_HOME": str(folder)}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return collect(worker, InterceptionStore(engine, RoadGraph(())))
    finally:
        for process in (worker, server):
            if process is not None:
                process.terminate()
                process.wait()


def list_plates(engine: Engine, plates: list[str]) -> None:
    """List every plate, as two people."""
    watch, accounts = WatchList(engine), AccountStore(engine)
    roles = frozenset({Role.SUPERVISOR})
    made = [Account(name, name, "", roles, (EVERYWHERE,)) for name in ("applicant", "approver")]
    applicant, approver = (accounts.add(a, secrets.token_urlsafe(), a.actor).actor for a in made)
    for plate in plates:
        entry = watch.apply(WatchRequest(plate, "benchmark", datetime.now(UTC) + timedelta(days=1)), applicant)
        watch.approve(entry.entry_id, approver)


def collect(worker: subprocess.Popen[str], interceptions: InterceptionStore) -> list[float]:
    """Read alerts with the time at which they came; close what has been measured."""
    came: queue.SimpleQueue[tuple[datetime, str] | None] = queue.SimpleQueue()

    def read() -> None:
        for line in worker.stderr:
            came.put((datetime.now(UTC), line.rstrip()))
        came.put(None)

    threading.Thread(target=read, daemon=True).start()
    latencies_s: list[float] = []
    began = time.monotonic()
    while (item := came.get()) is not None:
        at, line = item
        found = ALERT.match(line)
        if not found:
            continue
        (hit,) = (i for i in interceptions.list(100) if i.interception_id == found[1])
        latencies_s.append((at - hit.seen_at).total_seconds())
        interceptions.report(hit.interception_id, InterceptionOutcome.NOT_FOUND, "benchmark")
        print(f"{time.monotonic() - began:6.1f} s  {hit.camera_id}  {latencies_s[-1]:.2f} s", flush=True)
    return latencies_s


if __name__ == "__main__":
    main()

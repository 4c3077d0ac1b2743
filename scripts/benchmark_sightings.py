"""How fast sightings are imported and scanned on this machine, and in how much memory.

    python scripts/benchmark_sightings.py [ROWS ...] [--folder DIR]      # default 100000 1000000

For each size a file of that many rows over 30 days is made (a tenth as many plates, a few of them seen very often;
three quarters of the rows at hubs), then imported, scanned for ride-hailing, scanned for clones and purged, each in a
process of its own whose largest memory is printed.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb

from detector.database.engine import open_database
from detector.entities import Opening
from detector.patterns.clones import CloneLimits, find_clones
from detector.patterns.roads import RoadGraph
from detector.patterns.scanning import rank
from detector.registers.store import RegisterStore
from detector.sightings.purging import purge
from pipelines.build_sightings import make_importer, make_scan, make_store
from pipelines.config import load_cameras
from scripts.simulation.city import HUBS, ROADS, ROLES, write_cameras

START_AT = datetime(2026, 5, 1, tzinfo=UTC)
END_AT = START_AT + timedelta(days=30)
MICROSECONDS = 30 * 86_400_000_000
STAGES = ("import", "scan", "clones", "purge")


def main() -> None:
    """Run every stage at every size, and print one row a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        print(json.dumps(run_stage(arguments.stage, arguments.folder)))
        return
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before the start")
    print("| rows | file MB | store MB | import s | rows/s | scan s | clones s | purge s | largest memory MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            print(measure(rows, Path(folder)), flush=True)


def measure(rows: int, folder: Path) -> str:
    """One row of the table."""
    make_file(folder / "sightings.csv", rows)
    (folder / "cameras.toml").write_text(write_cameras(), encoding="utf-8")
    found = {}
    for stage in STAGES:
        command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[stage] = json.loads(done.stdout)
        if stage == "import":
            store_mb = sum(p.stat().st_size for p in (folder / "store").rglob("*") if p.is_file()) / 1e6
    seconds = [found[stage]["seconds"] for stage in STAGES]
    memory = max(found[stage]["memory_mb"] for stage in STAGES)
    file_mb = (folder / "sightings.csv").stat().st_size / 1e6
    rate = found["import"]["rows"] / seconds[0]
    return (
        f"| {rows} | {file_mb:.0f} | {store_mb:.0f} | {seconds[0]:.1f} | {rate:.0f} | {seconds[1]:.1f} | "
        f"{seconds[2]:.1f} | {seconds[3]:.1f} | {memory:.0f} |"
    )


def make_file(path: Path, rows: int) -> None:
    """Random passes over 30 days in the order of time."""
    hubs = [camera for hub in HUBS for role in ROLES for camera in hub.cameras[role]]
    with duckdb.connect(
        config={"threads": 2, "memory_limit": "1500MB", "temp_directory": str(path.parent)}
    ) as connection:
        connection.execute("SELECT setseed(0.5)")
        connection.execute(
            f"""COPY (
                SELECT '渝' || 'ABCDFGHN'[1 + plate % 8] || lpad((plate // 8 % 100000)::VARCHAR, 5, '0') AS plate_text,
                    CASE WHEN place < 0.75 THEN $hubs[1 + floor(place / 0.75 * {len(hubs)})::INT]
                         ELSE $roads[1 + floor((place - 0.75) * 4 * {len(ROADS)})::INT] END AS camera_id,
                    strftime(TIMESTAMP '2026-05-01' + to_microseconds((n::DOUBLE * {MICROSECONDS} / {rows})::BIGINT),
                        '%Y-%m-%dT%H:%M:%S.%gZ') AS seen_at,
                    '' AS direction, 'car' AS vehicle_type, 'blue' AS plate_colour
                FROM (SELECT n, floor({rows} / 10 * power(random(), 3))::BIGINT AS plate, random() AS place
                      FROM range({rows}) t(n))
            ) TO '{path}' (HEADER)""",
            {"hubs": hubs, "roads": list(ROADS)},
        )


def run_stage(stage: str, folder: Path) -> dict[str, Any]:
    """One stage in this process: seconds, rows, largest memory."""
    cameras = load_cameras(folder / "cameras.toml")
    engine = open_database(f"sqlite:///{folder / 'bench.db'}")
    store = make_store(cameras, engine, folder / "store", folder / "keys")
    opening = Opening("benchmark", "invented data", "benchmark")
    began = time.monotonic()
    rows = 0
    if stage == "import":
        rows = make_importer(store).run(folder / "sightings.csv").rows
    elif stage == "scan":
        rank(make_scan(cameras, store, RegisterStore(engine), {}), timedelta(days=30), END_AT, (100, 0.2, opening))
    elif stage == "clones":
        graph = RoadGraph(cameras.sightings.roads)
        find_clones(store, graph, (START_AT, END_AT), (CloneLimits(), opening))
    else:
        purge(store, engine, END_AT + timedelta(hours=6))
    seconds = time.monotonic() - began
    return {"seconds": seconds, "rows": rows, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


if __name__ == "__main__":
    main()

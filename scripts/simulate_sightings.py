"""Simulate a month of plate readings in an invented hub city, with truth and registers.

    python scripts/simulate_sightings.py OUT [--seed 1] [--population main|shifted] [--days 30] [--scale 1.0]
                                         [--misread 0.02] [--start 2026-05-01]

Writes into OUT: `sightings.csv` (as `roadwarden sightings import` takes it), `truth.csv` (plate, kind, illegal),
`registers/licensed.csv`, `registers/exemptions.csv` and `cameras.toml`. The same arguments give the same bytes. All
assumptions are in `scripts/simulation/habits.py` and explained in docs/sightings.md.
"""

import argparse
import csv
import random
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.simulation.city import write_cameras
from scripts.simulation.drive import BEIJING, Driver, drive, instant, make_drivers, observe
from scripts.simulation.habits import POPULATIONS

COLUMNS = ("plate_text", "camera_id", "seen_at", "direction", "vehicle_type", "plate_colour")


def main() -> None:
    """Read the arguments, write the files, and print what they hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--population", choices=POPULATIONS, default="main")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--misread", type=float)
    parser.add_argument("--start", default="2026-05-01")
    arguments = parser.parse_args()

    rng = random.Random(f"{arguments.population} {arguments.seed}")
    habits, errors = POPULATIONS[arguments.population]
    if arguments.misread is not None:
        errors = replace(errors, misread=arguments.misread)
    start_at = datetime.fromisoformat(arguments.start).replace(tzinfo=BEIJING)
    drivers = make_drivers(habits, arguments.scale, rng)
    (arguments.out / "registers").mkdir(parents=True, exist_ok=True)
    readings = sorted(observe(drive(drivers, arguments.days, start_at, rng), errors, rng), key=lambda r: r.seen_s)
    with (arguments.out / "sightings.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for r in readings:
            seen_at = instant(start_at, r.seen_s)
            writer.writerow((r.plate, r.camera_id, seen_at, r.direction, r.vehicle_type, r.colour))
    write_truth(arguments.out / "truth.csv", drivers)
    write_registers(arguments.out / "registers", drivers, start_at)
    (arguments.out / "cameras.toml").write_text(write_cameras(), encoding="utf-8")
    illegal = len({d.plate for d in drivers if d.habit.illegal})
    seen = len({r.plate for r in readings})
    print(
        f"{len(readings)} sightings of {seen} distinct plate texts; {len(drivers)} drivers, {illegal} illegal "
        f"({illegal / seen:.2%} of distinct plates) in {arguments.out}"
    )


def write_truth(path: Path, drivers: list[Driver]) -> None:
    """Who is who, in the order of the plates."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("plate", "kind", "illegal"))
        known = {d.plate: (d.plate, d.habit.kind, int(d.habit.illegal)) for d in drivers}
        writer.writerows(known[plate] for plate in sorted(known))


def write_registers(folder: Path, drivers: list[Driver], start_at: datetime) -> None:
    """What the authorities know: most of those who have a licence or an exemption, valid for a year."""
    valid = ((start_at - timedelta(days=180)).date(), (start_at + timedelta(days=185)).date())
    known = sorted((d for d in drivers if d.is_registered and d.habit.register), key=lambda d: d.plate)
    for name, wanted in (("licensed", True), ("exemptions", False)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("plate", "category", "company", "valid_from", "valid_to"))
            for driver in known:
                if (driver.habit.register == "licensed") is wanted:
                    category = driver.habit.kind if wanted else driver.habit.register
                    writer.writerow((driver.plate, category, "", *valid))


if __name__ == "__main__":
    main()

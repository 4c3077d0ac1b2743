"""Truck passes of a replay beside the counts of people, per clip.

    roadwarden replay ../shared/data/footage/*.mp4 --json > /tmp/footage.json
    python scripts/compare_truck_counts.py /tmp/footage.json ../shared/data/footage/counts.csv

The people counted lorries of one direction; the replay's passes are printed by direction.
"""

import csv
import json
import sys
from collections import Counter
from pathlib import Path

COLUMNS = (("clip", 16), ("counted", 8), ("approach", 9), ("leave", 6), ("none", 5), ("trucks", 7), ("cases", 6))


def main(results_path: str, counts_path: str) -> None:
    """Print one row a clip and the sums."""
    with Path(counts_path).open(encoding="utf-8") as file:
        counted = {row["clip"]: int(row["lorries"]) for row in csv.DictReader(file)}
    clips = json.loads(Path(results_path).read_text(encoding="utf-8"))["clips"]
    print(" ".join(f"{title:>{width}}" for title, width in COLUMNS) + "  load states of trucks")
    sums: Counter[str] = Counter()
    for clip in clips:
        name = Path(clip["path"]).stem
        trucks = [p for p in clip["passes"] if p["vehicle_type"] == "truck"]
        ways = Counter(p["direction"] or "none" for p in trucks)
        states = Counter(p["load_state"] or "not looked at" for p in trucks)
        row = {
            "counted": counted.get(name, 0),
            "approach": ways["approaching"],
            "leave": ways["leaving"],
            "none": ways["none"],
            "trucks": len(trucks),
            "cases": len(clip["cases"]),
        }
        sums.update(row)
        told = ", ".join(f"{state} {n}" for state, n in sorted(states.items())) + (
            f"  ERROR {clip['error']}" if clip["error"] else ""
        )
        print(format_row(name, row, str(counted.get(name, "-"))) + "  " + told)
    print(format_row("sum", sums, str(sums["counted"])))


def format_row(name: str, row: dict[str, int], counted: str) -> str:
    """Columns of one row."""
    values = (name, counted, *(row[title] for title, _ in COLUMNS[2:]))
    return " ".join(f"{value:>{width}}" for value, (_, width) in zip(values, COLUMNS, strict=True))


if __name__ == "__main__":
    main(*sys.argv[1:])

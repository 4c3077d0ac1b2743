"""Rendered stills as the table that `roadwarden evaluate load-state` reads. No bpy."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

FILL_LABELS = {"empty": "empty", "below_edge": "loaded", "above_edge": "heaped", "not_visible": "open"}


def name_label(vehicle: dict[str, Any]) -> str | None:
    """The table's label of a vehicle in `labels.jsonl`; None for a look-alike, of which the table knows nothing."""
    if not vehicle["tipper"]:
        return None
    if vehicle["cover"] in ("closed", "not_visible"):
        return {"closed": "covered", "not_visible": "not_visible"}[vehicle["cover"]]
    return FILL_LABELS[vehicle["fill"]]


def write_load_table(folder: Path, size_px: tuple[int, int]) -> Path:
    """Writes `load_states.csv` beside `labels.jsonl`: the framed tipper of every still.

    Args:
        folder: what `render_stills` filled.
        size_px: width and height of the stills.

    Returns:
        The table.
    """
    width, height = size_px
    path = folder / "load_states.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("image", "x1", "y1", "x2", "y2", "label"))
        for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            vehicle = record["vehicles"][0]
            if (label := name_label(vehicle)) is not None:
                x1, y1, x2, y2 = vehicle["box_xyxy"]
                box = (f"{v:.5f}" for v in (x1 / width, y1 / height, x2 / width, y2 / height))
                table.writerow((record["image"], *box, label))
    return path

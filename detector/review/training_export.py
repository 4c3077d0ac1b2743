"""The training export: vehicles of decided cases cut from masked pictures, with what officers decided.

    training.zip
        labels.csv      image, x1, y1, x2, y2 (shares), label, case_id, camera_id, decision, reason
        images/*.jpg    the vehicle with some surroundings, from a masked scene; its own plate is covered, too

`roadwarden labels import desk training.zip OUT` reads it.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageDraw

from detector.errors import EvidenceError
from detector.geometry import Box, clip, expand
from detector.review.queries.training import Decided
from detector.review.shelf import EvidenceShelf

COLUMNS = ("image", "x1", "y1", "x2", "y2", "label", "case_id", "camera_id", "decision", "reason")
MARGIN = 0.2
"""Surroundings kept around the vehicle, as a share of its box."""

PLATE_MARGIN = 0.3
PLATE_ZONE = (0.7, 1.0)
"""Part of the vehicle's height that is covered where nobody recorded where its plate hangs."""

GREY = (110, 110, 110)
QUALITY = 90


@dataclass(frozen=True, slots=True)
class Written:
    """How much an export holds, and the cases that it had to leave out with the reason."""

    cases: int
    pictures: int
    left_out: tuple[str, ...]


def write_export(decided: Iterable[Decided], shelf: EvidenceShelf, file: IO[bytes]) -> Written:
    """Write the archive.

    Args:
        decided: the cases.
        shelf: where their packages are.
        file: open for writing.
    """
    rows: list[tuple[object, ...]] = []
    cases, left_out = 0, []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for item in decided:
            try:
                cuts = list(_cut(item, shelf))
            except (EvidenceError, OSError) as error:
                left_out.append(f"{item.case.case_id}: {error}")
                continue
            for number, (picture, box) in enumerate(cuts, 1):
                name = f"images/{item.case.case_id}-{number}.jpg"
                archive.writestr(name, picture)
                told = (item.label, item.case.case_id, item.case.camera_id, item.decision, item.reason)
                rows.append((name, *(f"{value:.6f}" for value in box), *told))
            cases += bool(cuts)
        table = io.StringIO()
        csv.writer(table).writerows([COLUMNS, *rows])
        archive.writestr("labels.csv", table.getvalue())
    return Written(cases, len(rows), tuple(left_out))


def _cut(item: Decided, shelf: EvidenceShelf) -> Iterator[tuple[bytes, Box]]:
    """The vehicle in each masked scene: a JPEG, and its box as shares of it."""
    evidence = item.case.evidence
    if evidence is None:
        raise EvidenceError(f"case {item.case.case_id} has no package")
    package = shelf.find(evidence)
    moments = {moment["frame_index"]: moment for moment in package.manifest.get("observations", ())}
    for row in package.files.values():
        if (
            row.get("role") == "masked"
            and (scene := package.files.get(str(row.get("copy_of")), {})).get("role") == "scene"
        ):
            moment = moments.get(scene.get("frame_index"))
            if moment is not None:
                yield _cut_vehicle(shelf.open(package, str(row["name"])), moment)


def _cut_vehicle(path: Path, moment: dict[str, Any]) -> tuple[bytes, Box]:
    vehicle: Box = tuple(moment["xyxy"])
    with Image.open(path) as picture:
        scene = picture.convert("RGB")
    ImageDraw.Draw(scene).rectangle(_plate_zone(moment), fill=GREY)
    around = clip(expand(vehicle, MARGIN), *scene.size)
    x1, y1, x2, y2 = (round(value) for value in around)
    seen = clip(vehicle, *scene.size)
    shares = (
        (seen[0] - x1) / (x2 - x1),
        (seen[1] - y1) / (y2 - y1),
        (seen[2] - x1) / (x2 - x1),
        (seen[3] - y1) / (y2 - y1),
    )
    out = io.BytesIO()
    scene.crop((x1, y1, x2, y2)).save(out, "JPEG", quality=QUALITY)
    return out.getvalue(), shares


def _plate_zone(moment: dict[str, Any]) -> Box:
    """What is covered for the subject's plate: where it was read, or wherever it may hang."""
    plate = moment.get("plate")
    if plate:
        across, down = zip(*plate["corners"], strict=True)
        return expand((min(across), min(down), max(across), max(down)), PLATE_MARGIN)
    x1, y1, x2, y2 = moment["xyxy"]
    top, bottom = (y1 + share * (y2 - y1) for share in PLATE_ZONE)
    return x1, top, x2, bottom

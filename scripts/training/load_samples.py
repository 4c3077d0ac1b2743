"""What the load networks learn from: labelled vehicles in rendered and real pictures, and their cut-outs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from detector.entities import Cover
from detector.geometry import Box, area, clip, expand
from detector.observation import load_crop
from detector.observation.load_state import COVERS, FILLS, TRUCK_MARGIN
from scripts.synthesis.surface import STRIDE_PX, Surface, decode_heights, find_map

Source = Literal["render", "photograph", "sketch"]
UNKNOWN = -1
MIRRORED_RIM = [1, 0, 3, 2]  # front left becomes front right, rear left becomes rear right
MIN_TRUCK_PX = 48.0
MIN_BED_PX = 36.0
BED_NOISE = 0.07  # of a located bed's edges, in shares of its size
LABELS = Path(__file__).parent / "load_labels.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Vehicle:
    """One labelled vehicle.

    Attributes:
        image: path of the picture.
        truck_xyxy: its box in px.
        tipper: None where it cannot be told.
        bed_xyxy: the box in px of what is seen of the bed; None for other vehicles and where nobody has marked it.
        rim: (4, 2) px: front left, front right, rear right, rear left; None where unknown.
        visible: share of the bed's opening that is seen, 0 to 1; None where unknown.
        cover, fill: indices into `COVERS` and `FILLS`; UNKNOWN takes no part in learning.
        heap_m: crest over the edge in metres; None for an empty bed and where unknown.
        source: where the picture comes from.
        number: which of the vehicles in its picture, in the map of surfaces beside it.
        cut_px: rows that were cut away above what is left of the picture.
    """

    image: Path
    truck_xyxy: Box
    tipper: bool | None
    bed_xyxy: Box | None
    rim: np.ndarray | None
    visible: float | None
    cover: int
    fill: int
    heap_m: float | None
    source: Source
    number: int = 0
    cut_px: int = 0


def load_renders(folder: Path, source: Source = "render") -> list[Vehicle]:
    """Vehicles of a rendered or sketched part (`labels.jsonl` and pictures); those too small are left out.

    Beds of stills into which the camera does not see get another cover than the labels say (`_judge_from_below`).
    """
    found = []
    for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        path = folder / row["image"]
        if not path.exists():
            continue
        for number, label in enumerate(row["vehicles"]):
            if _side(label["box_xyxy"]) < MIN_TRUCK_PX:
                continue
            vehicle = read_vehicle(path, label, source)
            if number == 0 and label["cover"] == "not_visible" and "cover_kind" in row:
                vehicle = replace(vehicle, cover=_judge_from_below(row["cover_kind"]))
            found.append(vehicle)
    return found


def _judge_from_below(cover_kind: str) -> int:
    """The cover of a still's own vehicle (not of a neighbour) into whose bed the camera does not see.

    Of a truck whose edge is bare all around people say *open, load not visible*, as in the sets of real pictures, and
    nobody is accused by it. Whether a cover shows from there depends on how it hangs: that is left to photographs.
    """
    return COVERS.index(Cover.OPEN) if cover_kind == "none" else UNKNOWN


def read_vehicle(image: Path, label: dict, source: Source) -> Vehicle:
    """One vehicle of a label row; see scripts/synthesis/truth.py for the fields."""
    cover = COVERS.index(label["cover"]) if label["cover"] else UNKNOWN
    fill = FILLS.index(label["fill"]) if label["fill"] else UNKNOWN
    shown = label.get("seen_box_xyxy") or label["bed_box_xyxy"]
    bed = tuple(shown) if shown else None
    rim = np.asarray(label["bed_polygon"], np.float32) if label["bed_polygon"] else None
    seen = label["visible_share"], cover, fill, label["heap_height_m"], source, label.get("track_id", 0)
    return Vehicle(image, tuple(label["box_xyxy"]), label["tipper"], bed, rim, *seen)


def load_photographs(data: Path, part: str) -> list[Vehicle]:
    """Re-checked vehicles of real pictures, `part` train or held; load_labels.csv has boxes in shares of a picture."""
    found = []
    with LABELS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["part"] != part:
                continue
            height, width = cv2.imread(str(data / row["image"])).shape[:2]
            scale = (width, height, width, height)
            truck = tuple(float(row[k]) * s for k, s in zip(("x1", "y1", "x2", "y2"), scale, strict=True))
            keys = ("bed_x1", "bed_y1", "bed_x2", "bed_y2")
            bed = tuple(float(row[k]) * s for k, s in zip(keys, scale, strict=True)) if row["bed_x1"] else None
            cover = COVERS.index(row["cover"]) if row["cover"] else UNKNOWN
            fill = FILLS.index(row["fill"]) if row["fill"] else UNKNOWN
            tipper = {"true": True, "false": False}.get(row["tipper"])
            found.append(Vehicle(data / row["image"], truck, tipper, bed, None, None, cover, fill, None, "photograph"))
    return found


STATES_OF = {
    "covered": ("closed", None), "empty": ("open", "empty"), "loaded": ("open", "below_edge"),
    "heaped": ("open", "above_edge"), "laden": ("open", None), "open": ("open", None),
    "not_visible": ("not_visible", "not_visible"), "not_a_tipper": (None, None),
}  # fmt: skip
"""Cover and fill of the labels of `evaluate load-state`; None where the label leaves it open."""


def load_own(table: Path, locate_bed: Callable[[np.ndarray, Box], Box | None]) -> list[Vehicle]:
    """Vehicles of a set of one's own (`load_state.csv` of `roadwarden labels import`).

    Args:
        table: the file; its pictures lie beside it.
        locate_bed: finds the bed in a picture and a vehicle's box, since nobody marks beds by hand; a vehicle
            whose bed it does not find teaches whether it is a tipper, and nothing else.
    """
    found = []
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = table.parent / row["image"]
            image = cv2.imread(str(path))
            height, width = image.shape[:2]
            scale = (width, height, width, height)
            truck = tuple(float(row[k]) * s for k, s in zip(("x1", "y1", "x2", "y2"), scale, strict=True))
            tipper = row["label"] != "not_a_tipper"
            cover, fill = STATES_OF[row["label"]]
            states = (COVERS.index(cover) if cover else UNKNOWN, FILLS.index(fill) if fill else UNKNOWN)
            bed = locate_bed(image, truck) if tipper else None
            found.append(Vehicle(path, truck, tipper, bed, None, None, *states, None, "photograph"))
    return found


def name_kind(vehicle: Vehicle) -> str:
    """A vehicle's state in words, for balance and tables."""
    if not vehicle.tipper:
        return f"{vehicle.source}: other"
    cover, fill = ("-" if i == UNKNOWN else axis[i] for i, axis in ((vehicle.cover, COVERS), (vehicle.fill, FILLS)))
    return f"{vehicle.source}: {cover}/{fill}"


@cache
def _read_bytes(path: Path) -> np.ndarray:
    """A file's bytes, read once: some machines forget their page cache faster than an epoch lasts."""
    return np.frombuffer(path.read_bytes(), np.uint8)


def read_picture(path: Path) -> np.ndarray:
    """A picture (H, W, 3) uint8, BGR."""
    return cv2.imdecode(_read_bytes(path), cv2.IMREAD_COLOR)


def has_bed(vehicle: Vehicle) -> bool:
    """Whether a vehicle can teach the load network: a bed of some size with a label."""
    return (
        vehicle.bed_xyxy is not None
        and _side(vehicle.bed_xyxy) >= MIN_BED_PX
        and (vehicle.cover != UNKNOWN or vehicle.fill != UNKNOWN)
    )


def jitter(xyxy: Box, share: float, rng: np.random.Generator) -> Box:
    """A box with every edge moved by normal noise of `share` of its width or height, at most twice that."""
    width, height = xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]
    dx1, dy1, dx2, dy2 = np.clip(rng.normal(0, share, 4), -2 * share, 2 * share)
    return xyxy[0] + dx1 * width, xyxy[1] + dy1 * height, xyxy[2] + dx2 * width, xyxy[3] + dy2 * height


def cut_truck(
    image: np.ndarray, vehicle: Vehicle, size_px: int, rng: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """The locator's input and target: crop (S, S, 3) and (12,) box and rim as shares of it, NaN where unknown.

    With `rng` the box is noisy as a detector's is; without, it is exact.
    """
    box = vehicle.truck_xyxy if rng is None else jitter(vehicle.truck_xyxy, 0.045, rng)
    crop, window = load_crop.cut_square(image, expand(box, TRUCK_MARGIN), size_px)
    target = np.full(12, np.nan, np.float32)
    if vehicle.bed_xyxy is not None:
        target[:4] = window.to_window(vehicle.bed_xyxy)
    if vehicle.rim is not None:
        target[4:] = to_shares(window, vehicle.rim).ravel()
        if np.abs(target[4:] - 0.5).max() > 1.5:  # nearly beside the camera: corners run off to infinity
            target[4:] = np.nan
    return crop, target


def cut_off_top(image: np.ndarray, vehicle: Vehicle, rng: np.random.Generator) -> tuple[np.ndarray, Vehicle]:
    """The picture (H, W, 3) without its upper rows, and the vehicle in it: as cameras show what is nearly below them.

    At least 0.4 of the bed's height stays, or 0.7 of the vehicle's where no bed is known.
    """
    _, top, _, bottom = vehicle.bed_xyxy or vehicle.truck_xyxy
    share = rng.uniform(0.05, 0.6 if vehicle.bed_xyxy else 0.3)
    row = int(np.clip(top + share * (bottom - top), 0, image.shape[0] - 8))

    def lower(xyxy: Box | None) -> Box | None:
        return None if xyxy is None else (xyxy[0], max(xyxy[1] - row, 0.0), xyxy[2], xyxy[3] - row)

    rim = None if vehicle.rim is None else vehicle.rim - np.float32((0, row))
    truck, bed = lower(vehicle.truck_xyxy), lower(vehicle.bed_xyxy)
    return image[row:], replace(vehicle, truck_xyxy=truck, bed_xyxy=bed, rim=rim, visible=None, cut_px=row)


def to_shares(window: load_crop.Window, points: np.ndarray) -> np.ndarray:
    """Points (N, 2) in px of the picture as shares of a cut-out."""
    return (points - (window.x_px, window.y_px)) / (window.width_px, window.height_px)


def cut_bed(
    image: np.ndarray, vehicle: Vehicle, size_px: int, rng: np.random.Generator
) -> tuple[np.ndarray, load_crop.Window]:
    """The load network's input (S, S, 3), the bed's box as noisy as a locator's, and where it lies in the picture."""
    return load_crop.cut_bed(image, jitter(vehicle.bed_xyxy, BED_NOISE, rng), size_px)


def sample_surface(vehicle: Vehicle, window: load_crop.Window, side: int) -> tuple[np.ndarray, np.ndarray] | None:
    """What a cut-out shows at side x side places: kinds (N, N) of `Surface`, heights over the bed's edge in metres.

    Other vehicles' beds are `Surface.OTHER`. None where the picture has no map.
    """
    path = find_map(vehicle.image)
    if not path.exists():
        return None
    drawn = read_picture(path)
    at = (np.arange(side) + 0.5) / side
    rows = (window.y_px + at * window.height_px + vehicle.cut_px) / STRIDE_PX
    columns = (window.x_px + at * window.width_px) / STRIDE_PX
    rows, columns = (
        np.floor(v).clip(-1, n).astype(int) + 1 for v, n in zip((rows, columns), drawn.shape, strict=False)
    )
    cells = np.pad(drawn, ((1, 1), (1, 1), (0, 0)))[rows][:, columns]
    return np.where(cells[..., 2] == vehicle.number, cells[..., 0], Surface.OTHER), decode_heights(cells)


def mirror_target(target: np.ndarray) -> np.ndarray:
    """A locator target (12,) for the mirrored crop."""
    x1, y1, x2, y2 = target[:4]
    rim = target[4:].reshape(4, 2)[MIRRORED_RIM] * (-1, 1) + (1, 0)
    return np.concatenate([[1 - x2, y1, 1 - x1, y2], rim.ravel()]).astype(np.float32)


def find_shown(crop: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a crop that show the picture, without the grey padding around."""
    shown = (crop != load_crop.PADDING_GREY).any(2)
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _side(xyxy: Box) -> float:
    """Root of a box's area in px."""
    return area(clip(xyxy, 1e6, 1e6)) ** 0.5

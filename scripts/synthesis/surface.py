"""What lies under each place of a still: wall, floor, load or cover of which bed, and how high. No bpy here.

One word a picture says too little about where to look; these maps teach a network what is what within a bed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scripts.synthesis.cameras import PinholeCamera
from scripts.synthesis.truth import CastRay, Hit, place_points

STRIDE_PX = 8
NOBODY = 255  # the vehicle of a place that belongs to no bed
LOWEST_M, STEP_M = -2.5, 0.02
PLAN_MARGIN_M = 0.3  # a cloth hangs over the edge
BOX_MARGIN = 0.15


class Surface(IntEnum):
    """What is seen at a place."""

    OTHER = 0
    WALL = 1
    FLOOR = 2
    LOAD = 3
    COVER = 4


KINDS = {
    "bed_inside": Surface.WALL,
    "floor": Surface.FLOOR,
    "rest": Surface.FLOOR,  # dirt that stays behind is no load
    "load": Surface.LOAD,
    "cloth": Surface.COVER,
    "lid": Surface.COVER,
    "rope": Surface.COVER,
}
"""Of the materials that vehicles are built from."""


def map_surface(
    camera: PinholeCamera, vehicles: Sequence[Any], boxes: Sequence[Any], cast_ray: CastRay
) -> np.ndarray | None:
    """Casts a ray through every eighth pixel of the beds' boxes.

    Args:
        camera: The camera.
        vehicles: Those whose numbers the labels give.
        boxes: Of their beds, x1, y1, x2, y2 in px; None for a bed that is not seen.
        cast_ray: First surface along a ray.

    Returns:
        (H / 8, W / 8, 3) uint8: a `Surface`, its height over the bed's edge (`decode_heights`), and the number of the
        vehicle to whose bed it belongs or `NOBODY`; None where no bed is seen.
    """
    if not any(boxes):
        return None
    width, height = camera.size_px
    drawn = np.zeros((height // STRIDE_PX, width // STRIDE_PX, 3), np.uint8)
    drawn[..., 2] = NOBODY
    wanted = np.zeros(drawn.shape[:2], bool)
    for x1, y1, x2, y2 in filter(None, boxes):
        dx, dy = BOX_MARGIN * (x2 - x1), BOX_MARGIN * (y2 - y1)
        left, top, right, bottom = (v / STRIDE_PX for v in (x1 - dx, y1 - dy, x2 + dx, y2 + dy))
        wanted[max(int(top), 0) : max(int(bottom) + 1, 0), max(int(left), 0) : max(int(right) + 1, 0)] = True
    beds = [v for v in vehicles if v.spec is not None]
    places = np.argwhere(wanted)
    pixels = (places[:, ::-1] + 0.5) * STRIDE_PX
    rays = np.column_stack([(pixels - np.array(camera.size_px) / 2) / camera.focal_px, np.ones(len(pixels))])
    rays = rays @ camera.axes / np.linalg.norm(rays, axis=1, keepdims=True)
    for (row, column), ray in zip(places, rays, strict=True):
        hit = cast_ray(camera.position_m, ray)
        drawn[row, column] = _name(hit, beds) if hit else (Surface.OTHER, 0, NOBODY)
    return drawn


def _name(hit: Hit, vehicles: list[Any]) -> tuple[int, int, int]:
    """Kind, height code and vehicle of what a ray meets."""
    material, place = hit
    kind = KINDS.get(material, Surface.OTHER)
    for vehicle in vehicles if kind else ():
        x, y, z = place_points((place - vehicle.position_m)[None], np.zeros(3), -vehicle.heading_rad)[0]
        low, high = vehicle.body.rim_m.min(0) - PLAN_MARGIN_M, vehicle.body.rim_m.max(0) + PLAN_MARGIN_M
        if low[0] <= x <= high[0] and low[1] <= y <= high[1]:
            over_m = z - float(vehicle.body.rim_m[:, 2].mean())
            return kind, int(np.clip(round((over_m - LOWEST_M) / STEP_M), 0, 255)), vehicle.track_id
    return Surface.OTHER, 0, NOBODY


def decode_heights(drawn: np.ndarray) -> np.ndarray:
    """Heights over the edge in metres, of a map's second channel; only those of a bed's surfaces mean something."""
    return LOWEST_M + STEP_M * drawn[..., 1].astype(np.float32)


def find_map(image: Path) -> Path:
    """Where the map of a picture lies."""
    return image.with_suffix(".surface.png")


def write_map(image: Path, drawn: np.ndarray | None) -> None:
    """Writes a picture's map beside it; a picture without a bed has none."""
    if drawn is not None:
        cv2.imwrite(str(find_map(image)), drawn)

"""Sketches of beds: thousands of crude pictures with exact labels, for 0.1 s each, beside the few hundred good renders.

A bed, its load and its cover are small quads, drawn from far to near. Colours, grain and dirt are drawn at random, and
patches of real photographs stand behind the truck and, faintly, on every surface: what all sketches of a state have in
common is its geometry, which is what shall be learnt.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detector.entities import Cover, Fill
from scripts.training.load_sketch_shapes import (
    CLOTH,
    DARK,
    INNER_HIGH,
    INNER_LOW,
    LOAD,
    OUTSIDE,
    RAIL,
    Bed,
    Quads,
    add_bed,
    add_cover,
    make_noise,
    shape_cover,
    shape_load,
)

Rng = np.random.Generator
SIZE_PX = 400
STATES = ("closed", "partial", "open")
CREST_GAP_M = 0.05  # crests this near the edge are not drawn: no eye could judge them
SEE_IN, SEE_LOAD, SEE_DEEP = 0.25, 0.12, 0.15  # shares of the opening, as in scripts/synthesis/truth.py


def draw_camera(bed: Bed, rng: Rng) -> tuple[np.ndarray, np.ndarray, float]:
    """Position (3,), rotation (3, 3) with rows right, down, forward, and focal length in px that frames the bed."""
    centre = np.array([-bed.length_m / 2, 0, -0.1])
    azimuth = rng.uniform(-np.pi, np.pi)
    if rng.random() < 0.7:  # gantries stand before or behind
        azimuth = rng.choice([0, np.pi]) + rng.normal(0, 0.45)
    elevation = np.deg2rad(rng.uniform(3, 12) if rng.random() < 0.12 else rng.uniform(10, 62))
    distance = rng.uniform(7, 28)
    ray = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    position = centre + distance * ray
    right = np.cross(-ray, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(-ray, right), -ray])
    turn = rng.normal(0, 0.05)
    rotation = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return position, rotation @ axes, distance


def find_light(quads: np.ndarray, bed: Bed, rng: Rng) -> np.ndarray:
    """Light (Q,) of every quad from sun or lamp, sky, and the walls' shadow."""
    centres = quads.mean(1)
    normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(15, 80))
    sun = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    direct = np.abs(normals @ sun)
    inside = (
        (np.abs(centres[:, 1]) < bed.half_m + 0.01) & (centres[:, 0] > -bed.length_m - 0.01) & (centres[:, 0] < 0.01)
    )
    depth = np.clip(-centres[:, 2], 0, bed.wall_m) * inside
    reach_x = np.where(sun[0] > 0, -centres[:, 0], centres[:, 0] + bed.length_m) / max(abs(sun[0]), 1e-3)
    reach_y = np.where(sun[1] > 0, bed.half_m - centres[:, 1], bed.half_m + centres[:, 1]) / max(abs(sun[1]), 1e-3)
    shaded = depth > np.minimum(reach_x, reach_y) * sun[2]
    strength = rng.uniform(0.1, 0.8)
    sky = 1 - rng.uniform(0.2, 0.8) * depth / bed.wall_m
    return (1 - strength) * sky * (0.55 + 0.45 * np.abs(normals[:, 2])) + strength * direct * ~shaded


def _draw_paint(rng: Rng) -> np.ndarray:
    """A colour (3,), grey as often as not."""
    colour = rng.uniform(0.03, 0.95, 3) ** 1.3
    return colour.mean() + (colour - colour.mean()) * rng.choice([0.05, 0.4, 0.9])


def paint(materials: np.ndarray, light: np.ndarray, scale_px: float, patch: np.ndarray, rng: Rng) -> np.ndarray:
    """Colours (S, S, 3) uint8 from material and light of each pixel; `patch` is the luminance of a photograph."""
    size = materials.shape
    image = np.zeros((*size, 3), np.float32)
    body, cloth = _draw_paint(rng), _draw_paint(rng)
    load = rng.uniform(0.03, 0.95) * (1 + rng.uniform(-0.25, 0.25, 3))
    inner = (body, 0.6 * load + 0.1, rng.uniform(0.04, 0.75) * np.ones(3))[rng.integers(3)]
    grain_m = np.exp(rng.uniform(np.log(0.02), np.log(0.25)))
    grain = make_noise(size, (size[0] / (0.6 * grain_m * scale_px + 1), size[1] / (grain_m * scale_px + 1)), rng)
    dirt = make_noise(size, (rng.uniform(3, 14), rng.uniform(3, 14)), rng)
    for material, colour, rough in (
        (OUTSIDE, body, 0.0),
        (RAIL, body * rng.uniform(0.7, 1.3), 0.0),
        (INNER_HIGH, inner, 0.0),
        (INNER_LOW, inner, 0.0),
        (LOAD, load, rng.uniform(0.05, 0.6)),
        (CLOTH, cloth, rng.uniform(0, 0.12)),
        (DARK, 0.15 * np.ones(3), 0.0),
    ):
        here = materials == material
        texture = (1 + rough * grain + rng.uniform(0, 0.35) * dirt + rng.uniform(0, 0.15) * patch)[here]
        image[here] = colour * (light[here] * texture)[:, None]
    return (np.clip(image, 0, 1) ** (1 / rng.uniform(1.3, 2.2)) * 255).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera that frames a bed: position (3,), rotation (3, 3), focal length and the principal point in px."""

    position_m: np.ndarray
    axes: np.ndarray
    focal_px: float
    centre_px: np.ndarray

    def project(self, points_m: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points (..., 3)."""
        local = (points_m - self.position_m) @ self.axes.T
        return local[..., :2] / np.maximum(local[..., 2:], 0.3) * self.focal_px + self.centre_px


def draw_scene(rng: Rng) -> tuple[Bed, str, float | None, Quads]:
    """A bed with its cover's state and its load's crest over the rim in metres (None: empty), and all faces."""
    bed = Bed(rng.uniform(1.05, 1.25), rng.uniform(3.5, 8.5), rng.uniform(0.6, 1.6))
    cover, load, crest_m = str(rng.choice(STATES, p=[0.3, 0.16, 0.54])), None, None
    shape = int(bed.length_m / 0.12), int(2 * bed.half_m / 0.12)
    quads = Quads()
    add_bed(quads, bed, rng)
    if rng.random() < 0.62:
        above = rng.random() < 0.48
        crest_m = rng.uniform(CREST_GAP_M, 0.8) if above else -rng.uniform(CREST_GAP_M, 0.7 * bed.wall_m)
        load = shape_load(bed, crest_m, shape, rng)
        crest_m = float(load.max())
        xs, ys = np.linspace(-bed.length_m, 0, shape[0]), np.linspace(-bed.half_m, bed.half_m, shape[1])
        quads.add_grid(np.stack([*np.meshgrid(xs, ys, indexing="ij"), load], -1), LOAD)
    if cover != "open":
        extent = 1.0 if cover == "closed" else rng.uniform(0.3, 0.7)
        add_cover(quads, bed, shape_cover(bed, load, shape, rng), extent, rng)
    elif rng.random() < 0.4:  # a cloth lies folded at the front wall
        thick = rng.uniform(0.08, 0.25)
        quads.add_box((-thick, -bed.half_m, 0.0), (0.1, bed.half_m, 1.4 * thick), CLOTH)
    return bed, cover, crest_m, quads


def sketch(backdrop: np.ndarray, rng: Rng) -> tuple[np.ndarray, dict]:
    """Draws one bed.

    Args:
        backdrop: (S, S, 3) uint8, part of a photograph; S is `SIZE_PX`.
        rng: source of randomness.

    Returns:
        The picture (S, S, 3) uint8 BGR and its label with the fields of scripts/synthesis/truth.py.
    """
    bed, cover, crest_m, quads = draw_scene(rng)
    corners, materials = np.concatenate(quads.corners_m), np.concatenate(quads.materials)
    rim = np.array([(x, y, 0.0) for x, y in ((0, 1), (0, -1), (-1, -1), (-1, 1))]) * (bed.length_m, bed.half_m, 1)
    cargo = (materials == LOAD) | (materials == CLOTH)
    spanned = np.concatenate([rim, rim - (0, 0, 0.3), corners[cargo].reshape(-1, 3)])
    view, distance = _frame(bed, spanned, rng)
    order = np.argsort(-np.linalg.norm(corners.mean(1) - view.position_m, axis=1))
    light = find_light(corners, bed, rng)
    points = (np.clip(view.project(corners), -3000, 3000) * 16).round().astype(np.int32)
    codes = materials + 8 * (corners[..., 2].mean(1) > 0.08)
    drawn, lit = np.zeros((SIZE_PX, SIZE_PX), np.uint8), np.zeros((SIZE_PX, SIZE_PX), np.float32)
    for i in order:
        cv2.fillConvexPoly(drawn, points[i], int(codes[i]), shift=4)
        cv2.fillConvexPoly(lit, points[i], float(light[i]), shift=4)
    grey = cv2.cvtColor(backdrop, cv2.COLOR_BGR2GRAY).astype(np.float32)
    # Turned, so that nothing looks transparent.
    patch = ((grey - grey.mean()) / (grey.std() + 8)).clip(-2, 2)[::-1, ::-1]
    image = paint(drawn % 8, cv2.GaussianBlur(lit, (0, 0), 1.2), view.focal_px / distance, patch, rng)
    image = np.where(drawn[..., None] > 0, image, backdrop)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.0))
    rim_px, box = view.project(rim), view.project(spanned)
    truth = judge(cover, crest_m, drawn, rim_px)
    box = np.clip([*box.min(0), *box.max(0)], 0, SIZE_PX)
    return image, {
        "tipper": True,
        "box_xyxy": [0, 0, SIZE_PX, SIZE_PX],
        "bed_polygon": np.round(rim_px, 1).tolist(),
        "bed_box_xyxy": np.round(box, 1).tolist(),
        "heap_height_m": crest_m,
        **truth,
    }


def judge(cover: str, crest_m: float | None, drawn: np.ndarray, rim_px: np.ndarray) -> dict:
    """What a camera sees of a state, by the rules of scripts/synthesis/truth.py, from the drawn materials."""
    opening = np.zeros(drawn.shape, np.uint8)
    cv2.fillPoly(opening, [np.clip(rim_px, -2000, 2000).round().astype(np.int32)], 1)
    inside, n = drawn[opening > 0], max(1, int(opening.sum()))
    material = inside % 8
    cloth, load, deep = ((material == m).sum() / n for m in (CLOTH, LOAD, INNER_LOW))
    seen = cloth + load + deep + (material == INNER_HIGH).sum() / n
    heap_code = 8 + (LOAD if cover == "open" else CLOTH)
    heap = (drawn == 8 + LOAD).sum() + (drawn == heap_code).sum() > 0.002 * drawn.size
    heap = bool(heap and crest_m is not None and crest_m > 0)
    hidden, fill = str(Fill.NOT_VISIBLE), str(Fill.NOT_VISIBLE)
    if seen < SEE_IN or n < 0.012 * drawn.size:
        shown = cover if heap and cover != "partial" else str(Cover.NOT_VISIBLE)
        return {
            "cover": shown,
            "fill": str(Fill.ABOVE_EDGE) if shown == cover else hidden,
            "visible_share": float(seen),
        }
    free = seen - cloth
    if cover == "partial" and (free < 0.1 or cloth < 0.08):
        return {"cover": str(Cover.NOT_VISIBLE), "fill": hidden, "visible_share": float(seen)}
    if heap:
        fill = str(Fill.ABOVE_EDGE)
    elif cover != "closed" and crest_m is None:
        fill = str(Fill.EMPTY) if deep >= min(SEE_DEEP, 0.4 * free) else hidden
    elif cover != "closed" and crest_m < 0:
        fill = str(Fill.BELOW_EDGE) if load >= min(SEE_LOAD, 0.5 * free) else hidden
    return {"cover": cover, "fill": fill, "visible_share": float(min(1.0, seen))}


def _frame(bed: Bed, spanned_m: np.ndarray, rng: Rng) -> tuple[View, float]:
    """A camera in which the bed's points take about seven tenths of the picture, and its distance in metres."""
    position, axes, distance = draw_camera(bed, rng)
    wide = View(position, axes, 1000.0, np.zeros(2)).project(spanned_m)
    focal_px = 1000.0 * SIZE_PX * rng.uniform(0.6, 0.85) / np.ptp(wide, axis=0).max()
    centre = (wide.min(0) + wide.max(0)) / 2 * focal_px / 1000.0
    shift = rng.uniform(-0.07, 0.07, 2) * SIZE_PX
    return View(position, axes, focal_px, SIZE_PX / 2 - centre + shift), distance


def draw_sketches(folder: Path, count: int, pictures: list[Path]) -> None:
    """Draws sketches and `labels.jsonl` into a folder that does not exist yet; done when the table exists.

    Args:
        folder: where to.
        count: how many.
        pictures: photographs for the backdrops.
    """
    if (folder / "labels.jsonl").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "labels.part"
    with part.open("w", encoding="utf-8") as table:
        for index in range(count):
            rng = np.random.default_rng([77, index])
            photograph = cv2.imread(str(pictures[rng.integers(len(pictures))]))
            side = int(min(photograph.shape[:2]) * rng.uniform(0.4, 1))
            y, x = (int(rng.integers(0, n - side + 1)) for n in photograph.shape[:2])
            backdrop = cv2.resize(
                photograph[y : y + side, x : x + side], (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA
            )
            image, label = sketch(backdrop, rng)
            name = f"{index:06d}.jpg"
            cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
            table.write(json.dumps({"image": name, "vehicles": [label]}) + "\n")
    part.rename(folder / "labels.jsonl")

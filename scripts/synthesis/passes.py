"""Held-out films for pass evaluation: trucks nobody trained on drive past cameras nobody trained on.

Rendering every frame costs hours. Here a vehicle is rendered alone, with its shadow and on transparent ground, at the
few places between which its picture changes; every frame warps the nearest of these layers to where the vehicle is and
lays it over the background, in linear light. The lens, the noise and the encoder then see one picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np

from scripts.synthesis.cameras import PinholeCamera, aim_camera
from scripts.synthesis.casts import Cast, Role
from scripts.synthesis.clips import (
    Region,
    describe,
    enter,
    find_region,
    place_role,
    render_background,
    render_region,
    write_film,
    write_truth,
)
from scripts.synthesis.light import DARK, Light, draw_light, set_light
from scripts.synthesis.lookalikes import KINDS, TRUCK_KINDS
from scripts.synthesis.plates import random_plate
from scripts.synthesis.post import Look, develop
from scripts.synthesis.render import make_ray_caster, set_camera, start_scene
from scripts.synthesis.specs import PlateSource, draw_tipper
from scripts.synthesis.street import add_street
from scripts.synthesis.truth import label_vehicle
from scripts.synthesis.vehicles import Vehicle

LANES_M = (1.9, -1.9)
GAP_S = 2.6  # between two vehicles; they take turns in the lanes
GROWTH = 1.3  # a layer serves until the vehicle appears larger by this factor
VEHICLES = 5
SEEN_S = 1.0
SIZE_PX = (1920, 1080)
FPS = Fraction(25, 2)
LIGHTS = {"sun": 0.3, "low_sun": 0.1, "overcast": 0.2, "dusk": 0.15, "night_lamps": 0.15, "infrared": 0.1}
STATES = {"heaped": 0.22, "loaded": 0.18, "partial": 0.1, "covered": 0.2, "empty": 0.18, "not_tipper": 0.12}
OVERSCAN_PX = 280  # layers reach beyond the picture, so that one that is warped inwards shows no cut edge
UP = np.array([0.0, 0.0, 1.0])
OUT_OF_SIGHT_M = np.array([-500.0, 0.0, 0.0])


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A vehicle alone, as the camera sees it at one instant.

    Attributes:
        at_s: the instant.
        region: where the layer lies in the picture with `OVERSCAN_PX` on every side.
        pixels: (H, W, 4) linear light BGR, multiplied by the alpha beside it.
        label: what `label_vehicle` says there; None where the vehicle is outside the picture.
    """

    at_s: float
    region: Region
    pixels: np.ndarray
    label: dict[str, Any] | None


def draw_cast(index: int) -> tuple[Cast, str]:
    """Returns film number `index` and its light; cabs, loads, cloths and camera places are of the split `val`."""
    rng = np.random.default_rng([index, 2026, 9])
    light = str(rng.choice(list(LIGHTS), p=list(LIGHTS.values())))
    away = bool(rng.random() < 0.3)
    camera_m = (0.0, float(rng.uniform(-4.5, 4.5)), float(rng.uniform(6.5, 8.5)))
    target_m = (-float(rng.uniform(17, 20)), 0.0, 0.8)
    roles = tuple(_draw_role(number, away, rng) for number in range(VEHICLES))
    seconds = roles[-1].near_s + (3.2 if away else 1.2)  # what leaves has only just come in when it is near
    name = f"held-out-{index:02d}"
    focal_px = float(rng.uniform(2400, 2800))
    return Cast(name, camera_m, target_m, focal_px, SIZE_PX, seconds, roles, away, fps=FPS, seed=9000 + index), light


def _draw_role(number: int, away: bool, rng: np.random.Generator) -> Role:
    """Returns one vehicle's way; the first needs time to come near."""
    state = str(rng.choice(list(STATES), p=list(STATES.values())))
    speed_mps = float(rng.uniform(6.0, 9.0))
    near_x_m, near_s = -12.0, 3.6 + GAP_S * number
    if away:
        near_x_m, near_s = -13.0, 1.0 + GAP_S * number
    way = {"lane_m": LANES_M[number % 2], "near_s": near_s, "speed_mps": speed_mps, "near_x_m": near_x_m}
    seed = int(rng.integers(1 << 30))
    if state == "not_tipper":
        kind = str(rng.choice(KINDS))
        plate_type = "yellow_single" if kind in TRUCK_KINDS or kind == "bus" else "blue"
        return Role(**way, kind=kind, plate=random_plate(plate_type, rng), plate_type=plate_type, seed=seed)
    spec = draw_tipper(state, "val", PlateSource(random_plate), rng)
    return Role(**way, tipper=spec, seed=seed)


def name_violations(frames: list[dict[str, Any]], fps: float) -> list[str]:
    """The rules that a vehicle breaks in view of the camera for at least `SEEN_S`, by its labels frame by frame."""
    uncovered = [f for f in frames if f["cover"] in ("open", "partial") and f["fill"] in ("below_edge", "above_edge")]
    heaped = [f for f in frames if f["fill"] == "above_edge"]
    seen = {"uncovered_load": len(uncovered), "heaped_load": len(heaped)}
    return [rule for rule, count in seen.items() if count >= SEEN_S * fps]


def render_passes(folder: Path, count: int, samples: int, cache: Path) -> None:
    """Renders films `held-out-NN.mp4` with truth and sidecar into a folder; finished ones are kept.

    Args:
        folder: where they go.
        count: number of films.
        samples: paths per pixel of the vehicles.
        cache: folder for backgrounds and layers, so that a broken run resumes.
    """
    for index in range(count):
        cast, light_name = draw_cast(index)
        output = folder / f"{cast.camera_id}.mp4"
        if not output.with_suffix(".json").exists():
            _render_film(cast, light_name, output, samples, cache / cast.camera_id)


def _render_film(cast: Cast, light_name: str, output: Path, samples: int, cache: Path) -> None:
    """Renders background and layers, composes the frames, writes film, truth and sidecar."""
    cache.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([cast.seed, 1])
    start_scene(cast.size_px, samples)
    light = draw_light(light_name, rng)
    vehicles = [enter(role, light, k + 1, "val") for k, role in enumerate(cast.roles)]
    add_street(cast.road_m, light, rng, length_m=(-140, 25), camera_y_m=cast.camera_m[1])
    set_light(light, np.array(cast.camera_m), np.array([-15.0, 0.0, 1.5]), rng)
    camera = aim_camera(np.array(cast.camera_m), np.array(cast.target_m), cast.focal_px, cast.size_px)
    set_camera(camera)
    background = render_background(cache / "background.npy", samples)
    bpy.context.scene.render.film_transparent = True
    bpy.data.objects["street"].is_shadow_catcher = True
    wide = widen(camera)
    set_camera(wide)
    layers = [_render_layers(cast, vehicles, k, (camera, wide), cache) for k in range(len(vehicles))]
    records = [describe(role, vehicle) for role, vehicle in zip(cast.roles, vehicles, strict=True)]
    frames = list(_compose(cast, (vehicles, layers, records), camera, background, _draw_look(light, rng)))
    for record in records:
        record["violations"] = name_violations(record["frames"], float(cast.fps))
    write_film(output, frames, cast.fps, cast.crf)
    write_truth(cast, camera, records, output)
    print(f"{output}: {len(frames)} frames, {light_name}, {sum(map(len, layers))} layers", flush=True)


def _draw_look(light: Light, rng: np.random.Generator) -> Look:
    """The film's lens and encoder; weather stays the same from frame to frame."""
    dark = light.name in DARK
    return Look(
        exposure=light.exposure,
        gain_noise=float(rng.uniform(0.003, 0.012) if dark else rng.uniform(0.001, 0.005)),
        haze=float(rng.choice([0.0, 0.0, 1.0]) * rng.uniform(0.05, 0.25)),
        defocus_px=float(rng.choice([0.0, 1.0]) * rng.uniform(0.4, 0.9)),
        bloom=float(rng.uniform(0.05, 0.3) if dark else 0.03),
        jpeg=92,
        mono=light.mono,
        warmth=float(rng.uniform(-0.08, 0.08)),
    )


def _place(cast: Cast, vehicles: list[Vehicle], number: int, at_s: float) -> Vehicle:
    """Moves one vehicle to where it is at a time."""
    vehicles[number].place(*place_role(cast.roles[number], at_s, cast.away))
    return vehicles[number]


def widen(camera: PinholeCamera) -> PinholeCamera:
    """The same camera with `OVERSCAN_PX` more on every side of its picture."""
    width, height = camera.size_px
    return replace(camera, size_px=(width + 2 * OVERSCAN_PX, height + 2 * OVERSCAN_PX))


def _render_layers(
    cast: Cast, vehicles: list[Vehicle], number: int, cameras: tuple[PinholeCamera, PinholeCamera], cache: Path
) -> list[Layer]:
    """One vehicle at the instants between which it grows by `GROWTH`; all others are out of sight."""
    camera, wide = cameras
    for other in vehicles:  # far away: hidden ones would still throw their light
        other.place(OUT_OF_SIGHT_M, 0.0)
    layers: list[Layer] = []
    last_px = 0.0
    for index in range(round(cast.seconds * float(cast.fps))):
        at_s = float(index / cast.fps)
        vehicle = _place(cast, vehicles, number, at_s)
        points = vehicle.world(vehicle.body.mesh.points_m())
        in_view = find_region(camera, points, UP) is not None
        region = find_region(wide, points, UP, margin_px=40) if in_view else None
        scale_px = _measure_scale(camera, vehicle)
        grown = max(scale_px, 1e-6) / last_px if last_px else np.inf
        if region is None or region.area_px < 900 or 1 / GROWTH < grown < GROWTH:
            continue
        last_px = scale_px
        file = cache / f"{number}-{index:04d}.npy"
        if not file.exists():
            np.save(file, render_region(wide, region, alpha=True).astype(np.float16))
        label = label_vehicle(camera, vehicle, make_ray_caster())
        layers.append(Layer(at_s, region, np.load(file).astype(np.float32), label))
    return layers


def _measure_scale(camera: PinholeCamera, vehicle: Vehicle) -> float:
    """Pixels a metre where the vehicle's middle is; 0 behind the camera."""
    middle = vehicle.world(vehicle.body.mesh.points_m().mean(0)[None])
    _, depth = camera.project(middle)
    return camera.focal_px / depth[0] if depth[0] > 1 else 0.0


def _compose(
    cast: Cast,
    cast_of: tuple[list[Vehicle], list[list[Layer]], list[dict[str, Any]]],
    camera: PinholeCamera,
    background: np.ndarray,
    look: Look,
) -> Iterator[np.ndarray]:
    """Yields the film's frames (H, W, 3) BGR and adds each vehicle's labels to its record."""
    vehicles, layers, records = cast_of
    wide = widen(camera)
    for index in range(round(cast.seconds * float(cast.fps))):
        at_s = float(index / cast.fps)
        picture = background.copy()
        order = sorted(range(len(vehicles)), key=lambda k: place_role(cast.roles[k], at_s, cast.away)[0][0])
        for number in order:  # the farthest first: what is nearer hides it
            if not layers[number]:
                continue
            layer = min(layers[number], key=lambda each: abs(each.at_s - at_s))
            points_then = _see(wide, _place(cast, vehicles, number, layer.at_s))
            vehicle = _place(cast, vehicles, number, at_s)
            region = find_region(camera, vehicle.world(vehicle.body.mesh.points_m()), UP, margin_px=40)
            if region is None:
                continue
            lay_over(picture, layer, fit_affine(points_then, _see(camera, vehicle)), region)
            bpy.context.view_layer.update()
            label = label_vehicle(camera, vehicle, lambda *_: None)
            if label is not None and layer.label is not None:
                seen = {key: layer.label[key] for key in ("cover", "fill", "visible_share")}
                kept = {key: label[key] for key in ("box_xyxy", "bed_polygon")}
                plate = _follow_plate(layer.label["plate"], camera, vehicle)
                records[number]["frames"].append({"index": index, "at_s": at_s, **kept, **seen, "plate": plate})
        yield develop(picture, look, np.random.default_rng([cast.seed, index]))


def _follow_plate(seen: dict[str, Any] | None, camera: PinholeCamera, vehicle: Vehicle) -> dict[str, Any] | None:
    """A layer's plate with its corners where they are now; None where it was not seen or is cut off now."""
    if seen is None:
        return None
    pixels, _ = camera.project(vehicle.world(vehicle.body.plates[seen["side"]]))
    if (pixels < 0).any() or (pixels > camera.size_px).any():
        return None
    return {**seen, "corners": np.round(pixels, 1).tolist()}


def _see(camera: PinholeCamera, vehicle: Vehicle) -> np.ndarray:
    """Pixels (8, 2) of the corners of the box around a vehicle."""
    points = vehicle.body.mesh.points_m()
    low, high = points.min(0), points.max(0)
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    return camera.project(vehicle.world(corners))[0]


def fit_affine(then: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The affine map (2, 3) that brings points (N, 2) closest to where they are now, by least squares."""
    design = np.column_stack([then, np.ones(len(then))])
    return np.linalg.lstsq(design, now, rcond=None)[0].T


def lay_over(picture: np.ndarray, layer: Layer, affine: np.ndarray, region: Region) -> None:
    """Warps a layer and lays it over the picture inside a region.

    Args:
        picture: (H, W, 3) linear light, changed in place.
        layer: what to lay over.
        affine: (2, 3), from the layer's place in the wide picture to the new one in the picture.
        region: where the vehicle is now.
    """
    moved = affine @ np.array([[1, 0, layer.region.x1], [0, 1, layer.region.y1], [0, 0, 1]])
    moved[:, 2] -= (region.x1, region.y1)
    size = (region.x2 - region.x1, region.y2 - region.y1)
    shrunk = np.sqrt(abs(np.linalg.det(moved[:, :2]))) < 0.9
    pixels = cv2.GaussianBlur(layer.pixels, (0, 0), 0.5) if shrunk else layer.pixels
    warped = cv2.warpAffine(pixels, moved, size, flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    part = picture[region.y1 : region.y2, region.x1 : region.x2]
    part[:] = part * (1 - warped[..., 3:]) + warped[..., :3]

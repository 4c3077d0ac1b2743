"""Films for whole-pipeline tests: traffic passes a fixed camera; truth for every vehicle and frame.

The background is rendered once with many samples; each frame renders only the rectangles that hold a vehicle or its
shadow, with the whole scene in them, and sets them into the background with a soft border.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import bpy
import cv2
import numpy as np

from scripts.synthesis.cameras import PinholeCamera, aim_camera
from scripts.synthesis.casts import CASTS, Cast, Role
from scripts.synthesis.light import Light, set_fixed_sun
from scripts.synthesis.looks import Split
from scripts.synthesis.post import Look, develop
from scripts.synthesis.render import make_ray_caster, render_linear, set_camera, start_scene
from scripts.synthesis.street import add_street
from scripts.synthesis.truth import label_vehicle
from scripts.synthesis.vehicles import Vehicle, add_lookalike, add_tipper

FEATHER_PX = 10


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the picture in pixels, half open."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def area_px(self) -> int:
        """Number of pixels."""
        return (self.x2 - self.x1) * (self.y2 - self.y1)

    def join(self, other: Region) -> Region:
        """Returns the smallest rectangle around both."""
        return Region(min(self.x1, other.x1), min(self.y1, other.y1), max(self.x2, other.x2), max(self.y2, other.y2))


def place_role(role: Role, at_s: float, away: bool) -> tuple[np.ndarray, float]:
    """Returns a vehicle's position (3,) and heading at a time; it passes `near_x_m` at `near_s` at constant speed.

    Args:
        role: Lane, speed and time.
        at_s: Seconds since the film began.
        away: Traffic drives away from the camera.
    """
    sign = -1.0 if away else 1.0
    x = role.near_x_m + sign * role.speed_mps * (at_s - role.near_s)
    return np.array([x, role.lane_m, 0.0]), np.pi if away else 0.0


def find_region(camera: PinholeCamera, points_m: np.ndarray, sun: np.ndarray, margin_px: int = 14) -> Region | None:
    """Returns the rectangle that holds a vehicle and its shadow on the road; None if outside the picture."""
    shadow = points_m - sun * (points_m[:, 2] / sun[2])[:, None]
    pixels, depth = camera.project(np.concatenate([points_m, shadow]))
    pixels = pixels[depth > 0.3]
    if not len(pixels):
        return None
    width, height = camera.size_px
    x1, y1 = np.clip(np.floor(pixels.min(0)) - margin_px, 0, (width, height)).astype(int)
    x2, y2 = np.clip(np.ceil(pixels.max(0)) + margin_px, 0, (width, height)).astype(int)
    return Region(int(x1), int(y1), int(x2), int(y2)) if x2 - x1 > 4 and y2 - y1 > 4 else None


def merge_regions(regions: list[Region]) -> list[Region]:
    """Joins rectangles where that is cheaper to render; others may overlap, as each shows the whole scene."""
    merged: list[Region] = []
    for region in regions:
        while (
            other := next((m for m in merged if m.join(region).area_px < m.area_px + region.area_px), None)
        ) is not None:
            merged.remove(other)
            region = region.join(other)
        merged.append(region)
    return merged


def paste(background: np.ndarray, patch: np.ndarray, region: Region) -> None:
    """Sets a rendered rectangle into the background; its border fades over `FEATHER_PX`, not at the picture's edge."""
    height, width = patch.shape[:2]
    full_h, full_w = background.shape[:2]
    fade_x = _fade(width, region.x1 > 0, region.x2 < full_w)
    fade_y = _fade(height, region.y1 > 0, region.y2 < full_h)
    weight = np.minimum(fade_x[None], fade_y[:, None])[..., None]
    part = background[region.y1 : region.y2, region.x1 : region.x2]
    part[:] = part * (1 - weight) + patch * weight


def _fade(size_px: int, at_start: bool, at_end: bool) -> np.ndarray:
    """Returns weights (size,) that rise from 0 to 1 over `FEATHER_PX` at the asked ends."""
    steps = np.full(size_px, float(FEATHER_PX))
    if at_start:
        steps = np.minimum(steps, np.arange(1, size_px + 1))
    if at_end:
        steps = np.minimum(steps, np.arange(size_px, 0, -1))
    return steps / FEATHER_PX


def render_region(camera: PinholeCamera, region: Region, alpha: bool = False) -> np.ndarray:
    """Renders one rectangle of the picture in linear light (H, W, 3) BGR; with `alpha` (H, W, 4), premultiplied."""
    settings, (width, height) = bpy.context.scene.render, camera.size_px
    settings.use_border = settings.use_crop_to_border = True
    settings.border_min_x, settings.border_max_x = region.x1 / width, region.x2 / width
    settings.border_min_y, settings.border_max_y = 1 - region.y2 / height, 1 - region.y1 / height
    patch = render_linear(alpha)[..., : 4 if alpha else 3]
    wanted = (region.x2 - region.x1, region.y2 - region.y1)
    return patch if patch.shape[1::-1] == wanted else cv2.resize(patch, wanted)


def write_film(path: Path, pictures: list[np.ndarray], fps: Fraction, crf: int) -> None:
    """Encodes BGR pictures as H.264, yuv420p, a key frame every 1.6 s at most, B-frames allowed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf), "preset": "slow", "g": str(int(fps * Fraction(8, 5))), "bf": "2"}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def enter(role: Role, light: Light, number: int, split: Split) -> Vehicle:
    """Adds a role's vehicle to the scene, out of sight."""
    rng = np.random.default_rng(role.seed)
    if role.tipper is not None:
        vehicle = add_tipper(role.tipper, light)
    else:
        vehicle = add_lookalike(role.kind, split, light, rng, (role.plate, role.plate_type), role.paint)
    vehicle.track_id = number
    vehicle.place(np.array([-500.0, 0, 0]), 0.0)
    return vehicle


def render_clip(name: str, output: Path, samples: int, cache: Path) -> None:
    """Renders one of the casts to `output` with NAME.truth.json and NAME.json beside it; frames wait in `cache`.

    Args:
        name: Key of `CASTS`.
        output: The MP4 file.
        samples: Paths per pixel of the vehicles; the background gets 5 times as many.
        cache: Folder for rendered frames, so that an interrupted film resumes.
    """
    cast = CASTS[name]
    cache.mkdir(parents=True, exist_ok=True)
    start_scene(cast.size_px, samples)
    rng = np.random.default_rng(cast.seed)
    light = Light("sun", 0.0, 0.0, 1.0)
    vehicles = [enter(role, light, k + 1, "train") for k, role in enumerate(cast.roles)]
    add_street(cast.road_m, light, rng, length_m=(-140, 25))
    sun = set_fixed_sun(cast.sun_height_deg, cast.sun_azimuth_deg)
    camera = aim_camera(np.array(cast.camera_m), np.array(cast.target_m), cast.focal_px, cast.size_px)
    set_camera(camera)
    background = render_background(cache / "background.npy", samples)
    records: list[dict[str, Any]] = [
        describe(role, vehicle) for role, vehicle in zip(cast.roles, vehicles, strict=True)
    ]
    look = Look(gain_noise=0.0025, bloom=0.03, jpeg=97, warmth=0.02)
    frames = round(cast.seconds * float(cast.fps))
    for index in range(frames):
        regions = _stage(cast, vehicles, camera, sun, float(index / cast.fps))
        cast_ray = make_ray_caster()
        for vehicle, record in zip(vehicles, records, strict=True):
            label = label_vehicle(camera, vehicle, cast_ray)
            if label is not None:
                kept = ("box_xyxy", "bed_polygon", "cover", "fill", "visible_share", "plate")
                record["frames"].append({"index": index, "at_s": float(index / cast.fps)} | {k: label[k] for k in kept})
        file = cache / f"{index:04d}.png"
        if not file.exists():
            picture = background.copy()
            for region in regions:
                paste(picture, render_region(camera, region), region)
            cv2.imwrite(str(file), develop(picture, look, np.random.default_rng([cast.seed, index])))
            print(f"{name} frame {index + 1}/{frames}", flush=True)
    write_film(output, [cv2.imread(str(cache / f"{k:04d}.png")) for k in range(frames)], cast.fps, cast.crf)
    write_truth(cast, camera, records, output)


def _stage(cast: Cast, vehicles: list[Vehicle], camera: PinholeCamera, sun: np.ndarray, at_s: float) -> list[Region]:
    """Moves all vehicles to where they are at a time, hides those out of sight; returns what has to be rendered."""
    regions = []
    for role, vehicle in zip(cast.roles, vehicles, strict=True):
        vehicle.place(*place_role(role, at_s, cast.away))
        region = find_region(camera, vehicle.world(vehicle.body.mesh.points_m()), sun)
        vehicle.item.hide_render = vehicle.item.hide_viewport = region is None
        if region is not None:
            regions.append(region)
    return merge_regions(regions)


def render_background(path: Path, samples: int) -> np.ndarray:
    """Returns the empty street in linear light, from the cache where it is there."""
    if not path.exists():
        scene = bpy.context.scene
        scene.cycles.samples = 5 * samples
        np.save(path, render_linear()[..., :3])
        scene.cycles.samples = samples
    return np.load(path)


def describe(role: Role, vehicle: Vehicle) -> dict[str, Any]:
    """Returns what is true of a vehicle throughout the film."""
    spec, crest = vehicle.spec, vehicle.body.crest_m
    record = {
        "track_id": vehicle.track_id,
        "kind": vehicle.body.kind,
        "tipper": spec is not None,
        "plate": vehicle.plate,
        "plate_types": vehicle.plate_types,
        "speed_mps": role.speed_mps,
        "cover": None,
        "fill": None,
        "heap_height_m": None,
    }
    if spec is not None:
        cover = "open" if spec.cover.kind == "none" else ("closed" if spec.cover.extent >= 1 else "partial")
        fill = "empty" if crest is None else ("above_edge" if crest > 0 else "below_edge")
        if cover == "closed" and fill != "above_edge":
            fill = "not_visible"
        record |= {"cover": cover, "fill": fill, "heap_height_m": None if crest is None else round(crest, 3)}
    return record | {"violations": list(role.violations), "frames": []}


def write_truth(cast: Cast, camera: PinholeCamera, records: list[dict[str, Any]], output: Path) -> None:
    """Writes the truth and the sidecar with the clip's start beside the film."""
    width, height = cast.size_px
    for record in records:
        boxes = [f["box_xyxy"] for f in record["frames"]]
        inside = [b[0] > 1 and b[1] > 1 and b[2] < width - 1 and b[3] < height - 1 for b in boxes]
        plates = [f["plate"]["corners"] for f in record["frames"] if f["plate"]]
        widths = [float(np.linalg.norm(np.subtract(c[1], c[0]))) for c in plates]
        record["whole_s"] = round(sum(inside) / float(cast.fps), 2)
        record["plate_width_px"] = round(max(widths), 1) if widths else None
    truth = {
        "clip": output.name,
        "size_px": list(cast.size_px),
        "fps": float(cast.fps),
        "started_at": cast.started_at,
        "camera": {
            "id": cast.camera_id,
            "position_m": list(cast.camera_m),
            "target_m": list(cast.target_m),
            "focal_px": camera.focal_px,
            "sees_into_bed": cast.sees_into_bed,
            "direction": "away" if cast.away else "towards",
        },
        "vehicles": records,
    }
    output.with_suffix(".truth.json").write_text(json.dumps(truth, ensure_ascii=False, separators=(",", ":")) + "\n")
    sidecar = {"started_at": cast.started_at, "uncertainty_ms": 200, "camera_id": cast.camera_id}
    output.with_suffix(".json").write_text(json.dumps(sidecar, indent=2) + "\n")

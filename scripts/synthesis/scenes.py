"""Street stills with several vehicles and YOLO labels for the vehicle detector."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np

from scripts.synthesis.cameras import PinholeCamera, aim_camera
from scripts.synthesis.light import DARK, draw_light, set_light
from scripts.synthesis.lookalikes import KINDS
from scripts.synthesis.looks import Split
from scripts.synthesis.places import add_place
from scripts.synthesis.post import develop, draw_look
from scripts.synthesis.render import make_ray_caster, render_linear, set_camera, start_scene
from scripts.synthesis.specs import STATES
from scripts.synthesis.stills import LIGHT_SHARES
from scripts.synthesis.street import LANE_M, add_street
from scripts.synthesis.truth import label_vehicle
from scripts.synthesis.vehicles import Vehicle, add_lookalike, draw_and_add_tipper

SIZE_PX = (960, 540)
CLASS_IDS = {"car": 0, "bus": 1}  # every other kind is a truck
TRUCK_ID = 2
MIN_HEIGHT_PX = 14
MIN_SEEN_SHARE = 0.3


def _add_traffic(split: Split, light: object, rng: np.random.Generator, length_m: float) -> list[Vehicle]:
    """Fills three lanes with vehicles that do not overlap: two towards the camera, one away from it."""
    vehicles: list[Vehicle] = []
    for lane, heading in ((-LANE_M, 0.0), (0.0, 0.0), (LANE_M, np.pi)):
        x = -rng.uniform(4, 16)
        while x > -length_m and len(vehicles) < 9:
            kind = str(rng.choice(["tipper", "car", "truck", "bus"], p=[0.4, 0.36, 0.14, 0.1]))
            if kind == "tipper":
                vehicle = draw_and_add_tipper(str(rng.choice(STATES[:5])), split, light, rng)
            else:
                vehicle = add_lookalike(str(rng.choice(KINDS[:5])) if kind == "truck" else kind, split, light, rng)
            front = x if heading == 0.0 else x - vehicle.body.length_m
            vehicle.place(np.array([front, lane + rng.normal(0, 0.2), 0]), heading + rng.normal(0, 0.01))
            vehicle.track_id = len(vehicles) + 1
            vehicles.append(vehicle)
            x -= vehicle.body.length_m + rng.uniform(3, 25)
    return vehicles


def _draw_camera(split: Split, rng: np.random.Generator) -> PinholeCamera:
    """Draws a gantry or pole camera that looks along the road."""
    height = rng.uniform(5, 8.5) if split == "train" else rng.uniform(6, 10)
    position = np.array([rng.uniform(-2, 4), rng.choice([0.0, 0.0, 7.5, -7.5]) + rng.uniform(-2, 2), height])
    focal_px = rng.uniform(0.8, 1.7) * SIZE_PX[0]
    return aim_camera(
        position, np.array([-rng.uniform(12, 30), rng.uniform(-3, 3), 1.0]), focal_px, SIZE_PX, rng.normal(0, 0.02)
    )


def share_seen(camera: PinholeCamera, vehicle: Vehicle, cast_ray: object, rng: np.random.Generator) -> float:
    """Returns the share of a vehicle's points on the camera's side that nothing else hides (rays to 24 points)."""
    points = vehicle.world(vehicle.body.mesh.points_m())
    points = points[rng.integers(len(points), size=24)]
    low, high = (
        vehicle.world(vehicle.body.mesh.points_m()).min(0) - 0.2,
        vehicle.world(vehicle.body.mesh.points_m()).max(0) + 0.2,
    )
    seen = 0
    for point in points:
        reach = np.linalg.norm(point - camera.position_m)
        hit = cast_ray(camera.position_m, (point - camera.position_m) / reach)
        seen += hit is None or bool(((hit[1] >= low) & (hit[1] <= high)).all())
    return seen / len(points)


def render_scenes(folder: Path, split: Split, count: int, samples: int, seconds: float) -> None:
    """Renders street stills as images/NNNNNN.jpg with labels/NNNNNN.txt (YOLO) and truth.jsonl; resumable.

    Args:
        folder: Where they go.
        split: `train` or `val`.
        count: Wanted number of pictures.
        samples: Paths per pixel.
        seconds: Stop starting new pictures after this time.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    began = time.monotonic()
    width, height = SIZE_PX
    for index in range(count):
        target = folder / "labels" / f"{index:06d}.txt"
        if target.exists():
            continue
        if time.monotonic() - began > seconds:
            break
        rng = np.random.default_rng([index, 11, split == "val"])
        start_scene(SIZE_PX, samples)
        light = draw_light(str(rng.choice(list(LIGHT_SHARES), p=list(LIGHT_SHARES.values()))), rng)
        vehicles = _add_traffic(split, light, rng, 60.0)
        camera = _draw_camera(split, rng)
        borders = (-1.5 * LANE_M - 0.5, 1.5 * LANE_M + 0.5)
        add_street(borders, light, rng, camera_y_m=float(camera.position_m[1]))
        add_place(borders, light, rng)
        set_light(light, camera.position_m, np.array([-14.0, 0, 1.5]), rng)
        set_camera(camera)
        cast_ray = make_ray_caster()
        lines, labels = [], []
        for vehicle in vehicles:
            label = label_vehicle(camera, vehicle, cast_ray)
            if label is None:
                continue
            x1, y1, x2, y2 = label["box_xyxy"]
            if y2 - y1 < MIN_HEIGHT_PX or share_seen(camera, vehicle, cast_ray, rng) < MIN_SEEN_SHARE:
                continue
            labels.append(label)
            box = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
            lines.append(f"{CLASS_IDS.get(label['kind'], TRUCK_ID)} " + " ".join(f"{v:.6f}" for v in box))
        picture = develop(render_linear(), draw_look(light.exposure, light.name in DARK, light.mono, rng), rng)
        cv2.imwrite(str(folder / "images" / f"{index:06d}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 93])
        with (folder / "truth.jsonl").open("a") as file:
            file.write(
                json.dumps({"image": f"{index:06d}.jpg", "light": light.name, "vehicles": labels}, ensure_ascii=False)
                + "\n"
            )
        target.write_text("".join(line + "\n" for line in lines))
        print(f"scene {split} {index:06d} {len(lines)} vehicles {time.monotonic() - began:.0f} s", flush=True)

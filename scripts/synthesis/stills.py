"""Load-state stills: one truck framed closely, with exact labels; resumable, one JSON line a picture."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scripts.synthesis.cameras import PLACES, PinholeCamera, draw_place, frame_points
from scripts.synthesis.light import DARK, NAMES, Light, draw_light, set_light
from scripts.synthesis.lookalikes import KINDS
from scripts.synthesis.looks import Split
from scripts.synthesis.places import add_place
from scripts.synthesis.post import develop, draw_look
from scripts.synthesis.render import make_ray_caster, render_linear, set_camera, start_scene
from scripts.synthesis.specs import STATES
from scripts.synthesis.street import LANE_M, add_street
from scripts.synthesis.surface import find_map, map_surface, write_map
from scripts.synthesis.tables import write_load_table
from scripts.synthesis.truth import label_seen_bed, label_vehicle
from scripts.synthesis.vehicles import Vehicle, add_lookalike, draw_and_add_tipper

SIZE_PX = (416, 416)
STATE_SHARES = {
    "covered": 0.22,
    "partial": 0.1,
    "empty": 0.19,
    "loaded": 0.19,
    "heaped": 0.16,
    "not_visible": 0.07,
    "not_tipper": 0.07,
}
CUT_SHARE = 0.25
LIGHT_SHARES = {  # nearly half of them dark: empty against loaded at night is the hardest question
    "sun": 0.24,
    "low_sun": 0.1,
    "overcast": 0.2,
    "dusk": 0.1,
    "night_lamps": 0.15,
    "night_flash": 0.15,
    "infrared": 0.06,
}


def _draw(shares: dict[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))


def _find_camera(
    vehicle: Vehicle, state: str, split: Split, rng: np.random.Generator
) -> tuple[str, PinholeCamera, dict] | None:
    """Draws cameras until one sees the wanted state; None after 12 tries."""
    group = "low" if state == "not_visible" and rng.random() < 0.75 else split
    cast_ray = make_ray_caster()
    for _ in range(12):
        name, position = draw_place(group, vehicle.body.length_m, rng)
        points = vehicle.body.mesh.points_m()
        if vehicle.spec is not None and rng.random() < 0.5:  # framed on the bed, as the second stage will crop it
            points, fill = vehicle.body.bed_points_m(), rng.uniform(0.6, 0.95)
        else:
            fill = rng.uniform(0.82, 1.12)
        shift = rng.uniform(-0.06, 0.06, 2)
        if rng.random() < CUT_SHARE:  # a vehicle that fills a narrow picture: part of it lies outside
            fill, shift = fill * rng.uniform(1.1, 1.5), shift + np.array([0.0, rng.uniform(-0.12, 0.3)])
        camera = frame_points(
            vehicle.world(position[None])[0],
            vehicle.world(points),
            SIZE_PX,
            fill,
            tuple(shift),
            rng.normal(0, 0.03),
        )
        label = label_vehicle(camera, vehicle, cast_ray)
        if label and label["state"] == state:
            return name, camera, label
    return None


def _add_neighbours(vehicle: Vehicle, split: Split, light: Any, rng: np.random.Generator) -> list[Vehicle]:
    """Sometimes adds a vehicle in the next lane or behind: another truck's load must not be taken for this one's."""
    if rng.random() < 0.3:
        if rng.random() < 0.5:
            other = draw_and_add_tipper(str(rng.choice(STATES[:5])), split, light, rng)
        else:
            other = add_lookalike(str(rng.choice(KINDS)), split, light, rng)
        if rng.random() < 0.5:
            other.place(np.array([rng.uniform(-14, -3), rng.choice([-1, 1]) * LANE_M, 0]), 0.0)
        else:
            other.place(np.array([-vehicle.body.length_m - rng.uniform(3, 12), 0, 0]), 0.0)
        other.track_id = 1
        return [other]
    return []


@dataclass(frozen=True, slots=True)
class Still:
    """A scene that stands in Blender, ready to be rendered: its record, and how the camera develops it."""

    record: dict[str, Any]
    light: Light
    rng: np.random.Generator
    camera: PinholeCamera
    vehicles: list[Vehicle]

    def render(self) -> np.ndarray:
        """The picture (H, W, 3) uint8, BGR."""
        look = draw_look(self.light.exposure, self.light.name in DARK, self.light.mono, self.rng)
        return develop(render_linear(), look, self.rng)

    def map_surface(self) -> np.ndarray | None:
        """What lies under each place of the picture; see `surface.map_surface`."""
        boxes = [label["seen_box_xyxy"] for label in self.record["vehicles"]]
        return map_surface(self.camera, self.vehicles, boxes, make_ray_caster())


def build_still(state: str, split: Split, seed: int, samples: int) -> Still | None:
    """Builds one still's scene and labels it; None if no camera shows the state or the vehicle is out of sight."""
    rng = np.random.default_rng([seed, 0 if split == "train" else 1])
    start_scene(SIZE_PX, samples)
    light = draw_light(_draw(LIGHT_SHARES, rng), rng)
    if state == "not_tipper":
        kind = _draw(dict.fromkeys(KINDS[:-1], 1.0) | {"car": 0.5}, rng)
        vehicle = add_lookalike(kind, split, light, rng)
    else:
        vehicle = draw_and_add_tipper(state, split, light, rng)
    vehicle.place(np.zeros(3), float(rng.normal(0, 0.05)))
    found = _find_camera(vehicle, state, split, rng)
    if found is None:
        return None
    place, camera, _ = found
    neighbours = _add_neighbours(vehicle, split, light, rng)
    lanes = int(rng.integers(0, 3)), int(rng.integers(0, 3))
    borders = (-2.3 - LANE_M * lanes[0], 2.3 + LANE_M * lanes[1])
    add_street(borders, light, rng, camera_y_m=float(camera.position_m[1]))
    add_place(borders, light, rng)
    bed_m, cab_m = vehicle.world(np.array([[-4.0, 0, 2.0], [0.0, 0, 1.5]]))
    at_the_cab = split == "train" and rng.random() < 0.4
    set_light(light, camera.position_m, bed_m, rng, cab_m if at_the_cab else None)
    set_camera(camera)
    cast_ray = make_ray_caster()
    labels = []
    for each in (vehicle, *neighbours):  # a neighbour may hide something
        if label := label_vehicle(camera, each, cast_ray):
            labels.append({**label, "seen_box_xyxy": label_seen_bed(camera, each, cast_ray)})
        elif each is vehicle:
            return None
    spec = vehicle.spec
    record = {
        "seed": seed,
        "split": split,
        "place": place,
        "light": light.name,
        "dark": light.name in DARK,
        "camera": {"position_m": np.round(camera.position_m, 3).tolist(), "focal_px": round(camera.focal_px, 1)},
        "load_material": None if spec is None or spec.load.crest_m is None else spec.load.material.name,
        "cover_kind": None if spec is None else spec.cover.kind,
        "cloth": None if spec is None or spec.cover.cloth is None else spec.cover.cloth.name,
        "all_vehicles": True,
        "vehicles": labels,
    }
    return Still(record, light, rng, camera, [vehicle, *neighbours])


def draw_state(index: int, split: Split) -> str:
    """The state that the still of a number shall show."""
    return _draw(STATE_SHARES, np.random.default_rng([index, 7, split == "val"]))


def _build_again(row: dict[str, Any]) -> Still | None:
    """The scene of a rendered still from its seed, as the generator builds it now."""
    return build_still(draw_state(row["seed"] // 10, row["split"]), row["split"], row["seed"], 1)


def map_stills(folder: Path, numbers: range) -> None:
    """Maps the surfaces of rendered stills from their seeds, without rendering.

    Those that have a map or show no bed are left alone, and those whose labels the generator no longer gives.
    """
    changed = 0
    for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        image, shows_bed = folder / row["image"], any(v["seen_box_xyxy"] for v in row["vehicles"])
        if row["seed"] // 10 not in numbers or not shows_bed or find_map(image).exists():
            continue
        still = _build_again(row)
        if still is None or {"image": row["image"], **json.loads(json.dumps(still.record))} != row:
            changed += 1
        else:
            write_map(image, still.map_surface())
    print(f"{folder}: {changed} stills are of an earlier generator and stay without a map")


def label_stills(folder: Path) -> None:
    """Labels the stills of a folder anew from their seeds, without rendering: after a change of the labels alone.

    Raises:
        ValueError: A scene is not the one that was rendered: the generator has changed since.
    """
    table = folder / "labels.jsonl"
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        if "seen_box_xyxy" in row["vehicles"][0]:
            continue
        still = _build_again(row)
        if still is None or still.record["vehicles"][0]["box_xyxy"] != row["vehicles"][0]["box_xyxy"]:
            raise ValueError(f"{folder / row['image']}: seed {row['seed']} no longer gives this scene; render it anew")
        rows[number] = {"image": row["image"], **still.record}
        if number % 100 == 0:
            print(f"{folder}: {number} of {len(rows)} labelled", flush=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    table.with_suffix(".tmp").write_text(text, encoding="utf-8")
    table.with_suffix(".tmp").replace(table)


def render_stills(folder: Path, split: Split, numbers: Iterable[int], samples: int, seconds: float) -> None:
    """Renders stills into a folder until the time is over; existing ones are kept.

    Args:
        folder: Holds NNNNNN.jpg, labels.jsonl, and load_states.csv for `roadwarden evaluate load-state`.
        split: `train` or `val`.
        numbers: Which pictures; the seed of each follows from its number.
        samples: Paths per pixel.
        seconds: Stop starting new pictures after this time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "labels.jsonl"
    done = {json.loads(line)["image"] for line in table.read_text().splitlines()} if table.exists() else set()
    began, made = time.monotonic(), 0
    assert set(LIGHT_SHARES) == set(NAMES) and set(STATE_SHARES) == set(STATES) and split in PLACES
    for index in numbers:
        name = f"{index:06d}.jpg"
        if name in done:
            continue
        if time.monotonic() - began > seconds:
            break
        state = draw_state(index, split)
        for attempt in range(5):
            still = build_still(state, split, index * 10 + attempt, samples)
            if still is not None:
                break
        else:
            continue
        picture, record = still.render(), still.record
        cv2.imwrite(str(folder / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        write_map(folder / name, still.map_surface())
        with table.open("a") as file:
            file.write(json.dumps({"image": name, **record}, ensure_ascii=False) + "\n")
        made += 1
        print(
            f"{split} {name} {record['vehicles'][0]['state']} {(time.monotonic() - began) / made:.2f} s/image",
            flush=True,
        )
    write_load_table(folder, SIZE_PX)

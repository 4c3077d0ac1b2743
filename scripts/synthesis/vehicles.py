"""Vehicles in the world: a body with its paint, plate, place and Blender object."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
import numpy as np

from scripts.synthesis import materials as mat
from scripts.synthesis.light import Light, add_beams
from scripts.synthesis.lookalikes import TRUCK_KINDS, build_lookalike
from scripts.synthesis.looks import CABS, PAINTS, Rgb, Split
from scripts.synthesis.plates import draw_plate, random_plate
from scripts.synthesis.specs import PlateSource, Tipper, draw_tipper
from scripts.synthesis.tipper import Body, build_tipper
from scripts.synthesis.truth import place_points

PLATES = PlateSource(random_plate)


@dataclass(slots=True)
class Vehicle:
    """A vehicle in the scene; the object follows `place`."""

    body: Body
    plate: str
    plate_types: dict[str, str]
    spec: Tipper | None = None
    track_id: int = 0
    position_m: np.ndarray = field(default_factory=lambda: np.zeros(3))
    heading_rad: float = 0.0
    item: bpy.types.Object | None = None

    def world(self, points_m: np.ndarray) -> np.ndarray:
        """Returns points (N, 3) given in vehicle coordinates in world coordinates."""
        return place_points(points_m, self.position_m, self.heading_rad)

    def place(self, position_m: np.ndarray, heading_rad: float) -> None:
        """Moves the vehicle: its origin is on the road under the front bumper."""
        self.position_m, self.heading_rad = np.asarray(position_m, float), heading_rad
        self.item.location = self.position_m
        self.item.rotation_euler = (0, 0, heading_rad)


def _paint_number(text: str) -> np.ndarray:
    """Returns the picture (H, W, 3) of the enlarged number on a tailgate: white letters on the bed's dark colour."""
    plate = draw_plate(text, "yellow_single" if len(text) == 7 else "nev_large", height_px=140)
    dark = plate.max(axis=2) < 90
    picture = np.full_like(plate, 60)
    picture[dark] = 225
    return picture[10:-10, 10:-10]


def _make_materials(vehicle: Vehicle, light: Light, paint: tuple, bed_paint: tuple, dirt: float) -> dict:
    """Returns all materials that a vehicle's blocks name."""
    base = mat.make_base(dirt, paint, bed_paint, light.lamps)
    base["cargo"] = mat.make_plain("cargo", (0.5, 0.3, 0.05), 0.6)
    for side, plate_type in vehicle.plate_types.items():
        base[f"plate_{side}"] = mat.make_picture(
            f"plate-{side}", draw_plate(vehicle.plate, plate_type), light.plate_glow
        )
    spec = vehicle.spec
    if spec is not None:
        base["load"] = mat.make_load(spec.load.material)
        base["rest"] = mat.make_load(spec.load.material)
        base["floor"] = mat.make_dirty("floor", spec.floor_rgb, 0.6, 0.6, 1.7)
        base["lid"] = mat.make_dirty("lid", spec.bed_paint if spec.seed % 2 else (0.05, 0.16, 0.07), spec.dirt, 0.4)
        if spec.cover.cloth is not None:
            base["cloth"] = mat.make_cloth(spec.cover.cloth)
        if spec.numbered:
            base["number"] = mat.make_picture("number", _paint_number(spec.plate))
    return base


def add_tipper(spec: Tipper, light: Light) -> Vehicle:
    """Adds a tipper to the scene at the origin."""
    rear = "yellow_double" if spec.plate_type == "yellow_single" else spec.plate_type
    vehicle = Vehicle(build_tipper(spec), spec.plate, {"front": spec.plate_type, "rear": rear}, spec)
    return _finish(vehicle, light, spec.paint, spec.bed_paint, spec.dirt)


def add_lookalike(
    kind: str,
    split: Split,
    light: Light,
    rng: np.random.Generator,
    plate: tuple[str, str] | None = None,
    paint: Rgb | None = None,
) -> Vehicle:
    """Adds a look-alike; `plate` is its text and front type; plate and paint are drawn where None."""
    cab = CABS[split][rng.integers(len(CABS[split]))]
    paints = PAINTS[split]
    paint = paint or paints[rng.integers(len(paints))]
    bed_paint = paints[rng.integers(len(paints))]
    if plate is None:
        heavy = kind in TRUCK_KINDS or kind == "bus"
        front = "yellow_single" if heavy else str(rng.choice(["blue", "nev_small"], p=[0.7, 0.3]))
        plate = (random_plate(front, rng), front)
    rear = "yellow_double" if plate[1] == "yellow_single" and kind != "bus" else plate[1]
    vehicle = Vehicle(build_lookalike(kind, cab, rng), plate[0], {"front": plate[1], "rear": rear})
    return _finish(vehicle, light, paint, bed_paint, float(rng.uniform(0.05, 0.4)))


def draw_and_add_tipper(state: str, split: Split, light: Light, rng: np.random.Generator) -> Vehicle:
    """Adds a random tipper that shows the wanted state to a camera that sees into its bed."""
    return add_tipper(draw_tipper(state, split, PLATES, rng), light)


def _finish(vehicle: Vehicle, light: Light, paint: tuple, bed_paint: tuple, dirt: float) -> Vehicle:
    vehicle.item = vehicle.body.mesh.build(vehicle.body.kind, _make_materials(vehicle, light, paint, bed_paint, dirt))
    add_beams(vehicle.item, vehicle.body.lamps_m, light)
    return vehicle

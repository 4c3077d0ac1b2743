"""Light of the day: sun, overcast, dusk, night with head lamps and street lamps, infrared monochrome."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

NAMES = ("sun", "low_sun", "overcast", "dusk", "night_lamps", "night_flash", "infrared")
DARK = ("dusk", "night_lamps", "night_flash", "infrared")


@dataclass(frozen=True, slots=True)
class Light:
    """A light setting as drawn; radiances relative to a sunny day of about 1."""

    name: str
    lamps: float  # radiance of head lamps
    plate_glow: float  # how far a reflecting plate is lifted
    exposure: float
    mono: bool = False


def _add_lamp(
    kind: str, position_m: tuple, power_w: float, rgb: tuple, target_m: tuple | None = None
) -> bpy.types.Object:
    data = bpy.data.lights.new("lamp", kind)
    data.energy, data.color = power_w, rgb
    item = bpy.data.objects.new("lamp", data)
    item.location = position_m
    if target_m is not None:
        forward = np.asarray(target_m, float) - np.asarray(position_m, float)
        item.rotation_euler = _aim(forward)
    bpy.context.scene.collection.objects.link(item)
    return item


def _aim(forward: np.ndarray) -> tuple[float, float, float]:
    from mathutils import Vector

    return Vector(forward).to_track_quat("-Z", "Y").to_euler()


def _set_sky(horizon: tuple, zenith: tuple, strength: float) -> None:
    """A sky whose colour changes with height; cheaper than a physical one and enough for a road camera."""
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.cycles.sampling_method = "NONE"  # measured: half the time, the denoiser removes the added noise
    tree = world.node_tree
    place = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].color = (*horizon, 1)
    ramp.color_ramp.elements[1].color = (*zenith, 1)
    ramp.color_ramp.elements[1].position = 0.6
    tree.links.new(place.outputs["Generated"], split.inputs["Vector"])
    tree.links.new(split.outputs["Z"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], tree.nodes["Background"].inputs["Color"])
    tree.nodes["Background"].inputs["Strength"].default_value = strength


def _add_sun(height_deg: float, azimuth_rad: float, strength: float, rgb: tuple, size_deg: float) -> None:
    data = bpy.data.lights.new("sun", "SUN")
    data.energy, data.color, data.angle = strength, rgb, np.radians(size_deg)
    item = bpy.data.objects.new("sun", data)
    item.rotation_euler = (np.pi / 2 - np.radians(height_deg), 0, azimuth_rad)
    bpy.context.scene.collection.objects.link(item)


def draw_light(name: str, rng: np.random.Generator) -> Light:
    """Draws the numbers of a light setting that materials need before lamps are placed."""
    if name in ("sun", "low_sun", "overcast"):
        return Light(name, 0.0 if rng.random() < 0.8 else 6.0, 0.0, float(rng.uniform(0.8, 1.3)))
    if name == "dusk":
        return Light(name, float(rng.uniform(10, 30)), 0.05, float(rng.uniform(2.2, 4.0)))
    if name == "infrared":
        return Light(name, float(rng.uniform(8, 30)), 0.25, float(rng.uniform(4.0, 7.0)), mono=True)
    return Light(name, float(rng.uniform(15, 60)), 0.12, float(rng.uniform(4.0, 7.5)))


def set_light(
    light: Light,
    camera_m: np.ndarray,
    target_m: np.ndarray,
    rng: np.random.Generator,
    flashed_m: np.ndarray | None = None,
) -> None:
    """Adds sky, sun and lamps for a camera that looks at a target.

    A flash is aimed at the target, or narrowly at `flashed_m`, such as a cab whose driver and plate are wanted: the
    bed behind it stays in the dark.
    """
    azimuth = rng.uniform(0, 2 * np.pi)
    if light.name == "sun":
        _set_sky((0.75, 0.82, 0.9), (0.25, 0.42, 0.75), rng.uniform(0.5, 0.8))
        _add_sun(rng.uniform(35, 75), azimuth, rng.uniform(2.5, 4.5), (1, 0.96, 0.9), 0.6)
    elif light.name == "low_sun":
        _set_sky((0.85, 0.72, 0.58), (0.3, 0.42, 0.65), rng.uniform(0.35, 0.6))
        _add_sun(rng.uniform(10, 28), azimuth, rng.uniform(2.0, 4.0), (1, 0.8, 0.58), 0.8)
    elif light.name == "overcast":
        _set_sky((0.8, 0.83, 0.86), (0.7, 0.74, 0.8), rng.uniform(0.7, 1.1))
        _add_sun(60, azimuth, rng.uniform(0.2, 0.6), (1, 1, 1), 25)
    elif light.name == "dusk":
        _set_sky((0.5, 0.4, 0.36), (0.2, 0.26, 0.42), rng.uniform(0.12, 0.25))
    else:
        _set_sky((0.05, 0.05, 0.06), (0.02, 0.025, 0.04), rng.uniform(0.06, 0.3))
    if light.name == "night_lamps" or (light.name == "dusk" and rng.random() < 0.5):
        warm = (1.0, 0.72, 0.4) if rng.random() < 0.6 else (0.85, 0.93, 1.0)
        for _ in range(2):
            spot = target_m + np.array(
                [rng.uniform(-12, 10), rng.choice([-1, 1]) * rng.uniform(3.5, 7), rng.uniform(7, 10)]
            )
            _add_lamp("POINT", tuple(spot), rng.uniform(250, 900), warm).data.shadow_soft_size = 0.3
    if light.name in ("night_flash", "infrared") or (light.name == "night_lamps" and rng.random() < 0.25):
        narrow = flashed_m is not None
        target_m = flashed_m if narrow else target_m
        reach = np.linalg.norm(target_m - camera_m)
        side = np.array([rng.uniform(-1.5, 1.5), rng.uniform(-2.5, 2.5), rng.uniform(-0.5, 1.0)])
        rgb = (1.0, 1.0, 1.0) if light.name == "infrared" else (0.95, 0.97, 1.0)
        lamp = _add_lamp("SPOT", tuple(camera_m + side), rng.uniform(9, 22) * reach**2, rgb, tuple(target_m))
        radius_m = rng.uniform(1.8, 4.5) if narrow else rng.uniform(3.5, 8.0)
        lamp.data.spot_size, lamp.data.spot_blend = 2 * np.arctan(radius_m / reach), 0.8
        lamp.data.shadow_soft_size = 0.12


def set_fixed_sun(height_deg: float, azimuth_deg: float) -> np.ndarray:
    """Adds a clear sky and a sun for a film; returns the unit vector towards the sun (3,)."""
    _set_sky((0.75, 0.82, 0.9), (0.35, 0.5, 0.78), 0.75)
    _add_sun(height_deg, np.radians(azimuth_deg), 3.2, (1, 0.96, 0.9), 0.8)
    tilt, turn = np.pi / 2 - np.radians(height_deg), np.radians(azimuth_deg)
    return np.array([np.sin(tilt) * np.sin(turn), -np.sin(tilt) * np.cos(turn), np.cos(tilt)])


def add_beams(vehicle: bpy.types.Object, lamps_m: list, light: Light) -> None:
    """Adds the light that head lamps throw on the road, fixed to the vehicle; nothing by day."""
    if light.lamps < 8:
        return
    for x, y, z in lamps_m:
        lamp = _add_lamp(
            "SPOT", (x + 0.1, y, z), 90 if light.name == "dusk" else 140, (1.0, 0.93, 0.8), (x + 12, y, z - 1.2)
        )
        lamp.data.spot_size, lamp.data.spot_blend = np.radians(55), 0.9
        lamp.parent = vehicle

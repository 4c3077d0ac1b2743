"""The road and what stands beside it. World coordinates: the road runs along x, lanes beside each other along y."""

from __future__ import annotations

import numpy as np

from scripts.synthesis import materials as mat
from scripts.synthesis.light import DARK, Light
from scripts.synthesis.shapes import MeshBuilder

LANE_M = 3.75


def add_street(
    lanes: tuple[float, float],
    light: Light,
    rng: np.random.Generator,
    length_m: tuple[float, float] = (-120, 60),
    camera_y_m: float = 0.0,
) -> None:
    """Adds ground, lane marks, kerbs, guard rail or wall, buildings, trees and lamp posts.

    Args:
        lanes: The carriageway's right and left border, y in metres.
        light: Windows glow at night.
        rng: Source of randomness.
        length_m: Where the road begins and ends along x.
        camera_y_m: A camera more than 3 m beside the axis keeps its side free of trees and houses.
    """
    mesh, (right, left), (x0, x1) = MeshBuilder(), lanes, length_m
    mesh.add_quad(
        np.array([(x0, left + 90, -0.02), (x1, left + 90, -0.02), (x1, right - 90, -0.02), (x0, right - 90, -0.02)]),
        "ground",
    )
    mesh.add_quad(np.array([(x0, left, 0), (x1, left, 0), (x1, right, 0), (x0, right, 0)]), "asphalt")
    for y in (right + 0.3, left - 0.3):
        mesh.add_quad(
            np.array([(x0, y + 0.08, 0.005), (x1, y + 0.08, 0.005), (x1, y - 0.08, 0.005), (x0, y - 0.08, 0.005)]),
            "mark",
        )
    for y in np.arange(right + 0.3 + LANE_M, left - 1.5, LANE_M):
        for x in np.arange(x0, x1, 12.0):
            mesh.add_quad(
                np.array(
                    [(x, y + 0.07, 0.005), (x + 6, y + 0.07, 0.005), (x + 6, y - 0.07, 0.005), (x, y - 0.07, 0.005)]
                ),
                "mark",
            )
    for side, y in ((-1, right - 0.5), (1, left + 0.5)):
        _add_border(mesh, y, side, (x0, x1), rng)
        if side * camera_y_m < 3.0:
            _add_backdrop(mesh, y, side, (x0, x1), rng)
    dark = light.name in DARK
    tone = rng.uniform(0.045, 0.14)
    walls = [(0.5, 0.47, 0.42), (0.35, 0.36, 0.38), (0.45, 0.3, 0.22)]
    palette = {
        "ground": mat.make_dirty(
            "ground", ((0.09, 0.1, 0.05), (0.2, 0.18, 0.15), (0.25, 0.24, 0.22))[rng.integers(3)], 0.6, 0.9, 0.4
        ),
        "asphalt": mat.make_dirty("asphalt", (tone, tone, tone * 1.03), 0.25, 0.85, 0.6),
        "mark": mat.make_dirty("mark", (0.6, 0.6, 0.57), 0.4, 0.7, 2.0),
        "kerb": mat.make_dirty("kerb", (0.36, 0.35, 0.33), 0.4, 0.8),
        "rail": mat.make_plain("rail", (0.4, 0.41, 0.42), 0.4, 0.6),
        "barrier": mat.make_plain("barrier", (0.6, 0.42, 0.04), 0.6),
        "post": mat.make_plain("post", (0.2, 0.21, 0.21), 0.5),
        "trunk": mat.make_plain("trunk", (0.05, 0.035, 0.02), 0.9),
        "leaf": mat.make_dirty("leaf", (0.03, 0.08, 0.018), 0.3, 0.9, 1.5),
        "wall": mat.make_windows("wall", walls[rng.integers(3)], (0.05, 0.07, 0.09), 0.0 if not dark else 0.15),
        "house": mat.make_dirty("house", walls[rng.integers(3)], 0.3, 0.8),
    }
    mesh.build("street", palette)


def _add_border(mesh: MeshBuilder, y: float, side: int, span_m: tuple[float, float], rng: np.random.Generator) -> None:
    """Adds a kerb with pavement, a guard rail or a concrete wall along the road."""
    x0, x1 = span_m
    kind = rng.choice(["kerb", "rail", "wall", "fence"])
    low, high = sorted((y, y + side * 2.5))
    if kind in ("kerb", "fence"):
        mesh.add_box((x0, low, -0.02), (x1, high, 0.15), "kerb")
    if kind == "rail":
        mesh.add_box((x0, y - 0.04, 0.5), (x1, y + 0.04, 0.82), "rail")
        for x in np.arange(x0, x1, 4.0):
            mesh.add_box((x, y - 0.06, 0), (x + 0.12, y + 0.06, 0.75), "post")
    if kind == "wall":
        outline = np.array([(y - 0.25, 0), (y + 0.25, 0), (y + 0.1, 0.9), (y - 0.1, 0.9)])
        mesh.add_prism(outline, 0, (x0, x1), "kerb")
    if kind == "fence":
        for z in (0.5, 0.9, 1.2):
            mesh.add_box((x0, y + side * 0.2, z), (x1, y + side * 0.25, z + 0.05), "rail")
        for x in np.arange(x0, x1, 2.5):
            mesh.add_box((x, y + side * 0.18, 0.1), (x + 0.07, y + side * 0.27, 1.25), "barrier")


def _add_backdrop(
    mesh: MeshBuilder, y: float, side: int, span_m: tuple[float, float], rng: np.random.Generator
) -> None:
    """Adds lamp posts, trees and houses behind the border."""
    x0, x1 = span_m
    if rng.random() < 0.75:
        for x in np.arange(x0 + rng.uniform(0, 15), x1, rng.uniform(18, 32)):
            mesh.add_tube((x, y + side * 1.2, 0), (x, y + side * 1.2, 8.5), 0.09, "post", 7)
            mesh.add_tube((x, y + side * 1.2, 8.5), (x, y - side * 1.0, 8.9), 0.06, "post", 6)
    if rng.random() < 0.75:
        for x in np.arange(x0, x1, rng.uniform(5, 9)):
            centre = (x + rng.uniform(-1, 1), y + side * rng.uniform(3.5, 6), rng.uniform(3.0, 4.5))
            mesh.add_tube((centre[0], centre[1], 0), centre, 0.14, "trunk", 6)
            for _ in range(4):
                offset = rng.uniform(-0.9, 0.9, 3)
                mesh.add_blob(tuple(np.array(centre) + offset), tuple(rng.uniform(0.9, 1.7, 3)), "leaf", rng, 0.35)
    if rng.random() < 0.7:
        x = x0
        while x < x1:
            width, height, depth = rng.uniform(10, 26), rng.uniform(6, 24), rng.uniform(9, 25)
            low, high = sorted((y + side * depth, y + side * (depth + 12)))
            mesh.add_box((x, low, 0), (x + width, high, height), "wall" if rng.random() < 0.6 else "house")
            x += width + rng.uniform(2, 14)

"""Vehicles that are no tippers: box truck, mixer, tanker, flatbed, garbage truck, bus, cars."""

from __future__ import annotations

import numpy as np

from scripts.synthesis.looks import CabStyle
from scripts.synthesis.shapes import MeshBuilder
from scripts.synthesis.tipper import Body, add_cab, add_chassis, add_front_plate, add_rear_plate, add_wheel

TRUCK_KINDS = ("box_truck", "mixer", "tanker", "flatbed", "garbage_truck")
KINDS = (*TRUCK_KINDS, "bus", "car")


def _build_cargo(body: Body, kind: str, front_m: float, length_m: float, rng: np.random.Generator) -> None:
    """Adds the superstructure of a lorry between `front_m` and its rear end."""
    mesh, rear_m = body.mesh, front_m - length_m
    if kind == "box_truck":
        top = rng.uniform(3.2, 3.9)
        mesh.add_box((rear_m, -1.22, 1.15), (front_m, 1.22, top), "bed")
        for x in np.linspace(rear_m, front_m - 0.06, 7):
            mesh.add_box((x, -1.25, 1.15), (x + 0.06, 1.25, top + 0.02), "bed")
        mesh.add_box((rear_m - 0.03, -0.02, 1.2), (rear_m, 0.02, top - 0.05), "dark")
    elif kind == "mixer":
        axis = [
            (rear_m + 0.1, 0, 3.05),
            (rear_m + 0.35 * length_m, 0, 2.6),
            (rear_m + 0.7 * length_m, 0, 2.35),
            (front_m - 0.3, 0, 2.1),
        ]
        for a, b, radii in zip(axis[:-1], axis[1:], ((0.6, 1.15), (1.15, 1.12), (1.12, 0.6)), strict=True):
            mesh.add_tube(a, b, radii, "bed", 22)
        mesh.add_tube((rear_m + 0.3, 0, 3.1), (rear_m - 0.2, 0, 3.75), (0.3, 0.6), "frame", 12)
        mesh.add_box((rear_m - 0.35, -0.25, 1.1), (rear_m - 0.1, 0.25, 2.6), "frame")
    elif kind == "tanker":
        angle = np.linspace(0, 2 * np.pi, 26, endpoint=False)
        outline = np.stack([1.2 * np.cos(angle), 2.15 + 0.92 * np.sin(angle)], 1)
        mesh.add_prism(outline, 0, (rear_m, front_m), "bed")
        for x in np.linspace(rear_m + 0.8, front_m - 0.8, 3):
            mesh.add_tube((x, 0, 3.0), (x, 0, 3.25), 0.3, "frame", 12)
        mesh.add_box((rear_m + 0.5, -0.35, 3.08), (front_m - 0.5, 0.35, 3.12), "frame")
    elif kind == "flatbed":
        mesh.add_box((rear_m, -1.22, 1.12), (front_m, 1.22, 1.3), "bed")
        mesh.add_box((front_m - 0.06, -1.2, 1.3), (front_m, 1.2, 2.3), "frame")
        if rng.random() < 0.5:
            for row in range(3):
                for y in np.arange(-0.95 + 0.2 * row, 0.96 - 0.2 * row, 0.4):
                    mesh.add_tube(
                        (rear_m - 0.2, y, 1.5 + 0.34 * row), (front_m - 0.2, y, 1.5 + 0.34 * row), 0.19, "cargo", 14
                    )
        else:
            x = front_m - 0.5 * length_m
            mesh.add_box((x - 1.6, -1.15, 1.3), (x + 1.6, -0.6, 1.95), "rubber")
            mesh.add_box((x - 1.6, 0.6, 1.3), (x + 1.6, 1.15, 1.95), "rubber")
            mesh.add_box((x - 1.2, -1.0, 1.95), (x + 0.9, 1.0, 2.8), "cargo")
            mesh.add_box((x - 0.2, 0.1, 2.8), (x + 0.9, 0.95, 3.5), "glass")
            mesh.add_tube((x + 0.8, -0.3, 2.6), (x + 2.2, -0.3, 3.6), 0.18, "cargo", 6)
            mesh.add_tube((x + 2.2, -0.3, 3.6), (x + 2.6, -0.3, 1.9), 0.15, "cargo", 6)
    else:
        arch = np.array([(-1.2, 1.1), (1.2, 1.1), (1.22, 2.7), (0.9, 3.15), (-0.9, 3.15), (-1.22, 2.7)])
        mesh.add_prism(arch, 0, (rear_m + 0.9, front_m), "bed")
        for x in np.linspace(rear_m + 1.0, front_m - 0.2, 5):
            mesh.add_prism(arch * (1.03, 1.012), 0, (x, x + 0.1), "bed")
        tail = np.array([(rear_m + 0.9, 0.8), (rear_m - 0.3, 1.1), (rear_m - 0.1, 2.6), (rear_m + 0.9, 3.25)])
        mesh.add_prism(tail, 1, (-1.15, 1.15), "frame")


def _build_bus(body: Body, rng: np.random.Generator) -> None:
    """Builds a city bus or coach."""
    mesh, length = body.mesh, rng.uniform(9.5, 12)
    body.length_m = length
    outline = np.array(
        [(0, 0.35), (0.02, 1.0), (-0.12, 2.9), (-0.4, 3.15), (-length + 0.2, 3.15), (-length, 2.9), (-length, 0.35)]
    )
    mesh.add_prism(outline, 1, (-1.25, 1.25), "paint")
    mesh.add_quad(np.array([(-0.1, -1.12, 2.75), (-0.1, 1.12, 2.75), (0.05, 1.15, 1.15), (0.05, -1.15, 1.15)]), "glass")
    mesh.add_quad(
        np.array(
            [
                (-length - 0.01, 1.1, 2.7),
                (-length - 0.01, -1.1, 2.7),
                (-length - 0.01, -1.1, 1.7),
                (-length - 0.01, 1.1, 1.7),
            ]
        ),
        "glass",
    )
    for side in (-1, 1):
        y = side * 1.262
        mesh.add_quad(
            np.array([(-0.7, y, 2.7), (-length + 0.4, y, 2.7), (-length + 0.4, y, 1.45), (-0.7, y, 1.45)]), "glass"
        )
        y0, y1 = sorted((side * 0.75, side * 1.15))
        mesh.add_box((0.0, y0, 0.55), (0.05, y1, 0.75), "lamp")
        mesh.add_box((-length - 0.03, y0, 0.9), (-length, y1, 1.1), "tail")
        body.lamps_m.append((0.2, side * 0.95, 0.65))
    mesh.add_box((-0.3 * length, -0.8, 3.15), (-0.5 * length, 0.8, 3.4), "white")
    for x in (-2.4, -length + 2.9):
        add_wheel(mesh, x, 1.27, 0.48, double=x < -3)
    add_front_plate(body, 0.06, 0.5)
    add_rear_plate(body, -length - 0.02, 0.8, (0.44, 0.14))


def _build_car(body: Body, rng: np.random.Generator) -> None:
    """Builds a saloon or an SUV."""
    mesh = body.mesh
    tall = rng.random() < 0.5
    length, roof, half = (4.6, 1.7, 0.92) if tall else (4.7, 1.45, 0.9)
    body.length_m = length
    deck = 0.95 if tall else 0.85
    outline = np.array(
        [
            (0.0, 0.28),
            (0.0, 0.62),
            (-0.18, 0.76),
            (-1.25, deck + 0.03),
            (-length + 0.75 - 0.35 * tall, deck + 0.08),
            (-length + 0.02, deck),
            (-length, 0.5),
            (-length + 0.1, 0.28),
        ]
    )

    def pinch(points: np.ndarray) -> np.ndarray:
        points = points.copy()
        points[:, 1] *= 1 - 0.12 * np.clip(1 - np.abs(points[:, [0]][:, 0]) / 0.5, 0, 1)
        return points

    mesh.add_prism(outline, 1, (-half, half), "paint", pinch)
    rear_top, rear_base = (-length + 0.55, -length + 0.12) if tall else (-3.35, -length + 0.6)
    cabin = np.array([(-1.15, deck), (-2.0, roof), (rear_top, roof), (rear_base, deck)])

    def lean(points: np.ndarray) -> np.ndarray:
        points = points.copy()
        points[:, 1] *= 0.96 - 0.24 * np.clip(points[:, 2] - deck, 0, None)
        return points

    mesh.add_prism(cabin, 1, (-half, half), "glass", lean)
    top = np.array(
        [(-1.93, roof - 0.02), (-2.03, roof + 0.02), (rear_top, roof + 0.02), (rear_top - 0.06, roof - 0.02)]
    )
    mesh.add_prism(top, 1, (-half * 0.98, half * 0.98), "paint", lean)
    for x0, x1 in ((-1.12, -1.98), (rear_base, rear_top)):
        for side in (-1, 1):
            mesh.add_tube(
                (x0, side * half * 0.96, deck),
                (x1, side * half * (0.95 - 0.24 * (roof - deck)), roof),
                0.045,
                "paint",
                6,
            )
    for side in (-1, 1):
        y0, y1 = sorted((side * 0.5, side * 0.8))
        mesh.add_box((-0.12, y0, 0.6), (0.015, y1, 0.73), "lamp")
        mesh.add_box((-length - 0.015, y0, 0.72), (-length + 0.1, y1, 0.86), "tail")
        y0, y1 = sorted((side * half, side * (half + 0.16)))
        mesh.add_box((-1.5, y0, 0.92), (-1.38, y1, 1.05), "paint")
        body.lamps_m.append((0.1, side * 0.65, 0.66))
    mesh.add_box((-0.05, -0.7, 0.3), (0.008, 0.7, 0.4), "dark")
    mesh.add_box((-0.05, -0.42, 0.52), (0.008, 0.42, 0.66), "dark")
    mesh.add_box((-0.05, -0.44, 0.585), (0.016, 0.44, 0.605), "chrome")
    mesh.add_box((-length - 0.012, -0.7, 0.3), (-length + 0.05, 0.7, 0.42), "dark")
    for side in (-1, 1):
        y0, y1 = sorted((side * (half - 0.01), side * (half + 0.006)))
        for x in (-1.55, -2.55, -3.45):
            mesh.add_box((x, y0, 0.4), (x + 0.015, y1, deck), "dark")
        mesh.add_box((-length + 0.3, y0, 0.28), (-0.3, y1, 0.36), "dark")
        for x in (-0.95, -length + 1.0):
            arch = [(x + 0.4 * np.cos(a), 0.33 + 0.4 * np.sin(a)) for a in np.linspace(0, np.pi, 9)]
            mesh.add_prism(np.array(arch), 1, (y0, y1), "dark")
        for y in (0.35, -0.4):
            mesh.add_tube((-1.4, y, deck + 0.1), (-1.45, y, deck + 0.42), 0.12, "cabin", 8)
    for x in (-0.95, -length + 1.0):
        add_wheel(mesh, x, half + 0.01, 0.33, double=False)
    add_front_plate(body, 0.03, 0.46)
    add_rear_plate(body, -length - 0.02, 0.62, (0.44, 0.14))


def build_lookalike(kind: str, cab: CabStyle, rng: np.random.Generator) -> Body:
    """Builds a vehicle of one of `KINDS`."""
    body = Body(MeshBuilder(), kind)
    if kind == "bus":
        _build_bus(body, rng)
    elif kind == "car":
        _build_car(body, rng)
    else:
        length = rng.uniform(5.0, 7.5)
        add_cab(body, cab)
        front_m = -cab.length_m - 0.25
        body.length_m = length - front_m
        add_chassis(body, body.length_m, 3 if rng.random() < 0.5 else 2)
        _build_cargo(body, kind, front_m, length, rng)
    return body

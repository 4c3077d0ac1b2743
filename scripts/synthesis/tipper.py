"""Builds a tipper: cab, chassis, bed, load, cover, plates. Vehicle coordinates: x forward, y left, z up, metres."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from scripts.synthesis.cargo import add_cover, add_load
from scripts.synthesis.looks import CabStyle
from scripts.synthesis.shapes import MeshBuilder
from scripts.synthesis.specs import Tipper

PLATE_FRONT_M = (0.44, 0.14)
PLATE_REAR_M = (0.44, 0.22)


@dataclass(slots=True)
class Body:
    """A vehicle's mesh with what its labels need, in vehicle coordinates.

    Attributes:
        mesh: All blocks; the material names `load`, `cloth`, `lid`, `bed_inside`, `floor` mark what the bed shows.
        kind: Vehicle kind, `tipper` or a look-alike's name.
        rim_m: Corners of the bed's edge (4, 3): front left, front right, rear right, rear left. None without a bed.
        plates: Corner points (4, 3) of `front` and `rear` plates, top-left first as seen by who stands before them.
        lamps_m: Positions of the head lamps.
        crest_m: Highest point of load or cloth over the edge, None for an empty bed.
        surface_m: Points of the load's or floor's surface (N, 3).
        length_m: Overall length.
    """

    mesh: MeshBuilder
    kind: str
    rim_m: np.ndarray | None = None
    plates: dict[str, np.ndarray] = field(default_factory=dict)
    lamps_m: list[tuple[float, float, float]] = field(default_factory=list)
    crest_m: float | None = None
    surface_m: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    length_m: float = 0.0

    def bed_points_m(self) -> np.ndarray:
        """Returns the points that span the bed: its edge and what lies in or over it (N, 3)."""
        return np.concatenate(
            [self.rim_m, self.rim_m - np.array([0, 0, 0.3]), self.mesh.points_m({"load", "cloth", "lid"})]
        )

    def top_points_m(self) -> np.ndarray:
        """Returns the points of the cloth, or else of the load, that can stand above the edge (N, 3)."""
        cloth = self.mesh.points_m({"cloth"}) if self.crest_m is not None else np.zeros((0, 3))
        return np.concatenate([cloth, self.surface_m]) if self.crest_m is not None else np.zeros((0, 3))


def add_wheel(mesh: MeshBuilder, x_m: float, half_track_m: float, radius_m: float, double: bool) -> None:
    """Adds the two wheels of an axle; double ones at the back."""
    width = 0.58 if double else 0.3
    for side in (-1, 1):
        outer, inner = side * half_track_m, side * (half_track_m - width)
        mesh.add_tube((x_m, inner, radius_m), (x_m, outer, radius_m), radius_m, "rubber", 20)
        mesh.add_tube(
            (x_m, outer - side * 0.1, radius_m), (x_m, outer + side * 0.01, radius_m), 0.55 * radius_m, "frame", 12
        )
        mesh.add_tube((x_m, outer, radius_m), (x_m, outer + side * 0.03, radius_m), 0.2 * radius_m, "chrome", 10)


def add_front_plate(body: Body, x_m: float, z_m: float, size_m: tuple[float, float] = PLATE_FRONT_M) -> None:
    """Adds a plate whose face looks forward; its centre stands at (x, 0, z)."""
    w, h = size_m[0] / 2, size_m[1] / 2
    # Seen from the front, the vehicle's left (+y) is at the picture's right.
    corners = np.array([(x_m, -w, z_m + h), (x_m, w, z_m + h), (x_m, w, z_m - h), (x_m, -w, z_m - h)])
    body.mesh.add_quad(corners, "plate_front", pictured=True)
    body.plates["front"] = corners


def add_rear_plate(
    body: Body, x_m: float, z_m: float, size_m: tuple[float, float] = PLATE_REAR_M, y_m: float = 0.0
) -> None:
    """Adds a plate whose face looks backward; its centre stands at (x, y, z)."""
    w, h = size_m[0] / 2, size_m[1] / 2
    corners = np.array(
        [(x_m, y_m + w, z_m + h), (x_m, y_m - w, z_m + h), (x_m, y_m - w, z_m - h), (x_m, y_m + w, z_m - h)]
    )
    body.mesh.add_quad(corners, "plate_rear", pictured=True)
    body.plates["rear"] = corners


def add_cab(body: Body, style: CabStyle, paint: str = "paint") -> None:
    """Adds a cab over the front axle, its panels, lamps, mirrors and front plate."""
    mesh, half = body.mesh, style.width_m / 2
    front = np.array(
        [
            (style.nose_m, 0.32),
            (style.nose_m, 0.9),
            (0.0, 1.0),
            (-0.03, style.screen_base_m),
            (-0.03 - style.rake_m, style.screen_top_m),
            (-0.12 - 1.35 * style.rake_m, style.roof_m - 0.08),
            (-0.3 - 1.35 * style.rake_m, style.roof_m),
        ]
    )
    front[:, 0] -= style.nose_m
    back = np.array(
        [
            (-style.length_m, style.roof_m),
            (-style.length_m, 0.75),
            (-1.75, 0.75),
            (-1.62, 1.12),
            (-0.72, 1.12),
            (-0.6, 0.75),
            (-0.55, 0.32),
        ]
    )

    def taper(points: np.ndarray) -> np.ndarray:
        points = points.copy()
        points[:, 1] *= 1 - 0.055 * np.clip(points[:, 2] - 1.6, 0, None)
        return points

    mesh.add_prism(np.concatenate([front, back]), 1, (-half, half), paint, taper)
    heights = front[:, 1] + np.arange(len(front)) * 1e-6

    def panel(y0: float, y1: float, z0: float, z1: float, material: str, lift: float = 0.012) -> None:
        for low, high in zip(np.linspace(z0, z1, 4)[:-1], np.linspace(z0, z1, 4)[1:], strict=True):
            ring = []
            for y, z in ((y0, high), (y1, high), (y1, low), (y0, low)):
                ring.append((np.interp(z, heights, front[:, 0]) + lift, y * (1 - 0.055 * max(0, z - 1.6)), z))
            mesh.add_quad(np.array(ring), material)

    base, top = style.screen_base_m, style.screen_top_m
    panel(-half + 0.06, half - 0.06, base + 0.02, top, "dark", 0.006)
    panel(-half + 0.1, half - 0.1, base + 0.05, top - 0.02, "glass")
    for y, low, high, width in (
        (-0.5, 0.1, 0.55, 0.42),
        (-0.5, 0.55, 0.78, 0.2),
        (0.5, 0.1, 0.45, 0.4),
        (0.0, 0.02, 0.14, 2.0),
    ):
        panel(
            max(y - width / 2, 0.12 - half),
            min(y + width / 2, half - 0.12),
            base + 0.05 + low * (top - base),
            base + 0.05 + high * (top - base),
            "cabin",
            0.014,
        )  # seats, a driver's head, dashboard
    for y in (-0.75, 0.05):
        mesh.add_tube((0.03, y, base + 0.06), (-0.02, y + 0.5, base + 0.16), 0.012, "dark", 5)  # wipers
    board = min(top + 0.33, style.roof_m - 0.1)
    panel(-half * 0.8, half * 0.8, top + 0.06, board, "dark", 0.02)
    for k in range(5):  # a name on the board: strokes, no letters
        panel(-0.62 + 0.26 * k, -0.46 + 0.26 * k, top + 0.11, board - 0.05, "sign", 0.028)
        if style.roof_lamps:
            mesh.add_box(
                (-0.4 - 1.35 * style.rake_m, -0.83 + 0.4 * k, style.roof_m - 0.01),
                (-0.3 - 1.35 * style.rake_m, -0.75 + 0.4 * k, style.roof_m + 0.05),
                "amber",
            )
    panel(-half, half, 0.34, 0.5, "dark", 0.015)
    panel(-0.75, 0.75, 0.36, 0.47, "frame", 0.02)
    if style.grille == "closed":
        panel(-half + 0.3, half - 0.3, 1.08, 1.2, "dark")
    else:
        inset = 0.35 if style.grille == "split" else 0.18
        panel(-half + inset, half - inset, 1.08, base - 0.1, "dark")
        for z in np.arange(1.16, base - 0.12, 0.13 if style.grille == "bars" else 0.24):
            panel(
                -half + inset + 0.05,
                half - inset - 0.05,
                z,
                z + 0.04,
                paint if style.grille != "mesh" else "chrome",
                0.03,
            )
    panel(-0.14, 0.14, base - 0.32, base - 0.1, "chrome", 0.035)
    lamp_z = {"bumper": 0.62, "panel": 0.98, "slit": 0.85, "round": 0.68}[style.lamps]
    lamp_w, lamp_h = {"bumper": (0.36, 0.2), "panel": (0.3, 0.34), "slit": (0.5, 0.1), "round": (0.24, 0.24)}[
        style.lamps
    ]
    for side in (-1, 1):
        y0, y1 = sorted((side * (half - 0.1), side * (half - 0.1 - lamp_w)))
        panel(y0 - 0.03, y1 + 0.03, lamp_z - 0.03, lamp_z + lamp_h + 0.03, "dark", 0.016)
        panel(y0, y1, lamp_z, lamp_z + lamp_h, "chrome", 0.028)
        panel(y0 + 0.03, y1 - 0.03, lamp_z + 0.02, lamp_z + lamp_h - 0.02, "lamp", 0.034)
        panel(*sorted((side * (half - 0.02), side * (half - 0.1))), lamp_z, lamp_z + lamp_h, "amber", 0.03)
        panel(*sorted((side * (half - 0.25), side * (half - 0.45))), 0.38, 0.46, "lamp", 0.03)
        for x in (-0.62, -1.55):  # door seams and the handle
            mesh.add_box(
                (x, *sorted((side * (half - 0.01), side * (half + 0.006)))[:1], 0.8),
                (x + 0.02, sorted((side * (half - 0.01), side * (half + 0.006)))[1], base),
                "dark",
            )
        mesh.add_box(
            (-1.45, min(side * half, side * (half + 0.04)), base - 0.2),
            (-1.25, max(side * half, side * (half + 0.04)), base - 0.15),
            "dark",
        )
        body.lamps_m.append((0.15, side * (half - 0.3), lamp_z + lamp_h / 2))
        y = side * (half + 0.02)
        mesh.add_box((-0.35, min(y, y + side * 0.2), base + 0.1), (-0.24, max(y, y + side * 0.2), base + 0.62), "dark")
        y_in = side * (half - 0.02)
        window = [(-0.35 - style.rake_m, top - 0.08), (-1.35, top - 0.08), (-1.35, base + 0.12), (-0.3, base + 0.12)]
        mesh.add_quad(np.array([(x, side * (half * (1 - 0.055 * (z - 1.6)) + 0.012), z) for x, z in window]), "glass")
        mesh.add_box((-1.5, min(y_in, y), 0.42), (-0.75, max(y_in, y), 0.5), "dark")
    if style.visor:
        mesh.add_box(
            (-0.05 - style.rake_m, -half * 0.92, top + 0.0), (0.12 - style.rake_m, half * 0.92, top + 0.05), "dark"
        )
    if style.deflector_m:
        slope = np.array(
            [
                (-0.7, style.roof_m - 0.02),
                (-style.length_m, style.roof_m - 0.02),
                (-style.length_m, style.roof_m + style.deflector_m),
            ]
        )
        mesh.add_prism(slope, 1, (-half * 0.75, half * 0.75), paint)
    add_front_plate(body, 0.03, 0.58)


def add_chassis(body: Body, length_m: float, axles: int, half_m: float = 1.24) -> None:
    """Adds frame, wheels, side guards, tank, lamps and the rear plate of a lorry of the given length."""
    mesh = body.mesh
    mesh.add_box((-length_m, -0.45, 0.75), (-1.0, 0.45, 1.1), "frame")
    front = {2: (-1.2,), 3: (-1.2,), 4: (-1.2, -3.0)}[axles]
    rear_x = -length_m + 1.3
    rear = (rear_x,) if axles == 2 else (rear_x, rear_x + 1.35)
    for x in front:
        add_wheel(mesh, x, half_m - 0.02, 0.52, double=False)
    for x in rear:
        add_wheel(mesh, x, half_m - 0.02, 0.52, double=True)
    guard = (min(front) - 0.75, max(rear) + 0.75)
    for side in (-1, 1):
        if guard[0] - guard[1] > 0.4:
            y = side * half_m
            mesh.add_box((guard[1], min(y, y - side * 0.06), 0.5), (guard[0], max(y, y - side * 0.06), 0.95), "frame")
        y0, y1 = sorted((side * 0.75, side * 1.1))
        mesh.add_box((-length_m - 0.03, y0, 0.78), (-length_m, y1, 0.92), "tail")
    mesh.add_box((-length_m - 0.02, -1.15, 0.45), (-length_m + 0.06, 1.15, 0.6), "red")
    add_rear_plate(body, -length_m - 0.035, 0.8, y_m=0.0)


def add_bed(body: Body, spec: Tipper, front_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Adds the open bed behind `front_m`; returns the inner floor line as (y, z) points from left rim to right rim."""
    mesh, half, thick = body.mesh, spec.bed_width_m / 2, 0.07
    rear_m, rim, floor = front_m - spec.bed_length_m, spec.rim_m, spec.floor_m
    if spec.rounded:
        angle = np.linspace(0, np.pi, 13)
        curve = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.55 * half
        depth = floor + 0.55 * spec.wall_m * (1 - np.sin(angle) ** 0.7)
        inner = np.concatenate([[(half, rim)], np.stack([curve, depth], 1), [(-half, rim)]])
    else:
        inner = np.array(
            [
                (half, rim),
                (half, floor + 0.08),
                (half - 0.08, floor),
                (-half + 0.08, floor),
                (-half, floor + 0.08),
                (-half, rim),
            ]
        )
    outer = inner.copy()
    outer[:, 0] += np.sign(inner[:, 0]) * thick
    outer[1:-1, 1] -= thick
    for line, material in ((inner, "bed_inside"), (outer, "bed")):
        grid = np.stack([np.insert(line, 0, x, 1) for x in (front_m, rear_m)])
        mesh.add_grid(grid, material, smooth=spec.rounded)
    floor_grid = np.stack([np.insert(inner[2:-2] + np.array([0, 0.006]), 0, x, 1) for x in (front_m, rear_m)])
    mesh.add_grid(floor_grid, "floor", smooth=spec.rounded)
    for side in (-1, 1):  # upper rail
        y0, y1 = sorted((side * half, side * (half + 0.13)))
        mesh.add_box((rear_m, y0, rim - 0.14), (front_m, y1, rim), "bed")
    mesh.add_prism(outer, 0, (rear_m - 0.08, rear_m), "bed")  # tailgate
    mesh.add_quad(
        np.array(
            [
                (rear_m + 0.004, y, z)
                for y, z in ((half, rim - 0.01), (half, floor), (-half, floor), (-half, rim - 0.01))
            ]
        ),
        "bed_inside",
    )
    wall = outer.copy()
    wall[[0, -1], 1] = rim + spec.front_raise_m
    mesh.add_prism(wall, 0, (front_m, front_m + 0.08), "bed")
    mesh.add_quad(
        np.array(
            [
                (front_m - 0.004, y, z)
                for y, z in (
                    (half, rim + spec.front_raise_m),
                    (-half, rim + spec.front_raise_m),
                    (-half, floor),
                    (half, floor),
                )
            ]
        ),
        "bed_inside",
    )
    if spec.spill_m:
        z = rim + max(spec.front_raise_m, 0.02)
        z = max(z, spec.cab.roof_m + spec.cab.deflector_m + 0.06) if spec.spill_m > 0.3 else z
        mesh.add_box((front_m, -half, rim - 0.1), (front_m + 0.08, half, z), "bed")
        mesh.add_box((front_m, -half, z - 0.06), (front_m + spec.spill_m, half, z), "bed")
    _add_ribs(mesh, spec, front_m, rear_m)
    for x in np.linspace(rear_m + 0.5, front_m - 0.5, spec.hoops) if spec.hoops else ():
        arc = [(x, y, rim + 0.02 + 0.22 * (1 - (y / half) ** 2)) for y in np.linspace(-half, half, 6)]
        if spec.load.crest_m is None or spec.load.crest_m < 0:
            for a, b in pairwise(arc):
                mesh.add_tube(a, b, 0.02, "frame", 6)
    mesh.add_tube((front_m + 0.2, 0, 0.9), (front_m + 0.2, 0, rim - 0.3), 0.11, "chrome", 10)
    ring = np.array([(x, side * half, rim) for x, side in ((front_m, 1), (front_m, -1), (rear_m, -1), (rear_m, 1))])
    body.rim_m = ring
    return inner, ring


def _add_ribs(mesh: MeshBuilder, spec: Tipper, front_m: float, rear_m: float) -> None:
    """Adds posts or rails to the bed's outside."""
    half = spec.bed_width_m / 2 + 0.07
    low = spec.floor_m + (0.6 * spec.wall_m if spec.rounded else -0.08)
    for side in (-1, 1):
        y0, y1 = sorted((side * half, side * (half + 0.06)))
        if spec.ribs == "posts":
            for x in np.linspace(rear_m + 0.05, front_m - 0.15, int(spec.bed_length_m / 0.62)):
                mesh.add_box((x, y0, low), (x + 0.1, y1, spec.rim_m - 0.05), "bed")
        elif spec.ribs == "rails":
            for z in np.linspace(low, spec.rim_m - 0.3, 4):
                mesh.add_box((rear_m, y0, z), (front_m, y1, z + 0.09), "bed")
    for y in np.linspace(-half + 0.15, half - 0.25, 4) if spec.ribs != "plain" else ():
        mesh.add_box((rear_m - 0.14, y, spec.floor_m + 0.05), (rear_m - 0.07, y + 0.1, spec.rim_m - 0.05), "bed")


def build_tipper(spec: Tipper) -> Body:
    """Builds a tipper from its description; materials are named, not made, here."""
    rng = np.random.default_rng(spec.seed)
    body = Body(MeshBuilder(), "tipper")
    add_cab(body, spec.cab)
    front_m = -spec.cab.length_m - 0.55
    body.length_m = -front_m + spec.bed_length_m + 0.1
    add_chassis(body, body.length_m, spec.axles)
    inner, _ = add_bed(body, spec, front_m)
    load_top = add_load(body, spec, front_m, inner, rng)
    add_cover(body, spec, front_m, load_top, rng)
    if spec.numbered:
        half, rear = spec.bed_width_m / 2, front_m - spec.bed_length_m - 0.145
        z0, z1 = spec.floor_m + 0.4 * spec.wall_m, spec.floor_m + 0.4 * spec.wall_m + 0.34
        width = min(half - 0.15, 0.95)
        body.mesh.add_quad(
            np.array([(rear, width, z1), (rear, -width, z1), (rear, -width, z0), (rear, width, z0)]), "number", True
        )
    return body

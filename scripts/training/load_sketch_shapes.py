"""The shapes of sketched beds: walls, loads and covers as small quads in metres, the bed's rim at z = 0."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

Rng = np.random.Generator
OUTSIDE, RAIL, INNER_HIGH, INNER_LOW, LOAD, CLOTH, DARK = range(1, 8)  # materials


@dataclass(slots=True)
class Quads:
    """Faces of a scene: corners in metres, the material of each, and its light."""

    corners_m: list[np.ndarray] = field(default_factory=list)
    materials: list[np.ndarray] = field(default_factory=list)

    def add_grid(self, grid_m: np.ndarray, material: int | np.ndarray) -> None:
        """Adds the cells of a grid of points (R, C, 3)."""
        quads = np.stack([grid_m[:-1, :-1], grid_m[1:, :-1], grid_m[1:, 1:], grid_m[:-1, 1:]], 2).reshape(-1, 4, 3)
        self.corners_m.append(quads)
        self.materials.append(np.broadcast_to(np.asarray(material), len(quads)).copy())

    def add_plane(self, origin_m: tuple, along_m: tuple, across_m: tuple, material: int) -> None:
        """Adds a parallelogram in cells of about 0.3 m."""
        o, a, b = (np.asarray(v, float) for v in (origin_m, along_m, across_m))
        u = np.linspace(0, 1, max(2, int(np.linalg.norm(a) / 0.3) + 1))[:, None, None]
        v = np.linspace(0, 1, max(2, int(np.linalg.norm(b) / 0.3) + 1))[None, :, None]
        self.add_grid(o + u * a + v * b, material)

    def add_box(self, low_m: tuple, high_m: tuple, material: int) -> None:
        """Adds the sides and the top of an axis-parallel box."""
        (x0, y0, z0), (x1, y1, z1) = low_m, high_m
        self.add_plane((x0, y0, z1), (x1 - x0, 0, 0), (0, y1 - y0, 0), material)
        for y in (y0, y1):
            self.add_plane((x0, y, z0), (x1 - x0, 0, 0), (0, 0, z1 - z0), material)
        for x in (x0, x1):
            self.add_plane((x, y0, z0), (0, y1 - y0, 0), (0, 0, z1 - z0), material)


@dataclass(frozen=True, slots=True)
class Bed:
    """Half width, length and wall height of a bed in metres; its rim lies at z = 0, its front wall at x = 0."""

    half_m: float
    length_m: float
    wall_m: float


def make_noise(shape: tuple[int, int], cells: tuple[float, float], rng: Rng) -> np.ndarray:
    """Smooth noise of about -1 to 1 with so many waves down and across."""
    rows, columns = max(2, int(cells[0])), max(2, int(cells[1]))
    small = rng.standard_normal((min(rows, shape[0]), min(columns, shape[1])), np.float32).clip(-2, 2) / 2
    return cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)


def shape_load(bed: Bed, crest_m: float, shape: tuple[int, int], rng: Rng) -> np.ndarray:
    """Heights (R, C) over the rim of a load with the given crest: humps along the bed that fall towards the walls."""
    u, v = np.linspace(0, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])[None]
    pile = np.zeros(shape)
    for _ in range(rng.integers(1, 4)):
        along = (u - rng.uniform(0.15, 0.85)) / rng.uniform(0.2, 0.6)
        across = (v - rng.uniform(-0.3, 0.3)) / rng.uniform(0.5, 1.1)
        pile = np.maximum(pile, rng.uniform(0.7, 1) * np.exp(-(along**2) - across**2))
    pile = pile + rng.uniform(0, 0.15) * make_noise(shape, (8, 4), rng)
    pile = (pile - pile.min()) / np.ptp(pile)
    low_m = max(crest_m - rng.uniform(0.1, 0.9), -bed.wall_m + 0.03)
    height = low_m + (crest_m - low_m) * pile
    slope = np.minimum((1 - np.abs(v)) * bed.half_m, np.minimum(u, 1 - u) * bed.length_m) * rng.uniform(0.5, 0.9)
    return np.minimum(height, np.maximum(low_m, rng.uniform(-0.25, 0.02)) + slope)


def shape_cover(bed: Bed, load: np.ndarray | None, shape: tuple[int, int], rng: Rng) -> np.ndarray:
    """Heights (R, C) over the rim of a cloth or lid: flat, sagging, on hoops, over the load, or two leaves."""
    u, v = np.linspace(0, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])[None]
    arch = 1 - v**2
    kind = rng.integers(5)
    hoops = 0.5 + 0.5 * np.cos(2 * np.pi * rng.integers(3, 8) * u)
    height = (
        0.03 + 0 * u * v,
        -rng.uniform(0.05, 0.3) * arch + 0 * u,
        rng.uniform(0.1, 0.3) * arch * (0.5 + 0.5 * hoops),
        rng.uniform(0.08, 0.2) * (1 - np.abs(v)) + 0 * u,
        rng.uniform(0.15, 0.8) * (1 - np.abs(v)) + 0 * u,
    )[kind]
    if load is not None:
        height = np.maximum(height, load + 0.03)
        if load.max() > 0:
            height = np.maximum(height, 0.7 * load.max(1, keepdims=True) * (1 - np.abs(v) ** 1.5))
    folds = 0 if kind == 3 else rng.uniform(0.01, 0.06)
    return height + folds * np.abs(make_noise(shape, (rng.uniform(6, 24), rng.uniform(2, 8)), rng))


def add_bed(quads: Quads, bed: Bed, rng: Rng) -> None:
    """Adds walls inside and outside, floor, rail, ribs, cab and spill plate."""
    half, rear, low, mid = bed.half_m, -bed.length_m, -bed.wall_m, -0.5 * bed.wall_m
    quads.add_plane((rear, -half, low), (bed.length_m, 0, 0), (0, 2 * half, 0), INNER_LOW)
    for z0, z1, material in ((low, mid, INNER_LOW), (mid, 0.0, INNER_HIGH)):
        for y in (-half, half):
            quads.add_plane((rear, y, z0), (bed.length_m, 0, 0), (0, 0, z1 - z0), material)
        for x in (rear, 0.0):
            quads.add_plane((x, -half, z0), (0, 2 * half, 0), (0, 0, z1 - z0), material)
    out, base, raised = half + 0.1, low - 0.15, rng.choice([0.0, 0.15, 0.35])
    for y in (-out, out):
        quads.add_plane((rear - 0.1, y, base), (bed.length_m + 0.2, 0, 0), (0, 0, -base), OUTSIDE)
        quads.add_plane((rear - 0.1, min(y, np.sign(y) * half), 0.0), (bed.length_m + 0.2, 0, 0), (0, 0.1, 0), RAIL)
    for x in (rear - 0.1, 0.1):
        quads.add_plane((x, -out, base), (0, 2 * out, 0), (0, 0, -base + (raised if x > 0 else 0)), OUTSIDE)
        quads.add_plane((min(x, x + (0.1 if x < 0 else -0.1)), -out, 0.0), (0.1, 0, 0), (0, 2 * out, 0), RAIL)
    if rng.random() < 0.7:
        for x in np.arange(rear, 0, rng.uniform(0.5, 1.0)):
            for side in (-1, 1):
                y0, y1 = sorted((side * out, side * (out + 0.07)))
                quads.add_box((x, y0, base), (x + 0.1, y1, -0.08), OUTSIDE)
    gap, roof = rng.uniform(0.2, 0.6), rng.uniform(-0.5, 0.9)
    quads.add_box((gap, -1.22, -bed.wall_m - 1.0), (gap + 2.0, 1.22, roof), DARK if rng.random() < 0.3 else OUTSIDE)
    if rng.random() < 0.5:
        z = max(roof + 0.05, raised)
        quads.add_plane((0.0, -half, z), (rng.uniform(0.3, 1.0), 0, 0), (0, 2 * half, 0), OUTSIDE)
        quads.add_plane((0.05, -half, -0.1), (0, 2 * half, 0), (0, 0, z + 0.1), OUTSIDE)


def add_cover(quads: Quads, bed: Bed, height: np.ndarray, extent: float, rng: Rng) -> None:
    """Adds a cover over `extent` of the length, with skirts outside the walls."""
    rows, columns = height.shape
    xs, ys = np.linspace(-bed.length_m, 0, rows), np.linspace(-bed.half_m, bed.half_m, columns) * 1.07
    grid = np.stack([*np.meshgrid(xs, ys, indexing="ij"), height + 0.02], -1)
    keep = max(3, int(extent * rows))
    if rng.random() < 0.5:
        grid = grid[::-1] * 1.0
    part = grid[:keep]
    if extent < 1:
        part = part.copy()
        part[-3:, :, 2] += rng.uniform(0.0, 0.2)
    quads.add_grid(part, CLOTH)
    hang = rng.uniform(0.0, 0.5) * (rng.random() < 0.8)
    if hang > 0.05:
        for column, side in ((0, -1), (-1, 1)):
            edge = part[:, column]
            drop = edge + np.array([0, side * 0.12, 0])
            low = drop.copy()
            low[:, 2] = -hang * (1 + 0.3 * make_noise((len(edge), 2), (len(edge) / 4, 2), rng)[:, 0])
            quads.add_grid(np.stack([edge, drop, low], 1), CLOTH)
    if extent >= 1 and hang > 0.05:
        for row in (0, -1):
            edge, x = part[row], part[row, 0, 0]
            low = edge + np.array([0.14 if x > -0.5 else -0.14, 0, 0])
            low[:, 2] = -hang
            quads.add_grid(np.stack([edge, low], 0), CLOTH)

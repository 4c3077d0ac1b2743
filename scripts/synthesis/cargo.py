"""What lies in and over the bed: loads as height fields, cloths, lids."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from scripts.synthesis.shapes import make_noise
from scripts.synthesis.specs import Tipper

if TYPE_CHECKING:
    from scripts.synthesis.tipper import Body

STEP_M = 0.05  # spacing of load and cloth grids: folds of 10 cm and more are geometry, grain is material


def _axes(spec: Tipper, front_m: float, margin_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns x (R,) from rear to front and y (C,) from right to left, `margin_m` inside the walls."""
    rows = max(8, int(spec.bed_length_m / STEP_M))
    columns = max(8, int(spec.bed_width_m / STEP_M))
    half = spec.bed_width_m / 2 - margin_m
    return np.linspace(front_m - spec.bed_length_m + margin_m, front_m - margin_m, rows), np.linspace(
        -half, half, columns
    )


def shape_heap(spec: Tipper, xs: np.ndarray, ys: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns a load's height (R, C) over the edge in metres; its maximum is the wanted crest."""
    load = spec.load
    u = (xs - xs[0]) / (xs[-1] - xs[0])
    v = ys / ys[-1]
    pile = np.zeros((len(xs), len(ys)))
    for k in range(load.humps):
        centre = (k + 0.5 + rng.uniform(-0.2, 0.2)) / load.humps
        width = rng.uniform(0.55, 0.8) / load.humps
        along = np.exp(-(((u - centre) / width) ** 2))
        across = np.exp(-(((v - rng.uniform(-0.2, 0.2)) / rng.uniform(0.6, 0.95)) ** 2))
        pile = np.maximum(pile, rng.uniform(0.75, 1.0) * along[:, None] * across[None])
    pile += 0.05 * make_noise(pile.shape, 0.8 / STEP_M, rng)
    # Walls bound the heap: it falls to the contact height at the sides.
    edge_m = np.minimum(np.minimum(xs - xs[0], xs[-1] - xs)[:, None] + 0.05, (ys[-1] - np.abs(ys))[None] + 0.02)
    pile = (pile - pile.min()) / (pile.max() - pile.min())
    height = load.contact_m + (load.crest_m - load.contact_m) * pile
    height = np.minimum(height, load.contact_m + 0.03 + load.slope * edge_m)
    height += load.crest_m - height.max()
    return height + 0.012 * make_noise(height.shape, 0.25 / STEP_M, rng, 2) - 0.006


def add_load(
    body: Body, spec: Tipper, front_m: float, inner: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Adds the load, or the leftovers on an empty floor; returns its height over the edge (R, C), None when empty."""
    xs, ys = _axes(spec, front_m, 0.0 if spec.load.crest_m is None else 0.004)
    gx, gy = np.meshgrid(xs, ys, indexing="ij")
    # Without the walls, which would lift the load to the edge.
    ground = np.interp(ys, inner[-2:0:-1, 0], inner[-2:0:-1, 1])
    body.surface_m = np.stack([gx, gy, np.broadcast_to(ground, gx.shape)], -1)[::4, ::4].reshape(-1, 3)
    if spec.load.crest_m is None:
        _add_leftovers(body, spec, (xs, ys, ground), rng)
        return None
    height = shape_heap(spec, xs, ys, rng)
    z = np.maximum(spec.rim_m + height, ground[None] - 0.05)
    grid = np.stack([gx, gy, z], -1)
    body.mesh.add_grid(grid, "load")
    body.surface_m = grid[::4, ::4].reshape(-1, 3)
    body.crest_m = float(z.max() - spec.rim_m)
    for _ in range(spec.load.material.stones if spec.cover.kind == "none" else 0):  # they would pierce a cloth
        r, c = rng.integers(2, len(xs) - 2), rng.integers(2, len(ys) - 2)
        size = rng.uniform(0.03, 0.1, 3)
        body.mesh.add_blob((xs[r], ys[c], z[r, c] + 0.2 * size[2]), size, "load", rng, 0.35)
    return height


def _add_leftovers(body: Body, spec: Tipper, floor: tuple, rng: np.random.Generator) -> None:
    """Adds a thin rest of the last load to an empty bed's corners: no more than 12 cm."""
    xs, ys, ground = floor
    if rng.random() < 0.4:
        return
    rest = make_noise((len(xs), len(ys)), 1.2 / STEP_M, rng)
    rest = np.clip(rest - rng.uniform(0.1, 0.5), -0.03, 0.12) * rng.uniform(0.4, 1.0)
    rest = rest * (1 - (ys / ys[-1]) ** 4)[None] - 0.004  # on the floor, not up the walls of a rounded bed
    gx, gy = np.meshgrid(xs, ys, indexing="ij")
    body.mesh.add_grid(np.stack([gx, gy, ground[None] + rest], -1), "rest")


def _drape(spec: Tipper, front_m: float, load_top: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Returns the cloth's height over the edge (R, C) inside the walls."""
    cover = spec.cover
    xs, ys = _axes(spec, front_m, 0.0)
    v = ys / ys[-1]
    lies_loose = cover.shape in ("tucked", "bundled")
    sag = {"flat": 0.03, "sag": rng.uniform(0.1, 0.3), "hoops": -0.13}.get(cover.shape, 0.0)
    cloth = np.broadcast_to(-sag * (1 - v**2)[None], (len(xs), len(ys))).copy()
    if cover.shape == "hoops":
        phase = 0.5 + 0.5 * np.cos(2 * np.pi * (xs - xs[0]) / rng.uniform(0.9, 1.4))
        cloth *= (0.45 + 0.55 * phase)[:, None]
    if cover.shape == "waves":  # hangs deep between a few bows, each of another height
        knots = np.arange(xs[0] - 2, xs[-1] + 2, rng.uniform(0.7, 1.6))
        tops = np.where(np.arange(len(knots)) % 2, rng.uniform(-0.4, -0.1), rng.uniform(0.0, 0.3))
        ridge = np.interp(xs, knots, tops + rng.normal(0, 0.07, len(knots)))
        ridge = np.convolve(np.pad(ridge, 4, mode="edge"), np.hanning(11)[1:-1] / np.hanning(11).sum(), "valid")
        cloth = ridge[:, None] * (1 - np.abs(v) ** rng.uniform(1.5, 4))[None]
    if load_top is not None:
        load = load_top[: len(xs), : len(ys)]
        if lies_loose:
            cloth = load + 0.03
        else:
            tent = np.maximum(load + 0.025, -9)
            cloth = np.where(tent > cloth, tent, cloth)
            if load.max() > 0:  # stretched between crest and edge, not clinging to the slope
                cloth = np.maximum(cloth, 0.75 * load.max(axis=1, keepdims=True) * (1 - np.abs(v) ** 1.5)[None])
    folds = make_noise(cloth.shape, rng.uniform(0.35, 0.9) / STEP_M, rng)
    streaks = make_noise((len(xs), 6), 0.25 / STEP_M, rng, 2)
    streaks = np.repeat(streaks, -(-len(ys) // 6), axis=1)[:, : len(ys)]
    calm = 0.25 + 0.75 * (1 - np.abs(v) ** 3)
    if lies_loose:  # thrown over the load by hand: it lies in deep creases
        deepest_m = 0.09 if cover.shape == "tucked" else 0.12
        depth_m, width_m = rng.uniform(0.0, deepest_m), rng.uniform(0.15, 0.4)
        cloth = cloth + depth_m * np.abs(make_noise(cloth.shape, width_m / STEP_M, rng, 2))
    if cover.shape == "bundled":
        cloth = cloth + _gather(xs, ys, cloth, rng)
    cloth += (0.022 * np.abs(folds) + 0.012 * streaks) * calm[None]
    if not lies_loose:
        cloth[:, [0, -1]] = np.maximum(cloth[:, [0, -1]], 0.015)
    return cloth


def _gather(xs: np.ndarray, ys: np.ndarray, cloth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns folds (R, C) in metres that run down from a bundle's crest, as where a cloth is gathered around it."""
    row, column = np.unravel_index(cloth.argmax(), cloth.shape)
    dx, dy = (xs - xs[row])[:, None], (ys - ys[column])[None]
    folds = rng.uniform(0, 1, int(rng.integers(24, 60)))
    folds[-1] = folds[0]
    turn = 0.35 * make_noise(cloth.shape, 0.6 / STEP_M, rng)
    angle = (np.arctan2(dy, dx) + turn + np.pi) % (2 * np.pi)
    ridges = np.interp(angle, np.linspace(0, 2 * np.pi, len(folds)), folds)
    return rng.uniform(0.08, 0.25) * ridges * np.clip(np.hypot(dx, dy) / 0.7, 0.15, 1)


def _add_cloth(body: Body, spec: Tipper, front_m: float, load_top: np.ndarray | None, rng: np.random.Generator) -> None:
    """Adds a tarpaulin or net with its overhang and ropes; raises the crest label when a heap lifts it."""
    cover = spec.cover
    xs, ys = _axes(spec, front_m, 0.0)
    cloth = _drape(spec, front_m, load_top, rng)
    rows = len(xs) if cover.extent >= 1 else max(4, int(cover.extent * len(xs)))
    rows_kept = slice(len(xs) - rows, len(xs)) if cover.from_front else slice(0, rows)
    if cover.extent < 1:  # the gathered end stands up in folds
        ramp = np.exp(-np.abs(np.arange(len(xs)) - (len(xs) - rows if cover.from_front else rows)) / 3.0)
        cloth = cloth + 0.14 * ramp[:, None] * (1 + 0.4 * make_noise(cloth.shape, 0.3 / STEP_M, rng, 2))
    gx, gy = np.meshgrid(xs, ys, indexing="ij")
    grid = np.stack([gx, gy, spec.rim_m + cloth], -1)
    if cover.overhang_m:
        outside = spec.bed_width_m / 2 + 0.16
        drops = np.linspace(0, 1, 5)[1:]
        wave = 1 + 0.35 * make_noise((len(xs), 2), 0.5 / STEP_M, rng, 2)[:, 0]
        sides = []
        for side, column in ((-1, 0), (1, -1)):
            skirt = np.stack(
                [
                    np.stack(
                        [
                            xs,
                            np.full(len(xs), side * (outside + 0.02 * np.sin(9 * xs + 3 * d))),
                            spec.rim_m + 0.015 - d * cover.overhang_m * wave,
                        ],
                        -1,
                    )
                    for d in drops
                ],
                1,
            )
            lip = np.stack([xs, np.full(len(xs), side * outside), spec.rim_m + np.maximum(cloth[:, column], 0.02)], -1)[
                :, None
            ]
            sides.append(np.concatenate([lip, skirt], 1))
        grid = np.concatenate([sides[0][:, ::-1], grid, sides[1]], 1)
    grid = grid[rows_kept]
    if cover.extent >= 1 and cover.overhang_m:  # front and rear flaps
        rear, front = grid[:1].copy(), grid[-1:].copy()
        rear[..., 0] -= 0.16
        front[..., 0] += 0.06
        hang = rear.copy()
        hang[..., 2] = np.minimum(hang[..., 2], spec.rim_m - 0.8 * cover.overhang_m)
        grid = np.concatenate([hang, rear, grid, front])
    body.mesh.add_grid(grid, "cloth")
    crest = float(cloth[rows_kept].max())
    # A cloth that only arches over its hoops is no heap: the label follows the load beneath.
    if spec.load.crest_m is not None and spec.load.crest_m > 0:
        body.crest_m = max(crest, body.crest_m or crest)
    if cover.shape in ("flat", "sag") and rng.random() < 0.6:
        for row in range(8, rows - 4, int(rng.integers(14, 30))):
            line = grid[min(row, len(grid) - 1), ::4] + np.array([0, 0, 0.012])
            for a, b in pairwise(line):
                body.mesh.add_tube(tuple(a), tuple(b), 0.012, "rope", 5)


def _add_lid(body: Body, spec: Tipper, front_m: float) -> None:
    """Adds a hard lid: segments that slide along the bed, or two leaves that fold over it."""
    cover, half, rim, rear_m = spec.cover, spec.bed_width_m / 2 + 0.08, spec.rim_m, front_m - spec.bed_length_m
    if cover.kind == "slide":
        count = 5
        width = spec.bed_length_m / count
        keep = round(cover.extent * count)
        for k in range(count):
            position = k if k < keep else keep - 1  # open segments lie stacked on the last closed one
            x1 = front_m - position * width if cover.from_front else rear_m + (position + 1) * width
            z = rim + 0.03 + (0.05 * (k - keep + 1) if k >= keep else 0.0)
            body.mesh.add_box((x1 - width + 0.015, -half, z), (x1 - 0.015, half, z + 0.05), "lid")
            body.mesh.add_box((x1 - width / 2 - 0.04, -half, z + 0.05), (x1 - width / 2 + 0.04, half, z + 0.08), "lid")
        return
    roof = 0.14
    for side in (-1, 1):
        if side == 1 and cover.extent < 1:  # this leaf stands open, hung at its hinge
            body.mesh.add_box((rear_m, half, rim - half * 0.75), (front_m, half + 0.05, rim + 0.03), "lid")
            continue
        outline = np.array(
            [
                (side * half, rim + 0.02),
                (side * 0.01, rim + roof),
                (side * 0.01, rim + roof + 0.04),
                (side * half, rim + 0.06),
            ]
        )
        body.mesh.add_prism(outline, 0, (rear_m, front_m), "lid")
        for x in np.linspace(rear_m + 0.3, front_m - 0.3, 6):
            rib = outline + np.array([0, 0.03])
            body.mesh.add_prism(rib, 0, (x - 0.03, x + 0.03), "lid")


def _add_folded(body: Body, spec: Tipper, front_m: float, rng: np.random.Generator) -> None:
    """Adds a rolled or folded cloth that lies on an open bed's front wall, side or tailgate, or thrown down inside."""
    half, rim, rear_m = spec.bed_width_m / 2, spec.rim_m, front_m - spec.bed_length_m
    thick = rng.uniform(0.1, 0.2)
    if spec.cover.folded == "inside":
        z = rim - rng.uniform(0.05, 0.5)
        for _ in range(int(rng.integers(3, 8))):
            size = rng.uniform((0.12, 0.2, 0.1), (0.35, 0.5, 0.28))
            y = rng.uniform(-1, 1) * max(half - size[1], 0.1)
            body.mesh.add_blob((front_m - size[0] - rng.uniform(0.02, 0.2), y, z), tuple(size), "cloth", rng, 0.3)
        return
    if spec.cover.folded == "side":
        side = rng.choice([-1, 1])
        line = [(x, side * (half + 0.05), rim + thick * 0.7) for x in np.linspace(rear_m, front_m, 8)]
    else:
        x = front_m - 0.1 if spec.cover.folded == "front" else rear_m + 0.05
        z = rim + (spec.front_raise_m if spec.cover.folded == "front" else 0) + 0.5 * thick
        line = [(x, y, z) for y in np.linspace(-half, half, 7)]
    for a, b in pairwise(line):
        r0, r1 = thick * rng.uniform(0.7, 1.2, 2)
        body.mesh.add_tube(a, b, (r0, r1), "cloth", 9)


def add_cover(body: Body, spec: Tipper, front_m: float, load_top: np.ndarray | None, rng: np.random.Generator) -> None:
    """Adds the cover over the bed, if any."""
    if spec.cover.kind == "cloth":
        _add_cloth(body, spec, front_m, load_top, rng)
    elif spec.cover.kind in ("slide", "fold"):
        _add_lid(body, spec, front_m)
    elif spec.cover.folded:
        _add_folded(body, spec, front_m, rng)

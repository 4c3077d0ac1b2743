"""Meshes from numpy: one vehicle or street is one Blender object with many material slots.

One object per vehicle keeps the render set-up short (one acceleration structure, one matrix to animate).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
import cv2
import numpy as np

Points = np.ndarray  # (N, 3) metres


@dataclass(slots=True)
class Block:
    """Faces of equal size that share one material."""

    vertices_m: Points
    faces: np.ndarray  # (M, K) indices into vertices_m
    material: str
    smooth: bool = False
    uv: np.ndarray | None = None  # (M, K, 2) in 0..1, None where no picture is mapped


@dataclass(slots=True)
class MeshBuilder:
    """Collects blocks in vehicle coordinates: x forward, y left, z up, origin on the road under the front bumper."""

    blocks: list[Block] = field(default_factory=list)

    def add(self, vertices_m: Points, faces: np.ndarray, material: str, smooth: bool = False) -> Block:
        """Adds faces (M, K) over vertices (N, 3)."""
        block = Block(
            np.asarray(vertices_m, float).reshape(-1, 3), np.atleast_2d(faces).astype(np.int32), material, smooth
        )
        self.blocks.append(block)
        return block

    def add_box(self, low_m: tuple, high_m: tuple, material: str) -> Block:
        """Adds an axis-parallel box between two opposite corners in metres."""
        (x0, y0, z0), (x1, y1, z1) = low_m, high_m
        corners = [(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)]
        faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        return self.add(np.array(corners), np.array(faces), material)

    def add_quad(self, corners_m: Points, material: str, pictured: bool = False) -> Block:
        """Adds one quad; a `pictured` one lists its corners as top-left, top-right, bottom-right, bottom-left."""
        block = self.add(corners_m, np.array([[0, 1, 2, 3]]), material)
        if pictured:
            block.uv = np.array([[[0, 1], [1, 1], [1, 0], [0, 0]]], float)
        return block

    def add_prism(
        self,
        outline: np.ndarray,
        axis: int,
        span_m: tuple[float, float],
        material: str,
        deform: Callable[[Points], Points] | None = None,
    ) -> None:
        """Extrudes an outline (N, 2), given in the two other axes in order, along `axis` between two positions."""
        n = len(outline)
        rings = []
        for position in span_m:
            ring = np.insert(np.asarray(outline, float), axis, position, axis=1)
            rings.append(ring if deform is None else deform(ring))
        vertices = np.concatenate(rings)
        nxt = (np.arange(n) + 1) % n
        self.add(vertices, np.stack([np.arange(n), nxt, nxt + n, np.arange(n) + n], 1), material)
        self.add(vertices, np.stack([np.arange(n)[::-1], np.arange(n) + n]), material)

    def add_tube(
        self, start_m: tuple, end_m: tuple, radius_m: float | tuple[float, float], material: str, sides: int = 14
    ) -> None:
        """Adds a capped cylinder or cone between two points; two radii give a cone."""
        a, b = np.asarray(start_m, float), np.asarray(end_m, float)
        r0, r1 = (radius_m, radius_m) if np.isscalar(radius_m) else radius_m
        axis = (b - a) / (np.linalg.norm(b - a) + 1e-9)
        side = np.cross(axis, (0, 0, 1) if abs(axis[2]) < 0.9 else (1, 0, 0))
        side /= np.linalg.norm(side)
        up = np.cross(axis, side)
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
        ring = np.outer(np.cos(angle), side) + np.outer(np.sin(angle), up)
        vertices = np.concatenate([a + r0 * ring, b + r1 * ring])
        k = np.arange(sides)
        self.add(vertices, np.stack([k, (k + 1) % sides, (k + 1) % sides + sides, k + sides], 1), material, smooth=True)
        self.add(vertices, np.stack([k[::-1], k + sides]), material)

    def add_grid(self, grid_m: np.ndarray, material: str, smooth: bool = True) -> Block:
        """Adds a surface from a grid of points (R, C, 3) in metres."""
        rows, columns = grid_m.shape[:2]
        index = np.arange(rows * columns).reshape(rows, columns)
        faces = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
        return self.add(grid_m.reshape(-1, 3), faces, material, smooth)

    def add_blob(
        self, centre_m: tuple, radii_m: tuple, material: str, rng: np.random.Generator, rough: float = 0.2
    ) -> None:
        """Adds a rough ellipsoid: a stone, a tree crown, a clod."""
        rows, columns = 6, 8
        theta = np.linspace(0, np.pi, rows)[:, None]
        phi = np.linspace(0, 2 * np.pi, columns)[None]
        unit = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi], -1)
        bump = 1 + rough * rng.uniform(-1, 1, (rows, columns))
        bump[:, -1] = bump[:, 0]
        bump[0], bump[-1] = bump[0, 0], bump[-1, 0]
        self.add_grid(
            unit * bump[..., None] * np.asarray(radii_m) + np.asarray(centre_m), material, smooth=rough < 0.15
        )

    def points_m(self, materials: set[str] | None = None) -> Points:
        """Returns all vertices (N, 3), or those of the named materials."""
        chosen = [b.vertices_m for b in self.blocks if materials is None or b.material in materials]
        return np.concatenate(chosen) if chosen else np.zeros((0, 3))

    def build(self, name: str, materials: dict[str, bpy.types.Material]) -> bpy.types.Object:
        """Makes the Blender object and links it to the scene."""
        slots = list(dict.fromkeys(b.material for b in self.blocks))
        offset, loops, starts, sizes, slot_of, smooth, uv = 0, [], [], [], [], [], []
        loop_count = 0
        for block in self.blocks:
            m, k = block.faces.shape
            loops.append((block.faces + offset).ravel())
            starts.append(loop_count + np.arange(m) * k)
            sizes.append(np.full(m, k))
            slot_of.append(np.full(m, slots.index(block.material)))
            smooth.append(np.full(m, block.smooth))
            uv.append(np.zeros((m * k, 2)) if block.uv is None else block.uv.reshape(-1, 2))
            offset += len(block.vertices_m)
            loop_count += m * k
        mesh = bpy.data.meshes.new(name)
        mesh.vertices.add(offset)
        mesh.vertices.foreach_set("co", self.points_m().astype(np.float32).ravel())
        mesh.loops.add(loop_count)
        mesh.loops.foreach_set("vertex_index", np.concatenate(loops).astype(np.int32))
        mesh.polygons.add(sum(len(s) for s in sizes))
        mesh.polygons.foreach_set("loop_start", np.concatenate(starts).astype(np.int32))
        mesh.polygons.foreach_set("loop_total", np.concatenate(sizes).astype(np.int32))
        for slot in slots:
            mesh.materials.append(materials[slot])
        mesh.polygons.foreach_set("material_index", np.concatenate(slot_of).astype(np.int32))
        mesh.polygons.foreach_set("use_smooth", np.concatenate(smooth).astype(bool))
        mesh.uv_layers.new().data.foreach_set("uv", np.concatenate(uv).astype(np.float32).ravel())
        mesh.update(calc_edges=True)
        mesh.validate()
        item = bpy.data.objects.new(name, mesh)
        bpy.context.scene.collection.objects.link(item)
        return item


def make_noise(shape: tuple[int, int], cell: float, rng: np.random.Generator, octaves: int = 3) -> np.ndarray:
    """Returns smooth noise of about -1..1 whose largest waves span `cell` samples.

    Args:
        shape: Rows and columns.
        cell: Wavelength of the first octave, in samples.
        rng: Source of randomness.
        octaves: Each further octave halves wavelength and height.
    """
    total = np.zeros(shape)
    for octave in range(octaves):
        size = cell / 2**octave
        coarse = rng.uniform(-1, 1, (max(2, int(shape[0] / size) + 2), max(2, int(shape[1] / size) + 2)))
        total += cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) / 2**octave
    return total / 1.5

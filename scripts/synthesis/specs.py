"""What a tipper, its load and its cover are: plain data, drawn at random per split. No bpy here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from scripts.synthesis.looks import (
    CABS,
    CLOTHS,
    FLOOR,
    LOADS,
    PAINTS,
    CabStyle,
    Cloth,
    LoadMaterial,
    Rgb,
    Split,
    draw_floor,
    mix_cloths,
    mix_loads,
    mix_paints,
    pick,
)


@dataclass(frozen=True, slots=True)
class Load:
    """What lies in the bed.

    Attributes:
        material: Look of the load.
        crest_m: Highest point against the edge (positive: above it). None: the bed is empty.
        contact_m: Where the load touches the walls, against the edge; below the crest.
        humps: Number of heaps along the bed.
        slope: How steep it may fall to the walls; 0.85 is the angle of repose.
    """

    material: LoadMaterial
    crest_m: float | None
    contact_m: float = -0.4
    humps: int = 2
    slope: float = 0.85


@dataclass(frozen=True, slots=True)
class Cover:
    """What lies over the bed.

    Attributes:
        kind: `none`, a `cloth` (tarpaulin or net), a `slide` lid of segments, or a `fold` lid of two leaves.
        cloth: Look of the cloth; for a lid None.
        extent: Covered share of the bed's length (cloth, slide) or of its width (fold), 0..1.
        from_front: The covered part begins at the front wall.
        shape: How the cloth lies where no heap lifts it.
        overhang_m: How far it hangs down outside; 0 with `tucked` and `bundled` (it lies inside the walls).
        folded: Where a folded cloth rests on an open bed, `inside` in a heap behind the front wall; None: nowhere.
    """

    kind: Literal["none", "cloth", "slide", "fold"] = "none"
    cloth: Cloth | None = None
    extent: float = 1.0
    from_front: bool = True
    shape: Literal["flat", "sag", "hoops", "tucked", "waves", "bundled"] = "flat"
    overhang_m: float = 0.25
    folded: Literal["front", "side", "rear", "inside"] | None = None


@dataclass(frozen=True, slots=True)
class Tipper:
    """A slag truck; lengths in metres, heights above the road."""

    cab: CabStyle
    paint: Rgb
    bed_paint: Rgb
    load: Load
    cover: Cover
    plate: str
    plate_type: str
    axles: int = 4
    bed_length_m: float = 5.8
    bed_width_m: float = 2.3
    floor_m: float = 1.35
    wall_m: float = 1.3
    rounded: bool = False
    ribs: Literal["posts", "rails", "plain"] = "posts"
    hoops: int = 0
    spill_m: float = 0.6
    front_raise_m: float = 0.2
    numbered: bool = True
    dirt: float = 0.3
    floor_rgb: Rgb = FLOOR
    seed: int = 0

    @property
    def rim_m(self) -> float:
        """Height of the side walls' upper edge above the road."""
        return self.floor_m + self.wall_m


LONG_SHARE = 0.3
"""Tippers with beds of a semi-trailer's length: without hoops and spill plate, as they carry coal and stone."""

STATES = ("covered", "partial", "empty", "loaded", "heaped", "not_visible", "not_tipper")


@dataclass(frozen=True, slots=True)
class PlateSource:
    """Draws plate texts; the function comes from `plates.random_plate`, handed in so that this file needs no fonts."""

    random_plate: object
    types: tuple[str, ...] = field(default=("yellow_single", "yellow_single", "yellow_single", "nev_large"))


BUNDLED_SHARE = 0.4
"""How often, in `train`, a load under a green or blue cloth is bundled up with it."""

SHAPES = ("flat", "sag", "hoops", "tucked", "waves")
SHAPE_SHARES: dict[Split, tuple[float, ...]] = {
    "train": (0.18, 0.24, 0.14, 0.24, 0.2),
    "val": (0.22, 0.3, 0.2, 0.28, 0.0),
}


def draw_load(state: str, split: Split, wall_m: float, rng: np.random.Generator) -> Load:
    """Draws a load for a wanted state; a third of the visible ones lie within 0.2 m of the edge."""
    material = pick(LOADS, mix_loads, split, rng)
    kind = state
    if state in ("covered", "not_visible"):
        kind = str(rng.choice(["empty", "loaded", "heaped"], p=[0.15, 0.45, 0.4]))
    elif state == "partial":
        kind = str(rng.choice(["empty", "loaded", "heaped"], p=[0.25, 0.45, 0.3]))
    if kind == "empty":
        return Load(material, None)
    near = rng.random() < 0.33
    if kind == "heaped":
        crest_m = rng.uniform(0.05, 0.2) if near else rng.uniform(0.2, 0.75)
        if split == "train" and not near and rng.random() < 0.3:
            crest_m = rng.uniform(0.75, 1.2)
        return Load(material, crest_m, rng.uniform(-0.3, 0.02) * (0.5 if near else 1), int(rng.integers(1, 4)))
    crest_m = -rng.uniform(0.05, 0.2) if near else -rng.uniform(0.2, max(0.3, 0.72 * wall_m))
    return Load(material, crest_m, crest_m - rng.uniform(0.03, 0.35), int(rng.integers(1, 4)))


def draw_cover(state: str, split: Split, load: Load, rng: np.random.Generator) -> Cover:
    """Draws a cover for a wanted state; a heap is never put under a hard lid."""
    cloth = pick(CLOTHS, mix_cloths, split, rng)
    heaped = load.crest_m is not None and load.crest_m > -0.05
    wanted = state
    if state == "not_visible":
        wanted = str(rng.choice(["covered", "loaded"]))
    if wanted == "covered" or wanted == "partial":
        kind = "cloth" if heaped or rng.random() < 0.72 else str(rng.choice(["slide", "fold"]))
        extent = 1.0 if wanted == "covered" else (0.5 if kind == "fold" else float(rng.uniform(0.35, 0.65)))
        shape = str(rng.choice(SHAPES, p=SHAPE_SHARES[split]))
        if shape == "tucked" and (load.crest_m is None or load.crest_m < -0.5):
            shape = "sag"
        overhang_m = 0.0 if shape == "tucked" else float(rng.uniform(0.08, 0.45))
        return Cover(kind, cloth if kind == "cloth" else None, extent, bool(rng.random() < 0.6), shape, overhang_m)
    folded = rng.choice(["front", "side", "rear", "inside", "none"], p=[0.17, 0.1, 0.08, 0.25, 0.4])
    return Cover("none", cloth, folded=None if folded == "none" else str(folded))


def draw_tipper(state: str, split: Split, plates: PlateSource, rng: np.random.Generator) -> Tipper:
    """Draws a tipper whose load and cover show the wanted state from a camera that sees into the bed."""
    cab = CABS[split][rng.integers(len(CABS[split]))]
    paint = pick(PAINTS, mix_paints, split, rng)
    bed_paint = paint if rng.random() < 0.55 else pick(PAINTS, mix_paints, split, rng)
    axles = int(rng.choice([2, 3, 4], p=[0.15, 0.35, 0.5]))
    wall_m = float(rng.uniform(0.75, 1.55) if split == "train" else rng.uniform(0.9, 1.4))
    is_long = rng.random() < LONG_SHARE
    load = draw_load(state, split, wall_m, rng)
    plate_type = plates.types[rng.integers(len(plates.types))]
    if "electric" in cab.name:
        plate_type = "nev_large"
    tipper = Tipper(
        cab=cab,
        paint=paint,
        bed_paint=bed_paint,
        load=load,
        cover=draw_cover(state, split, load, rng),
        plate=plates.random_plate(plate_type, rng),
        plate_type=plate_type,
        axles=4 if is_long else axles,
        bed_length_m=float(
            rng.uniform(8.0, 12.0) if is_long else {2: 4.3, 3: 5.5, 4: 6.8}[axles] + rng.uniform(-0.5, 0.8)
        ),
        floor_m=float(rng.uniform(1.25, 1.45)),
        wall_m=wall_m,
        rounded=bool(rng.random() < 0.35),
        ribs=str(rng.choice(["posts", "rails", "plain"], p=[0.55, 0.25, 0.2])),
        hoops=0 if is_long else int(rng.choice([0, 0, 0, 3, 4, 5])),
        spill_m=0.0 if is_long else float(rng.choice([0, 0.35, 0.6, 0.9])),
        front_raise_m=float(rng.choice([0.0, 0.1, 0.25, 0.4])),
        numbered=bool(rng.random() < 0.7),
        dirt=float(rng.uniform(0.1, 0.7)),
        floor_rgb=draw_floor(split, rng),
        seed=int(rng.integers(2**31)),
    )
    return bundle(tipper) if split == "train" else tipper


def bundle(tipper: Tipper) -> Tipper:
    """The tipper, often with load and cloth bundled up: a ball between the walls, with gaps down to the floor.

    Green and blue cloths alone: a grey or brown ball could be rubble. Drawn from the tipper's own seed, so that scenes
    without such a bundle stay as they were.
    """
    rng = np.random.default_rng([tipper.seed, 1])
    cover, crest_m = tipper.cover, tipper.load.crest_m
    if cover.kind != "cloth" or cover.extent < 1 or crest_m is None or rng.random() >= BUNDLED_SHARE:
        return tipper
    red, green, blue = cover.cloth.rgb
    if max(green, blue) < 2 * red:
        return tipper
    crest_m = max(crest_m, rng.uniform(-0.2, 0.6))
    contact_m = max(crest_m - rng.uniform(0.5, 1.2), 0.1 - tipper.wall_m)
    load = replace(tipper.load, crest_m=crest_m, contact_m=contact_m, humps=1, slope=rng.uniform(0.85, 2.2))
    return replace(tipper, load=load, cover=replace(cover, shape="bundled", overhang_m=0.0))

"""What a tipper, its load and its cover are: plain data, drawn at random per split. No bpy here.

`train` and `val` share no cab style, body colour, load material or cover cloth, so that a score on `val` says more
than that other seeds were drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Split = Literal["train", "val"]
Rgb = tuple[float, float, float]  # linear light, 0..1


@dataclass(frozen=True, slots=True)
class CabStyle:
    """Shape of a cab; heights above the road in metres."""

    name: str
    length_m: float = 2.1
    width_m: float = 2.48
    roof_m: float = 3.0
    screen_base_m: float = 1.75
    screen_top_m: float = 2.6
    rake_m: float = 0.22  # how far the windscreen's top lies behind its base
    nose_m: float = 0.0  # how far the bumper stands before the panel
    grille: Literal["bars", "mesh", "split", "closed"] = "bars"
    lamps: Literal["bumper", "panel", "slit", "round"] = "bumper"
    visor: bool = True
    deflector_m: float = 0.0
    roof_lamps: bool = True


@dataclass(frozen=True, slots=True)
class LoadMaterial:
    """Look of a load: two colours that mix by noise, size of the grain, wetness (0 dry, 1 mud), glints."""

    name: str
    dark: Rgb
    light: Rgb
    grain_m: float
    wetness: float = 0.0
    stones: int = 0  # loose lumps of 8-30 cm
    glints: float = 0.0  # share of grains whose faces mirror a lamp, against coal's most


@dataclass(frozen=True, slots=True)
class Cloth:
    """Look of a tarpaulin or net; `holes` is the share of light that passes."""

    name: str
    rgb: Rgb
    holes: float = 0.0
    patchy: float = 0.15


CABS: dict[str, tuple[CabStyle, ...]] = {
    "train": (
        CabStyle("classic", roof_m=2.85, screen_top_m=2.5, rake_m=0.12, lamps="bumper"),
        CabStyle(
            "high-roof", roof_m=3.25, screen_base_m=1.85, screen_top_m=2.75, rake_m=0.3, nose_m=0.08, deflector_m=0.25
        ),
        CabStyle("angular", roof_m=2.95, rake_m=0.08, grille="split", lamps="panel", visor=False),
        CabStyle(
            "city-electric",
            roof_m=2.75,
            screen_base_m=1.45,
            screen_top_m=2.5,
            rake_m=0.25,
            grille="closed",
            lamps="slit",
            visor=False,
            roof_lamps=False,
        ),
        CabStyle(
            "long-haul",
            length_m=2.35,
            roof_m=3.4,
            screen_base_m=1.8,
            screen_top_m=2.7,
            rake_m=0.35,
            nose_m=0.12,
            grille="mesh",
            lamps="panel",
            deflector_m=0.15,
            roof_lamps=False,
        ),
        CabStyle(
            "smooth",
            length_m=2.3,
            roof_m=3.5,
            screen_base_m=1.7,
            screen_top_m=2.75,
            rake_m=0.5,
            nose_m=0.1,
            visor=False,
            roof_lamps=False,
        ),
        CabStyle(
            "hatted",
            length_m=2.3,
            roof_m=3.2,
            screen_base_m=1.75,
            rake_m=0.4,
            grille="mesh",
            deflector_m=0.5,
            roof_lamps=False,
        ),
    ),
    "val": (
        CabStyle(
            "rounded",
            roof_m=3.1,
            screen_base_m=1.7,
            screen_top_m=2.6,
            rake_m=0.42,
            nose_m=0.15,
            grille="mesh",
            lamps="slit",
            roof_lamps=False,
        ),
        CabStyle(
            "old",
            length_m=1.9,
            width_m=2.4,
            roof_m=2.7,
            screen_base_m=1.65,
            screen_top_m=2.35,
            rake_m=0.04,
            grille="split",
            lamps="round",
            visor=True,
        ),
        CabStyle(
            "electric-flat",
            length_m=2.0,
            roof_m=3.0,
            screen_base_m=1.35,
            screen_top_m=2.65,
            rake_m=0.12,
            grille="closed",
            lamps="bumper",
            visor=False,
        ),
    ),
}

PAINTS: dict[str, tuple[Rgb, ...]] = {
    "train": (
        (0.35, 0.02, 0.02),
        (0.02, 0.06, 0.3),
        (0.7, 0.7, 0.68),
        (0.75, 0.35, 0.02),
        (0.03, 0.2, 0.06),
        (0.02, 0.25, 0.4),
        (0.12, 0.12, 0.13),
    ),
    "val": ((0.5, 0.07, 0.01), (0.25, 0.01, 0.03), (0.05, 0.15, 0.2), (0.4, 0.4, 0.42), (0.2, 0.35, 0.02)),
}

LOADS: dict[str, tuple[LoadMaterial, ...]] = {
    "train": (
        LoadMaterial("soil", (0.06, 0.035, 0.02), (0.17, 0.11, 0.065), 0.015),
        LoadMaterial("dry-soil", (0.16, 0.11, 0.07), (0.33, 0.25, 0.17), 0.012),
        LoadMaterial("sand", (0.3, 0.22, 0.12), (0.5, 0.4, 0.25), 0.005),
        LoadMaterial("gravel", (0.09, 0.09, 0.088), (0.32, 0.31, 0.3), 0.02),
        LoadMaterial("white-stone", (0.4, 0.39, 0.37), (0.78, 0.77, 0.74), 0.02),
        LoadMaterial("coal", (0.004, 0.004, 0.004), (0.035, 0.035, 0.037), 0.015, wetness=0.35),
        LoadMaterial("lump-coal", (0.005, 0.005, 0.005), (0.02, 0.02, 0.021), 0.03, wetness=0.5, glints=0.5),
        LoadMaterial("mud", (0.035, 0.026, 0.018), (0.09, 0.066, 0.045), 0.02, wetness=0.8),
        LoadMaterial("rubble", (0.12, 0.1, 0.09), (0.4, 0.36, 0.33), 0.02, stones=90),
    ),
    "val": (
        LoadMaterial("red-clay", (0.13, 0.04, 0.02), (0.3, 0.12, 0.06), 0.015),
        LoadMaterial("limestone", (0.33, 0.3, 0.24), (0.66, 0.61, 0.5), 0.018),
        LoadMaterial("wet-sand", (0.1, 0.075, 0.045), (0.2, 0.155, 0.1), 0.006, wetness=0.4),
        LoadMaterial("slack", (0.007, 0.0065, 0.006), (0.06, 0.057, 0.055), 0.01, wetness=0.2),
        LoadMaterial("nut-coal", (0.006, 0.006, 0.006), (0.03, 0.03, 0.03), 0.04, wetness=0.4, glints=0.35),
        LoadMaterial("brick-rubble", (0.15, 0.08, 0.06), (0.38, 0.26, 0.2), 0.02, stones=70),
    ),
}

CLOTHS: dict[str, tuple[Cloth, ...]] = {
    "train": (
        Cloth("tarp-green", (0.02, 0.1, 0.035)),
        Cloth("tarp-grey", (0.2, 0.2, 0.19)),
        Cloth("tarp-khaki", (0.28, 0.22, 0.13), patchy=0.3),
        Cloth("tarp-blue", (0.02, 0.09, 0.3)),
        Cloth("tarp-black", (0.012, 0.012, 0.013)),
        Cloth("net-green", (0.02, 0.17, 0.05), holes=0.22),
        Cloth("net-black", (0.012, 0.012, 0.012), holes=0.3),
        Cloth("net-blue", (0.02, 0.07, 0.25), holes=0.2, patchy=0.4),
    ),
    "val": (
        Cloth("tarp-olive", (0.07, 0.08, 0.03), patchy=0.25),
        Cloth("tarp-silver", (0.38, 0.39, 0.4)),
        Cloth("tarp-brown", (0.1, 0.06, 0.035), patchy=0.35),
        Cloth("net-emerald", (0.01, 0.22, 0.1), holes=0.28, patchy=0.4),
        Cloth("net-grey", (0.13, 0.13, 0.13), holes=0.25),
    ),
}


@dataclass(frozen=True, slots=True)
class Load:
    """What lies in the bed.

    Attributes:
        material: Look of the load.
        crest_m: Highest point against the edge (positive: above it). None: the bed is empty.
        contact_m: Where the load touches the walls, against the edge; below the crest.
        humps: Number of heaps along the bed.
    """

    material: LoadMaterial
    crest_m: float | None
    contact_m: float = -0.4
    humps: int = 2


@dataclass(frozen=True, slots=True)
class Cover:
    """What lies over the bed.

    Attributes:
        kind: `none`, a `cloth` (tarpaulin or net), a `slide` lid of segments, or a `fold` lid of two leaves.
        cloth: Look of the cloth; for a lid None.
        extent: Covered share of the bed's length (cloth, slide) or of its width (fold), 0..1.
        from_front: The covered part begins at the front wall.
        shape: How the cloth lies where no heap lifts it.
        overhang_m: How far it hangs down outside; 0 with `tucked` (it lies inside the walls).
        folded: Where a folded cloth rests on an open bed, `inside` in a heap behind the front wall; None: nowhere.
    """

    kind: Literal["none", "cloth", "slide", "fold"] = "none"
    cloth: Cloth | None = None
    extent: float = 1.0
    from_front: bool = True
    shape: Literal["flat", "sag", "hoops", "tucked"] = "flat"
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


def draw_load(state: str, split: Split, wall_m: float, rng: np.random.Generator) -> Load:
    """Draws a load for a wanted state; a third of the visible ones lie within 0.2 m of the edge."""
    material = LOADS[split][rng.integers(len(LOADS[split]))]
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
        return Load(material, crest_m, rng.uniform(-0.3, 0.02) * (0.5 if near else 1), int(rng.integers(1, 4)))
    crest_m = -rng.uniform(0.05, 0.2) if near else -rng.uniform(0.2, max(0.3, 0.72 * wall_m))
    return Load(material, crest_m, crest_m - rng.uniform(0.03, 0.35), int(rng.integers(1, 4)))


def draw_cover(state: str, split: Split, load: Load, rng: np.random.Generator) -> Cover:
    """Draws a cover for a wanted state; a heap is never put under a hard lid."""
    cloth = CLOTHS[split][rng.integers(len(CLOTHS[split]))]
    heaped = load.crest_m is not None and load.crest_m > -0.05
    wanted = state
    if state == "not_visible":
        wanted = str(rng.choice(["covered", "loaded"]))
    if wanted == "covered" or wanted == "partial":
        kind = "cloth" if heaped or rng.random() < 0.72 else str(rng.choice(["slide", "fold"]))
        extent = 1.0 if wanted == "covered" else (0.5 if kind == "fold" else float(rng.uniform(0.35, 0.65)))
        shape = str(rng.choice(["flat", "sag", "hoops", "tucked"], p=[0.22, 0.3, 0.2, 0.28]))
        if shape == "tucked" and (load.crest_m is None or load.crest_m < -0.5):
            shape = "sag"
        overhang_m = 0.0 if shape == "tucked" else float(rng.uniform(0.08, 0.45))
        return Cover(kind, cloth if kind == "cloth" else None, extent, bool(rng.random() < 0.6), shape, overhang_m)
    folded = rng.choice(["front", "side", "rear", "inside", "none"], p=[0.17, 0.1, 0.08, 0.25, 0.4])
    return Cover("none", cloth, folded=None if folded == "none" else str(folded))


def draw_tipper(state: str, split: Split, plates: PlateSource, rng: np.random.Generator) -> Tipper:
    """Draws a tipper whose load and cover show the wanted state from a camera that sees into the bed."""
    cab = CABS[split][rng.integers(len(CABS[split]))]
    paints = PAINTS[split]
    paint = paints[rng.integers(len(paints))]
    bed_paint = paint if rng.random() < 0.55 else paints[rng.integers(len(paints))]
    axles = int(rng.choice([2, 3, 4], p=[0.15, 0.35, 0.5]))
    wall_m = float(rng.uniform(0.75, 1.55) if split == "train" else rng.uniform(0.9, 1.4))
    is_long = rng.random() < LONG_SHARE
    load = draw_load(state, split, wall_m, rng)
    plate_type = plates.types[rng.integers(len(plates.types))]
    if "electric" in cab.name:
        plate_type = "nev_large"
    return Tipper(
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
        seed=int(rng.integers(2**31)),
    )

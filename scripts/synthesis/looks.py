"""How trucks, loads and covers may look: cabs, paints, materials and cloths of each split. Plain data, no bpy here.

`train` and `val` share no cab style, body colour, load material or cover cloth, so that a score on `val` says more
than that other seeds were drawn. In `train` most looks lie between two of the named ones: nine materials can be
learned by heart, what lies between them cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

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
    """Look of a tarpaulin or net; `holes` is the share of light that passes; a tarpaulin may be glossy (0 to 1)."""

    name: str
    rgb: Rgb
    holes: float = 0.0
    patchy: float = 0.15
    gloss: float = 0.45


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

MIXED_SHARE = 0.6
"""How often a look of `train` lies between two of the named ones."""
FLOOR: Rgb = (0.11, 0.095, 0.08)

Look = TypeVar("Look")


def pick(
    looks: dict[str, tuple[Look, ...]],
    mix: Callable[[Look, Look, np.random.Generator], Look],
    split: Split,
    rng: np.random.Generator,
) -> Look:
    """Draws one of a split's looks; in `train` mostly one between two of them."""
    named = looks[split]
    look = named[rng.integers(len(named))]
    if split == "train" and rng.random() < MIXED_SHARE:
        return mix(look, named[rng.integers(len(named))], rng)
    return look


def mix_paints(a: Rgb, b: Rgb, rng: np.random.Generator) -> Rgb:
    """A colour between two, in the logarithm, lighter or darker than either by a quarter or so."""
    share, gain = rng.uniform(0, 1), rng.normal(0, 0.25, 3) * 0.5 + rng.normal(0, 0.2)
    mixed = np.exp((1 - share) * np.log(a) + share * np.log(b) + gain)
    red, green, blue = np.clip(mixed, 0.003, 0.85)
    return float(red), float(green), float(blue)


def mix_loads(a: LoadMaterial, b: LoadMaterial, rng: np.random.Generator) -> LoadMaterial:
    """A material between two: colours, grain and wetness; lumps and glints as one of them has."""
    dark = mix_paints(a.dark, b.dark, rng)
    contrast = rng.uniform(1.3, 6.0)
    light = tuple(float(min(0.9, channel * contrast * np.exp(rng.normal(0, 0.06)))) for channel in dark)
    share = rng.uniform(0, 1)
    return LoadMaterial(
        f"{a.name}-{b.name}",
        dark,
        (light[0], light[1], light[2]),
        grain_m=float(np.exp((1 - share) * np.log(a.grain_m) + share * np.log(b.grain_m) + rng.normal(0, 0.2))),
        wetness=float(np.clip((1 - share) * a.wetness + share * b.wetness + rng.normal(0, 0.15), 0, 0.9)),
        stones=a.stones,
        glints=b.glints,
    )


def mix_cloths(a: Cloth, b: Cloth, rng: np.random.Generator) -> Cloth:
    """A cloth between two in colour; a net where the first is one; faded and glossy as it comes."""
    return replace(
        a,
        name=f"{a.name}-{b.name}",
        rgb=mix_paints(a.rgb, b.rgb, rng),
        holes=float(rng.uniform(0.12, 0.35)) if a.holes else 0.0,
        patchy=float(rng.uniform(0.05, 0.5)),
        gloss=float(rng.uniform(0.1, 0.65)),
    )


def draw_floor(split: Split, rng: np.random.Generator) -> Rgb:
    """The colour of a bed's floor: in `train` from rusty to worn bright."""
    if split == "val":
        return FLOOR
    red, green, blue = np.exp(rng.uniform(np.log(0.04), np.log(0.35))) * np.array([1, 0.87, 0.74]) ** rng.uniform(0, 1)
    return float(red), float(green), float(blue)

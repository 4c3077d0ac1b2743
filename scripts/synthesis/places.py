"""What makes a stretch of road a place: a crossing, a site gate behind the truck, the shadow of a bridge over it."""

from __future__ import annotations

import numpy as np

from scripts.synthesis import materials as mat
from scripts.synthesis.light import Light
from scripts.synthesis.shapes import MeshBuilder

CROSSING_SHARE, GATE_SHARE, BRIDGE_SHARE = 0.3, 0.2, 0.25
MARK_M = 0.006  # above the ground, over the lane marks


def add_place(borders: tuple[float, float], light: Light, rng: np.random.Generator) -> None:
    """Adds some of these around a truck whose bumper stands at x = 0 and whose tail points to negative x.

    Args:
        borders: the carriageway's right and left border, y in metres.
        light: only a sun throws a bridge's shadow.
        rng: source of randomness.
    """
    if rng.random() < CROSSING_SHARE:
        _add_crossing(borders, rng)
    if rng.random() < GATE_SHARE:
        _add_gate(borders, rng)
    if light.name in ("sun", "low_sun") and rng.random() < BRIDGE_SHARE:
        _add_bridge_shadow(rng)


def _add_crossing(borders: tuple[float, float], rng: np.random.Generator) -> None:
    """Zebra stripes and a stop line before the bumper or behind the tail."""
    mesh, (right, left) = MeshBuilder(), borders
    x0 = float(rng.uniform(2, 10) if rng.random() < 0.6 else rng.uniform(-30, -12))
    for y in np.arange(right + 0.5, left - 0.5, 1.0):
        mesh.add_box((x0, y, 0), (x0 + 4.0, y + 0.45, MARK_M), "mark")
    mesh.add_box((x0 - 2.2, right + 0.3, 0), (x0 - 1.8, left - 0.3, MARK_M), "mark")
    mesh.build("crossing", {"mark": mat.make_dirty("crossing", (0.62, 0.62, 0.6), 0.35, 0.7, 2.0)})


def _add_gate(borders: tuple[float, float], rng: np.random.Generator) -> None:
    """A site gate behind the truck: two pillars, a beam, walls to both sides."""
    mesh, (right, left) = MeshBuilder(), borders
    x, height = float(rng.uniform(-26, -14)), float(rng.uniform(5.2, 6.5))
    for y, side in ((right - 0.6, -1), (left + 0.6, 1)):
        mesh.add_box((x - 0.4, y - 0.4, 0), (x + 0.4, y + 0.4, height), "pillar")
        low, high = sorted((y, y + side * 14.0))
        mesh.add_box((x - 0.12, low, 0), (x + 0.12, high, 2.5), "wall")
    mesh.add_box((x - 0.3, right - 0.6, height), (x + 0.3, left + 0.6, height + 0.7), "beam")
    tones = [(0.5, 0.5, 0.48), (0.12, 0.2, 0.42), (0.45, 0.12, 0.06)]
    palette = {
        "pillar": mat.make_dirty("gate-pillar", tones[rng.integers(3)], 0.4, 0.7),
        "wall": mat.make_dirty("gate-wall", (0.5, 0.52, 0.5), 0.4, 0.8),
        "beam": mat.make_dirty("gate-beam", tones[rng.integers(3)], 0.3, 0.6),
    }
    mesh.build("gate", palette)


def _add_bridge_shadow(rng: np.random.Generator) -> None:
    """A deck high over the road that the camera does not see: only its shadow falls into the picture."""
    mesh = MeshBuilder()
    x, width, height = float(rng.uniform(-14, 6)), float(rng.uniform(5, 12)), float(rng.uniform(11, 16))
    mesh.add_box((x, -60, height), (x + width, 60, height + 1.2), "deck")
    deck = mesh.build("bridge", {"deck": mat.make_plain("deck", (0.3, 0.3, 0.3), 0.8)})
    deck.visible_camera = False

"""Cameras as plain numbers: looking, projecting, framing. No bpy, so that truth can be tested without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class PinholeCamera:
    """A camera without distortion.

    Attributes:
        position_m: World position (3,).
        axes: World to camera rotation (3, 3): rows are right, down, forward.
        focal_px: Focal length in pixels.
        size_px: Width and height.
    """

    position_m: np.ndarray
    axes: np.ndarray
    focal_px: float
    size_px: tuple[int, int]

    def project(self, points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns pixels (N, 2), origin at the top left corner, and depths in metres (N,); behind means depth <= 0."""
        local = (np.asarray(points_m, float) - self.position_m) @ self.axes.T
        depth = local[:, 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        centre = np.array(self.size_px) / 2
        return local[:, :2] / safe[:, None] * self.focal_px + centre, depth


def aim_camera(
    position_m: np.ndarray, target_m: np.ndarray, focal_px: float, size_px: tuple[int, int], roll_rad: float = 0.0
) -> PinholeCamera:
    """Returns a camera at a position that looks at a target; positive roll turns the picture clockwise."""
    position, target = np.asarray(position_m, float), np.asarray(target_m, float)
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = np.cos(roll_rad), np.sin(roll_rad)
    return PinholeCamera(position, np.stack([c * right + s * down, -s * right + c * down, forward]), focal_px, size_px)


def frame_points(
    position_m: np.ndarray,
    points_m: np.ndarray,
    size_px: tuple[int, int],
    fill: float,
    shift: tuple[float, float] = (0.0, 0.0),
    roll_rad: float = 0.0,
) -> PinholeCamera:
    """Returns a camera that frames points so that their box takes `fill` of the picture's tighter side.

    Args:
        position_m: Where the camera stands.
        points_m: What to frame (N, 3).
        size_px: Width and height of the picture.
        fill: Share of width or height, whichever is reached first; above 1 cuts the points off.
        shift: Offset of the box's centre in shares of the picture.
        roll_rad: Tilt of the horizon.
    """
    target = points_m.mean(0)
    for _ in range(3):  # the box's centre is not the mean's projection: re-aim until it is
        camera = aim_camera(position_m, target, 1000.0, size_px, roll_rad)
        pixels, _ = camera.project(points_m)
        low, high = pixels.min(0), pixels.max(0)
        ray = np.array([*(((low + high) / 2 - np.array(size_px) / 2) / 1000.0), 1.0])
        target = position_m + camera.axes.T @ ray
    focal_px = 1000.0 * fill / ((high - low) / np.array(size_px)).max()
    ray = np.array([-shift[0] * size_px[0] / focal_px, -shift[1] * size_px[1] / focal_px, 1.0])
    return aim_camera(position_m, position_m + camera.axes.T @ ray, focal_px, size_px, roll_rad)


# Places in the vehicle's frame: metres before the bumper (or behind the tailgate), offset to the left, height.
PLACES: dict[str, dict[str, dict[str, tuple[float, float]]]] = {
    "train": {
        "gantry_front": {"ahead": (2.5, 15), "side": (-4.5, 4.5), "height": (5.5, 8.0)},
        "gantry_rear": {"behind": (3, 14), "side": (-4.5, 4.5), "height": (5.0, 8.0)},
        "side_pole": {"along": (-7, 2), "side": (5, 10), "height": (4.8, 7.5)},
        "site_gate": {"ahead": (1, 6), "side": (2, 4.5), "height": (4.3, 6.0)},
        "weigh_bridge": {"along": (-7, -2), "side": (0.5, 3), "height": (6.0, 8.5)},
        "tele_front": {"ahead": (12, 30), "side": (-5, 5), "height": (6.0, 9.0)},
        "tele_rear": {"behind": (12, 26), "side": (-5, 5), "height": (5.5, 8.5)},
    },
    "val": {
        "bridge_front": {"ahead": (4, 18), "side": (-6, 6), "height": (6.5, 9.5)},
        "mast_rear": {"behind": (2, 9), "side": (3, 6), "height": (5.2, 7.0)},
        "mast_front": {"ahead": (3, 10), "side": (4, 8), "height": (5.5, 8.0)},
        "mast_tele": {"ahead": (14, 34), "side": (-8, 8), "height": (7.0, 10.0)},
    },
    "low": {
        "low_front": {"ahead": (5, 14), "side": (-3, 3), "height": (1.1, 2.4)},
        "low_rear": {"behind": (5, 14), "side": (-3, 3), "height": (1.1, 2.4)},
        "low_side": {"along": (-7, 1), "side": (6, 11), "height": (1.1, 2.3)},
    },
}

WEIGHTS = {"tele_front": 4.0, "tele_rear": 2.0, "mast_tele": 2.0}
"""How often a place is drawn, against 1: most gantry cameras look from afar over the cab into the bed."""


def draw_place(group: str, length_m: float, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Draws a named camera place for a vehicle of the given length; returns its name and position (3,)."""
    names = list(PLACES[group])
    weights = np.array([WEIGHTS.get(name, 1.0) for name in names])
    name = str(rng.choice(names, p=weights / weights.sum()))
    ranges = PLACES[group][name]
    height, side = rng.uniform(*ranges["height"]), rng.uniform(*ranges["side"])
    if "ahead" in ranges:
        x = rng.uniform(*ranges["ahead"])
    elif "behind" in ranges:
        x = -length_m - rng.uniform(*ranges["behind"])
    else:
        x = rng.uniform(*ranges["along"])
    if ranges["side"][0] > 0 and rng.random() < 0.5:
        side = -side
    return name, np.array([x, side, height])

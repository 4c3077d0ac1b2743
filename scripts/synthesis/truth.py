"""Exact labels of what a picture shows: pure numbers from geometry and rays. No bpy here.

What a camera cannot see is `not_visible`, whatever lies in the bed. Rays go from the camera through a grid over the
bed's opening; where they end says whether the load, the floor or a cover is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from scripts.synthesis.cameras import PinholeCamera
from scripts.synthesis.specs import Tipper

SEE_IN_SHARE = 0.25  # below this share of the opening a person cannot tell what the bed holds
SEE_LOAD_SHARE = 0.12
SEE_DEPTH_SHARE = 0.15
HEAP_MARGIN_M = 0.08
MIN_SEEN_POINTS = 12
COVERS = {"cloth", "lid", "rope"}
CARGO = COVERS | {"load"}

Hit = tuple[str, np.ndarray]
CastRay = Callable[[np.ndarray, np.ndarray], "Hit | None"]
"""Origin and unit direction to (material name, hit point) of the first surface, None for the sky."""


@dataclass(frozen=True, slots=True)
class BedView:
    """What a camera sees through the bed's opening, as shares of all rays through it."""

    open_share: float  # rays that reach the opening or something that stands above it
    cover_share: float
    load_share: float
    deep_share: float  # rays that end lower than half of the walls' height
    heap_points: int  # points of load or cloth above the edge that are seen


def box_points(camera: PinholeCamera, points_m: np.ndarray) -> list[float] | None:
    """Returns the box x1, y1, x2, y2 in pixels of that part of the points' hull which lies inside the picture.

    Clipping the hull instead of the box matters at the border: a bumper that sticks into the picture is narrower than
    the car. None if nothing is inside.
    """
    pixels, depth = camera.project(points_m)
    pixels = pixels[depth > 0.2]
    if len(pixels) < 3:
        return None
    width, height = camera.size_px
    hull = cv2.convexHull(np.clip(pixels, -20_000, 20_000).astype(np.float32))
    frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    area, inside = cv2.intersectConvexConvex(hull, frame)
    if area <= 1 or inside is None:
        return None
    (x1, y1), (x2, y2) = inside.reshape(-1, 2).min(0), inside.reshape(-1, 2).max(0)
    return [round(float(v), 1) for v in (x1, y1, x2, y2)] if x2 - x1 > 1 and y2 - y1 > 1 else None


def look_into_bed(
    camera: PinholeCamera, rim_m: np.ndarray, wall_m: float, top_m: np.ndarray, cast_ray: CastRay
) -> BedView:
    """Casts rays through the bed's opening and to the points `top_m` of what lies above the edge.

    Args:
        camera: The camera.
        rim_m: Corners of the opening (4, 3), front left, front right, rear right, rear left, world metres.
        wall_m: Height of the walls.
        top_m: Points of the load's or cloth's surface (N, 3).
        cast_ray: First surface along a ray.
    """
    opening = _spread(rim_m, np.linspace(0.04, 0.96, 16), np.linspace(0.08, 0.92, 7)).reshape(-1, 3)
    rim_z = float(rim_m[:, 2].mean())
    seen = dict.fromkeys(("open", "cover", "load", "deep"), 0)
    for point in opening:
        if not _inside(camera, point):
            continue
        reach, hit = _cast_at(camera, point, cast_ray)
        if hit is None:
            continue
        material, place = hit
        cargo = material in CARGO
        if not cargo and (np.linalg.norm(place - camera.position_m) < reach - 0.02 or place[2] > rim_z + 0.05):
            continue
        if camera.position_m[2] < rim_z:
            continue  # from below, the ray meets the wall's outside or the cloth's skirt
        seen["open"] += 1
        seen["cover"] += material in COVERS
        seen["load"] += material == "load"
        seen["deep"] += place[2] < rim_z - 0.5 * wall_m
    high = top_m[top_m[:, 2] > rim_z + HEAP_MARGIN_M]
    high = high[:: max(1, len(high) // 60)]
    heap_points = 0
    for point in high:
        if _inside(camera, point):
            _, hit = _cast_at(camera, point, cast_ray)
            heap_points += hit is not None and bool(np.linalg.norm(hit[1] - point) < 0.08)
    n = len(opening)
    return BedView(seen["open"] / n, seen["cover"] / n, seen["load"] / n, seen["deep"] / n, heap_points)


def _spread(rim_m: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Points (A, B, 3) over an opening: shares `along` (A,) from front to rear, `across` (B,) from left to right."""
    u, v = along[:, None, None], across[None, :, None]
    return (rim_m[0] * (1 - v) + rim_m[1] * v) * (1 - u) + (rim_m[3] * (1 - v) + rim_m[2] * v) * u


def _cast_at(camera: PinholeCamera, point_m: np.ndarray, cast_ray: CastRay) -> tuple[float, Hit | None]:
    """Distance of a point, and what a ray towards it meets first."""
    reach = float(np.linalg.norm(point_m - camera.position_m))
    return reach, cast_ray(camera.position_m, (point_m - camera.position_m) / reach)


def _inside(camera: PinholeCamera, point_m: np.ndarray) -> bool:
    pixels, depth = camera.project(point_m[None])
    return bool(depth[0] > 0 and (pixels[0] >= 0).all() and (pixels[0] < camera.size_px).all())


def box_seen_bed(
    camera: PinholeCamera, rim_m: np.ndarray, content_m: np.ndarray, cast_ray: CastRay
) -> list[float] | None:
    """Returns the box of what a camera sees of a bed: its opening, the outside of its edge, what lies in or over it.

    The bed's whole box is half cab where a camera looks over the cab from the front; this one is not.

    Args:
        camera: The camera.
        rim_m: Corners of the opening (4, 3), world metres, in the order of `look_into_bed`.
        content_m: Points of load, cloth and lid (N, 3).
        cast_ray: First surface along a ray.

    Returns:
        x1, y1, x2, y2 in pixels inside the picture; None if hardly anything is seen.
    """
    opening = _spread(rim_m, np.linspace(0.0, 1.0, 20), np.linspace(0.0, 1.0, 12))
    edge = np.concatenate([opening[0], opening[-1], opening[1:-1, 0], opening[1:-1, -1]])
    seen = []
    for point in np.concatenate([edge, edge - np.array([0, 0, 0.3]), content_m[:: max(1, len(content_m) // 400)]]):
        if _inside(camera, point):
            reach, hit = _cast_at(camera, point, cast_ray)
            if hit and abs(np.linalg.norm(hit[1] - camera.position_m) - reach) < 0.15:
                seen.append(point)
    for point in opening.reshape(-1, 3):
        if _inside(camera, point) and camera.position_m[2] >= point[2]:
            reach, hit = _cast_at(camera, point, cast_ray)
            gap_m = np.linalg.norm(hit[1] - camera.position_m) - reach if hit else np.inf
            if gap_m > -0.02:
                seen.append(point)
            elif hit[0] in CARGO and gap_m > -2.0:  # a heap or a lid above the edge
                seen.append(hit[1])
    return box_points(camera, np.array(seen)) if len(seen) >= MIN_SEEN_POINTS else None


def judge_bed(spec: Tipper, crest_m: float | None, view: BedView) -> tuple[str, str]:
    """Returns the honest pair (cover, fill) for what the camera sees of a tipper's bed."""
    kind = "open" if spec.cover.kind == "none" else ("closed" if spec.cover.extent >= 1 else "partial")
    above = crest_m is not None and crest_m > 0
    heap_seen = above and view.heap_points >= 8
    if view.open_share < SEE_IN_SHARE:
        return (kind, "above_edge") if heap_seen and kind != "partial" else ("not_visible", "not_visible")
    if kind == "closed":
        return kind, "above_edge" if heap_seen else "not_visible"
    if heap_seen:
        return kind, "above_edge"
    uncovered = max(view.open_share - view.cover_share, 0.0)
    if kind == "partial" and (uncovered < 0.1 or view.cover_share < 0.08):
        return "not_visible", "not_visible"
    if crest_m is not None:
        return kind, "below_edge" if not above and view.load_share >= min(
            SEE_LOAD_SHARE, 0.5 * uncovered
        ) else "not_visible"
    return kind, "empty" if view.deep_share >= min(SEE_DEPTH_SHARE, 0.4 * uncovered) else "not_visible"


def name_state(cover: str, fill: str) -> str:
    """Returns the one-word state that follows from the two axes."""
    if cover in ("closed", "partial"):
        return {"closed": "covered", "partial": "partial"}[cover]
    if cover == "open":
        return {"empty": "empty", "below_edge": "loaded", "above_edge": "heaped"}.get(fill, "not_visible")
    return "not_visible"


def place_points(points_m: np.ndarray, position_m: np.ndarray, heading_rad: float) -> np.ndarray:
    """Turns vehicle coordinates (N, 3) about the vertical and moves them into the world."""
    c, s = np.cos(heading_rad), np.sin(heading_rad)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return np.asarray(points_m, float) @ turn.T + position_m


def label_plate(camera: PinholeCamera, corners_m: np.ndarray, cast_ray: CastRay) -> list[list[float]] | None:
    """Returns a plate's corners in pixels, top-left first, clockwise; None if turned away, cut off or hidden."""
    pixels, depth = camera.project(corners_m)
    a, b, d = pixels[0], pixels[1], pixels[3]
    facing = (b[0] - a[0]) * (d[1] - a[1]) - (b[1] - a[1]) * (d[0] - a[0]) > 1.0
    if (depth <= 0.2).any() or not facing or (pixels < 0).any() or (pixels > camera.size_px).any():
        return None
    centre = corners_m.mean(0)
    _, hit = _cast_at(camera, centre, cast_ray)
    if hit is None or np.linalg.norm(hit[1] - centre) > 0.1:
        return None
    return [[round(float(x), 1), round(float(y), 1)] for x, y in pixels]


def label_vehicle(camera: PinholeCamera, vehicle: Any, cast_ray: CastRay) -> dict[str, Any] | None:
    """Returns one vehicle's label, None if it is outside the picture; see docs/rendering.md for the fields."""
    box = box_points(camera, vehicle.world(vehicle.body.mesh.points_m()))
    if box is None:
        return None
    label: dict[str, Any] = {
        "track_id": vehicle.track_id,
        "kind": vehicle.body.kind,
        "tipper": vehicle.spec is not None,
        "box_xyxy": box,
        "bed_polygon": None,
        "bed_box_xyxy": None,
        "cover": None,
        "fill": None,
        "heap_height_m": None,
        "visible_share": None,
        "plate": None,
    }
    side = _plate_side(camera, vehicle)
    if side in vehicle.body.plates:
        corners = label_plate(camera, vehicle.world(vehicle.body.plates[side]), cast_ray)
        if corners:
            label["plate"] = {
                "text": vehicle.plate,
                "type": vehicle.plate_types[side],
                "corners": corners,
                "side": side,
            }
    if vehicle.spec is None:
        return {**label, "state": "not_tipper"}
    rim = vehicle.world(vehicle.body.rim_m)
    pixels, depth = camera.project(rim)
    if (depth > 0.2).all():
        label["bed_polygon"] = [[round(float(x), 1), round(float(y), 1)] for x, y in pixels]
        label["bed_box_xyxy"] = box_points(camera, vehicle.world(vehicle.body.bed_points_m()))
    top = vehicle.world(vehicle.body.top_points_m())
    view = look_into_bed(camera, rim, vehicle.spec.wall_m, top, cast_ray)
    cover, fill = judge_bed(vehicle.spec, vehicle.body.crest_m, view)
    crest = vehicle.body.crest_m
    return {
        **label,
        "cover": cover,
        "fill": fill,
        "visible_share": round(view.open_share, 3),
        "heap_height_m": None if crest is None else round(crest, 3),
        "state": name_state(cover, fill),
    }


def label_seen_bed(camera: PinholeCamera, vehicle: Any, cast_ray: CastRay) -> list[float] | None:
    """Returns the box of what is seen of a vehicle's bed, None where there is none; too many rays for every frame."""
    if vehicle.spec is None:
        return None
    rim = vehicle.world(vehicle.body.rim_m)
    if not (camera.project(rim)[1] > 0.2).all():
        return None
    content = vehicle.world(vehicle.body.mesh.points_m({"load", "cloth", "lid"}))
    return box_seen_bed(camera, rim, content, cast_ray)


def _plate_side(camera: PinholeCamera, vehicle: Any) -> str:
    """Returns which plate faces the camera."""
    ahead = vehicle.world(np.array([[1.0, 0, 0]]))[0] - vehicle.world(np.array([[0.0, 0, 0]]))[0]
    return "front" if (camera.position_m - vehicle.position_m) @ ahead > 0 else "rear"

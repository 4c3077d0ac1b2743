"""A map without a map: cameras as points where they stand, drawn as SVG from their coordinates alone."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from detector.entities import Camera

WIDTH, HEIGHT, MARGIN = 360, 240, 34
METRES_A_DEGREE = 111_320.0
LEAST_SPAN_M = 200.0
STEPS_M = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
SHOWN_MOST = 40


@dataclass(frozen=True, slots=True)
class _Spot:
    camera: Camera
    x_m: float
    y_m: float


def draw_sketch(camera: Camera | None, others: Iterable[Camera], label: str) -> str | None:
    """The camera of a case among its nearest neighbours; north is up.

    Args:
        camera: of the case.
        others: all that are known.
        label: says in words what the picture shows.

    Returns:
        An SVG; None when nobody has said where the camera stands.
    """
    if camera is None or camera.latitude is None or camera.longitude is None:
        return None
    spots = [spot for other in others if (spot := _place(camera, other)) is not None]
    spots = sorted(spots, key=lambda spot: (math.hypot(spot.x_m, spot.y_m), spot.camera.camera_id))[:SHOWN_MOST]
    reach_x = max([LEAST_SPAN_M / 2, *(abs(spot.x_m) for spot in spots)])
    reach_y = max([LEAST_SPAN_M / 2, *(abs(spot.y_m) for spot in spots)])
    scale = min((WIDTH / 2 - MARGIN) / reach_x, (HEIGHT / 2 - MARGIN) / reach_y)
    middle_x, middle_y = WIDTH / 2, HEIGHT / 2
    parts = [
        f'<svg class="sketch" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">',
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
    ]
    for spot in spots:
        x, y = middle_x + spot.x_m * scale, middle_y - spot.y_m * scale
        name = escape(spot.camera.place or spot.camera.camera_id)
        parts.append(f'<g class="other"><title>{name}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></g>')
    name = escape(camera.place or camera.camera_id)
    parts += [
        f'<g class="here"><circle class="ring" cx="{middle_x}" cy="{middle_y}" r="11"/>'
        f'<circle cx="{middle_x}" cy="{middle_y}" r="5"/>'
        f'<text x="{middle_x}" y="{middle_y - 17}" text-anchor="middle">{name}</text></g>',
        *_scale_bar(scale),
        '<g class="north"><path d="M338 34 l-5 14 5 -4 5 4z"/><text x="338" y="28" text-anchor="middle">N</text></g>',
    ]
    return "".join([*parts, "</svg>"])


def _place(centre: Camera, other: Camera) -> _Spot | None:
    """Where a camera stands as seen from another, in metres east and north; flat is exact enough within a city."""
    if other.camera_id == centre.camera_id or other.latitude is None or other.longitude is None:
        return None
    assert centre.latitude is not None
    assert centre.longitude is not None
    shrink = math.cos(math.radians(centre.latitude))
    east = (other.longitude - centre.longitude) * METRES_A_DEGREE * shrink
    return _Spot(other, east, (other.latitude - centre.latitude) * METRES_A_DEGREE)


def _scale_bar(scale: float) -> list[str]:
    metres = max((step for step in STEPS_M if step * scale <= WIDTH / 3), default=STEPS_M[0])
    length, y = metres * scale, HEIGHT - 14
    text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres} m"
    return [
        f'<g class="scale"><path d="M14 {y - 4} v4 h{length:.1f} v-4"/>'
        f'<text x="{14 + length / 2:.1f}" y="{y - 7}" text-anchor="middle">{text}</text></g>'
    ]

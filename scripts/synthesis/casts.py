"""Who drives past which camera in which film. World: the camera stands near x = 0 and looks along -x; y is the lane."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from scripts.synthesis.looks import CABS, CLOTHS, LOADS, Rgb
from scripts.synthesis.specs import Cover, Load, Tipper

CAB = {style.name: style for styles in CABS.values() for style in styles}
LOAD = {look.name: look for looks in LOADS.values() for look in looks}
CLOTH = {look.name: look for looks in CLOTHS.values() for look in looks}

LEFT_M, RIGHT_M = 1.9, -1.9  # lane centres


@dataclass(frozen=True, slots=True)
class Role:
    """A vehicle's way through the film: its front stands at `near_x_m` at `near_s` and drives at constant speed."""

    lane_m: float
    near_s: float
    speed_mps: float
    tipper: Tipper | None = None
    kind: str = "car"
    plate: str = ""
    plate_type: str = "blue"
    paint: Rgb = (0.4, 0.4, 0.42)
    violations: tuple[str, ...] = ()
    near_x_m: float = -10.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Cast:
    """A film: camera, light and roles; lengths in metres."""

    camera_id: str
    camera_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    focal_px: float
    size_px: tuple[int, int]
    seconds: float
    roles: tuple[Role, ...]
    away: bool = False
    sees_into_bed: bool = True
    road_m: tuple[float, float] = (-4.4, 4.4)
    sun_height_deg: float = 62.0
    sun_azimuth_deg: float = 60.0
    fps: Fraction = Fraction(25, 2)
    crf: int = 23
    seed: int = 7
    started_at: str = "2026-05-18T09:30:00+08:00"


BLUE, RED, WHITE, GREEN = (0.02, 0.06, 0.3), (0.35, 0.02, 0.02), (0.7, 0.7, 0.68), (0.03, 0.2, 0.06)

HEAPED = Tipper(
    CAB["classic"],
    BLUE,
    (0.03, 0.07, 0.26),
    Load(LOAD["dry-soil"], 0.5, -0.05, 2),
    Cover(),
    "渝DC6123",
    "yellow_single",
    axles=3,
    bed_length_m=5.4,
    wall_m=1.0,
    floor_m=1.3,
    spill_m=0.0,
    front_raise_m=0.1,
    dirt=0.35,
    seed=11,
)
COVERED = Tipper(
    CAB["angular"],
    RED,
    RED,
    Load(LOAD["gravel"], -0.2, -0.4, 2),
    Cover("cloth", CLOTH["tarp-green"], shape="sag"),
    "渝A85K27",
    "yellow_single",
    axles=3,
    bed_length_m=5.4,
    wall_m=1.05,
    floor_m=1.3,
    spill_m=0.0,
    front_raise_m=0.05,
    dirt=0.2,
    seed=12,
)
EMPTY = Tipper(
    CAB["city-electric"],
    WHITE,
    GREEN,
    Load(LOAD["soil"], None),
    Cover(),
    "渝B39016F",
    "nev_large",
    axles=3,
    bed_length_m=5.6,
    wall_m=1.0,
    floor_m=1.3,
    spill_m=0.0,
    front_raise_m=0.0,
    dirt=0.3,
    seed=14,
)

DEMO = Cast(
    "demo-gantry",
    (0.0, 0.4, 6.0),
    (-17.3, 0.0, 0.6),
    2720.0,
    (1920, 1080),
    12.4,
    (
        Role(RIGHT_M, 1.7, 10.5, kind="car", plate="渝AX5K62", plate_type="blue", seed=2),
        Role(LEFT_M, 4.0, 7.2, HEAPED, violations=("uncovered_load", "heaped_load")),
        Role(
            RIGHT_M, 4.6, 10.0, kind="car", plate="渝AD26805", plate_type="nev_small", paint=(0.75, 0.75, 0.73), seed=5
        ),
        Role(RIGHT_M, 7.4, 7.0, COVERED),
        Role(LEFT_M, 9.9, 7.2, EMPTY),
        Role(RIGHT_M, 11.2, 9.5, kind="car", plate="川A7M30C", plate_type="blue", paint=(0.3, 0.02, 0.02), seed=6),
    ),
)

LOADED = Tipper(
    CAB["high-roof"],
    WHITE,
    (0.1, 0.1, 0.11),
    Load(LOAD["sand"], -0.25, -0.5, 2),
    Cover(),
    "渝DH7350",
    "yellow_single",
    axles=3,
    bed_length_m=5.6,
    wall_m=1.1,
    floor_m=1.3,
    spill_m=0.35,
    dirt=0.4,
    seed=21,
)
HALF = Tipper(
    CAB["long-haul"],
    (0.75, 0.35, 0.02),
    (0.75, 0.35, 0.02),
    Load(LOAD["soil"], -0.3, -0.5, 2),
    Cover("cloth", CLOTH["net-green"], 0.5, True, "flat"),
    "渝C2R916",
    "yellow_single",
    axles=3,
    bed_length_m=5.6,
    wall_m=1.1,
    floor_m=1.3,
    spill_m=0.35,
    dirt=0.3,
    seed=22,
)

REAR = Cast(
    "rear-gantry",
    (0.0, 0.3, 6.0),
    (-18.5, 0.0, 0.6),
    2000.0,
    (1280, 720),
    7.6,
    (
        Role(LEFT_M, 1.4, 7.0, LOADED, violations=("uncovered_load",), near_x_m=-18.5),
        Role(RIGHT_M, 2.4, 10.5, kind="car", plate="渝F3390B", plate_type="blue", paint=BLUE, near_x_m=-14.0, seed=3),
        Role(RIGHT_M, 4.6, 7.0, HALF, violations=("uncovered_load",), near_x_m=-18.5),
        Role(LEFT_M, 6.2, 8.5, kind="box_truck", plate="渝A61D28", plate_type="yellow_single", near_x_m=-18.0, seed=4),
    ),
    away=True,
    seed=8,
    started_at="2026-05-18T10:05:00+08:00",
    sun_azimuth_deg=250.0,
)

LOW = Cast(
    "low-pole",
    (0.0, -5.6, 2.2),
    (-22.0, 0.0, 1.6),
    2100.0,
    (1280, 720),
    6.0,
    (
        Role(LEFT_M, 2.6, 8.0, LOADED, near_x_m=-14.0),
        Role(LEFT_M, 5.4, 8.0, COVERED, near_x_m=-14.0),
    ),
    sees_into_bed=False,
    seed=9,
    started_at="2026-05-18T11:00:00+08:00",
)

CASTS = {"demo": DEMO, "rear": REAR, "low": LOW}

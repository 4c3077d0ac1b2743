"""Drivers with plates, their visits, and what the cameras make of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from scripts.simulation.city import HUBS, ROADS, ROLES, Hub
from scripts.simulation.habits import Errors, Habit

BEIJING = timezone(timedelta(hours=8))
LETTERS, DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"
ELSEWHERE = ("川A", "川B", "川X", "贵C", "贵A", "湘E", "鄂Q", "陕G")
LOOK_ALIKES = {
    c: [o for o in group if o != c] for group in ("0DQ", "8B", "5S", "2Z", "17T", "6G", "UV", "4A") for c in group
}
APPROACH_S = 900.0
"""Longest drive from the road camera before the hubs to an entry camera."""

APART_S = 1800.0
"""Least time between two journeys of one car, seconds."""

DIRECTIONS = {"entry": "驶入", "departures": "送客", "arrivals": "接客", "exit": "驶离"}


@dataclass(frozen=True, slots=True)
class Driver:
    """One plate and who drives it."""

    plate: str
    habit: Habit
    vehicle_type: str
    colour: str
    activity: float
    hubs: tuple[Hub, ...]
    favourite: dict[str, str]
    is_registered: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One row of the sightings file; `seen_s` counts from the first midnight (Beijing)."""

    plate: str
    camera_id: str
    seen_s: float
    direction: str
    vehicle_type: str
    colour: str


def make_drivers(habits: tuple[Habit, ...], scale: float, rng: random.Random) -> list[Driver]:
    """Every driver of the city; at least one of each kind."""
    used: set[str] = set()
    drivers = []
    for habit in habits:
        for _ in range(max(1, round(habit.count * scale))):
            drivers += [_make_driver(habit, used, rng)] * habit.twins
    return drivers


def drive(drivers: list[Driver], days: int, start_at: datetime, rng: random.Random) -> Iterator[Reading]:
    """Everything that passes a camera, as it truly is."""
    for driver in drivers:
        free_s = 0.0
        for day in range(days):
            is_weekend = (start_at + timedelta(days=day)).weekday() >= 5
            readings = list(_drive_day(driver, max(free_s, day * 86400.0), (day * 86400.0, is_weekend), rng))
            free_s = max([free_s, *(r.seen_s + APART_S for r in readings)])
            yield from readings


def observe(passes: Iterator[Reading], errors: Errors, rng: random.Random) -> Iterator[Reading]:
    """What cameras make of it: some plates missed, some misread, times by clocks that are off."""
    cameras = sorted({c for hub in HUBS for role in ROLES for c in hub.cameras[role]} | set(ROADS))
    offset_s = {camera: rng.gauss(0.0, errors.clock_s) for camera in cameras}
    offset_s[rng.choice(ROADS)] = errors.bad_clock_s
    for r in passes:
        hour = r.seen_s / 3600 % 24
        missed = errors.missed_night if hour >= 20 or hour < 6 else errors.missed_day
        if rng.random() < missed:
            continue
        plate = misread(r.plate, rng) if rng.random() < errors.misread else r.plate
        seen_s = r.seen_s + offset_s[r.camera_id] + rng.gauss(0.0, errors.jitter_s)
        yield Reading(plate, r.camera_id, seen_s, r.direction, r.vehicle_type, r.colour)


def misread(plate: str, rng: random.Random) -> str:
    """The plate with one serial character taken for a look-alike, or for any other where it has none."""
    position = rng.randrange(2, len(plate))
    right = plate[position]
    wrong = rng.choice(LOOK_ALIKES.get(right) or [c for c in DIGITS if c != right])
    return plate[:position] + wrong + plate[position + 1 :]


def _make_driver(habit: Habit, used: set[str], rng: random.Random) -> Driver:
    vehicle = rng.choices(list(habit.vehicles), list(habit.vehicles.values()))[0]
    is_electric = vehicle == "car" and rng.random() < (0.6 if habit.kind in ("taxi", "licensed") else 0.3)
    while True:
        plate = _draw_plate(rng.random() < habit.out_of_town, is_electric, rng)
        if plate not in used:
            used.add(plate)
            break
    hubs = tuple(rng.sample(HUBS, habit.hubs))
    favourite = {f"{hub.hub_id}/{role}": rng.choice(hub.cameras[role]) for hub in hubs for role in ROLES}
    colour = "green" if is_electric else "blue" if vehicle == "car" else "yellow"
    activity = rng.uniform(1 - habit.spread, 1 + habit.spread)
    return Driver(plate, habit, vehicle, colour, activity, hubs, favourite, rng.random() < habit.registered)


def _draw_plate(is_foreign: bool, is_electric: bool, rng: random.Random) -> str:
    start = rng.choice(ELSEWHERE) if is_foreign else "渝" + rng.choice("ABCDFGHN")
    if is_electric:
        return start + rng.choice("DABCEFGHJK") + "".join(rng.choices(DIGITS, k=5))
    serial = rng.choices(DIGITS, k=5)
    for position in rng.sample(range(5), rng.choice((0, 1, 1, 2))):
        serial[position] = rng.choice(LETTERS)
    return start + "".join(serial)


def _drive_day(driver: Driver, free_s: float, day: tuple[float, bool], rng: random.Random) -> Iterator[Reading]:
    """One day: visits one after another, then road passes in what time is left; a car is never in two places."""
    habit, (midnight_s, is_weekend) = driver.habit, day
    chance = (habit.weekend if is_weekend else habit.weekday) * driver.activity
    if rng.random() < chance:
        for begin_s in sorted(midnight_s + _draw_hour(habit, rng) * 3600 for _ in range(rng.randint(*habit.visits))):
            hub = driver.hubs[0] if rng.random() < 0.6 else rng.choice(driver.hubs)
            readings = list(_visit(driver, hub, max(begin_s, free_s), rng))
            yield from readings
            free_s = readings[-1].seen_s + rng.uniform(APART_S, 3 * APART_S)
    while rng.random() < habit.road_passes / (1 + habit.road_passes):
        free_s = max(free_s, midnight_s + 6 * 3600) + rng.uniform(0.5, 6.0) * 3600
        if free_s > midnight_s + 86400:
            return
        yield _reading(driver, rng.choice(ROADS), free_s, "过境")
        free_s += APART_S * 2


def _draw_hour(habit: Habit, rng: random.Random) -> float:
    begin, end, _ = rng.choices(habit.hours, [w for *_, w in habit.hours])[0]
    return rng.uniform(begin, end)


def _visit(driver: Driver, hub: Hub, start_s: float, rng: random.Random) -> Iterator[Reading]:
    """One visit: the cameras of its kind, with the road before and after it where that has a camera."""
    habit = driver.habit
    kind = rng.choices(list(habit.mix), list(habit.mix.values()))[0]
    stops = {
        "drop": (("departures", 2, 5), ("exit", 2, 6)),
        "pickup": (("arrivals", 3, 6), ("exit", 3, 12)),
        "wait": (("arrivals", 15, 60), ("exit", 2, 8)),
        "loop": (("departures", 2, 5), ("arrivals", 5, 40), ("exit", 2, 8)),
        "park": (("exit", 60 * habit.park_hours[0], 60 * habit.park_hours[1]),),
        "cargo": (("exit", 8, 30),),
    }[kind]
    at_s = start_s + APPROACH_S
    if rng.random() < 0.5:
        yield _reading(driver, ROADS[0], at_s - rng.uniform(0.7, 1.0) * APPROACH_S, "过境")
    yield _reading(driver, _camera(driver, hub, "entry", rng), at_s, DIRECTIONS["entry"])
    for role, least_min, most_min in stops:
        at_s += 60 * rng.uniform(least_min, most_min)
        yield _reading(driver, _camera(driver, hub, role, rng), at_s, DIRECTIONS[role])


def _camera(driver: Driver, hub: Hub, role: str, rng: random.Random) -> str:
    if rng.random() < driver.habit.kerb_loyalty:
        return driver.favourite[f"{hub.hub_id}/{role}"]
    return rng.choice(hub.cameras[role])


def _reading(driver: Driver, camera_id: str, seen_s: float, direction: str) -> Reading:
    return Reading(driver.plate, camera_id, seen_s, direction, driver.vehicle_type, driver.colour)


def instant(start_at: datetime, seen_s: float) -> str:
    """ISO 8601 in Beijing time, milliseconds."""
    at = start_at.astimezone(UTC) + timedelta(seconds=seen_s)
    return at.astimezone(BEIJING).isoformat(timespec="milliseconds")

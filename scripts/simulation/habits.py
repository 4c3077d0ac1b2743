"""Who drives in the simulated city and how: every number here is an assumption (docs/sightings.md lists them).

Two populations: `main`, on which the scorer may be tuned, and `shifted`, with other rates and habits, which no weight
and no threshold was ever fitted to. Frozen as git tag `simulator-v2` before the weights in use were fitted. Version 1
had taxis that came so seldom (2 to 6 visits a day) that plain frequency found one illegal driver in three: far from the
field, where 4 % of such alerts were proven. Only taxis and licensed cars were made busier; nothing of illegal drivers
was changed.
"""

from dataclasses import dataclass, field, replace
from typing import Any

MIXES = {
    "drop": "entry, departures kerb, exit",
    "pickup": "entry, arrivals kerb, exit",
    "wait": "entry, 15 to 60 minutes in the holding lot, arrivals kerb, exit",
    "loop": "entry, departures kerb, arrivals kerb 5 to 40 minutes later, exit",
    "park": "entry, hours, exit",
    "cargo": "entry, 8 to 30 minutes, exit",
}
"""The kinds of visit."""

ALL_DAY = ((6, 23, 1.0),)
OFFICE = ((7, 9, 0.6), (16, 19, 0.4))
SHIFTS = ((5, 8, 0.5), (13, 15, 0.3), (20, 23, 0.2))
NIGHT = ((21, 24, 0.6), (0, 4, 0.4))
TRADE = ((5, 10, 0.25), (10, 16, 0.25), (16, 22, 0.3), (22, 24, 0.2))


@dataclass(frozen=True, slots=True)
class Habit:
    """How one kind of driver behaves.

    Attributes:
        count: plates of this kind at scale 1.
        illegal: truth of the label.
        register: "licensed", or a category of the exemptions register; None when no register knows such drivers.
        registered: share of this kind that the register holds.
        weekday, weekend: chance of being active on such a day.
        visits: fewest and most visits to a hub on an active day.
        hours: (from, to, weight) of the local hour at which a visit begins.
        mix: kind of visit → weight.
        hubs: how many hubs a driver uses.
        kerb_loyalty: chance of using the same kerb, entry and exit as always.
        park_hours: dwell of "park" visits.
        vehicles: vehicle type → weight.
        out_of_town: share with a plate from elsewhere.
        spread: drivers differ: their chance to be active is scaled by a factor between 1 - spread and 1 + spread.
        road_passes: passes of road cameras a day that have nothing to do with a hub.
        twins: cars that carry each plate; 2 for cloned plates, whose two cars know nothing of each other.
    """

    kind: str
    count: int
    illegal: bool = False
    register: str | None = None
    registered: float = 0.0
    weekday: float = 0.0
    weekend: float = 0.0
    visits: tuple[int, int] = (1, 1)
    hours: tuple[tuple[int, int, float], ...] = ALL_DAY
    mix: dict[str, float] = field(default_factory=dict)
    hubs: int = 1
    kerb_loyalty: float = 0.4
    park_hours: tuple[float, float] = (7.0, 11.0)
    vehicles: dict[str, float] = field(default_factory=lambda: {"car": 1.0})
    out_of_town: float = 0.08
    spread: float = 0.3
    road_passes: float = 0.3
    twins: int = 1


MAIN = (
    Habit("tourist", 42000, weekday=0.045, weekend=0.07, mix={"drop": 4, "pickup": 3, "wait": 1, "park": 2},
          hubs=2, park_hours=(1.0, 60.0), out_of_town=0.22, spread=0.9, road_passes=0.05),
    Habit("resident", 13000, weekday=0.06, weekend=0.08, mix={"drop": 5, "pickup": 4, "park": 1}, hubs=2,
          park_hours=(1.0, 30.0), out_of_town=0.05, spread=0.9, road_passes=0.4),
    Habit("commuter", 1500, weekday=0.85, weekend=0.06, hours=OFFICE, mix={"park": 9, "drop": 1}, kerb_loyalty=0.8),
    Habit("spouse", 700, weekday=0.7, weekend=0.08, visits=(1, 2), hours=OFFICE, mix={"drop": 5, "pickup": 5},
          kerb_loyalty=0.8),
    Habit("parent", 800, weekday=0.12, weekend=0.55, hours=((9, 21, 1.0),), mix={"drop": 5, "pickup": 4, "wait": 1}),
    Habit("staff", 1200, register="staff", registered=0.92, weekday=0.75, weekend=0.5, hours=SHIFTS, mix={"park": 1},
          park_hours=(8.0, 12.5), kerb_loyalty=0.85),
    Habit("taxi", 900, register="licensed", registered=0.995, weekday=0.9, weekend=0.9, visits=(3, 8), hours=TRADE,
          mix={"loop": 4, "drop": 3, "wait": 3}, hubs=3, out_of_town=0.0),
    Habit("licensed", 1500, register="licensed", registered=0.985, weekday=0.75, weekend=0.75, visits=(1, 6),
          hours=TRADE, mix={"loop": 3, "drop": 4, "pickup": 2, "wait": 1}, hubs=3, out_of_town=0.02),
    Habit("shuttle", 80, register="shuttle", registered=0.85, weekday=0.95, weekend=0.95, visits=(3, 8),
          mix={"loop": 7, "pickup": 2, "drop": 1}, kerb_loyalty=0.95, vehicles={"bus": 0.6, "car": 0.4}),
    Habit("courier", 300, weekday=0.85, weekend=0.5, visits=(1, 4), hours=((6, 21, 1.0),),
          mix={"cargo": 9, "drop": 1}, kerb_loyalty=0.8, vehicles={"truck": 0.5, "car": 0.5}),
    Habit("rental", 350, register="rental", registered=0.8, weekday=0.45, weekend=0.5, visits=(1, 2),
          mix={"park": 5, "drop": 3, "pickup": 2}, park_hours=(0.5, 20.0), kerb_loyalty=0.5),
    Habit("company_driver", 250, weekday=0.4, weekend=0.15, visits=(1, 2), hours=((6, 22, 1.0),),
          mix={"drop": 4, "wait": 4, "pickup": 2}, hubs=2),
    Habit("cloned", 12, weekday=0.1, weekend=0.1, mix={"drop": 5, "pickup": 4}, road_passes=3.0, twins=2),
    Habit("full_time", 65, illegal=True, weekday=0.85, weekend=0.85, visits=(3, 7), hours=TRADE,
          mix={"loop": 5, "wait": 3, "drop": 1, "pickup": 2}, hubs=1, kerb_loyalty=0.3, out_of_town=0.3),
    Habit("night_only", 32, illegal=True, weekday=0.7, weekend=0.75, visits=(2, 4), hours=NIGHT,
          mix={"loop": 3, "wait": 4, "pickup": 3}, out_of_town=0.3),
    Habit("weekend", 24, illegal=True, weekday=0.06, weekend=0.95, visits=(3, 6), hours=TRADE,
          mix={"loop": 5, "wait": 3, "pickup": 2}, out_of_town=0.25, spread=0.05),
    Habit("two_hubs", 22, illegal=True, weekday=0.8, weekend=0.8, visits=(3, 6), hours=TRADE,
          mix={"loop": 3, "drop": 3, "pickup": 3, "wait": 1}, hubs=2, kerb_loyalty=0.3, out_of_town=0.3),
    Habit("careful", 17, illegal=True, weekday=0.6, weekend=0.6, visits=(1, 3), hours=TRADE,
          mix={"loop": 1, "pickup": 5, "drop": 3}, hubs=3, kerb_loyalty=0.05, out_of_town=0.2),
)  # fmt: skip

_SHIFTS: dict[str, dict[str, Any]] = {
    "tourist": {"count": 36000, "weekday": 0.06, "weekend": 0.08, "out_of_town": 0.35},
    "resident": {"count": 9000, "weekday": 0.08},
    "commuter": {"count": 2200, "mix": {"park": 7, "drop": 3}},
    "spouse": {"count": 1100, "weekday": 0.8},
    "parent": {"count": 500, "weekend": 0.7},
    "staff": {"count": 1600, "registered": 0.88},
    "taxi": {"count": 500, "registered": 0.99, "visits": (1, 5)},
    "licensed": {"count": 1500, "registered": 0.988, "visits": (1, 6)},
    "shuttle": {"count": 60, "registered": 0.8, "visits": (2, 6)},
    "courier": {"count": 450, "visits": (2, 5), "mix": {"cargo": 8, "drop": 2}},
    "rental": {"count": 500, "registered": 0.75},
    "cloned": {"count": 9},
    "company_driver": {"count": 350, "weekday": 0.5, "mix": {"drop": 4, "wait": 4, "pickup": 2, "loop": 1}},
    "full_time": {"count": 60, "weekday": 0.8, "weekend": 0.7, "visits": (2, 6), "out_of_town": 0.45,
                  "mix": {"loop": 4, "wait": 4, "drop": 2, "pickup": 2}},
    "night_only": {"count": 24, "hours": ((20, 24, 0.5), (0, 5, 0.5)), "visits": (1, 4)},
    "weekend": {"count": 18, "visits": (2, 5)},
    "two_hubs": {"count": 26, "visits": (2, 5)},
    "careful": {"count": 12, "weekday": 0.5, "weekend": 0.5},
}  # fmt: skip

SHIFTED = tuple(replace(habit, **_SHIFTS[habit.kind]) for habit in MAIN)


@dataclass(frozen=True, slots=True)
class Errors:
    """How cameras err.

    Attributes:
        missed_day, missed_night: share of passes whose plate is not read at all (night: 20 to 6).
        misread: share of readings with one character replaced by a look-alike.
        clock_s: standard deviation of a camera's constant clock error, seconds.
        jitter_s: standard deviation of each reading's time, seconds.
        bad_clock_s: clock error of the one camera that nobody looks after.
    """

    missed_day: float = 0.10
    missed_night: float = 0.18
    misread: float = 0.02
    clock_s: float = 1.5
    jitter_s: float = 0.3
    bad_clock_s: float = 40.0


POPULATIONS = {"main": (MAIN, Errors()), "shifted": (SHIFTED, Errors(missed_day=0.15, missed_night=0.22, misread=0.03))}
"""Name → habits and camera errors."""

"""The simulated city's cameras: three hubs with their kerbs, eight road cameras, and the roads between them."""

from dataclasses import dataclass

ROLES = ("entry", "departures", "arrivals", "exit")


@dataclass(frozen=True, slots=True)
class Hub:
    """One airport terminal or station: its cameras by role."""

    hub_id: str
    name: str
    cameras: dict[str, tuple[str, ...]]


def _hub(hub_id: str, name: str) -> Hub:
    return Hub(hub_id, name, {role: (f"{hub_id}-{role}-1", f"{hub_id}-{role}-2") for role in ROLES})


HUBS = (_hub("airport-t3", "机场T3航站楼"), _hub("airport-t2", "机场T2航站楼"), _hub("north-station", "火车北站"))

ROADS = tuple(f"road-{number:02}" for number in range(1, 9))

DISTANCES_M = {
    **{("road-01", f"{hub.hub_id}-entry-1"): 3000 + 4000 * i for i, hub in enumerate(HUBS)},
    **{(f"road-{n:02}", f"road-{n + 1:02}"): 2000 + 700 * n for n in range(1, 8)},
    ("airport-t3-exit-1", "airport-t2-entry-1"): 4200,
    ("airport-t2-exit-1", "airport-t3-entry-1"): 4600,
    ("airport-t2-exit-1", "north-station-entry-1"): 17500,
    ("north-station-exit-1", "airport-t3-entry-2"): 21000,
}
"""Road distance in metres between neighbouring cameras."""

INSIDE_M = {("entry", "departures"): 1200, ("entry", "arrivals"): 1500, ("departures", "arrivals"): 900,
            ("departures", "exit"): 1100, ("arrivals", "exit"): 1300, ("entry", "exit"): 1900}  # fmt: skip
"""Road distance in metres between roles inside each hub."""


def write_cameras() -> str:
    """The city as `cameras.toml`."""
    lines = ["# Written by scripts/simulate_sightings.py: an invented city.", ""]
    lines += ["[privacy]", 'impact_assessment = "simulated data only"', 'assessed_on = "2026-04-01"', ""]
    lines += ["[leads]", 'home_prefixes = ["渝"]', ""]
    cameras = [(camera, hub.name) for hub in HUBS for role in ROLES for camera in hub.cameras[role]]
    for camera, place in [*cameras, *((road, "城市道路") for road in ROADS)]:
        lines += ["[[camera]]", f'id = "{camera}"', f'place = "{place}"', ""]
    for hub in HUBS:
        lines += ["[[hub]]", f'id = "{hub.hub_id}"', f'name = "{hub.name}"']
        lines += [f"{role} = [{', '.join(repr(c) for c in hub.cameras[role])}]".replace("'", '"') for role in ROLES]
        lines.append("")
    inside = {
        (a, b): distance
        for hub in HUBS
        for (start, end), distance in INSIDE_M.items()
        for a in hub.cameras[start]
        for b in hub.cameras[end]
    }
    for (start, end), distance in {**DISTANCES_M, **inside}.items():
        lines += ["[[road]]", f'from = "{start}"', f'to = "{end}"', f"distance_m = {distance}"]
        lines += [f"min_s = {round(distance / 25)}", f"max_s = {round(distance / 2) + 60}", ""]
    return "\n".join(lines)

"""Airports and stations as cameras see them, and the roads between cameras."""

from dataclasses import dataclass

ROLES = ("entry", "departures", "arrivals", "exit")
"""What a camera of a hub looks at: the way in, the two kerbs (set down, pick up), the way out."""


@dataclass(frozen=True, slots=True)
class Hub:
    """One airport terminal or station.

    Attributes:
        hub_id: unique.
        name: in words for officers.
        entry, departures, arrivals, exit: ids of the cameras by role; an empty role is not watched.
    """

    hub_id: str
    name: str
    entry: tuple[str, ...] = ()
    departures: tuple[str, ...] = ()
    arrivals: tuple[str, ...] = ()
    exit: tuple[str, ...] = ()

    def cameras(self) -> tuple[tuple[str, str], ...]:
        """Every camera of the hub with its role."""
        return tuple((camera, role) for role in ROLES for camera in getattr(self, role))


@dataclass(frozen=True, slots=True)
class Road:
    """The way from one camera to the next.

    Attributes:
        distance_m: along the road.
        min_s, max_s: bounds of a usual journey; None when not configured.
        both_ways: whether the way back is the same.
    """

    start: str
    end: str
    distance_m: float
    min_s: float | None = None
    max_s: float | None = None
    both_ways: bool = True

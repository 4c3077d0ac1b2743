"""The tables of `cameras.toml` that sightings and leads need: hubs, roads, privacy, leads; all of them optional."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detector.entities import Hub, Road

Name = Annotated[str, Field(min_length=1, max_length=64)]


class HubTable(BaseModel):
    """One `[[hub]]`: cameras by what they look at."""

    model_config = ConfigDict(extra="forbid")
    id: Name
    name: str = ""
    entry: list[Name] = Field(default_factory=list)
    departures: list[Name] = Field(default_factory=list)
    arrivals: list[Name] = Field(default_factory=list)
    exit: list[Name] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_cameras_once(self) -> "HubTable":
        cameras = [*self.entry, *self.departures, *self.arrivals, *self.exit]
        if not cameras:
            raise ValueError("has no camera")
        doubled = sorted({c for c in cameras if cameras.count(c) > 1})
        if doubled:
            raise ValueError(f"camera {doubled[0]!r} has two roles")
        return self

    def build(self) -> Hub:
        """The hub."""
        roles = {"entry": self.entry, "departures": self.departures, "arrivals": self.arrivals, "exit": self.exit}
        return Hub(self.id, self.name or self.id, **{role: tuple(cameras) for role, cameras in roles.items()})


class RoadTable(BaseModel):
    """One `[[road]]`: from one camera to the next."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    start: Annotated[Name, Field(alias="from")]
    to: Name
    distance_m: Annotated[float, Field(gt=0)]
    min_s: Annotated[float, Field(ge=0)] | None = None
    max_s: Annotated[float, Field(ge=0)] | None = None
    both_ways: bool = True

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "RoadTable":
        if self.min_s is not None and self.max_s is not None and self.max_s < self.min_s:
            raise ValueError("max_s is below min_s")
        return self

    def build(self) -> Road:
        """The road."""
        return Road(self.start, self.to, self.distance_m, self.min_s, self.max_s, self.both_ways)


class PrivacyTable(BaseModel):
    """`[privacy]`: the impact assessment and lifetimes."""

    model_config = ConfigDict(extra="forbid")
    impact_assessment: str = ""
    assessed_on: date | None = None
    record: bool = True
    lifetime_days: Annotated[int, Field(ge=1, le=90)] = 30
    lead_lifetime_days: Annotated[int, Field(ge=1)] = 30
    outcome_lifetime_days: Annotated[int, Field(ge=1)] = 210
    key_window_days: Annotated[int, Field(ge=1, le=90)] = 30
    keys: str | None = None


class LeadsTable(BaseModel):
    """`[leads]`: what is scanned for, and how many leads a shift can work."""

    model_config = ConfigDict(extra="forbid")
    window_days: Annotated[int, Field(ge=7, le=60)] = 30
    home_prefixes: list[Name] = Field(default_factory=list)
    top: Annotated[int, Field(ge=1)] = 100
    min_score: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    min_visit_days: Annotated[int, Field(ge=2)] = 6
    min_span_days: Annotated[int, Field(ge=2)] = 10
    clone_speed_kmh: Annotated[float, Field(gt=0)] = 150.0


@dataclass(frozen=True, slots=True)
class SightingConfig:
    """Everything about sightings and leads that `cameras.toml` says.

    Attributes:
        hubs, roads: empty when not configured.
        privacy, leads: defaults when not configured.
    """

    hubs: tuple[Hub, ...] = ()
    roads: tuple[Road, ...] = ()
    privacy: PrivacyTable = field(default_factory=PrivacyTable)
    leads: LeadsTable = field(default_factory=LeadsTable)


def find_unknown_cameras(hubs: tuple[Hub, ...], roads: tuple[Road, ...], known: dict[str, Any]) -> str | None:
    """What names a camera that has no `[[camera]]` table, as the start of an error line; None when all are known."""
    for hub in hubs:
        for camera, role in hub.cameras():
            if camera not in known:
                return f"hub {hub.hub_id!r}: {role}: no camera {camera!r}"
    for number, road in enumerate(roads):
        for camera in (road.start, road.end):
            if camera not in known:
                return f"road number {number + 1}: no camera {camera!r}"
    return None


def keys_folder(privacy: PrivacyTable, home: Path, override: str | None) -> Path:
    """Where the keys of sightings are: by environment, by configuration, or beside the store."""
    chosen = override or privacy.keys
    return Path(chosen).resolve() if chosen else home / "keys"

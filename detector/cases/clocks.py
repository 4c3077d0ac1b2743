"""By when a step is due: minutes of the clock, or of working time with weekends, holidays and worked weekend days."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from detector.documents import read_toml_file
from detector.entities import BEIJING
from detector.errors import ConfigurationError

PUBLISHED = Path(__file__).with_name("clocks.toml")
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working time in Beijing.

    Attributes:
        start, end: of a working day.
        holidays: working days by the week that are none.
        workdays: weekend days that are worked.
    """

    start: time = time(9)
    end: time = time(18)
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        """Whether a day is worked."""
        return day in self.workdays or (day.weekday() < SATURDAY and day not in self.holidays)

    def after(self, begin_at: datetime, minutes: float) -> datetime:
        """The instant at which so much working time has passed.

        Args:
            begin_at: aware.
            minutes: of working time.
        """
        at = begin_at.astimezone(BEIJING)
        left = timedelta(minutes=minutes)
        while True:
            opens, closes = (datetime.combine(at.date(), t, BEIJING) for t in (self.start, self.end))
            if self.is_working(at.date()):
                at = max(at, opens)
                if at + left <= closes:
                    return (at + left).astimezone(UTC)
                left -= max(timedelta(0), closes - at)
            at = datetime.combine(at.date() + timedelta(days=1), time(0), BEIJING)


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long one step may take."""

    minutes: float
    working: bool


@dataclass(frozen=True, slots=True)
class Clocks:
    """Times of every step.

    Attributes:
        steps: by name.
        by_unit: unit → step → other times than usual.
    """

    version: str
    calendar: Calendar
    steps: Mapping[str, StepTime]
    by_unit: Mapping[str, Mapping[str, StepTime]] = field(default_factory=dict)

    def due(self, step: str, begin_at: datetime, unit: str | None = None) -> datetime:
        """By when a step that began then is due; aware UTC."""
        allowed = self.by_unit.get(unit or "", {}).get(step, self.steps[step])
        if allowed.working:
            return self.calendar.after(begin_at, allowed.minutes)
        return begin_at + timedelta(minutes=allowed.minutes)


def load_clocks(path: Path | None = None) -> Clocks:
    """The clocks of a file; None: the one that `ROADWARDEN_CLOCKS` names, else the published one.

    A file of one's own may leave out what is to stay as published. `[units.ID.STEP]` gives a unit its own times.

    Raises:
        ConfigurationError: the file cannot be read, or a value in it is wrong.
    """
    named = os.environ.get("ROADWARDEN_CLOCKS")
    chosen = path or (Path(named) if named else PUBLISHED)
    try:
        return _parse(read_toml_file(PUBLISHED), read_toml_file(chosen))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"clocks {chosen}: {error}") from error


def _parse(published: dict[str, Any], own: dict[str, Any]) -> Clocks:
    unknown = set(own) - {"version", "hours", "days", "steps", "units"}
    if unknown:
        raise ValueError(f"unknown table {sorted(unknown)[0]!r}")
    hours, days = published["hours"] | own.get("hours", {}), published["days"] | own.get("days", {})
    calendar = Calendar(
        time.fromisoformat(hours["start"]),
        time.fromisoformat(hours["end"]),
        frozenset(date.fromisoformat(day) for day in days["holidays"]),
        frozenset(date.fromisoformat(day) for day in days["workdays"]),
    )
    if calendar.end <= calendar.start:
        raise ValueError("working hours end before they start")
    steps = _steps(published["steps"], published["steps"]) | _steps(own.get("steps", {}), published["steps"])
    units = {unit: _steps(table, published["steps"]) for unit, table in own.get("units", {}).items()}
    return Clocks(str(own.get("version", published["version"])), calendar, steps, units)


def _steps(tables: dict[str, Any], known: dict[str, Any]) -> dict[str, StepTime]:
    found = {}
    for name, table in tables.items():
        if name not in known:
            raise ValueError(f"unknown step {name!r}; steps are {', '.join(known)}")
        minutes = float(table["minutes"])
        if not minutes > 0:
            raise ValueError(f"step {name!r}: minutes must be above 0")
        found[name] = StepTime(minutes, bool(table.get("working", known[name]["working"])))
    return found

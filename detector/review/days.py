"""Days and instants as addresses and forms hold them."""

from datetime import date, datetime, time

from detector.entities import BEIJING

FIRST_YEAR, LAST_YEAR = 2000, 2199
"""Years that anybody can mean; what lies further off cannot be reckoned with in every time zone."""


def read_day(text: str) -> datetime | None:
    """The beginning of a day in Beijing; None where the text names none that can be meant."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(found, time(0), BEIJING) if FIRST_YEAR <= found.year <= LAST_YEAR else None


def read_instant(at: datetime) -> datetime | None:
    """An aware instant, Beijing's where it names no zone; None where it cannot be meant."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        return None
    return at if at.tzinfo else at.replace(tzinfo=BEIJING)

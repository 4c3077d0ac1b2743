"""Stores, registers and files of sightings for tests."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from detector.database.engine import open_database
from detector.entities import Actor, Hub, Role, WatchEntry, WatchRequest
from detector.observation.plate_grammar import as_expressions
from detector.patterns.watchlist import WatchList
from detector.review.accounts import Account, AccountStore
from detector.sightings.importing import PlateForm, SightingImporter
from detector.sightings.keys import Keyring
from detector.sightings.store import SightingStore, StoreSettings

COLUMNS = ("plate_text", "camera_id", "seen_at", "direction", "vehicle_type", "plate_colour")
HUB = Hub("t3", "机场", ("in",), ("dep",), ("arr",), ("out",))


def open_store(folder: Path, *, lifetime_days: int = 30, window_days: int = 30) -> tuple[SightingStore, Engine]:
    """A store with keys and database of its own."""
    engine = open_database(f"sqlite:///{folder / 'roadwarden.db'}")
    settings = StoreSettings(folder / "sightings", lifetime_days, ("渝",))
    return SightingStore(settings, engine, Keyring(folder / "keys", window_days)), engine


def make_person(engine: Engine, name: str, *roles: Role, certificate: str | None = None) -> Actor:
    """An account that has chosen its own password."""
    held = frozenset(roles or (Role.REVIEWER, Role.SUPERVISOR))
    made = Account(name, name, "", held, ("*",), certificate)
    return AccountStore(engine).add(made, "long enough", Actor("root", "root", "", frozenset({Role.SYSTEM}))).actor


def list_plate(engine: Engine, plate_text: str = "渝A12345", **known: str) -> WatchEntry:
    """A plate that li applied for and wang approved."""
    watch, people = WatchList(engine), [make_person(engine, name) for name in ("li", "wang")]
    request = WatchRequest(plate_text, "r", datetime.now(UTC) + timedelta(days=1), **known)
    return watch.approve(watch.apply(request, people[0]).entry_id, people[1])


def make_importer(store: SightingStore) -> SightingImporter:
    """An importer that knows the forms of Chinese plates."""
    return SightingImporter(store, [PlateForm(kind.value, text, length) for kind, text, length in as_expressions()])


def write_csv(path: Path, rows: Iterable[Sequence[object]], columns: Sequence[str] = COLUMNS) -> Path:
    """A CSV file with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    return path


def row(plate: str, camera: str, seen_at: datetime, vehicle: str = "car", colour: str = "blue") -> tuple[str, ...]:
    """One row of the usual columns."""
    return (plate, camera, seen_at.isoformat(timespec="milliseconds"), "", vehicle, colour)


def at(day: int, hour: float = 12.0) -> datetime:
    """An instant by day and hour, counted from the start of a key window of 30 days."""
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=30 * 686)
    return start + timedelta(days=day, hours=hour)


def loops(plate: str, days: Iterable[int], times: Sequence[float] = (9.0, 13.0, 18.0)) -> list[tuple[str, ...]]:
    """Kerb loops of a driver: in, set down, pick up a quarter of an hour later, out; several times on each day."""
    return [
        row(plate, camera, at(day, hour + minutes / 60))
        for day in days
        for hour in times
        for camera, minutes in (("in", 0), ("dep", 3), ("arr", 18), ("out", 22))
    ]


def parking(plate: str, days: Iterable[int]) -> list[tuple[str, ...]]:
    """A commuter: in at eight, out at six."""
    return [row(plate, camera, at(day, hour)) for day in days for camera, hour in (("in", 0.2), ("out", 10.0))]

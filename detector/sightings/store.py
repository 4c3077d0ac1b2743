"""The store of sightings: one folder a day with Parquet files (zstd), and an inbox in the database for live and replay.

No plate stands in it in clear. A row holds the plate's hash under the keys of its own window and the next one, and the
plate sealed; see `keys.py` for what that allows and what not. The same plate at the same camera at the same instant is
one sighting, however often it is written.
"""

import fcntl
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from detector.database.sessions import read_session, write_session
from detector.database.tables import PlateOpeningRow, SightingInboxRow
from detector.entities import Opening, Sighting
from detector.errors import KeyDestroyed, StorageError
from detector.sightings.analytics import analytic_session, parquet_of, quote
from detector.sightings.keys import HASH, SEAL, Keyring
from detector.sightings.sealing import SQL_HASH, hash_plate, make_seal, open_seal, pad_key

logger = logging.getLogger(__name__)

COLUMNS: Mapping[str, str] = {
    "key_now": "UBIGINT",
    "key_next": "UBIGINT",
    "sealed": "BLOB",
    "is_local": "BOOLEAN",
    "camera_id": "VARCHAR",
    "seen_at": "TIMESTAMP",
    "plate_type": "VARCHAR",
    "plate_colour": "VARCHAR",
    "vehicle_type": "VARCHAR",
    "direction": "VARCHAR",
    "uncertainty_ms": "FLOAT",
    "confidence": "FLOAT",
    "pass_id": "VARCHAR",
    "picture": "VARCHAR",
}
"""Columns of a day file; `seen_at` is UTC."""

PARQUET = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
INBOX_BATCH = 50_000
CLOCK_AHEAD = timedelta(days=1)
"""A camera's clock may be fast by so much; what claims to be later still is not true."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What a store must know of the site.

    Attributes:
        folder: where day folders go; the keys are elsewhere.
        lifetime_days: after which a sighting is deleted.
        home_prefixes: starts of plates from here; empty when that is not configured, and then none is from elsewhere.
    """

    folder: Path
    lifetime_days: int = 30
    home_prefixes: tuple[str, ...] = ()

    def is_local(self, plate_text: str) -> bool:
        """Whether a plate is from here."""
        return not self.home_prefixes or plate_text.startswith(self.home_prefixes)


class SightingStore:
    """Writes, counts, joins and opens sightings; safe to use from several processes."""

    def __init__(self, settings: StoreSettings, engine: Engine, keys: Keyring) -> None:
        """Use a folder, a database that `open_database` has opened, and the keys."""
        self.settings = settings
        self.keys = keys
        self._engine = engine

    def add(self, sightings: Sequence[Sighting]) -> int:
        """Store what live or replay has seen, as `seal` seals it; at once, in the database's inbox.

        Returns:
            How many were not in the inbox yet.

        Raises:
            StorageError: the database or the keys cannot be used.
        """
        return self.add_sealed(self.seal(sightings))

    def seal(self, sightings: Sequence[Sighting]) -> list[dict[str, Any]]:
        """Rows for `add_sealed`: nothing in them shows a plate. Takes the keys alone, no database.

        A sighting of a time whose keys are destroyed, as a camera with a wrong clock makes them, is dropped with a
        line in the log: it can never be stored, and must not keep the others from it.

        Raises:
            StorageError: the keys cannot be used.
        """
        rows = []
        for sighting in sightings:
            try:
                rows.append(self._inbox_row(sighting))
            except KeyDestroyed as error:
                logger.warning("camera %s: a sighting is dropped: %s", sighting.camera_id, error)
        return rows

    def add_sealed(self, rows: Sequence[dict[str, Any]]) -> int:
        """Like `add`, for sightings that `seal` has sealed before.

        Raises:
            StorageError: the database cannot be used.
        """
        if not rows:
            return 0
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(SightingInboxRow).on_conflict_do_nothing().returning(SightingInboxRow.sighting_id)
        with write_session(self._engine) as session:
            return len(session.scalars(insert, list(rows)).all())

    def collect(self) -> int:
        """Move the inbox into the day files; a crash in between moves some rows twice, and twice is once."""
        moved = 0
        while True:
            with read_session(self._engine) as session:
                rows = session.scalars(select(SightingInboxRow).limit(INBOX_BATCH)).all()
            if not rows:
                return moved
            with self.session() as connection:
                connection.execute(*_inbox_table(rows))
                self.publish(connection, "inbox")
            with write_session(self._engine) as session:
                done = [row.sighting_id for row in rows]
                for start in range(0, len(done), 500):
                    session.execute(
                        delete(SightingInboxRow).where(SightingInboxRow.sighting_id.in_(done[start : start + 500]))
                    )
            moved += len(rows)

    def publish(self, connection: duckdb.DuckDBPyConnection, table: str) -> int:
        """Add the rows of a table with the columns of `COLUMNS` to the day files, each row that is not there yet.

        Returns:
            How many rows are new.
        """
        days = [
            row[0] for row in connection.execute(f"SELECT DISTINCT seen_at::DATE FROM {table} ORDER BY 1").fetchall()
        ]
        added = 0
        with self.locked():
            for day in days:
                added += self._publish_day(connection, table, day)
        return added

    def day_files(self, day_from: date | None = None, day_to: date | None = None) -> list[Path]:
        """Files of the days in a range, both ends included; None for no bound."""
        found = []
        for folder in sorted(self.settings.folder.glob("day=*")):
            day = date.fromisoformat(folder.name.removeprefix("day="))
            if (day_from is None or day >= day_from) and (day_to is None or day <= day_to):
                found += sorted(folder.glob("*.parquet"))
        return found

    def count_by_day(self) -> dict[date, int]:
        """Sightings by day (UTC), the inbox included."""
        self.collect()
        with self.locked(exclusive=False), self.session() as connection:
            counts: dict[date, int] = {}
            for path in self.day_files():
                day = date.fromisoformat(path.parent.name.removeprefix("day="))
                row = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
                counts[day] = counts.get(day, 0) + (row[0] if row else 0)
            return counts

    def newest(self) -> datetime | None:
        """Instant of the newest sighting, up to tomorrow's: a wrong clock blinds no search; None for an empty store."""
        latest = (datetime.now(UTC) + CLOCK_AHEAD).date()
        days = [day for day, count in self.count_by_day().items() if count and day <= latest]
        if not days:
            return None
        with self.locked(exclusive=False), self.session() as connection:
            files = [str(p) for p in self.day_files(max(days), max(days))]
            row = connection.execute("SELECT max(seen_at) FROM read_parquet(?)", [files]).fetchone()
            return row[0].replace(tzinfo=UTC) if row and row[0] else None

    @contextmanager
    def window(self, window_from: datetime, window_to: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the view `sightings` of a window: `COLUMNS` without the hashes, and `plate_key` to join by.

        Args:
            window_from, window_to: aware; the end is excluded. At most one key window apart.

        Raises:
            StorageError: the window's keys are destroyed, or it is longer than a key's window.
        """
        number = self.keys.window_of(window_to - timedelta(microseconds=1))
        if window_to - window_from > timedelta(days=self.keys.window_days):
            raise StorageError(f"sightings: a window of more than {self.keys.window_days} days cannot be joined")
        self.keys.get(HASH, number)
        self.collect()
        start = self.keys.start_of(number).replace(tzinfo=None)
        since, until = (t.astimezone(UTC).replace(tzinfo=None) for t in (window_from, window_to))
        with self.locked(exclusive=False), self.session() as connection:
            files = self.day_files(since.date(), until.date())
            rest = ", ".join(name for name in COLUMNS if name not in ("key_now", "key_next"))
            source = parquet_of(files) if files else f"(SELECT {_typed_nulls()} WHERE false)"
            connection.execute(
                f"CREATE TEMP VIEW sightings AS SELECT CASE WHEN seen_at >= TIMESTAMP '{start}' THEN key_now "
                f"ELSE key_next END AS plate_key, {rest} FROM {source} "
                f"WHERE seen_at >= TIMESTAMP '{since}' AND seen_at < TIMESTAMP '{until}'"
            )
            yield connection

    def hash_into(
        self, connection: duckdb.DuckDBPyConnection, table: str, plates: Mapping[str, str], window_to: datetime
    ) -> None:
        """Make a table (plate_key, note) of plates in clear, hashed as the view `sightings` of a window is."""
        inner, outer = pad_key(self.keys.get(HASH, self.keys.window_of(window_to - timedelta(microseconds=1))))
        made = SQL_HASH.format(outer="$outer::BLOB", inner="$inner::BLOB", plate="p.plate")
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {made} AS plate_key, any_value(p.note) AS note FROM "
            f"(SELECT unnest($plates::VARCHAR[]) AS plate, unnest($notes::VARCHAR[]) AS note) p GROUP BY 1",
            {"inner": inner, "outer": outer, "plates": list(plates), "notes": list(plates.values())},
        )

    def open_plates(
        self, connection: duckdb.DuckDBPyConnection, plate_keys: Sequence[int], opening: Opening
    ) -> dict[int, str]:
        """Open the plates behind some keys of the view `sightings`; written down first, with person, reason and time.

        Raises:
            StorageError: person or reason is missing, or a seal cannot be opened.
        """
        if not opening.person.strip() or not opening.reason.strip():
            raise StorageError("sealed plates are opened for a named person and a stated reason only")
        if not plate_keys:
            return {}
        self._log_opening(opening, len(plate_keys))
        rows = connection.execute(
            "SELECT plate_key, arg_max(sealed, seen_at), max(seen_at) FROM sightings "
            "WHERE plate_key IN (SELECT unnest($keys::UBIGINT[])) GROUP BY 1",
            {"keys": list(plate_keys)},
        ).fetchall()
        opened = {}
        for plate_key, sealed, seen_at in rows:
            window = self.keys.window_of(seen_at.replace(tzinfo=UTC))
            opened[plate_key] = open_seal(sealed, self.keys.get(SEAL, window), window)
        return opened

    def find_plate(self, plate_text: str, window: tuple[datetime, datetime], opening: Opening) -> list[Sighting]:
        """Where and when one plate was seen, the oldest first; asking is an opening and is written down before.

        Args:
            plate_text: complete, without separator.
            window: first instant and excluded end, aware; at most one key window apart.
            opening: who asks, and the stated purpose.

        Raises:
            StorageError: no person or purpose is named, or the window cannot be joined.
        """
        if not opening.person.strip() or not opening.reason.strip():
            raise StorageError("a search by plate needs a person and a stated purpose")
        self._log_opening(opening, 1)
        with self.window(*window) as connection:
            self.hash_into(connection, "wanted", {plate_text: ""}, window[1])
            names = [n for n in COLUMNS if n in Sighting.__dataclass_fields__]
            rows = connection.execute(
                f"SELECT {', '.join(names)} FROM sightings SEMI JOIN wanted USING (plate_key) "
                f"ORDER BY seen_at, camera_id"
            ).fetchall()
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return [Sighting(plate_text, **{**row, "seen_at": row["seen_at"].replace(tzinfo=UTC)}) for row in found]

    def openings(self) -> list[dict[str, Any]]:
        """The log of openings, the newest first."""
        with read_session(self._engine) as session:
            rows = session.scalars(select(PlateOpeningRow).order_by(PlateOpeningRow.opening_id.desc()))
            return [
                {"person": r.person, "reason": r.reason, "subject": r.subject, "plates": r.plates, "at": r.opened_at}
                for r in rows
            ]

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of the analytic engine, for this store."""
        with analytic_session(self.settings.folder / "scratch") as connection:
            yield connection

    @contextmanager
    def locked(self, *, exclusive: bool = True) -> Iterator[None]:
        """Hold the store's lock: files are added and removed under the exclusive one, read under the shared one."""
        path = self.settings.folder / "lock"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
                yield
        except OSError as error:
            raise StorageError(f"sightings in {path.parent} cannot be read or written: {error.strerror}") from error

    def write_part(self, connection: duckdb.DuckDBPyConnection, query: str, folder: Path) -> Path:
        """Write the rows of a query as a new file of a day folder; it appears whole or not at all."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = folder / f"part-{uuid.uuid4().hex}.parquet"
        temporary = target.with_suffix(".tmp")
        try:
            connection.execute(f"COPY ({query}) TO {quote(temporary)} {PARQUET}")
            temporary.rename(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def _log_opening(self, opening: Opening, plates: int) -> None:
        row = PlateOpeningRow(person=opening.person, reason=opening.reason, subject=opening.subject, plates=plates)
        row.opened_at = datetime.now(UTC)
        with write_session(self._engine) as session:
            session.add(row)

    def _publish_day(self, connection: duckdb.DuckDBPyConnection, table: str, day: date) -> int:
        existing = self.day_files(day, day)
        same = "key_next, camera_id, seen_at"
        query = f"SELECT DISTINCT ON ({same}) {', '.join(COLUMNS)} FROM {table} WHERE seen_at::DATE = DATE '{day}'"
        if existing:
            query = (
                f"SELECT n.* FROM ({query}) n ANTI JOIN (SELECT {same} FROM {parquet_of(existing)}) o "
                f"ON n.key_next = o.key_next AND n.camera_id = o.camera_id AND n.seen_at = o.seen_at"
            )
        path = self.write_part(connection, query, self.settings.folder / f"day={day}")
        row = connection.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchone()
        if not row or not row[0]:
            path.unlink()
            return 0
        return int(row[0])

    def _inbox_row(self, s: Sighting) -> dict[str, Any]:
        window = self.keys.window_of(s.seen_at)
        following = hash_plate(s.plate_text, self.keys.get(HASH, window + 1))
        is_late = window < self.keys.oldest(HASH)  # then it can be joined with the next window only
        now = None if is_late else f"{hash_plate(s.plate_text, self.keys.get(HASH, window)):016x}"
        return {
            "sighting_id": f"{following:016x} {s.camera_id} {s.seen_at.astimezone(UTC).isoformat()}",
            "key_now": now,
            "key_next": f"{following:016x}",
            "sealed": make_seal(self.keys.get(SEAL, window), window)(s.plate_text).hex(),
            "is_local": self.settings.is_local(s.plate_text),
            **{name: getattr(s, name) for name in COLUMNS if hasattr(s, name)},
        }


def _typed_nulls() -> str:
    return ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())


def _inbox_table(rows: Sequence[SightingInboxRow]) -> tuple[str, dict[str, list[Any]]]:
    """The statement that makes a table of inbox rows, and its parameters: one list a column."""
    wrap = {"key_now": "('0x' || {})::UBIGINT", "key_next": "('0x' || {})::UBIGINT", "sealed": "unhex({})"}
    kind = {"key_now": "VARCHAR", "key_next": "VARCHAR", "sealed": "VARCHAR"}
    lists = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    lists["seen_at"] = [row.seen_at.astimezone(UTC).replace(tzinfo=None) for row in rows]
    picked = ", ".join(f"unnest(${n}::{kind.get(n, t)}[]) AS {n}" for n, t in COLUMNS.items())
    typed = ", ".join(f"{wrap.get(n, '{}').format(n)} AS {n}" for n in COLUMNS)
    return f"CREATE OR REPLACE TEMP TABLE inbox AS SELECT {typed} FROM (SELECT {picked})", lists

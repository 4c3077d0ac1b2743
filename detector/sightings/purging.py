"""Deletion that really deletes: rows past their lifetime, keys of windows that have passed, hashes made with them."""

import shutil
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import duckdb
from sqlalchemy import Engine, delete

from detector.database.sessions import delete_rows, write_session
from detector.database.tables import SightingInboxRow
from detector.entities import PurgeReport
from detector.errors import StorageError
from detector.sightings.analytics import parquet_of
from detector.sightings.keys import HASH, SEAL
from detector.sightings.store import COLUMNS, SightingStore

ABANDONED_S = 86400.0
"""Age of an import's folder from which nobody works on it any more."""


def purge(store: SightingStore, engine: Engine, now: datetime) -> PurgeReport:
    """Delete what has reached the end of its lifetime, and rotate the keys.

    Args:
        store: of sightings.
        engine: of the database with its inbox.
        now: aware; normally the present.

    Returns:
        What was deleted and what is left.

    Raises:
        StorageError: something cannot be deleted; what was deleted until then stays deleted.
    """
    settings, keys = store.settings, store.keys
    cutoff = now.astimezone(UTC) - timedelta(days=settings.lifetime_days)
    with write_session(engine) as session:
        expired = delete_rows(session, delete(SightingInboxRow).where(SightingInboxRow.seen_at < cutoff))
    store.collect()
    window = keys.window_of(now)
    deleted_rows, deleted_days, rekeyed, kept = expired, 0, 0, 0
    with store.locked(), store.session() as connection:
        for day, files in _by_day(store.day_files()):
            before = _count(connection, files)
            if day < cutoff.date():
                _remove_day(files[0].parent)
                deleted_rows, deleted_days = deleted_rows + before, deleted_days + 1
                continue
            is_superseded = keys.window_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) < window
            has_hashes = is_superseded and _has_hashes(connection, files)
            if day == cutoff.date() or has_hashes or len(files) > 1:
                rekeyed += has_hashes
                _rewrite(store, connection, files, (cutoff, is_superseded))
            after = _count(connection, store.day_files(day, day))
            deleted_rows, kept = deleted_rows + before - after, kept + after
        _remove_empty(settings.folder)
    destroyed = keys.destroy_before(HASH, window) + keys.destroy_before(SEAL, keys.window_of(cutoff))
    return PurgeReport(deleted_rows, deleted_days, destroyed, rekeyed, kept)


def _by_day(files: Iterable[Path]) -> list[tuple[date, list[Path]]]:
    return [
        (date.fromisoformat(name.removeprefix("day=")), list(group))
        for name, group in groupby(files, key=lambda path: path.parent.name)
    ]


def _count(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> int:
    if not files:
        return 0
    row = connection.execute("SELECT count(*) FROM read_parquet(?)", [[str(p) for p in files]]).fetchone()
    return int(row[0]) if row else 0


def _has_hashes(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> bool:
    row = connection.execute("SELECT count(key_now) FROM read_parquet(?)", [[str(p) for p in files]]).fetchone()
    return bool(row and row[0])


def _rewrite(
    store: SightingStore, connection: duckdb.DuckDBPyConnection, files: list[Path], keep: tuple[datetime, bool]
) -> None:
    """One file instead of several, without what has expired and without hashes under a key that is going."""
    cutoff, is_superseded = keep
    names = ["NULL::UBIGINT AS key_now" if n == "key_now" and is_superseded else n for n in COLUMNS]
    query = (
        f"SELECT DISTINCT ON (key_next, camera_id, seen_at) {', '.join(names)} FROM {parquet_of(files)} "
        f"WHERE seen_at >= TIMESTAMP '{cutoff.replace(tzinfo=None)}'"
    )
    written = store.write_part(connection, query, files[0].parent)
    for path in files:
        path.unlink()
    if not _count(connection, [written]):
        _remove_day(written.parent)


def _remove_day(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(f"sightings in {folder} cannot be deleted: {error.strerror}") from error


def _remove_empty(root: Path) -> None:
    """Day folders without a file, and what an import left behind that was killed; one that runs is younger."""
    for folder in root.glob("day=*"):
        if not any(folder.glob("*.parquet")):
            _remove_day(folder)
    for folder in root.glob("import-*"):
        if time.time() - folder.stat().st_mtime > ABANDONED_S:
            _remove_day(folder)

"""Opening the case database: one URL in, one ready engine out.

SQLite is opened in WAL mode with foreign keys on and a busy timeout; writers take the write lock at once
(`BEGIN IMMEDIATE`), because a reader that turns writer half-way fails without waiting when another was faster.
"""

import json
import sqlite3
import time
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from detector.database.faults import describe_place, storage_error
from detector.database.migrate import upgrade
from detector.errors import ConfigurationError, StorageError

READ_ONLY = "roadwarden_read_only"
"""Execution option of connections that will not write: they take no lock on SQLite."""

SECRET_KEYS = ("password", "sslpassword")
"""Keys of a URL's query that must never be shown."""


SERVER_PATIENCE = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
"""libpq's parameters (s, ms): a server that has vanished from the network is told soon, not after minutes."""


def open_database(url: str, busy_timeout_s: float = 15.0) -> Engine:
    """Open a database, making or upgrading its tables as needed.

    Args:
        url: `sqlite:////absolute/path.db` or `postgresql://user:password@host/name`.
        busy_timeout_s: how long a writer waits for another one before it gives up (SQLite).

    Returns:
        An engine whose tables are those of this program. Its `repr` shows no password.

    Raises:
        ConfigurationError: the URL is not understood, or its driver is not installed.
        StorageError: the database cannot be reached, written or read, or was written by a newer program.
    """
    parsed = _parse(url)
    engine = _sqlite_engine(parsed, busy_timeout_s) if parsed.get_backend_name() == "sqlite" else _server_engine(parsed)
    try:
        upgrade(engine)
    except DBAPIError as error:
        engine.dispose()
        raise storage_error(error, engine) from error
    except StorageError:
        engine.dispose()
        raise
    return engine


def forget_deleted(engine: Engine) -> None:
    """Bring deletions from SQLite's write-ahead log into the file, and empty the log, which still holds the old pages.

    PostgreSQL does that by itself (autovacuum). Readers that are at work now delay it until the next time.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        backend = None
    if backend not in {"sqlite", "postgresql"}:
        # The text of the URL is not repeated: it may hold a password.
        raise ConfigurationError(
            "database URL is not understood; write sqlite:////absolute/path.db or postgresql://user:password@host/name"
        )
    return parsed


def _sqlite_engine(url: URL, busy_timeout_s: float) -> Engine:
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"database {url.database}: cannot make its folder {folder}: {error.strerror}; choose another place"
            ) from error
    engine = create_engine(url, connect_args={"timeout": busy_timeout_s}, json_serializer=_to_json)

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions on its own
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # deleted plates are overwritten, not left in free pages
        _turn_on_wal(connection, busy_timeout_s)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _server_engine(url: URL) -> Engine:
    secrets = {key: str(url.query[key]) for key in SECRET_KEYS if key in url.query}
    url = url.set(drivername="postgresql+psycopg").difference_update_query(secrets)
    patience = {key: value for key, value in SERVER_PATIENCE.items() if key not in url.query}
    try:
        return create_engine(url, connect_args=patience | secrets, json_serializer=_to_json, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"database {describe_place(url)}: the driver is not installed; pip install 'roadwarden[postgresql]'"
        ) from error


def _turn_on_wal(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Set WAL, which the file remembers; SQLite's own busy timeout does not cover this statement, so wait here."""
    give_up_at = time.monotonic() + busy_timeout_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)


def _to_json(value: Any) -> str:
    """JSON as stored: Chinese readable, numpy numbers as plain ones, NaN and infinity refused."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")

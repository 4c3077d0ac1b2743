"""Database faults as one clear line: where, what, and what to do; never a password."""

from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from detector.errors import StorageError

ADVICE = (
    ("readonly", "cannot be written; check the rights of the file and its folder"),
    ("read-only", "cannot be written; check the rights of the file and its folder"),
    ("unable to open", "cannot be opened; check that the folder exists and may be written"),
    ("locked", "is locked by another program; try again when that has ended"),
    ("malformed", "is damaged; restore it from a backup"),
    ("not a database", "is not a database; choose another file or restore it from a backup"),
    ("is full", "cannot be written: the disk is full; free some space and run again"),
    ("no space left", "cannot be written: the disk is full; free some space and run again"),
    ("disk i/o", "cannot be read or written: disk error or disk full; check the disk and run again"),
)
"""What part of a driver's message means, and what to do; first match counts."""


def describe_place(url: URL) -> str:
    """Where a database is, in words: the path of an SQLite file, or host and name of a server; no secrets."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or 'localhost'}{port}/{url.database or ''}"


def storage_error(error: SQLAlchemyError, engine: Engine) -> StorageError:
    """The one line that a person needs, from whatever the driver said.

    Args:
        error: as raised by SQLAlchemy.
        engine: names the place.
    """
    said = str(getattr(error, "orig", None) or error).strip()
    first_line = said.splitlines()[0] if said else type(error).__name__
    lowered = said.lower()
    for part, advice in ADVICE:
        if part in lowered:
            return StorageError(f"database {describe_place(engine.url)} {advice}")
    return StorageError(f"database {describe_place(engine.url)} cannot be used: {first_line}")

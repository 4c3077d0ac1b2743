"""Short transactions: everything inside one `with` is stored, or nothing is.

Both turn whatever the driver says into one `StorageError` line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from detector.database.engine import READ_ONLY
from detector.database.faults import storage_error


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """A session that holds the write lock from its start (SQLite) and commits at the end of the block.

    Raises:
        StorageError: the database cannot be written.
        IntegrityError: as raised by SQLAlchemy; it is a race or a defect that the caller must judge.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise storage_error(error, engine) from error


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """A session that reads one consistent state and takes no lock.

    Raises:
        StorageError: the database cannot be read.
    """
    try:
        with Session(_for_reading(engine), expire_on_commit=False) as session:
            yield session
    except DBAPIError as error:
        raise storage_error(error, engine) from error


def _for_reading(engine: Engine) -> Engine:
    """The engine, told to lock nothing; PostgreSQL would else show each statement a state of its own."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(**{READ_ONLY: True}, isolation_level="REPEATABLE READ")
    return engine.execution_options(**{READ_ONLY: True})


def delete_rows(session: Session, statement: Delete) -> int:
    """Delete, and say how many rows that were."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount

"""The analytic engine: DuckDB in this process, with bounded memory and no network."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from detector.errors import StorageError

MEMORY_MB = 1100
"""For DuckDB alone; with Python and the text of an import the process stays below 2 GB (docs/sightings.md)."""


@contextmanager
def analytic_session(scratch: Path, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that keeps nothing; what does not fit into memory spills into `scratch`, removed at the end.

    Raises:
        StorageError: whatever the engine says, as one line.
    """
    try:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": f"{MEMORY_MB}MB",
                "temp_directory": str(scratch),
                "autoinstall_known_extensions": False,
                "preserve_insertion_order": False,
            }
        )
    except (duckdb.Error, OSError) as error:
        raise storage_error(error, scratch) from error
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.Error as error:
        raise storage_error(error, scratch) from error
    finally:
        connection.close()


def quote(path: Path) -> str:
    """A path as a text of a statement, for where the engine takes no parameter."""
    return "'" + str(path).replace("'", "''") + "'"


def parquet_of(paths: Iterable[Path]) -> str:
    """The rows of some files, as a source in a statement."""
    return f"read_parquet([{', '.join(map(quote, paths))}])"


def storage_error(error: Exception, place: Path) -> StorageError:
    """One line from what DuckDB said; its messages quote no parameters."""
    said = str(error).strip().splitlines()
    text = said[0] if said else type(error).__name__
    if "no space" in str(error).lower():
        return StorageError(f"sightings in {place.parent}: the disk is full; free some space and run again")
    return StorageError(f"sightings in {place.parent} cannot be read or written: {text}")

"""The tree of departments: imported as a list, checked as a whole."""

import csv
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select

from detector.database.sessions import read_session, write_session
from detector.database.tables import UnitRow
from detector.entities import Unit
from detector.errors import SourceError

COLUMNS = ("unit_id", "name", "level", "parent")
LEVELS = ("city", "district", "street")


class UnitStore:
    """The departments; safe to use from several processes."""

    def __init__(self, engine: Engine) -> None:
        """Use a database that `open_database` has opened."""
        self._engine = engine

    def import_file(self, path: Path) -> int:
        """Make a CSV file (unit_id, name, level, parent) the tree in force; all of it or nothing.

        Returns:
            How many units there are now.

        Raises:
            SourceError: the file cannot be read, or is no tree; names the line.
            StorageError: the database cannot be written.
        """
        units = _read(path)
        with write_session(self._engine) as session:
            session.execute(delete(UnitRow))
            session.execute(insert(UnitRow), [{name: getattr(u, name) for name in COLUMNS} for u in units])
        return len(units)

    def list(self) -> Sequence[Unit]:
        """Every unit, by id."""
        with read_session(self._engine) as session:
            rows = session.scalars(select(UnitRow).order_by(UnitRow.unit_id))
            return [Unit(row.unit_id, row.name, row.level, row.parent) for row in rows]


def _read(path: Path) -> list[Unit]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise SourceError(
                    f"{path}: the first line must name {', '.join(COLUMNS)}; missing: {', '.join(missing)}"
                )
            rows = [(reader.line_num, {name: (row[name] or "").strip() for name in COLUMNS}) for row in reader]
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8 text") from error
    found: dict[str, Unit] = {}
    for line, row in rows:
        if not row["unit_id"] or row["unit_id"] in found:
            raise SourceError(f"{path}: line {line}: unit_id is empty or stands twice")
        if row["level"] not in LEVELS:
            raise SourceError(f"{path}: line {line}: level must be one of {', '.join(LEVELS)}")
        found[row["unit_id"]] = Unit(row["unit_id"], row["name"] or row["unit_id"], row["level"], row["parent"] or None)
    for line, row in rows:
        _check_ancestors(found, row["unit_id"], f"{path}: line {line}")
    if not found:
        raise SourceError(f"{path}: holds no unit")
    return list(found.values())


def _check_ancestors(units: dict[str, Unit], unit_id: str, where: str) -> None:
    """That the way up from a unit ends."""
    seen = [unit_id]
    while (parent := units[seen[-1]].parent) is not None:
        if parent not in units:
            raise SourceError(f"{where}: there is no unit {parent!r} above {seen[-1]}")
        if parent in seen:
            raise SourceError(f"{where}: unit {unit_id} stands above itself")
        seen.append(parent)

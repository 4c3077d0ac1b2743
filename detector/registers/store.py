"""Registers in the database: every import is a new version, the newest of a kind is in force."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from detector.database.sessions import read_session, write_session
from detector.database.tables import RegisterEntryRow, RegisterVersionRow
from detector.entities import BadRow, RegisterEntry, RegisterKind, RegisterVersion
from detector.errors import SourceError
from detector.registers.reading import read_register


class RegisterStore:
    """Imports and asks registers; safe to use from several processes."""

    def __init__(self, engine: Engine) -> None:
        """Use a database that `open_database` has opened."""
        self._engine = engine

    def import_file(
        self, kind: RegisterKind, path: Path, is_plate: Callable[[str], bool], *, source: str, person: str
    ) -> tuple[RegisterVersion, Sequence[BadRow]]:
        """Make a file the register in force; good rows are taken, bad ones reported.

        Returns:
            The new version, and the bad rows by line.

        Raises:
            SourceError: the file cannot be read, or holds no good row: what was in force stays in force.
            StorageError: the database cannot be written.
        """
        entries, bad, sha256 = read_register(path, is_plate)
        if not entries:
            reason = f"; line {bad[0].line}: {bad[0].reason}" if bad else ""
            raise SourceError(f"{path}: holds no usable row, so the register in force stays{reason}")
        with write_session(self._engine) as session:
            row = RegisterVersionRow(
                kind=kind.value,
                source=source,
                imported_by=person,
                imported_at=datetime.now(UTC),
                rows=len(entries),
                sha256=sha256,
            )
            session.add(row)
            session.flush()
            session.execute(insert(RegisterEntryRow), [_to_row(row.version, n, e) for n, e in enumerate(entries)])
            return _to_version(row), bad

    def versions(self) -> list[RegisterVersion]:
        """Every import, the newest first."""
        with read_session(self._engine) as session:
            rows = session.scalars(select(RegisterVersionRow).order_by(RegisterVersionRow.version.desc()))
            return [_to_version(row) for row in rows]

    def is_loaded(self, kind: RegisterKind) -> bool:
        """Whether any version of a register was ever imported."""
        with read_session(self._engine) as session:
            return _current(session, kind) is not None

    def find(self, kind: RegisterKind, plate_text: str) -> tuple[RegisterEntry, ...] | None:
        """Every entry of a plate in the version in force, whether valid today or not; None when none is loaded."""
        with read_session(self._engine) as session:
            version = _current(session, kind)
            if version is None:
                return None
            rows = session.scalars(
                select(RegisterEntryRow)
                .where(RegisterEntryRow.version == version, RegisterEntryRow.plate_text == plate_text)
                .order_by(RegisterEntryRow.position)
            )
            return tuple(_to_entry(row) for row in rows)

    def plates(self, kind: RegisterKind, day_from: date, day_to: date) -> dict[str, str] | None:
        """Plates with an entry that is valid on some day of a range, with its category; None when none is loaded."""
        with read_session(self._engine) as session:
            version = _current(session, kind)
            if version is None:
                return None
            rows = session.execute(
                select(RegisterEntryRow.plate_text, RegisterEntryRow.category).where(
                    RegisterEntryRow.version == version,
                    RegisterEntryRow.valid_from <= day_to,
                    RegisterEntryRow.valid_to >= day_from,
                )
            )
            return {row.plate_text: row.category for row in rows}


def _current(session: Session, kind: RegisterKind) -> int | None:
    newest = select(RegisterVersionRow.version).where(RegisterVersionRow.kind == kind.value)
    return session.scalar(newest.order_by(RegisterVersionRow.version.desc()).limit(1))


def _to_row(version: int, position: int, entry: RegisterEntry) -> dict[str, object]:
    return {
        "version": version,
        "position": position,
        "plate_text": entry.plate_text,
        "category": entry.category,
        "company": entry.company,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "hours": [[begin.isoformat("minutes"), end.isoformat("minutes")] for begin, end in entry.hours],
        "routes": list(entry.routes),
        "sites": list(entry.sites),
    }


def _to_entry(row: RegisterEntryRow) -> RegisterEntry:
    return RegisterEntry(
        plate_text=row.plate_text,
        category=row.category,
        company=row.company,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        hours=tuple((time.fromisoformat(begin), time.fromisoformat(end)) for begin, end in row.hours),
        routes=tuple(row.routes),
        sites=tuple(row.sites),
    )


def _to_version(row: RegisterVersionRow) -> RegisterVersion:
    return RegisterVersion(
        version=row.version,
        kind=RegisterKind(row.kind),
        source=row.source,
        imported_by=row.imported_by,
        imported_at=row.imported_at,
        rows=row.rows,
        sha256=row.sha256,
    )

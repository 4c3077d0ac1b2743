"""Versions of `cameras.toml`: checked before they are kept, with who, when and why; an older one can be taken back.

All versions lie in the case database, and none is ever changed. What is in force is the newest version there, or,
where one machine has a file, that file: then saving writes both. Needs nothing of the vision stack.
"""

import hashlib
import os
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomlkit
import tomlkit.exceptions
from sqlalchemy import Engine, Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from detector.database.engine import open_database
from detector.database.sessions import read_session, write_session
from detector.database.tables import ConfigurationRow
from detector.errors import ConfigurationError, Conflict, StorageError
from pipelines.config import Cameras, default_database, load_cameras, parse_cameras, resolve_home

SHARED = ""
"""Scope of the configuration that all machines of one database share."""

IN_DATABASE = Path("database")
"""What `--cameras` says instead of a file to use the newest version in the database."""

BY_HAND = "found in the file; changed by hand"


@dataclass(frozen=True, slots=True)
class Version:
    """One kept version.

    Attributes:
        number: from 1.
        sha256: of the text; evidence packages name it as `configuration_sha256`.
        saved_at: aware UTC.
        saved_by: name of the person; "" for a change by hand that was only found.
        note: why.
    """

    number: int
    sha256: str
    saved_at: datetime
    saved_by: str
    note: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """A text of `cameras.toml` and what it says.

    Attributes:
        content: the text.
        cameras: what it says, checked.
        version: the kept version; None for a file that was changed by hand since.
    """

    content: str
    cameras: Cameras
    version: Version | None


class ConfigurationStore:
    """Keeps the versions of one configuration; safe to use from several processes."""

    def __init__(self, engine: Engine, file: Path | None = None) -> None:
        """Use a database that `open_database` has opened.

        Args:
            engine: where versions are kept.
            file: the `cameras.toml` that is in force on this machine; None: the newest version in the database is.
        """
        self._engine = engine
        self._file = file.resolve() if file else None
        self._scope = f"{socket.gethostname()}:{self._file}" if self._file else SHARED

    @property
    def place(self) -> str:
        """Where the configuration in force is, in words."""
        return str(self._file) if self._file else "configuration in the database"

    def fingerprint(self) -> str | None:
        """SHA-256 of the text in force, for noticing changes; None when there is none.

        Raises:
            ConfigurationError: the file cannot be read.
            StorageError: the database cannot be read.
        """
        if self._file is not None:
            return _sha256(self._read_file())
        newest = self._newest()
        return newest.sha256 if newest else None

    def current(self) -> Configuration | None:
        """What is in force; None when the database holds no version yet.

        Raises:
            ConfigurationError: it is wrong, for instance changed by hand; or the file cannot be read.
            StorageError: the database cannot be read.
        """
        newest = self._newest()
        if self._file is None:
            return self._open(newest) if newest else None
        content = self._read_file()
        version = newest if newest and newest.sha256 == _sha256(content) else None
        return Configuration(
            _decode(content), parse_cameras(content, self.place), _describe(version) if version else None
        )

    def history(self, limit: int = 100) -> list[Version]:
        """Kept versions, the newest first.

        Raises:
            StorageError: the database cannot be read.
        """
        with read_session(self._engine) as session:
            return [_describe(row) for row in session.scalars(self._rows().limit(limit))]

    def get(self, number: int) -> Configuration:
        """A kept version.

        Raises:
            ConfigurationError: there is none of this number, or this program would refuse it today.
            StorageError: the database cannot be read.
        """
        with read_session(self._engine) as session:
            row = session.get(ConfigurationRow, (self._scope, number))
        if row is None:
            raise ConfigurationError(f"{self.place}: there is no version {number}")
        return self._open(row)

    def save(self, content: str, by: str, note: str, based_on: str | None = None) -> Version:
        """Check a text, keep it as a new version, and put it in force.

        Args:
            content: the whole text of a `cameras.toml`.
            by: name of the person.
            note: why.
            based_on: `fingerprint` of the text that was edited, to notice that somebody else was faster; None: whatever
                is in force is replaced.

        Returns:
            The new version, or the newest one when it says the same already.

        Raises:
            ConfigurationError: the text is wrong; nothing is changed.
            Conflict: something else than `based_on` is in force.
            StorageError: file or database cannot be written.
        """
        digest = _sha256(content.encode())
        parse_cameras(content.encode(), f"new version of {self.place}")
        try:
            with write_session(self._engine) as session:
                newest = session.scalar(self._rows().limit(1))
                newest = self._keep_file(session, newest)
                if based_on is not None and (newest.sha256 if newest else None) != based_on:
                    who = f" by {newest.saved_by or 'hand'}, {newest.saved_at:%Y-%m-%d %H:%M:%S} UTC" if newest else ""
                    raise Conflict(f"{self.place} was changed meanwhile{who}; look at it and edit again")
                if newest is None or newest.sha256 != digest:
                    newest = self._add(session, newest, content, by, note)
                    if self._file is not None:
                        write_file(self._file, content)
        except IntegrityError:
            raise Conflict(f"{self.place}: somebody else saved at the same moment; look at it and edit again") from None
        return _describe(newest)

    def restore(self, number: int, by: str, note: str = "") -> Version:
        """Put an older version in force again, as a new version.

        Raises:
            ConfigurationError: there is none of this number, or this program would refuse it today.
            StorageError: file or database cannot be used.
        """
        content = self.get(number).content
        return self.save(content, by, f"version {number} again" + (f": {note}" if note else ""))

    def _keep_file(self, session: Session, newest: ConfigurationRow | None) -> ConfigurationRow | None:
        """A file that was changed by hand becomes a version too, so that it can be taken back; the newest version."""
        if self._file is None or not self._file.exists():
            return newest
        found = self._read_file()
        if newest is not None and newest.sha256 == _sha256(found):
            return newest
        return self._add(session, newest, _decode(found), "", BY_HAND)

    def _add(
        self, session: Session, newest: ConfigurationRow | None, content: str, by: str, note: str
    ) -> ConfigurationRow:
        row = ConfigurationRow(
            scope=self._scope,
            number=newest.number + 1 if newest else 1,
            sha256=_sha256(content.encode()),
            content=content,
            saved_at=datetime.now(UTC),
            saved_by=by,
            note=note,
        )
        session.add(row)
        session.flush()
        return row

    def _rows(self) -> Select[ConfigurationRow]:
        mine = ConfigurationRow.scope == self._scope
        return select(ConfigurationRow).where(mine).order_by(ConfigurationRow.number.desc())

    def _newest(self) -> ConfigurationRow | None:
        with read_session(self._engine) as session:
            return session.scalar(self._rows().limit(1))

    def _open(self, row: ConfigurationRow) -> Configuration:
        place = f"version {row.number} of {self.place}"
        return Configuration(row.content, parse_cameras(row.content.encode(), place), _describe(row))

    def _read_file(self) -> bytes:
        if self._file is None:
            raise ConfigurationError(f"{self.place}: is no file")
        try:
            return self._file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{self._file}: {error.strerror}") from error


def find_file(cameras: Path | None) -> Path | None:
    """The file that `--cameras` means: the one that it names, else that of the home folder; None: there is none."""
    if cameras is not None:
        return None if cameras == IN_DATABASE else cameras
    usual = resolve_home() / "cameras.toml"
    return usual if usual.is_file() else None


def load_configuration(cameras: Path | None, database: str | None) -> Cameras:
    """What is in force for a command: the file, else the newest version in the database, else one built-in camera.

    Args:
        cameras: as `--cameras` gives it.
        database: URL; None for the usual database.

    Raises:
        ConfigurationError: the configuration is wrong, or the database was named and holds none.
        StorageError: the database cannot be used.
    """
    path = find_file(cameras)
    if path is not None:
        return load_cameras(path)
    store = ConfigurationStore(open_database(database or default_database()))
    found = store.current()
    if found is None and cameras == IN_DATABASE:
        raise ConfigurationError(f"{store.place}: there is none yet; store one with roadwarden cameras push FILE")
    return found.cameras if found else load_cameras(None)


def edit_camera(content: str, camera_id: str, changes: Mapping[str, Any]) -> str:
    """Change keys of one camera in a text of `cameras.toml`; comments, order and layout of everything else stay.

    Args:
        content: the text.
        camera_id: whose table.
        changes: key → value (`{"zone": [[0.1, 0.2], ...]}`); None removes the key.

    Returns:
        The new text, unchecked: `ConfigurationStore.save` checks it.

    Raises:
        ConfigurationError: the text is no TOML, or has no such camera.
    """
    try:
        document = tomlkit.parse(content)
    except tomlkit.exceptions.TOMLKitError as error:
        raise ConfigurationError(f"cameras.toml: {error}") from error
    tables = document.get("camera", [])
    table = next((table for table in tables if table.get("id") == camera_id), None)
    if table is None:
        raise ConfigurationError(f"cameras.toml: no camera {camera_id!r}")
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    return tomlkit.dumps(document)


def _describe(row: ConfigurationRow) -> Version:
    return Version(row.number, row.sha256, row.saved_at, row.saved_by, row.note)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _decode(content: bytes) -> str:
    """Text of a file; what is not UTF-8 is kept as well as can be, `parse_cameras` refuses it anyway."""
    return content.decode("utf-8", "replace")


def write_file(path: Path, content: str) -> None:
    """Replace a file by a whole new one; whoever reads meanwhile sees the old or the new one.

    Raises:
        StorageError: the place cannot be written; the old file stays.
    """
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(content.encode())
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except OSError:
                with suppress(OSError):
                    Path(file.name).unlink()
                raise
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror})") from error

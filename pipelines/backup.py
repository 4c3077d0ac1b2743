"""Copies of everything that cannot be made again: the database at one instant, and the evidence that it names."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select, update

from detector.database.engine import open_database
from detector.database.sessions import read_session
from detector.database.tables import CaseRow, EvidenceRow
from detector.documents import read_json
from detector.errors import StorageError
from detector.evidence.chain import CHAIN, read_chain
from pipelines.config import PHOTOS_FOLDER, resolve_home

INDEX = "backup.json"


def make_backup(engine: Engine, target: Path) -> dict[str, int]:
    """Copy an SQLite database, packages and photos of its cases, their chain and public keys into a new folder.

    Writers may go on meanwhile. Private keys stay where they are: whoever has a backup must not be able to sign.

    The database is copied first, by SQLite's own online copy: every package that the copy names is complete by then.

    Returns:
        How many cases, packages and bytes.

    Raises:
        StorageError: the target exists, cannot be written, or the database is no SQLite file (PostgreSQL has
            `pg_dump`; docs/operations.md says how).
    """
    source = engine.url.database
    if engine.url.get_backend_name() != "sqlite" or not source:
        raise StorageError("backup copies SQLite databases; for PostgreSQL use pg_dump and copy the evidence folder")
    if target.exists():
        raise StorageError(f"backup {target}: is there already; name a new folder")
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _copy_database(Path(source), unfinished / "roadwarden.db")
        copy = open_database(f"sqlite:///{unfinished / 'roadwarden.db'}")
        missing, packages, roots = 0, 0, set()
        for case_id, folder in _packages(copy):
            if Path(folder).is_dir():
                shutil.copytree(folder, unfinished / "evidence" / case_id)
                packages += 1
                roots.add(Path(folder).parent)
            else:
                missing += 1
        with read_session(copy) as session:
            cases = len(session.scalars(select(CaseRow.case_id)).all())
        copy.dispose()
        _copy_chain(roots, unfinished / "evidence")
        if (resolve_home() / PHOTOS_FOLDER).is_dir():
            shutil.copytree(resolve_home() / PHOTOS_FOLDER, unfinished / PHOTOS_FOLDER)
        _copy_public_keys(resolve_home() / "signing", unfinished / "signing")
        files = {str(p.relative_to(unfinished)): _sha256(p) for p in sorted(unfinished.rglob("*")) if _is_kept(p)}
        index = {"made_at": datetime.now(UTC).isoformat(), "files": files}
        (unfinished / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")
        size = sum(p.stat().st_size for p in unfinished.rglob("*") if p.is_file())
        unfinished.rename(target)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise StorageError(f"backup {target} cannot be written: {error.strerror}") from error
    return {"cases": cases, "packages": packages, "missing": missing, "bytes": size}


def restore_backup(source: Path, home: Path) -> int:
    """Bring a backup back into an empty home folder.

    Returns:
        How many cases there are now.

    Raises:
        StorageError: the backup is damaged or incomplete (names the file), or the home holds a database already.
    """
    try:
        index = read_json((source / INDEX).read_bytes())["files"]
        if not isinstance(index, dict) or "roadwarden.db" not in index or any("\0" in name for name in index):
            raise ValueError("names no database")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"backup {source}: {INDEX} cannot be read; it is no backup, or unfinished") from error
    for name, digest in index.items():
        path = source / name
        if not path.is_file() or _sha256(path) != digest:
            raise StorageError(f"backup {source}: {name!r} is missing or altered")
    if (home / "roadwarden.db").exists():
        raise StorageError(f"{home / 'roadwarden.db'} is there already; restore into an empty ROADWARDEN_HOME")
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name in ("evidence", "signing", PHOTOS_FOLDER):
            if (source / name).is_dir():
                shutil.copytree(source / name, home / name, dirs_exist_ok=True)
        shutil.copy2(source / "roadwarden.db", home / ".roadwarden.db.restoring")
        (home / ".roadwarden.db.restoring").rename(home / "roadwarden.db")
    except OSError as error:
        raise StorageError(f"{home} cannot be written: {error.strerror}") from error
    return _point_at(home)


def _copy_chain(roots: set[Path], target: Path) -> None:
    """The chain of the packages, up to the last one that the backup holds; of several sites none is copied."""
    if len(roots) != 1:
        return
    rows = read_chain(roots.pop())
    while rows and not (target / str(rows[-1].get("case_id"))).is_dir():
        rows.pop()
    lines = [json.dumps(row, sort_keys=True) + "\n" for row in rows]
    (target / CHAIN).write_text("".join(lines), encoding="utf-8")


def _copy_public_keys(source: Path, target: Path) -> None:
    keys = sorted(source.glob("*.pub"))
    if keys:
        target.mkdir()
    for path in keys:
        shutil.copy2(path, target / path.name)


def _point_at(home: Path) -> int:
    """Let the evidence rows name the folders where they are now."""
    engine = open_database(f"sqlite:///{home / 'roadwarden.db'}")
    try:
        with engine.begin() as connection:
            for case_id, _ in _packages(engine):
                folder = home / "evidence" / case_id
                if folder.is_dir():
                    moved = update(EvidenceRow).where(EvidenceRow.case_id == case_id).values(folder=str(folder))
                    connection.execute(moved)
            return len(connection.execute(select(CaseRow.case_id)).all())
    finally:
        engine.dispose()


def _packages(engine: Engine) -> Iterator[tuple[str, str]]:
    with read_session(engine) as session:
        rows = session.execute(select(EvidenceRow.case_id, EvidenceRow.folder)).all()
    yield from ((case_id, folder) for case_id, folder in rows)


def _copy_database(source: Path, target: Path) -> None:
    try:
        with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as old, sqlite3.connect(target) as new:
            old.backup(new)
        old.close()
        new.close()
    except sqlite3.Error as error:
        raise StorageError(f"database {source} cannot be copied: {error}") from error


def _is_kept(path: Path) -> bool:
    return path.is_file() and not path.name.endswith(("-wal", "-shm"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Folders that appear whole or not at all: built beside their place, on the disk before they get their name.

A folder under construction is `.NAME.HEX.partial` and is locked (flock) by the process that builds it. The lock dies
with the process, so what a killed process left behind is recognised by its lock being free, and removed.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detector.errors import StorageError


@contextmanager
def staging_folder(root: Path, name: str) -> Iterator[Path]:
    """An empty folder to build in; whatever is left of it at the end of the block is removed.

    Args:
        root: where the finished folder shall stand; made when missing.
        name: of the finished folder.

    Raises:
        StorageError: the disk is full, or the place cannot be written; also for any OSError inside the block.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        remove_leftovers(root)
        folder, lock = _make_locked(root, name)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    except OSError as error:
        raise StorageError(_explain(root, error)) from error


def publish(folder: Path, place: Path) -> bool:
    """Put everything on the disk, then give the folder its name.

    Returns:
        False when a folder of that name is there already; it is left alone.
    """
    for path in [*folder.iterdir(), folder]:
        sync(path)
    try:
        folder.rename(place)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    sync(place.parent)
    return True


def remove_leftovers(root: Path) -> None:
    """Remove what killed processes left under construction; what a living one builds is locked and stays."""
    for folder in root.glob(".*.partial"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)


def _make_locked(root: Path, name: str) -> tuple[Path, int]:
    while True:
        folder = root / f".{name}.{secrets.token_hex(4)}.partial"
        folder.mkdir()
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # taken for a leftover at once
        with suppress(OSError):  # some network disks know no locks: then nothing there is ever taken for a leftover
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)  # another process took it for a leftover between our two calls


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(root: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"evidence folder {root}: the disk is full; free some space and run again"
    return f"evidence folder {root} cannot be written: {error.strerror or error}; check its rights or choose another"

"""Signs of a worker's life in its folder: a locked file with its process, and why it ended last."""

import fcntl
import os
from pathlib import Path
from typing import TextIO


def claim(folder: Path) -> TextIO | None:
    """Become the worker of a folder, until the file that is returned is closed; None when another process is it."""
    file = (folder / "pid").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    file.truncate(0)
    print(os.getpid(), file=file, flush=True)
    (folder / "fault").unlink(missing_ok=True)
    return file


def living_pid(folder: Path) -> int | None:
    """Process of the worker of a folder; None when there is none."""
    try:
        with (folder / "pid").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read() or 0) or None
    except FileNotFoundError:
        pass
    return None


def tell_fault(folder: Path, fault: str) -> None:
    """Say why the worker of a folder ends."""
    (folder / "fault").write_text(" ".join(fault.split()), encoding="utf-8")


def last_fault(folder: Path) -> str | None:
    """Why the worker of a folder ended last; None when it lives, or ended in order."""
    try:
        return (folder / "fault").read_text(encoding="utf-8")
    except OSError:
        return None

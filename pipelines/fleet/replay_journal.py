"""What an interrupted replay has done already, so that the next one goes on from there."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from detector.errors import StorageError
from pipelines.replay import ReplayOptions


def identify(options: ReplayOptions, database: str, version: str) -> str:
    """Names a replay: another configuration, place or program is another replay."""
    parts = (
        options.cameras.sha256,
        options.camera_id,
        options.started_at.isoformat() if options.started_at else None,
        options.evidence_url or str(options.evidence_root),
        database,
        version,
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class ReplayJournal:
    """A line for each recording that is done; the file goes when all are."""

    def __init__(self, folder: Path, name: str) -> None:
        """Read what an interrupted replay left; a torn last line counts for nothing."""
        self._path = folder / f"replay-{name}.jsonl"
        self._done: dict[str, dict[str, Any]] = {}
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror}") from error
        for line in lines:
            try:
                row = json.loads(line)
                self._done[row["file"]] = row["report"]
            except (ValueError, KeyError, TypeError):
                continue

    def find(self, clip: Path) -> dict[str, Any] | None:
        """The report of a recording that is done and unchanged; None for one that is to be replayed."""
        return self._done.get(_name(clip))

    def note(self, clip: Path, report: dict[str, Any]) -> None:
        """A recording is done.

        Raises:
            StorageError: the journal cannot be written.
        """
        line = json.dumps({"file": _name(clip), "report": report}, ensure_ascii=False)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Everything is done: the next replay begins anew."""
        self._path.unlink(missing_ok=True)


def _name(clip: Path) -> str:
    """A recording by place, size and date: one that was replaced is another one."""
    try:
        stat = clip.stat()
    except OSError:
        return str(clip)
    return f"{clip}|{stat.st_size}|{stat.st_mtime_ns}"

"""Where sightings wait on disk while the database is away, sealed: a killed process loses none, no plate is shown."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from detector.errors import StorageError

FILE = "sightings.spool.jsonl"


class SightingSpool:
    """Sealed rows of sightings in one file: added at the end, taken out all at once."""

    def __init__(self, folder: Path) -> None:
        """Use a folder of this process alone; what an earlier process left there is still to be stored."""
        self._path = folder / FILE

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._path.exists()

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows as `SightingStore.seal` gives them.

        Raises:
            StorageError: the disk refuses; nothing of these rows counts.
        """
        text = "".join(f"{json.dumps(row | {'seen_at': row['seen_at'].isoformat()})}\n" for row in rows)
        before = 0 if self.is_empty else self._path.stat().st_size
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            if not self.is_empty:
                with self._path.open("ab") as file:
                    file.truncate(before)
            raise StorageError(f"{self._path}: cannot be written ({error.strerror})") from error

    def read(self) -> list[dict[str, Any]]:
        """All rows; a line that a crash has torn does not count.

        Raises:
            StorageError: the file cannot be read.
        """
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"{self._path}: cannot be read ({error})") from error
        rows = []
        for line in lines:
            try:
                row = json.loads(line)
                rows.append(row | {"seen_at": datetime.fromisoformat(row["seen_at"])})
            except (ValueError, KeyError, TypeError):
                continue
        return rows

    def clear(self) -> None:
        """What `read` gave is stored."""
        self._path.unlink(missing_ok=True)

"""Messages as files in a folder, for receivers that fetch them."""

import json
import os
from pathlib import Path

from detector.dispatch.protocol import Unreachable
from detector.dispatch.webhook import describe
from detector.entities import Message


class FolderSender:
    """Writes one JSON file a message; it appears whole or not at all, and once however often it is sent."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when it is first needed."""
        self._folder = folder

    def send(self, message: Message) -> None:
        """Write the file and let it reach the disk."""
        target = self._folder / f"{message.created_at:%Y%m%dT%H%M%S}-{message.message_id}.json"
        unfinished = target.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("w", encoding="utf-8") as file:
                json.dump(describe(message), file, ensure_ascii=False, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(target)
        except OSError as error:
            raise Unreachable(f"{self._folder}: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is held."""

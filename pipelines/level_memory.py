"""What the gates for still scenes have learned, kept over restarts: without it each camera would be decoded in full
until three vehicles have passed, which at night is most of the night for all cameras at once.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from detector.video.activity_gate import ActivityLevel

logger = logging.getLogger(__name__)

FILE = "levels.json"


class LevelMemory:
    """One `ActivityLevel` a camera, in a file beside the packet rings."""

    def __init__(self, folder: Path) -> None:
        """Read what is there; a file that cannot be read is as none, since it only saves time."""
        self._path = folder / FILE
        self._saved = _read(self._path)
        self._levels: dict[str, ActivityLevel] = {}

    def get(self, camera_id: str) -> ActivityLevel:
        """The camera's level, the same one at each call."""
        if camera_id not in self._levels:
            self._levels[camera_id] = ActivityLevel(levels=self._saved.get(camera_id, ()))
        return self._levels[camera_id]

    def save(self) -> None:
        """Write what has been learned since; a disk that refuses is told, and tried again the next time."""
        known = dict(self._saved) | {camera_id: list(level.levels) for camera_id, level in self._levels.items()}
        if known == self._saved:
            return
        part = self._path.with_name(f"{FILE}.part")
        try:
            part.write_text(json.dumps(known), encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            logger.error("%s: cannot be written (%s)", self._path, error.strerror)
        else:
            self._saved = known


def _read(path: Path) -> Mapping[str, list[float]]:
    try:
        content = json.loads(path.read_bytes())
        return {str(camera_id): [float(level) for level in levels] for camera_id, levels in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("%s: cannot be read (%s); gates learn anew", path, error)
        return {}

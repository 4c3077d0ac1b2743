"""Room for evidence: a warning first, then leads go without their clips, before anything else suffers."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from time import monotonic

logger = logging.getLogger(__name__)

GB = 10**9
TELL_AGAIN_S = 3600.0


class DiskSpace:
    """Free room where evidence goes."""

    def __init__(
        self,
        folder: Path,
        warn_gb: float,
        short_gb: float,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Watch a disk.

        Args:
            folder: on it.
            warn_gb: below this a warning is logged, once an hour.
            short_gb: below this it is short.
            free_bytes: asks the system.
        """
        self._folder, self._warn_gb, self._short_gb, self._free_bytes = folder, warn_gb, short_gb, free_bytes
        self._told_at = float("-inf")

    def describe(self) -> str | None:
        """What is wrong, in words; None while there is room enough, or the system does not tell."""
        try:
            free_gb = self._free_bytes(self._folder) / GB
        except OSError:
            return None
        if free_gb >= self._warn_gb:
            return None
        rest = "; new leads go without their clips" if free_gb < self._short_gb else ""
        return f"evidence folder {self._folder}: {free_gb:.1f} GB free, less than {self._warn_gb:g} GB{rest}"

    def is_short(self) -> bool:
        """Whether leads must go without their clips; logs a warning when room is getting short."""
        words = self.describe()
        if words is not None and monotonic() >= self._told_at + TELL_AGAIN_S:
            logger.warning("%s", words)
            self._told_at = monotonic()
        return words is not None and words.endswith("clips")

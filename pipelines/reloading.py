"""A configuration that changes while the program runs is taken up when it is right, and refused when it is wrong.

A changed password in a file is a change too: cameras get new passwords now and then.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from detector.errors import RoadwardenError
from pipelines.config import Cameras
from pipelines.configuration_store import ConfigurationStore

logger = logging.getLogger(__name__)

Mark = tuple[str | None, tuple[int | None, ...]]
"""What shows that something was changed: the configuration's fingerprint, and when its files of secrets were."""

POLL_S = 2.0
"""A change must be seen the same twice before it is taken up: editors write a file in several steps."""


class Reloader(threading.Thread):
    """Looks every `POLL_S` whether file or database say something else than what is in force."""

    def __init__(
        self, store: ConfigurationStore, in_force: Cameras, apply: Callable[[Cameras], None], poll_s: float = POLL_S
    ) -> None:
        """Prepare the thread.

        Args:
            store: where the configuration is.
            in_force: what the program was started with.
            apply: puts a new configuration in force, whole or not at all; raises `RoadwardenError` to refuse it.
            poll_s: time between two looks.
        """
        super().__init__(name="configuration", daemon=True)
        self._store = store
        self._in_force = in_force
        self._apply = apply
        self._poll_s = poll_s
        self._latest = in_force  # the newest that was right in itself, even if it was refused
        self._judged: Mark = (in_force.sha256, self._stamps())  # put in force or refused last
        self._seen: Mark = self._judged
        self._complaint = ""
        self._stop_wanted = threading.Event()

    def run(self) -> None:
        """Look until `stop`."""
        while not self._stop_wanted.wait(self._poll_s):
            self.look()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop_wanted.set()

    def look(self) -> None:
        """One look."""
        try:
            seen: Mark = (self._store.fingerprint(), self._stamps())
            is_settled, self._seen = seen == self._seen, seen
            if is_settled and seen != self._judged:
                self._take_up(seen)
            self._complaint = ""
        except RoadwardenError as error:
            if str(error) != self._complaint:  # once, not at every look
                self._complaint = str(error)
                logger.error("%s; the configuration in force stays", error)

    def _take_up(self, seen: Mark) -> None:
        """Put in force what is there now; what the database keeps from us is tried again at the next look."""
        found = self._store.current()
        self._judged = seen
        if found is None:
            return
        self._latest = found.cameras
        self._judged = (seen[0], self._stamps())
        self._apply(self._latest)
        if self._latest.sightings != self._in_force.sightings:
            logger.warning("%s: hubs, roads, privacy and leads take effect with the next start", self._latest.place)
        self._in_force = self._latest
        logger.info("configuration %s in force: %s", self._in_force.sha256[:12], self._in_force.place)

    def _stamps(self) -> tuple[int | None, ...]:
        """When the files that hold passwords were changed last; None for one that is not there."""
        return tuple(_changed_at(path) for path in self._latest.secret_files())


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None

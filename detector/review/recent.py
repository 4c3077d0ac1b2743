"""What was found a moment ago and is the same for several people: counted once for all of them."""

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Found = TypeVar("Found")

KEPT_MOST = 1000


class Recent:
    """Keeps answers for some seconds, in this process; safe to use from several threads.

    Two who ask at once for what nobody knows may both look: that costs time, and changes nothing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing known."""
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, seconds: float, find: Callable[[], Found]) -> Found:
        """What was found under a key, at most so many seconds ago.

        Args:
            key: names everything that the answer depends on, above all who may see what.
            seconds: how old it may be.
            find: looks anew.
        """
        now = self._clock()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < seconds:
            known: Found = kept[1]
            return known
        found = find()
        if len(self._kept) >= KEPT_MOST:
            self._kept = {}
        self._kept[key] = (now, found)
        return found

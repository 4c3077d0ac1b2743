"""Rate limits: how many requests one sender may make in a while, counted in this process."""

import time
from collections import Counter
from collections.abc import Callable

LIMITS = {"usual": (1200, 60.0), "sign_in": (20, 60.0), "search": (60, 60.0), "plates": (20, 60.0)}
"""Name → requests, in so many seconds. Twenty attempts a minute from one address leave room for an office behind one
gateway; single accounts are locked by `AccountStore` after five."""

SENDERS_KEPT = 10_000


class RateLimits:
    """Counts in fixed windows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing counted."""
        self._clock = clock
        self._windows: dict[str, int] = {}
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in LIMITS}

    def is_over(self, limit: str, sender: str) -> bool:
        """Count one request, and say whether it is one too many."""
        most, seconds = LIMITS[limit]
        window = int(self._clock() / seconds)
        counts = self._counts[limit]
        if self._windows.get(limit) != window or len(counts) > SENDERS_KEPT:
            self._windows[limit] = window
            counts.clear()
        counts[sender] += 1
        return counts[sender] > most

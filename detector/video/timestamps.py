"""Repair of packet time stamps, so that everything behind it may rely on them."""

import math
from collections import deque
from fractions import Fraction

from detector.packets import seconds

_JUMP_S = Fraction(1, 5)
"""A step back of this much is a new start of the clock (files joined, camera rebooted), a smaller one is jitter.
Raising squeezes the pictures of that time into a few ticks, so it must be short against the sampling grid."""

_REORDER = 64
"""Pictures that a codec may hold back at most are far fewer (H.264 and H.265: 16)."""

_MAX_JUMPS = 10
"""Later jumps are repaired, but not listed one by one."""


class TimestampRepair:
    """Gives every packet a `dts` that strictly increases and a unique `pts` not before it.

    Rules, each use of which counts as one repair:

    - no `dts`: the previous one plus one picture, but not after the packet's own `pts`;
    - no `pts`: the packet's `dts`;
    - `dts` steps back by less than 0.2 s: raised to one tick after the previous one;
    - `dts` steps back by more: all stamps from there on are shifted, so that time goes on one picture later;
    - `pts` before `dts` or already taken: raised to the next free tick.

    One picture is the packet's own duration or else 1/average rate. A missing `dts` with a present `pts` is how
    Matroska stores reordered pictures, and no fault: it is filled in but not counted.

    Attributes:
        picture: ticks of one picture at the average rate.
        repaired: packets repaired so far.
        jumps: for the first steps back of 0.2 s or more: seconds since the first packet, and size of the step in s.
    """

    def __init__(self, time_base: Fraction, average_rate: Fraction | None, reorder_depth: int = 0) -> None:
        """Start at the first packet of a stream.

        Args:
            time_base: seconds of one tick.
            average_rate: pictures a second; None when unknown (25 is taken).
            reorder_depth: pictures that the decoder may hold back; a first missing `dts` lies so far before its `pts`.
        """
        self._time_base = time_base
        self._jump = math.ceil(_JUMP_S / time_base)
        self.picture = max(1, round(1 / ((average_rate or 25) * time_base)))
        self._reorder_depth = reorder_depth
        self._last_dts: int | None = None
        self._last_duration = 0
        self._shift = 0
        self._taken: deque[int] = deque(maxlen=_REORDER)
        self._first_pts: int | None = None
        self.repaired = 0
        self.jumps: list[tuple[float, float]] = []

    def repair(self, pts: int | None, dts: int | None, duration: int) -> tuple[int, int]:
        """Give the (pts, dts) to use for the next packet in decoding order; durations are ticks, 0 when unknown."""
        expected = self._expected_dts()
        if dts is not None and self._last_dts is not None:
            back = self._last_dts - (dts + self._shift)
            if back >= self._jump:
                self._shift = expected - dts
                self._note_jump(expected, back)
        pts = None if pts is None else pts + self._shift
        given = (pts, None if dts is None else dts + self._shift)
        if dts is not None:
            dts += self._shift
        elif pts is None:
            dts = expected
        elif self._last_dts is None:
            dts = pts - self._reorder_depth * self.picture
        else:
            dts = min(pts, expected)
        new_pts, new_dts = self._place(dts if pts is None else pts, dts)
        if new_pts != given[0] or given[1] not in (None, new_dts):
            self.repaired += 1
        self._first_pts = new_pts if self._first_pts is None else self._first_pts
        self._last_dts, self._last_duration = new_dts, duration
        self._taken.append(new_pts)
        return new_pts, new_dts

    def _note_jump(self, at_dts: int, back: int) -> None:
        if len(self.jumps) < _MAX_JUMPS:
            at_s = seconds(at_dts - (self._first_pts or 0), self._time_base)
            self.jumps.append((at_s, seconds(back, self._time_base)))

    def _expected_dts(self) -> int:
        return 0 if self._last_dts is None else self._last_dts + (self._last_duration or self.picture)

    def _place(self, pts: int, dts: int) -> tuple[int, int]:
        """The nearest allowed stamps: `dts` after the last, `pts` free and not before `dts`."""
        earliest = dts if self._last_dts is None else self._last_dts + 1
        dts = max(earliest, min(dts, pts))
        pts = max(pts, dts)
        while pts in self._taken:
            pts += 1
        return pts, dts

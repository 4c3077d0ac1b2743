"""Where the frames of all cameras meet: bounded, fair, and the freshest first when there is too much."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from detector.video.live_source import LiveSource
from detector.video.source import Glance
from pipelines.spans import Seen, Span

GATHER_S = 0.03
"""How long a batch waits for further cameras: a third of the analysis interval at 8 frames a second would be 40 ms."""

FLOWING_S = 0.3
"""A camera that sent nothing for so long is not waited for."""

LATE_S = 3.0
"""A camera whose analysis lags by more is overloaded: from then on only its freshest frame is taken, until it lags by
less than `FRESH_S`."""

FRESH_S = 0.5


MOST_GLANCES = 2
"""In one batch: many still scenes must not keep one that moves waiting."""


@dataclass(frozen=True, slots=True, eq=False)
class SessionBegins:
    """The frames that follow belong to this session."""

    source: LiveSource


@dataclass(frozen=True, slots=True, eq=False)
class SessionEnds:
    """No further frame of the camera's session follows."""


Item = Seen | SessionBegins | SessionEnds


@dataclass(slots=True)
class _Lane:
    items: deque[Item] = field(default_factory=deque)
    frames: int = 0
    shed: int = 0
    is_late: bool = False
    fed_at: float = float("-inf")


class Intake:
    """Takes items of many cameras from many threads, hands them out to one.

    Each camera's items stay in order. Where a camera has `depth` frames waiting, whoever puts a further span waits,
    which costs nothing, because compressed packets wait in its place. When that makes the camera late, the oldest spans
    are pushed out, so that analysis sees what is fresh. No camera suffers by another one's frames. Beginnings and ends
    always stay.
    """

    def __init__(self, depth: int = 3) -> None:
        """Start empty; a camera of which `depth` frames wait (one span of 8 frames a second has 4) is full."""
        self._depth = depth
        self._lanes: dict[str, _Lane] = {}
        self._changed = threading.Condition()

    def put(self, camera_id: str, item: Item, lag_s: Callable[[], float] | None = None) -> None:
        """Take an item.

        Args:
            camera_id: whose item it is.
            item: the next one.
            lag_s: by how much analysis lags behind the camera; None: never wait, push out the oldest.
        """
        with self._changed:
            lane = self._lanes.setdefault(camera_id, _Lane())
            lane.fed_at = monotonic()
            if _count(item):
                self._make_room(lane, lag_s)
                lane.frames += _count(item)
            lane.items.append(item)
            self._changed.notify_all()

    def take(self, timeout_s: float) -> dict[str, Item]:
        """At most one item of each camera, and few glances; empty when `timeout_s` pass without one.

        When only some cameras have something, those that have been sending get `GATHER_S` to join the batch.
        """
        with self._changed:
            if not self._changed.wait_for(self._count_waiting, timeout_s):
                return {}
            until = monotonic() + GATHER_S
            while self._count_waiting() < self._count_flowing() and (rest_s := until - monotonic()) > 0:
                self._changed.wait(rest_s)
            batch, glances = {}, 0
            for camera_id, lane in list(self._lanes.items()):
                if not lane.items or (isinstance(lane.items[0], Glance) and glances == MOST_GLANCES):
                    continue
                batch[camera_id] = item = lane.items.popleft()
                lane.frames -= _count(item)
                if isinstance(item, Glance):
                    glances += 1
                    self._lanes[camera_id] = self._lanes.pop(camera_id)  # the others come first the next time
            self._changed.notify_all()
            return batch

    def forget(self, camera_id: str) -> bool:
        """Drop a camera that will send nothing more; False while something of it waits."""
        with self._changed:
            lane = self._lanes.get(camera_id)
            if lane is not None and lane.items:
                return False
            self._lanes.pop(camera_id, None)
            return True

    def shed(self, camera_id: str) -> int:
        """Frames of a camera that were pushed out so far."""
        with self._changed:
            lane = self._lanes.get(camera_id)
            return lane.shed if lane else 0

    def is_late(self, camera_id: str) -> bool:
        """Whether a camera is overloaded now, so that only its freshest frames are analysed."""
        with self._changed:
            lane = self._lanes.get(camera_id)
            return lane is not None and lane.is_late

    def _make_room(self, lane: _Lane, lag_s: Callable[[], float] | None) -> None:
        if lag_s is not None:
            while lane.frames >= self._depth and not lane.is_late:
                lane.is_late = lag_s() > LATE_S
                if not lane.is_late:
                    self._changed.wait(0.1)
            lane.is_late = lane.is_late and lag_s() > FRESH_S
        most = 0 if lane.is_late else self._depth - 1
        while lane.frames > most:
            oldest = next(i for i, waiting in enumerate(lane.items) if _count(waiting))
            count = _count(lane.items[oldest])
            del lane.items[oldest]
            lane.frames -= count
            lane.shed += count

    def _count_waiting(self) -> int:
        return sum(1 for lane in self._lanes.values() if lane.items)

    def _count_flowing(self) -> int:
        now = monotonic()
        return sum(1 for lane in self._lanes.values() if lane.items or now - lane.fed_at < FLOWING_S)


def _count(item: Item) -> int:
    """How many pictures an item holds."""
    return len(item.frames) if isinstance(item, Span) else int(isinstance(item, Glance))

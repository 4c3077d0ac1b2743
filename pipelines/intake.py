"""Where the frames of all cameras meet: bounded, fair, and the freshest first when there is too much."""

import threading
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from detector.entities import Frame
from detector.video.live_source import LiveSource

GATHER_S = 0.03
"""How long a batch waits for further cameras: a third of the analysis interval at 8 frames a second would be 40 ms."""


@dataclass(frozen=True, slots=True, eq=False)
class SessionBegins:
    """The frames that follow belong to this session."""

    source: LiveSource


@dataclass(frozen=True, slots=True, eq=False)
class SessionEnds:
    """No further frame of the camera's session follows."""


Item = Frame | SessionBegins | SessionEnds


@dataclass(slots=True)
class _Lane:
    items: deque[Item] = field(default_factory=deque)
    frames: int = 0
    shed: int = 0


class Intake:
    """Takes items of many cameras from many threads, hands them out to one.

    Each camera's items stay in order. A camera has at most `depth` frames waiting: a further one pushes out its oldest,
    so that analysis sees what is fresh, and no camera suffers by another one's frames. Beginnings and ends always stay.
    """

    def __init__(self, depth: int = 8) -> None:
        """Start empty; `depth` frames a camera may wait."""
        self._depth = depth
        self._lanes: dict[str, _Lane] = {}
        self._changed = threading.Condition()

    def put(self, camera_id: str, item: Item) -> None:
        """Take an item; never waits."""
        with self._changed:
            lane = self._lanes.setdefault(camera_id, _Lane())
            lane.items.append(item)
            if isinstance(item, Frame):
                lane.frames += 1
                if lane.frames > self._depth:
                    oldest = next(i for i, waiting in enumerate(lane.items) if isinstance(waiting, Frame))
                    del lane.items[oldest]
                    lane.frames -= 1
                    lane.shed += 1
            self._changed.notify()

    def take(self, timeout_s: float) -> dict[str, Item]:
        """At most one item of each camera; empty when `timeout_s` pass without one.

        When only some cameras have something, the others get `GATHER_S` to join the batch.
        """
        with self._changed:
            if not self._changed.wait_for(self._count_waiting, timeout_s):
                return {}
            until = monotonic() + GATHER_S
            while self._count_waiting() < len(self._lanes) and (rest_s := until - monotonic()) > 0:
                self._changed.wait(rest_s)
            batch = {}
            for camera_id, lane in self._lanes.items():
                if lane.items:
                    batch[camera_id] = item = lane.items.popleft()
                    lane.frames -= isinstance(item, Frame)
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

    def _count_waiting(self) -> int:
        return sum(1 for lane in self._lanes.values() if lane.items)

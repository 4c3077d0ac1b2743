"""Shortest ways between cameras, from the configured pairs."""

import heapq
from collections.abc import Sequence

from detector.entities import Road


class RoadGraph:
    """Cameras as nodes, configured pairs as edges."""

    def __init__(self, roads: Sequence[Road]) -> None:
        """Take the configured pairs; each is one way or both."""
        self._next: dict[str, list[tuple[str, float]]] = {}
        self._roads: dict[tuple[str, str], Road] = {}
        for road in roads:
            self._add(road.start, road.end, road)
            if road.both_ways:
                self._add(road.end, road.start, road)

    def distances_from(self, camera_id: str) -> dict[str, float]:
        """Metres along the shortest way to every camera that can be reached, the start itself included (0)."""
        found: dict[str, float] = {}
        waiting = [(0.0, camera_id)]
        while waiting:
            distance, camera = heapq.heappop(waiting)
            if camera in found:
                continue
            found[camera] = distance
            for following, metres in self._next.get(camera, ()):
                heapq.heappush(waiting, (distance + metres, following))
        return found

    def knows(self, camera_id: str) -> bool:
        """Whether any configured road touches a camera."""
        return camera_id in self._next

    def path(self, start: str, end: str) -> list[str]:
        """Cameras of the shortest way, both ends included; empty when there is no way."""
        before: dict[str, str | None] = {}
        waiting: list[tuple[float, str, str | None]] = [(0.0, start, None)]
        while waiting:
            distance, camera, previous = heapq.heappop(waiting)
            if camera in before:
                continue
            before[camera] = previous
            if camera == end:
                break
            for following, metres in self._next.get(camera, ()):
                heapq.heappush(waiting, (distance + metres, following, camera))
        found: list[str] = []
        at: str | None = end if end in before else None
        while at is not None:
            found.append(at)
            at = before[at]
        return found[::-1]

    def neighbours(self, camera_id: str) -> list[tuple[str, Road]]:
        """Cameras to which a configured pair leads, with that pair."""
        return [(camera, self._roads[camera_id, camera]) for camera, _ in self._next.get(camera_id, ())]

    def all_distances(self) -> list[tuple[str, str, float]]:
        """Every ordered pair of different cameras with a way between them."""
        return [
            (start, end, metres)
            for start in self._next
            for end, metres in self.distances_from(start).items()
            if start != end
        ]

    def _add(self, start: str, end: str, road: Road) -> None:
        self._next.setdefault(start, []).append((end, road.distance_m))
        self._next.setdefault(end, [])
        self._roads[start, end] = road

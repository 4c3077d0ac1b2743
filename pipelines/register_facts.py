"""What rules must know of registers, fetched for one pass."""

from detector.entities import BEIJING, Camera, RegisterEntry, RegisterKind, VehiclePass, VehicleType
from detector.patterns.roads import RoadGraph
from detector.registers.store import RegisterStore
from detector.rules import Facts


class PermitFacts:
    """Asks the permit register about certain plates of trucks; anything else needs no facts."""

    def __init__(self, registers: RegisterStore, graph: RoadGraph) -> None:
        """Take the registers, and the roads between cameras."""
        self._registers = registers
        self._graph = graph

    def find(self, vehicle_pass: VehiclePass, camera: Camera, absolute_time: bool) -> Facts:
        """Facts of one pass; empty where nothing is known."""
        plate = vehicle_pass.plate
        if vehicle_pass.vehicle_type is not VehicleType.TRUCK or plate is None or not plate.is_certain:
            return Facts()
        permits = self._registers.find(RegisterKind.PERMITS, plate.text)
        seen_at = vehicle_pass.first_seen_at if absolute_time else None
        if permits is None or seen_at is None or not self._graph.knows(camera.camera_id):
            return Facts(permits, seen_at)
        day = seen_at.astimezone(BEIJING).date()
        valid = [permit for permit in permits if permit.is_valid_on(day)]
        return Facts(permits, seen_at, frozenset(c for permit in valid for c in self._on_route(permit)))

    def _on_route(self, permit: RegisterEntry) -> set[str]:
        """Cameras that a permit names, and those on the shortest way from each to the next."""
        cameras = set(permit.routes)
        for start, end in zip(permit.routes, permit.routes[1:], strict=False):
            cameras.update(self._graph.path(start, end))
        return cameras

"""Keeps a database that does not answer from stopping the watch: what cannot be asked is not known."""

import logging
from collections.abc import Callable

from detector.entities import Camera, Observation, VehiclePass
from detector.errors import StorageError
from detector.rules import Facts

logger = logging.getLogger(__name__)

FindFacts = Callable[[VehiclePass, Camera, bool], Facts]
TakeLook = Callable[[Camera, str, Observation], None]


class FaultGuard:
    """Wraps what the pipeline asks of the database; a refusal is logged and counted.

    Attributes:
        faults: refusals so far.
    """

    def __init__(self) -> None:
        """Start without faults."""
        self.faults = 0

    def facts(self, find: FindFacts) -> FindFacts:
        """Registers that cannot be asked say nothing, and rules that need them yield nothing."""

        def guarded(vehicle_pass: VehiclePass, camera: Camera, is_absolute: bool) -> Facts:
            try:
                return find(vehicle_pass, camera, is_absolute)
            except StorageError as error:
                self._note("registers", error)
                return Facts()

        return guarded

    def looks(self, take: TakeLook) -> TakeLook:
        """A look that the watch list cannot take is lost; the next one is tried again."""

        def guarded(camera: Camera, pass_id: str, look: Observation) -> None:
            try:
                take(camera, pass_id, look)
            except StorageError as error:
                self._note("watch list", error)

        return guarded

    def _note(self, what: str, error: StorageError) -> None:
        self.faults += 1
        logger.error("%s: %s", what, error)

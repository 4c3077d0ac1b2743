"""Keeps a database that does not answer from stopping the watch: what cannot be asked is not known."""

import logging
from collections.abc import Callable
from time import monotonic

from detector.entities import Camera, Observation, VehiclePass, VehicleType
from detector.errors import StorageError
from detector.rules import Facts

logger = logging.getLogger(__name__)

FindFacts = Callable[[VehiclePass, Camera, bool], Facts]
TakeLook = Callable[[Camera, str, VehicleType, Observation], None]


PAUSE_S = 5.0
"""After a refusal nothing is asked for so long: every question to a server that has vanished costs its time-out."""


class FaultGuard:
    """Wraps what the pipeline asks of the database; a refusal is logged and counted, then there is a pause.

    Attributes:
        faults: refusals so far.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Start without faults; the clock tells seconds."""
        self.faults = 0
        self._clock = clock
        self._ask_at = float("-inf")

    def facts(self, find: FindFacts) -> FindFacts:
        """Registers that cannot be asked say nothing, and rules that need them yield nothing."""

        def guarded(vehicle_pass: VehiclePass, camera: Camera, is_absolute: bool) -> Facts:
            if self._clock() < self._ask_at:
                return Facts()
            try:
                return find(vehicle_pass, camera, is_absolute)
            except StorageError as error:
                self._note("registers", error)
                return Facts()

        return guarded

    def looks(self, take: TakeLook) -> TakeLook:
        """A look that the watch list cannot take is lost; the next one is tried again."""

        def guarded(camera: Camera, pass_id: str, vehicle_type: VehicleType, look: Observation) -> None:
            if self._clock() < self._ask_at:
                return
            try:
                take(camera, pass_id, vehicle_type, look)
            except StorageError as error:
                self._note("watch list", error)

        return guarded

    def _note(self, what: str, error: StorageError) -> None:
        self.faults += 1
        self._ask_at = self._clock() + PAUSE_S
        logger.error("%s: %s", what, error)

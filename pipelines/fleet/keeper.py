"""The leases of one worker: renewed while it lives, taken when it is wanted, given back when a camera has left it."""

import logging
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import Protocol

from detector.database.leases import Lease, LeaseBook, LeaseStore
from detector.errors import StorageError

logger = logging.getLogger(__name__)

TICK_S = 2.0
"""How often leases are renewed: five times in the life of a lease."""

QUIET_WAIT_S = 60.0
"""How long a camera that shall move waits for a moment without a vehicle, so that no pass is cut in two."""


class Watchman(Protocol):
    """What watches the cameras: `pipelines.live.LiveRunner`."""

    def choose(self, camera_ids: Collection[str]) -> None:
        """Watch these cameras from now on, and no others; returns at once."""

    def is_watching(self, camera_id: str) -> bool:
        """Whether frames of the camera may still become cases."""

    def is_quiet(self, camera_id: str) -> bool:
        """Whether no vehicle is in view of the camera."""

    def measure_load(self) -> float:
        """Share of the time since the last question that was spent judging, 0 to 1."""


class LeaseKeeper:
    """Makes a watchman watch exactly the cameras of which this process is the owner.

    When the database does not answer, everything goes on as it is: nobody else can take a camera then.
    """

    def __init__(self, leases: LeaseStore, book: LeaseBook, worker_id: str, owner: str) -> None:
        """Start without leases.

        Args:
            leases: of the fleet.
            book: which the case store asks; only this keeper changes it.
            worker_id: under which the dispatcher wants cameras to be watched.
            owner: name of this process, used by no other one.
        """
        self._leases = leases
        self._book = book
        self._worker_id = worker_id
        self._owner = owner
        self._leaving: dict[str, float] = {}
        self._chosen: set[str] = set()

    def tick(self, watchman: Watchman, node: str) -> None:
        """One round; called every `TICK_S`."""
        try:
            self._leases.show_life(self._worker_id, node, watchman.measure_load())
            held = {lease.camera_id: lease for lease in self._leases.renew(self._owner, self._worker_id)}
            taken = self._leases.acquire(self._owner, self._worker_id)
            self._note(held, taken)
            self._direct(watchman, {c: lease for c, lease in held.items() if not lease.is_wanted})
        except StorageError as error:
            logger.error("leases: %s; cameras are watched on", error)

    def _note(self, held: Mapping[str, Lease], taken: Sequence[Lease]) -> None:
        """Bring the book up to date, first of all with what is lost."""
        for lease in self._book.held():
            if lease.camera_id not in held:
                logger.error("camera %s: its lease is lost; another worker watches it", lease.camera_id)
                self._book.drop(lease.camera_id)
        for lease in [*held.values(), *taken]:
            self._book.put(lease)
        for lease in taken:
            logger.info("camera %s: taken with token %d", lease.camera_id, lease.token)

    def _direct(self, watchman: Watchman, leaving: Mapping[str, Lease]) -> None:
        """Tell the watchman what to watch, and give back what has left it."""
        self._leaving = {c: self._leaving.get(c, monotonic()) for c in leaving}
        # Looked at before anything is told: what was chosen a moment ago may be about to start.
        gone = {c for c in leaving if c not in self._chosen and not watchman.is_watching(c)}
        waiting = {c for c in leaving if c in self._chosen and not self._may_go(c, watchman)}
        self._chosen = {lease.camera_id for lease in self._book.held() if lease.camera_id not in leaving} | waiting
        watchman.choose(self._chosen)
        for camera_id in gone:
            self._give_back(leaving[camera_id])

    def give_all_back(self) -> None:
        """The worker has ended in order: others may take its cameras at once."""
        try:
            for lease in self._book.held():
                self._give_back(lease)
            self._leases.forget(self._worker_id)
        except StorageError as error:
            logger.error("leases: %s; they run out by themselves", error)

    def _may_go(self, camera_id: str, watchman: Watchman) -> bool:
        return watchman.is_quiet(camera_id) or monotonic() - self._leaving[camera_id] > QUIET_WAIT_S

    def _give_back(self, lease: Lease) -> None:
        self._book.drop(lease.camera_id)
        self._leases.release(lease)
        logger.info("camera %s: given back", lease.camera_id)

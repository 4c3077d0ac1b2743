"""`roadwarden run --fleet`: sees to it that each machine has its workers, and each camera a worker that lives.

It holds nothing itself: what it wants stands in PostgreSQL, what it started is known to Ray. It may be killed and
started again, on any machine, while everything goes on; with none running, nothing is placed anew.
"""

import logging
import threading
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any

from detector.database.leases import LEASE_S, LeaseStore
from detector.errors import RoadwardenError, StorageError
from pipelines.fleet.actor import WorkerActor
from pipelines.fleet.cluster import actor_options, list_nodes
from pipelines.fleet.order import WorkerOrder
from pipelines.fleet.placement import Slot, find_slots, place

logger = logging.getLogger(__name__)

ROUND_S = 2.0
BALANCE_S = 60.0
"""How often cameras may move from a full worker to an emptier one; those of a dead worker move at once."""

STOP_TIMEOUT_S = 90.0
"""What a worker gets to finish its evidence."""


class Dispatcher:
    """Places workers and cameras until it is stopped."""

    def __init__(self, ray: Any, leases: LeaseStore, order: WorkerOrder, gpu_share: float) -> None:
        """Take what is ready to use.

        Args:
            ray: connected to the cluster.
            leases: where it says what it wants.
            order: for all workers; each gets its own name.
            gpu_share: part of a GPU that a worker takes.
        """
        self._ray = ray
        self._leases = leases
        self._order = order
        self._gpu_share = gpu_share
        self._actors: dict[str, tuple[Slot, Any]] = {}
        self._faults: dict[str, str | None] = {}
        self._balanced_at = float("-inf")
        self._known: set[str] = set()

    def run(self, stop: threading.Event, wanted_cameras: Callable[[], Collection[str]]) -> bool:
        """Place until `stop` is set, then end all workers.

        Args:
            stop: ends it.
            wanted_cameras: ids of the cameras of the configuration in force.

        Returns:
            False when a worker did not end in time; it goes on by itself.
        """
        complaint = ""
        while not stop.is_set():
            try:
                self.see_to_workers()
                self.see_to_cameras(wanted_cameras())
                complaint = ""
            except RoadwardenError as error:
                if str(error) != complaint:
                    complaint = str(error)
                    logger.error("%s; workers go on with the cameras that they have", error)
            stop.wait(ROUND_S)
        return self.end()

    def see_to_workers(self) -> None:
        """An actor for each slot of the machines that live; those of machines that died are let go.

        Raises:
            StorageError: the head does not answer.
            ConfigurationError: two machines have one name.
        """
        slots = {slot.worker_id: slot for slot in find_slots(list_nodes(self._ray), self._gpu_share)}
        for worker_id, (slot, actor) in list(self._actors.items()):
            if slots.get(worker_id) != slot:
                logger.warning("worker %s: its machine has left the cluster", worker_id)
                self._ray.kill(actor)
                del self._actors[worker_id]
        for worker_id in sorted(slots.keys() - self._actors.keys()):
            self._actors[worker_id] = slots[worker_id], self._start(slots[worker_id])
        self._listen()

    def see_to_cameras(self, cameras: Collection[str]) -> None:
        """A living worker for each camera.

        Raises:
            StorageError: the database cannot be used.
        """
        workers = self._leases.workers(within_s=LEASE_S)
        living = {worker.worker_id for worker in workers}
        current = {s.camera_id: s.wanted for s in self._leases.leases() if s.wanted is not None}
        is_settled = living == self._known and set(current.values()) <= living and set(cameras) == current.keys()
        if is_settled and monotonic() - self._balanced_at < BALANCE_S:
            return
        for worker_id in sorted(living - self._known):
            logger.info("worker %s lives", worker_id)
        for worker_id in sorted(self._known - living):
            logger.error("worker %s: no sign of life for %.0f s", worker_id, LEASE_S)
        placed = place(cameras, workers, current)
        for camera_id in sorted(placed):
            if placed[camera_id] != current.get(camera_id):
                logger.info("camera %s: to worker %s", camera_id, placed[camera_id])
        self._leases.want({camera_id: placed.get(camera_id) for camera_id in cameras})
        self._known, self._balanced_at = living, monotonic()

    def end(self) -> bool:
        """End all workers, each of which finishes its evidence; False when one did not do so in time."""
        stopping = {name: actor.stop.remote(STOP_TIMEOUT_S) for name, (_, actor) in self._actors.items()}
        late = []
        for worker_id, answer in stopping.items():
            try:
                if not self._ray.get(answer, timeout=STOP_TIMEOUT_S + 10):
                    late.append(worker_id)
            except Exception as error:  # a machine that is gone, or a head that is
                logger.error("worker %s: %s", worker_id, type(error).__name__)
                late.append(worker_id)
        for worker_id, (_, actor) in self._actors.items():
            if worker_id not in late:
                self._ray.kill(actor)
        try:
            self._leases.want({})
        except StorageError as error:
            logger.error("%s", error)
        if late:
            logger.error("not ended in time: %s", ", ".join(late))
        return not late

    def _start(self, slot: Slot) -> Any:
        """The actor of a slot; one that an earlier dispatcher started is taken over."""
        logger.info("worker %s: on %s", slot.worker_id, slot.node.name)
        options = actor_options(slot)
        # A machine that died and came back is another node to Ray, so its old actor is no use: the id is in the name.
        name = f"{slot.worker_id} {slot.node.node_id}"
        worker = self._ray.remote(WorkerActor).options(
            name=name, lifetime="detached", get_if_exists=True, max_restarts=-1, max_concurrency=4, **options
        )
        return worker.remote(self._order.at(slot))

    def _listen(self) -> None:
        """Tell once what keeps a worker from starting; one that does not answer is heard in a later round."""
        asked = {actor.tell.remote(): worker_id for worker_id, (_, actor) in self._actors.items()}
        answered, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=ROUND_S) if asked else ([], [])
        for answer in answered:
            worker_id = asked[answer]
            try:
                fault = self._ray.get(answer)
            except self._ray.exceptions.RayError as error:
                fault = f"its actor died ({type(error).__name__})"
            if fault and fault != self._faults.get(worker_id):
                logger.error("worker %s: %s", worker_id, fault)
            self._faults[worker_id] = fault

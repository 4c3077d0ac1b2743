"""Which worker runs where, and which worker watches which camera; pure functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from detector.database.leases import WorkerState
from detector.errors import ConfigurationError

IDLE_COST = 0.005
"""Share of a worker's time that a camera is taken to cost at least, so that idle cameras spread evenly too."""

WORTH_MOVING = 1.5
"""A camera moves when two workers differ by more than so many cameras' cost: moving one then makes the fuller one less
full without making the other one fuller than that, so cameras never go back and forth."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster.

    Attributes:
        node_id: Ray's, new with each start.
        name: the machine's own, which stays.
        cpus, gpus: what it offers.
    """

    node_id: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one worker.

    Attributes:
        worker_id: name of the machine and a number, so that a restarted machine takes up what it left.
        gpus: share of a GPU.
    """

    worker_id: str
    node: Node
    gpus: float


def find_slots(nodes: Sequence[Node], gpu_share: float) -> list[Slot]:
    """Room for workers: one on each machine without a GPU, one for each `gpu_share` of a GPU on the others.

    Args:
        nodes: the machines; one that offers no CPU (a head that only leads) gets no worker.
        gpu_share: 0 < share; the part of a GPU that a worker takes, or how many whole ones.

    Raises:
        ConfigurationError: two machines have the same name.
    """
    names = [node.name for node in nodes]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise ConfigurationError(f"two nodes of the cluster are named {doubled}; `ray start --node-name` names them")
    slots = []
    for node in nodes:
        if node.cpus <= 0:
            continue
        fitting = int(node.gpus / gpu_share + 1e-6)
        gpus = gpu_share if fitting else 0.0
        slots += [Slot(f"{node.name}/{number}", node, gpus) for number in range(max(1, fitting))]
    return slots


def place(cameras: Collection[str], workers: Sequence[WorkerState], current: Mapping[str, str]) -> dict[str, str]:
    """Give each camera to a worker: cameras stay where they are unless that makes a worker much fuller than another.

    Args:
        cameras: that shall be watched.
        workers: that live.
        current: worker of each camera so far; workers that live no more may be named.

    Returns:
        Worker of each camera; empty while no worker lives.
    """
    if not workers:
        return {}
    living = {worker.worker_id for worker in workers}
    placed = {c: current[c] for c in sorted(cameras) if current.get(c) in living}
    watched = {name: sum(1 for worker in current.values() if worker == name) for name in living}
    cost = {w.worker_id: max(w.busy / max(1, watched[w.worker_id]), IDLE_COST) for w in workers}

    def load(name: str) -> float:
        return cost[name] * sum(1 for worker in placed.values() if worker == name)

    for camera_id in sorted(set(cameras) - set(placed)):
        placed[camera_id] = min(sorted(living), key=lambda name: load(name) + cost[name])
    while True:
        fullest, emptiest = max(sorted(living), key=load), min(sorted(living), key=load)
        if load(fullest) - load(emptiest) <= WORTH_MOVING * max(cost[fullest], cost[emptiest]):
            return placed
        placed[max(c for c, worker in placed.items() if worker == fullest)] = emptiest

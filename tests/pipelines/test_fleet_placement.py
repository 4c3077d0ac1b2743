"""Placing workers and cameras: pure functions, any cluster."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.database.leases import WorkerState
from detector.errors import ConfigurationError
from pipelines.fleet.placement import Node, find_slots, place

NAMES = ("a", "b", "c", "d")
CAMERAS = [f"camera-{number:02}" for number in range(12)]

busy_shares = st.floats(0, 1)
fleets = st.dictionaries(st.sampled_from(NAMES), busy_shares).map(
    lambda shares: [WorkerState(name, "node", busy, 0.0) for name, busy in sorted(shares.items())]
)
assignments = st.dictionaries(st.sampled_from(CAMERAS), st.sampled_from(NAMES))
wanted = st.sets(st.sampled_from(CAMERAS))


def idle(*names: str) -> list[WorkerState]:
    return [WorkerState(name, "node", 0.0, 0.0) for name in names]


@given(wanted, fleets, assignments)
def test_every_camera_has_one_living_worker(
    cameras: set[str], workers: list[WorkerState], current: dict[str, str]
) -> None:
    """Whoever died, joined or left: each camera is placed, and only on a worker that lives."""
    placed = place(cameras, workers, current)
    assert set(placed) == (cameras if workers else set())
    assert set(placed.values()) <= {worker.worker_id for worker in workers}


@given(wanted, fleets, assignments)
def test_a_placement_is_at_rest(cameras: set[str], workers: list[WorkerState], current: dict[str, str]) -> None:
    """Idle cameras that were just placed are not moved again: nothing goes back and forth."""
    workers = idle(*(worker.worker_id for worker in workers))
    placed = place(cameras, workers, current)
    assert place(cameras, workers, placed) == placed


@given(st.integers(0, 12), st.integers(1, 4), assignments)
def test_idle_cameras_spread_evenly(count: int, size: int, current: dict[str, str]) -> None:
    """No worker has two cameras more than another, so a machine that joins gets its share."""
    placed = place(CAMERAS[:count], idle(*NAMES[:size]), current)
    counts = Counter(dict.fromkeys(NAMES[:size], 0) | Counter(placed.values()))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_cameras_stay_when_another_machine_dies() -> None:
    """Only the dead worker's cameras move."""
    before = place(CAMERAS[:9], idle("a", "b", "c"), {})
    after = place(CAMERAS[:9], idle("a", "b"), before)
    assert {c: w for c, w in before.items() if w != "c"}.items() <= after.items()


def test_a_strong_machine_gets_more_cameras() -> None:
    """With four cameras each, the one that is nearly idle takes over from the one that is full."""
    current = dict.fromkeys(CAMERAS[:4], "weak") | dict.fromkeys(CAMERAS[4:8], "strong")
    workers = [WorkerState("strong", "n", 0.1, 0.0), WorkerState("weak", "n", 1.0, 0.0)]
    counts = Counter(place(CAMERAS[:8], workers, current).values())
    assert counts["strong"] > counts["weak"] > 0


def test_workers_share_gpus_and_a_head_without_cpus_gets_none() -> None:
    """Two GPUs at half a GPU a worker make four workers; a machine without a GPU has one."""
    nodes = [Node("1", "head", 0, 0), Node("2", "gpu", 16, 2), Node("3", "cpu", 4, 0)]
    assert [(s.worker_id, s.gpus) for s in find_slots(nodes, 0.5)] == [
        *((f"gpu/{number}", 0.5) for number in range(4)),
        ("cpu/0", 0.0),
    ]
    assert len(find_slots(nodes, 1 / 3)) == 7
    assert [s.worker_id for s in find_slots(nodes, 2)] == ["gpu/0", "cpu/0"]


def test_machines_must_be_told_apart() -> None:
    """A worker takes up what its machine left, so names are unique."""
    with pytest.raises(ConfigurationError, match="two nodes of the cluster are named x"):
        find_slots([Node("1", "x", 1, 0), Node("2", "x", 1, 0)], 1.0)

"""The few things that are asked of Ray."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from detector.errors import ConfigurationError, StorageError
from pipelines.fleet.placement import Node, Slot

NAMESPACE = "roadwarden"
KNOCK_TIMEOUT_S = 5.0


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Ray, connected to a cluster until the block ends.

    Args:
        address: `HOST:PORT` of the head, from a machine of the cluster; "auto" for the cluster of this machine.

    Raises:
        ConfigurationError: Ray is not installed, or there is no cluster at that address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # else Ray sends statistics to its makers
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigurationError("--fleet needs Ray: pip install 'roadwarden[fleet]'") from error
    _knock(address)
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            configure_logging=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(f"--fleet {address}: no cluster can be reached there: {reason}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Find out at once whether anybody is there: Ray itself tries for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "//" in address:
        raise ConfigurationError(f"--fleet {address}: write HOST:PORT of the cluster's head, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"--fleet {address}: no cluster can be reached there: {reason}") from error


def list_nodes(ray: Any) -> list[Node]:
    """The machines that live, ordered by name.

    Raises:
        StorageError: the head does not answer.
    """
    try:
        rows = [row for row in ray.nodes() if row["Alive"]]
    except Exception as error:  # Ray has no common base of the errors of a head that is gone
        raise StorageError(f"Ray's head does not answer: {type(error).__name__}") from error
    nodes = [
        Node(
            row["NodeID"],
            row.get("NodeName") or row["NodeManagerAddress"],
            row["Resources"].get("CPU", 0.0),
            row["Resources"].get("GPU", 0.0),
        )
        for row in rows
    ]
    return sorted(nodes, key=lambda node: node.name)


def actor_options(slot: Slot) -> dict[str, Any]:
    """On that machine, with that share of a GPU, and no part of a CPU: a worker shares the machine with replays."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return {
        "num_cpus": 0,
        "num_gpus": slot.gpus,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(slot.node.node_id, soft=False),
    }

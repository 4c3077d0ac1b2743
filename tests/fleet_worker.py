"""A worker of a fleet with scripted models: `pipelines.fleet.worker` in everything else.

The truck of `scripted_truck` passes between 1.6 and 3.6 s of a clip of 6 s. However busy the machine is, no frame is
shed, and a worker that ends has the time to write its evidence.
"""

import sys
import threading
from pathlib import Path

from pipelines.fleet.run import FleetOptions, push_configuration, run_fleet
from pipelines.fleet.worker import Work, main
from pipelines.replay import Replayer, ReplayOptions
from tests.footage import ClipSpec, write

ENTERS, LEAVES, FRAMES = 20, 45, 75


def write_clip(path: Path, number: int = 0) -> Path:
    """Write the clip; each number gives other packets, so that their cases are told apart."""
    times = [2 * picture for picture in range(FRAMES)]
    return write(path, ClipSpec(frames=FRAMES, width=480, height=192 + 2 * number, gop=8, times=times))


def load_scripted() -> Work:
    """The usual work, with the models replaced."""
    from pipelines import build_models, live
    from pipelines.fleet.watch import work
    from pipelines.intake import Intake
    from tests import scripted_truck

    scripted_truck.ENTERS, scripted_truck.LEAVES = ENTERS, LEAVES
    build_models.load_models = lambda: (scripted_truck.make_models(), ())
    live.Intake = lambda: Intake(depth=10_000)
    live.LAST_TRIES_S = 120.0
    return work


def open_scripted(database: str, options: ReplayOptions) -> Replayer:
    """The usual replayer, with the models replaced."""
    from pipelines import build, build_models
    from tests import scripted_truck

    scripted_truck.ENTERS, scripted_truck.LEAVES = ENTERS, LEAVES
    build_models.load_models = lambda: (scripted_truck.make_models(), ())
    return build.open_replayer(database, options)


def dispatch(address: str, database: str, evidence: str, cameras: str) -> None:
    """`roadwarden run --fleet` with these workers."""
    options = FleetOptions(address, database, evidence, program="tests.fleet_worker")
    run_fleet(options, push_configuration(database, Path(cameras), "test"), threading.Event())


if __name__ == "__main__":
    dispatch(*sys.argv[1:]) if sys.argv[1:] else main(load_scripted)

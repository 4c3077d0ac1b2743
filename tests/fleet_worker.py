"""A worker of a fleet with scripted models: `pipelines.fleet.worker` in everything else.

The truck of `scripted_truck` passes between 1.6 and 3.6 s of a clip of 6 s, and no frame is shed, however busy the
machine is.
"""

from pathlib import Path

from pipelines.fleet.worker import Work, main
from tests.footage import ClipSpec, write

ENTERS, LEAVES, FRAMES = 20, 45, 75


def write_clip(path: Path) -> Path:
    """Write the clip."""
    times = [2 * number for number in range(FRAMES)]
    return write(path, ClipSpec(frames=FRAMES, width=480, height=192, gop=8, times=times))


def load_scripted() -> Work:
    """The usual work, with the models replaced."""
    from pipelines import build, live
    from pipelines.fleet.watch import work
    from pipelines.intake import Intake
    from tests import scripted_truck

    scripted_truck.ENTERS, scripted_truck.LEAVES = ENTERS, LEAVES
    build.load_models = lambda: (scripted_truck.make_models(), ())
    live.Intake = lambda: Intake(depth=10_000)
    return work


if __name__ == "__main__":
    main(load_scripted)

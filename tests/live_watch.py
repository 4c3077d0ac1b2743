"""A live watch with scripted models, run until something has happened; tests import this."""

import threading
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.evidence.manifest import ModelRecord, Provenance
from detector.tracking import ByteTracker
from pipelines.camera_watch import CameraPlan
from pipelines.intake import Intake, Item
from pipelines.live import CaseDesk, LiveRunner
from pipelines.package_maker import PackageMaker
from pipelines.spans import Span
from pipelines.violation_pipeline import ViolationPipeline
from tests.scripted_truck import make_models


class RecordingIntake(Intake):
    """Remembers the instants of the frames that each camera sent; sheds nothing, however busy the machine is."""

    def __init__(self) -> None:
        super().__init__(depth=10_000)
        self.sent: dict[str, list[float]] = defaultdict(list)

    def put(self, camera_id: str, item: Item, lag_s: Callable[[], float] | None = None) -> None:
        if isinstance(item, Span):
            self.sent[camera_id] += [frame.stream_s for frame in item.frames]
        super().put(camera_id, item, lag_s)

    def longest_gap_s(self, camera_id: str) -> float:
        """Longest time between two frames of one session of a camera."""
        return max(b - a for a, b in pairwise(self.sent[camera_id]))


def make_desk(folder: Path, store_type: type[CaseStore] = CaseStore) -> CaseDesk:
    store = store_type(open_database(f"sqlite:///{folder / 'cases.db'}"))
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), "0" * 64, "test")
    pipeline = ViolationPipeline(make_models(), ByteTracker)
    return CaseDesk(pipeline, PackageMaker(folder / "evidence", provenance), store, None)


def watch(plans: list[CameraPlan], desk: CaseDesk, ring: Path, until: Callable[[LiveRunner], bool]) -> LiveRunner:
    """Run until a condition holds (a minute at most), then stop as SIGTERM does."""
    # However busy the machine is: no frame is shed, so that the outcome depends on the stream alone.
    runner, stop = LiveRunner(plans, desk, ring, Intake(depth=10_000)), threading.Event()
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(runner.run(stop)))
    thread.start()
    clock = threading.Event()
    for _ in range(600):
        if until(runner) or clock.wait(0.1):
            break
    stop.set()
    thread.join(60)
    assert results == [True]
    return runner

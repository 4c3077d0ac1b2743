"""A process that makes one case after another until it is killed; started by test_recovery.py."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import Engine

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.evidence.keys import KeyFolder
from detector.evidence.manifest import CaseFacts, ModelRecord, Provenance
from detector.tracking import ByteTracker
from detector.video.file_source import FileSource
from detector.video.segment_ring import SegmentRing
from pipelines.case_pipeline import CaseKeeping, CasePipeline
from pipelines.journal import Journal, SessionStream
from pipelines.live import CaseDesk, LiveRunner
from pipelines.package_maker import PackageMaker
from pipelines.spans import cut_spans
from pipelines.violation_pipeline import ViolationPipeline
from pipelines.workers import Workers
from tests.scripted_truck import CAMERA, make_models

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


class TellingJournal(Journal):
    """Says what it has noted."""

    def __init__(self, folder: Path, stream: SessionStream, tell: Callable[[str], None]) -> None:
        super().__init__(folder, stream)
        self._tell = tell

    def note(self, facts: CaseFacts) -> None:
        super().note(facts)
        self._tell(facts.case_id)


def make_desk(folder: Path, engine: Engine | None = None) -> CaseDesk:
    """What judges and keeps, with scripted models and signed packages; None for a database in the folder."""
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), "0" * 64, "test")
    packages = PackageMaker(folder / "evidence", provenance, KeyFolder(folder / "signing").signer())
    store = CaseStore(engine or open_database(f"sqlite:///{folder / 'cases.db'}"))
    return CaseDesk(ViolationPipeline(make_models(), ByteTracker), packages, store, None)


def recover(desk: CaseDesk, ring_root: Path) -> bool:
    """A watch of no camera that ends at once: all that it does is to finish what an earlier process left."""
    stop = threading.Event()
    stop.set()
    return LiveRunner([], desk, ring_root).run(stop)


def pass_once(
    desk: CaseDesk,
    clip: Path,
    ring: SegmentRing,
    began: datetime,
    workers: Workers,
    tell: Callable[[str], None] = lambda _: None,
) -> CasePipeline:
    """The truck passes; its evidence is being written when this returns. `tell` hears the case once it is noted."""
    source = FileSource(clip, CAMERA.camera_id, started_at=began, ring=ring)
    journal = TellingJournal(ring.folder, SessionStream.of(source), tell)
    keeping = CaseKeeping(desk.packages, desk.store, workers, print, journal)
    cases = CasePipeline(CAMERA, source, keeping)
    with source:
        desk.pipeline.open_camera(CAMERA, absolute_time=True)
        for span, found in desk.pipeline.run(cut_spans(source, CAMERA.analysis_fps)):
            for judged in found:
                cases.take(judged)
            cases.advance(span.last.stream_s)
        for judged in desk.pipeline.close_camera(CAMERA.camera_id):
            cases.take(judged)
    cases.finish()
    return cases


def work(folder: Path, clip: Path, first: int, told: Connection) -> None:
    """Take up what an earlier one left, then let the truck pass again and again, each time a minute later.

    Args:
        folder: of everything that is kept.
        clip: the truck's.
        first: number of the first pass.
        told: gets the id of each case as soon as it is in the journal.
    """
    desk = make_desk(folder)
    recover(desk, folder / "ring")
    workers = Workers.threads()
    running: list[tuple[CasePipeline, SegmentRing]] = []
    for number in count(first):
        ring = SegmentRing(folder / "ring" / CAMERA.camera_id / f"{number:06d}")
        began = BEGAN + timedelta(minutes=number)
        running.append((pass_once(desk, clip, ring, began, workers, told.send), ring))
        for cases, done in list(running):
            cases.finish()
            if not cases.has_pending:
                done.discard()
                running.remove((cases, done))

"""A process that makes one case after another until it is killed; started by test_recovery.py.

    evidence_worker.py FOLDER CLIP FIRST

Takes up what an earlier one left, then lets the clip's truck pass again and again, each time a minute later, and says
what it has begun: "noted CASE_ID" as soon as a case is in the journal.
"""

import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import count
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
from pipelines.violation_pipeline import ViolationPipeline
from pipelines.workers import Workers
from tests.scripted_truck import CAMERA, make_models

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


class TellingJournal(Journal):
    """Says what it has noted."""

    def note(self, facts: CaseFacts) -> None:
        super().note(facts)
        print("noted", facts.case_id, flush=True)


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


def pass_once(desk: CaseDesk, clip: Path, ring: SegmentRing, began: datetime, workers: Workers) -> CasePipeline:
    """The truck passes; its evidence is being written when this returns."""
    source = FileSource(clip, CAMERA.camera_id, started_at=began, ring=ring)
    keeping = CaseKeeping(
        desk.packages, desk.store, workers, print, TellingJournal(ring.folder, SessionStream.of(source))
    )
    cases = CasePipeline(CAMERA, source, keeping)
    with source:
        desk.pipeline.open_camera(CAMERA, absolute_time=True)
        for frame in source:
            for judged in desk.pipeline.process([frame]):
                cases.take(judged)
            cases.advance(frame.stream_s)
        for judged in desk.pipeline.close_camera(CAMERA.camera_id):
            cases.take(judged)
    cases.finish()
    return cases


def main() -> None:
    """Work until killed."""
    folder, clip, first = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    desk = make_desk(folder)
    recover(desk, folder / "ring")
    workers = Workers.threads()
    running: list[tuple[CasePipeline, SegmentRing]] = []
    for number in count(first):
        ring = SegmentRing(folder / "ring" / CAMERA.camera_id / f"{number:06d}")
        running.append((pass_once(desk, clip, ring, BEGAN + timedelta(minutes=number), workers), ring))
        for cases, done in list(running):
            cases.finish()
            if not cases.has_pending:
                done.discard()
                running.remove((cases, done))


if __name__ == "__main__":
    main()

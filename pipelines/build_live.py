"""The composition root of live cameras, beside what `build` shares with replay."""

from dataclasses import dataclass
from pathlib import Path

from detector.database.leases import LeaseBook
from detector.patterns.roads import RoadGraph
from detector.registers.store import RegisterStore
from detector.tracking import ByteTracker
from pipelines.build import check_writable, make_packages, make_provenance, open_recorder, open_side_by_side
from pipelines.build_life import open_life
from pipelines.camera_watch import CameraPlan
from pipelines.config import Cameras, resolve_home
from pipelines.evidence_place import EvidencePlace
from pipelines.fault_guard import FaultGuard
from pipelines.freed_memory import give_back_large_blocks
from pipelines.live import CaseDesk, LiveRunner
from pipelines.register_facts import PermitFacts
from pipelines.sighting_spool import SightingSpool
from pipelines.trips import TripStore
from pipelines.violation_pipeline import ViolationPipeline
from pipelines.watching import announce, open_watch


@dataclass(frozen=True, slots=True)
class FleetPost:
    """What a worker of a fleet has of its own.

    Attributes:
        leases: that it holds; cases are stored for those cameras alone.
        ring_root: of its packet rings.
    """

    leases: LeaseBook
    ring_root: Path


def open_live(database_url: str, cameras: Cameras, place: EvidencePlace, post: FleetPost | None = None) -> LiveRunner:
    """Everything that watching live cameras needs, checked before the first one is asked.

    Args:
        database_url: of the cases.
        cameras: the configuration.
        place: of evidence.
        post: of a worker of a fleet, which starts without cameras; None for a machine that watches all of them.

    Raises:
        ModelError: weights are missing, altered, or cannot run here.
        StorageError: the database, the evidence folder or the packet ring cannot be written, or another process
            watches from this home folder.
        ConfigurationError: no camera has a stream, a password is not there, or the database's URL is wrong.
    """
    give_back_large_blocks()
    plans = make_plans(cameras)
    check_writable(place.root)
    engine, models, files = open_side_by_side(database_url)
    guard = FaultGuard()
    facts = PermitFacts(RegisterStore(engine), RoadGraph(cameras.sightings.roads))
    watch = open_watch(cameras, engine, announce)
    pipeline = ViolationPipeline(models, ByteTracker, guard.facts(facts.find), guard.looks(watch.take_look))
    packages = make_packages(place, models, make_provenance(files, cameras, models.engine), cameras.evidence)
    store = TripStore(engine, open_life(engine), post.leases if post else None)
    ring_root = post.ring_root if post else resolve_home() / "ring"
    desk = CaseDesk(pipeline, packages, store, open_recorder(cameras, engine, True, SightingSpool(ring_root)))
    return LiveRunner([] if post else plans, desk, ring_root)


def make_plans(cameras: Cameras) -> list[CameraPlan]:
    """The cameras that can be watched live, with how to reach them.

    Raises:
        ConfigurationError: no camera has a stream, or a password is not there.
    """
    return [CameraPlan(cameras.by_id[name], settings) for name, settings in cameras.find_streams().items()]

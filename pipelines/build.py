"""The composition root of evidence and replay; beside it those of models, of live cameras and of dispatch."""

import os
from collections.abc import Sequence
from concurrent.futures import Future
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import Engine

from detector.database.engine import open_database
from detector.errors import StorageError
from detector.evidence.keys import KeyFolder
from detector.evidence.manifest import ModelRecord, Provenance
from detector.patterns.roads import RoadGraph
from detector.registers.store import RegisterStore
from detector.tracking import ByteTracker
from detector.weights import ModelFile
from pipelines.build_life import open_life
from pipelines.build_models import Loaded, begin_loading
from pipelines.build_sightings import open_sightings
from pipelines.config import Cameras, EvidenceTable, resolve_home
from pipelines.disk_space import DiskSpace
from pipelines.evidence_place import EvidencePlace
from pipelines.package_maker import PackageMaker
from pipelines.register_facts import PermitFacts
from pipelines.replay import Replayer, ReplayOptions
from pipelines.sighting_recorder import SightingRecorder
from pipelines.sighting_spool import SightingSpool
from pipelines.trips import TripStore
from pipelines.violation_pipeline import Models, ViolationPipeline
from pipelines.watching import announce, open_watch


def open_side_by_side(
    database_url: str, loading: Future[Loaded] | None = None
) -> tuple[Engine, Models, tuple[ModelFile, ...]]:
    """Database and models, opened at once: each takes a good part of a second.

    Args:
        database_url: of the cases.
        loading: models on their way; None: they start here.

    Raises:
        ModelError, StorageError, ConfigurationError: as `load_models` and `open_database`.
    """
    loading = loading or begin_loading()
    engine = open_database(database_url)
    return engine, *loading.result()


def open_replayer(database_url: str, options: ReplayOptions, loading: Future[Loaded] | None = None) -> Replayer:
    """Everything that a replay needs, checked before the first clip is touched.

    Args:
        database_url: of the cases.
        options: what is wanted.
        loading: see `open_side_by_side`.

    Raises:
        ModelError: weights are missing, altered, or cannot run here.
        StorageError: the database or the evidence folder cannot be written.
        ConfigurationError: the camera is unknown, or the database's URL is wrong.
    """
    cameras = options.cameras
    if options.camera_id is not None:
        cameras.choose(options.camera_id)
    place = EvidencePlace(options.evidence_root, options.evidence_url)
    check_writable(place.root)
    engine, models, files = open_side_by_side(database_url, loading)
    facts = PermitFacts(RegisterStore(engine), RoadGraph(cameras.sightings.roads))
    watch = open_watch(cameras, engine, announce)
    pipeline = ViolationPipeline(models, ByteTracker, facts.find, watch.take_look)
    packages = make_packages(place, models, make_provenance(files, cameras, models.engine), cameras.evidence)
    return Replayer(
        options,
        pipeline,
        packages,
        TripStore(engine, open_life(engine)),
        open_recorder(cameras, engine, options.records_sightings),
    )


def make_packages(
    place: EvidencePlace, models: Models, provenance: Provenance, settings: EvidenceTable
) -> PackageMaker:
    """A maker of sealed packages with copies for publication.

    Raises:
        ConfigurationError: the URL of the storage is wrong.
        StorageError: the signing key cannot be read or made, or the storage does not answer.
    """
    space = DiskSpace(place.root, settings.warn_free_gb, settings.spare_clips_below_gb)
    return PackageMaker(place.root, provenance, signing_keys().signer(), models.look, place.open_storage(), space)


def signing_keys() -> KeyFolder:
    """The keys of this home folder that sign packages."""
    return KeyFolder(resolve_home() / "signing")


def make_provenance(files: Sequence[ModelFile], cameras: Cameras, engine: str) -> Provenance:
    """What manifests say of program, configuration, weights, and what runs them."""
    models = tuple(ModelRecord(file.name, file.version, file.sha256) for file in files)
    return Provenance(models, cameras.sha256, read_version(), engine)


def open_recorder(
    cameras: Cameras, engine: Engine, is_wanted: bool, spool: SightingSpool | None = None
) -> SightingRecorder | None:
    """What stores sightings; None where they are not wanted, or may not be kept."""
    is_recording = is_wanted and cameras.sightings.privacy.record
    return SightingRecorder(open_sightings(cameras, engine), spool) if is_recording else None


def check_writable(folder: Path) -> None:
    """Find out now, and not after an hour of footage, that a folder can be made and written; nothing is made yet.

    Raises:
        StorageError: its nearest existing parent is no folder, or may not be written.
    """
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        reason = "may not be written" if parent.is_dir() else "is no folder"
        raise StorageError(f"evidence folder {folder}: {parent} {reason}; choose another with --output")


def read_version() -> str:
    """Version of the installed program; "0+unknown" when it runs from a folder that was never installed."""
    try:
        return version("roadwarden")
    except PackageNotFoundError:
        return "0+unknown"

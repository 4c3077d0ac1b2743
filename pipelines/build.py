"""The composition root of models, evidence and replay; that of live cameras: `build_live`."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import Engine

from detector.database.engine import open_database
from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.errors import StorageError
from detector.evidence.keys import KeyFolder
from detector.evidence.manifest import ModelRecord, Provenance
from detector.inference import OnnxModel
from detector.observation.load_state import LoadStateSettings, OnnxLoadStateReader
from detector.observation.plate_detector import OnnxPlateDetector, PlateDetectorSettings
from detector.observation.plate_reader import OnnxPlateReader, PlateReaderSettings
from detector.patterns.roads import RoadGraph
from detector.registers.store import RegisterStore
from detector.tracking import ByteTracker
from detector.weights import ModelFile, load_model_file
from pipelines.build_life import open_life
from pipelines.build_sightings import open_sightings
from pipelines.config import Cameras, EvidenceTable, resolve_home
from pipelines.disk_space import DiskSpace
from pipelines.evidence_place import EvidencePlace
from pipelines.model_store import MODELS, active_weights
from pipelines.package_maker import PackageMaker
from pipelines.register_facts import PermitFacts
from pipelines.replay import Replayer, ReplayOptions
from pipelines.scene_look import SceneLook, watchful
from pipelines.sighting_recorder import SightingRecorder
from pipelines.sighting_spool import SightingSpool
from pipelines.trips import TripStore
from pipelines.violation_pipeline import Models, ViolationPipeline
from pipelines.watching import announce, open_watch


def load_models(folder: Path | None = None) -> tuple[Models, tuple[ModelFile, ...]]:
    """Open every model on the best device of this machine.

    Args:
        folder: of the weights; None for those in use.

    Raises:
        ModelError: weights are missing, altered, or cannot run here.
    """
    folder = folder or active_weights()
    files = {name: load_model_file(name, folder) for name in MODELS}
    # Detection and the second-stage models run side by side (`ViolationPipeline.run`): the detector looks at a picture
    # on each core, the others have half of the cores each.
    cores = os.cpu_count() or 2
    shared = max(1, cores // 2)
    network = open_networks(files, {name: 1 if name == "vehicle_detector" else shared for name in MODELS})
    on_cpu = network["vehicle_detector"].providers[0] == "CPUExecutionProvider"
    detector = OnnxVehicleDetector(
        network["vehicle_detector"], DetectorSettings.parse(files["vehicle_detector"].settings)
    )
    load_reader = OnnxLoadStateReader(
        network["bed_locator"], network["load_state"], LoadStateSettings.parse(files["load_state"].settings)
    )
    plate_detector = OnnxPlateDetector(
        network["plate_detector"], PlateDetectorSettings.parse(files["plate_detector"].settings)
    )
    plate_reader = OnnxPlateReader(
        plate_detector, network["plate_reader"], PlateReaderSettings.parse(files["plate_reader"].settings)
    )
    bystanders = OnnxVehicleDetector(network["vehicle_detector"], watchful(files["vehicle_detector"].settings))
    look = SceneLook(bystanders, plate_detector)
    models = Models(detector, load_reader, plate_reader, look, workers=cores if on_cpu else 1)
    return models, tuple(files.values())


def open_networks(files: Mapping[str, ModelFile], threads: Mapping[str, int]) -> dict[str, OnnxModel]:
    """Open models by name, each with so many CPU threads, side by side: to optimise a graph takes tenths of a second.

    Raises:
        ModelError: one of them cannot run here.
    """
    with ThreadPoolExecutor() as pool:
        opened = {name: pool.submit(OnnxModel, file.path, threads=threads[name]) for name, file in files.items()}
    return {name: model.result() for name, model in opened.items()}


def open_side_by_side(database_url: str) -> tuple[Engine, Models, tuple[ModelFile, ...]]:
    """Database and models, opened at once: each takes a good part of a second.

    Raises:
        ModelError, StorageError, ConfigurationError: as `load_models` and `open_database`.
    """
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_models)
        engine = open_database(database_url)
        return engine, *loading.result()


def open_replayer(database_url: str, options: ReplayOptions) -> Replayer:
    """Everything that a replay needs, checked before the first clip is touched.

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
    engine, models, files = open_side_by_side(database_url)
    facts = PermitFacts(RegisterStore(engine), RoadGraph(cameras.sightings.roads))
    watch = open_watch(cameras, engine, announce)
    pipeline = ViolationPipeline(models, ByteTracker, facts.find, watch.take_look)
    packages = make_packages(place, models, describe_models(files, cameras), cameras.evidence)
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


def describe_models(files: Sequence[ModelFile], cameras: Cameras) -> Provenance:
    """What manifests say of program, configuration and weights."""
    models = tuple(ModelRecord(file.name, file.version, file.sha256) for file in files)
    return Provenance(models, cameras.sha256, read_version())


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

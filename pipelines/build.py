"""The composition root: the only place where concrete classes meet."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.errors import StorageError
from detector.evidence.manifest import ModelRecord, Provenance
from detector.inference import OnnxModel
from detector.observation.load_state import LoadStateSettings, OnnxLoadStateReader
from detector.observation.plate_detector import OnnxPlateDetector, PlateDetectorSettings
from detector.observation.plate_reader import OnnxPlateReader, PlateReaderSettings
from detector.patterns.roads import RoadGraph
from detector.registers.store import RegisterStore
from detector.tracking import ByteTracker
from detector.weights import ModelFile, find_weights, load_model_file
from pipelines.build_sightings import open_sightings
from pipelines.case_pipeline import PackageMaker
from pipelines.register_facts import PermitFacts
from pipelines.replay import Replayer, ReplayOptions
from pipelines.sighting_recorder import SightingRecorder
from pipelines.violation_pipeline import Models, ViolationPipeline
from pipelines.watching import announce, open_watch

MODELS = ("vehicle_detector", "bed_locator", "load_state", "plate_detector", "plate_reader")


def load_models() -> tuple[Models, tuple[ModelFile, ...]]:
    """Open every model on the best device of this machine.

    Raises:
        ModelError: weights are missing, altered, or cannot run here.
    """
    folder = find_weights()
    files = {name: load_model_file(name, folder) for name in MODELS}
    # Detection and the second-stage models run side by side (`ViolationPipeline.run`): each gets half of the cores.
    threads = max(1, (os.cpu_count() or 2) // 2)
    network = {name: OnnxModel(file.path, threads=threads) for name, file in files.items()}
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
    return Models(detector, load_reader, plate_reader), tuple(files.values())


def open_replayer(database_url: str, options: ReplayOptions) -> Replayer:
    """Everything that a replay needs, checked before the first clip is touched.

    Raises:
        ModelError: weights are missing, altered, or cannot run here.
        StorageError: the database or the evidence folder cannot be written.
        ConfigurationError: the camera is unknown, or the database's URL is wrong.
    """
    if options.camera_id is not None:
        options.cameras.choose(options.camera_id)
    check_writable(options.evidence_root)
    engine = open_database(database_url)
    store = CaseStore(engine)
    models, files = load_models()
    provenance = Provenance(
        models=tuple(ModelRecord(file.name, file.version, file.sha256) for file in files),
        configuration_sha256=options.cameras.sha256,
        software_version=read_version(),
    )
    facts = PermitFacts(RegisterStore(engine), RoadGraph(options.cameras.sightings.roads))
    watch = open_watch(options.cameras, engine, announce)
    pipeline = ViolationPipeline(models, ByteTracker, facts.find, watch.take_look)
    is_recording = options.records_sightings and options.cameras.sightings.privacy.record
    recorder = SightingRecorder(open_sightings(options.cameras, engine)) if is_recording else None
    return Replayer(options, pipeline, PackageMaker(options.evidence_root, provenance), store, recorder)


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

"""The composition root of the models. It imports little else, so that they can be opened while the rest is imported."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.errors import ConfigurationError
from detector.inference import Device, OnnxModel, settle
from detector.observation.load_state import LoadStateSettings, OnnxLoadStateReader
from detector.observation.plate_detector import OnnxPlateDetector, PlateDetectorSettings
from detector.observation.plate_reader import OnnxPlateReader, PlateReaderSettings
from detector.weights import ModelFile, find_stand_ins, load_model_file
from pipelines.model_store import MODELS, active_weights
from pipelines.scene_look import SceneLook, watchful
from pipelines.violation_pipeline import Models

Loaded = tuple[Models, tuple[ModelFile, ...]]
"""Models, and the files that they came from."""


def begin_loading() -> Future[Loaded]:
    """Open the models in a thread of their own; what goes wrong is raised where the result is asked for."""
    pool = ThreadPoolExecutor(1, "models")
    loading = pool.submit(load_models)
    pool.shutdown(wait=False)
    return loading


def load_models(files: Mapping[str, ModelFile] | None = None) -> Loaded:
    """Open every model on the device that `chosen_device` names.

    Args:
        files: of all models; None for those in use.

    Raises:
        ConfigurationError: ROADWARDEN_DEVICE names none.
        ModelError: weights are missing, altered, or cannot run here.
    """
    files = files or choose_files(active_weights())
    # Detection and the second-stage models run side by side (`ViolationPipeline.run`): the detector looks at a picture
    # on each core, the others have half of the cores each, and as many threads for further vehicles of a picture.
    cores = os.cpu_count() or 2
    shared = max(1, cores // 2)
    helper = ThreadPoolExecutor(shared, "further vehicles")
    second = dict.fromkeys(MODELS, (shared, helper))
    network = open_networks(files, second | {"vehicle_detector": (1, None)})
    main = network["vehicle_detector"]
    detector = OnnxVehicleDetector(main, DetectorSettings.parse(files["vehicle_detector"].settings))
    load_reader = OnnxLoadStateReader(
        network["bed_locator"], network["load_state"], LoadStateSettings.parse(files["load_state"].settings)
    )
    plate_detector = OnnxPlateDetector(
        network["plate_detector"], PlateDetectorSettings.parse(files["plate_detector"].settings)
    )
    plate_reader = OnnxPlateReader(
        plate_detector, network["plate_reader"], PlateReaderSettings.parse(files["plate_reader"].settings)
    )
    bystanders = OnnxVehicleDetector(main, watchful(files["vehicle_detector"].settings))
    look = SceneLook(bystanders, plate_detector)
    workers = 1 if main.on_gpu else cores
    models = Models(detector, load_reader, plate_reader, look, workers, main.engine)
    return models, tuple(files.values())


def choose_files(folder: Path) -> dict[str, ModelFile]:
    """The file of each model, by name: the one made for the device in use where a set of weights holds one.

    Raises:
        ConfigurationError: ROADWARDEN_DEVICE names none.
        ModelError: weights are missing or altered.
    """
    device = settle(chosen_device())
    files = {name: load_model_file(name, folder) for name in MODELS}
    return {name: find_stand_ins(file).get(device, file) for name, file in files.items()}


def open_networks(
    files: Mapping[str, ModelFile], given: Mapping[str, tuple[int, Executor | None]]
) -> dict[str, OnnxModel]:
    """Open models by name, side by side: to optimise a graph takes tenths of a second.

    Args:
        files: by name.
        given: for each, CPU threads of a run and the helper (see `OnnxModel`).

    Raises:
        ConfigurationError: ROADWARDEN_DEVICE names no device.
        ModelError: one of them cannot run here.
    """
    device = chosen_device()
    with ThreadPoolExecutor() as pool:
        opened = {
            name: pool.submit(OnnxModel, file.path, device, threads=given[name][0], helper=given[name][1])
            for name, file in files.items()
        }
    return {name: model.result() for name, model in opened.items()}


def chosen_device() -> Device:
    """Where models run: what ROADWARDEN_DEVICE names, else the best of this machine.

    Raises:
        ConfigurationError: it names no device.
    """
    name = os.environ.get("ROADWARDEN_DEVICE") or Device.AUTO
    try:
        return Device(name)
    except ValueError:
        known = ", ".join(Device)
        raise ConfigurationError(f"ROADWARDEN_DEVICE is {name!r}; it must be one of {known}") from None

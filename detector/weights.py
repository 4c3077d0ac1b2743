"""Where weight files lie, and that they are the ones the manifest names.

`weights/` stands beside the packages in a checkout and inside the wheel as `detector/_weights`; this is the one
locator for both. `ROADWARDEN_WEIGHTS` overrides it. A model may have a second file that stands in for it on one device:

    [load_state_int8]
    stands_in_for = "load_state"
    on = "cpu"
    made_of = "…"               # sha256 of the model's file; another one has no use for it
"""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detector.documents import read_toml_file
from detector.errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One checked row of `manifest.toml`.

    Attributes:
        name: row name, for instance "vehicle_detector".
        path: the ONNX file.
        sha256: verified content hash.
        version: of the weights.
        settings: every other key of the row (classes, input size, thresholds, alphabet …).
    """

    name: str
    path: Path
    sha256: str
    version: str
    settings: dict[str, Any]


def find_weights() -> Path:
    """The folder that holds `manifest.toml`.

    Raises:
        ModelError: when there is none.
    """
    override = os.environ.get("ROADWARDEN_WEIGHTS")
    here = Path(__file__).resolve().parent
    candidates = [Path(override)] if override else [here / "_weights", here.parent / "weights"]
    for folder in candidates:
        if (folder / "manifest.toml").is_file():
            return folder
    raise ModelError(f"no weights: {' or '.join(str(c / 'manifest.toml') for c in candidates)} not found; reinstall")


def load_model_file(name: str, folder: Path | None = None) -> ModelFile:
    """Find one model, and verify its hash.

    Args:
        name: row of the manifest.
        folder: where to look; None for `find_weights()`.

    Raises:
        ModelError: row or file missing, or the file's hash is not the manifest's.
    """
    folder = folder or find_weights()
    manifest_path = folder / "manifest.toml"
    try:
        rows = read_toml_file(manifest_path)
    except ValueError as error:
        raise ModelError(f"{manifest_path}: {error}") from error
    if not isinstance(rows.get(name), dict):
        raise ModelError(f"{manifest_path}: no row [{name}]")
    row = dict(rows[name])
    file, expected = row.pop("file", None), row.pop("sha256", None)
    if not isinstance(file, str) or not isinstance(expected, str) or "\0" in file:
        raise ModelError(f"{manifest_path}: row [{name}] needs file and sha256, both texts")
    path = folder / file
    try:
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"weights {path}: {error.strerror}; restore the file or reinstall") from error
    if actual != expected:
        raise ModelError(f"weights {path}: sha256 is {actual}, manifest says {expected}; restore the file or reinstall")
    return ModelFile(name, path, actual, str(row.pop("version", "0")), row)


def find_stand_ins(model: ModelFile) -> dict[str, ModelFile]:
    """The same model for single devices, with the model's name and settings, by the device's name.

    Args:
        model: as `load_model_file` gives it.

    Raises:
        ModelError: a file that stands in for it is missing, or its hash is not the manifest's.
    """
    folder = model.path.parent
    found = {}
    for name, row in read_toml_file(folder / "manifest.toml").items():
        if isinstance(row, dict) and row.get("made_of") == model.sha256 and "on" in row:
            file = load_model_file(name, folder)
            found[str(row["on"])] = replace(file, name=model.name, settings=model.settings)
    return found

"""Weights of one's own: complete sets that somebody measured and promoted, beside those that came with the program.

    ROADWARDEN_HOME/models/
        0001/ 0002/ …    sets: manifest.toml and the files that it names; never changed once they are there
        active           name of the set in use; without it the bundled weights are in use
        history.jsonl    who promoted or rolled back what, when and why

A set is whole, so that what runs together was measured together; packages name every model by hash, whoever made it.
"""

import json
import os
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import tomlkit

from detector.errors import ModelError, StorageError
from detector.weights import ModelFile, find_stand_ins, find_weights, load_model_file
from pipelines.config import resolve_home

MODELS = ("vehicle_detector", "bed_locator", "load_state", "plate_detector", "plate_reader")
BUNDLED = "bundled"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history.

    Attributes:
        name: the set that came into use; `BUNDLED` for the weights of the program.
        before: the set that was in use until then.
        models: version of every model of the set.
    """

    at: datetime
    person: str
    action: str
    name: str
    before: str
    reason: str
    models: Mapping[str, str]


def active_weights() -> Path:
    """The folder whose weights are in use: `ROADWARDEN_WEIGHTS`, else the promoted set, else the bundled one.

    Raises:
        ModelError: there is none, or the promoted set is gone.
    """
    store = ModelStore(resolve_home() / "models")
    return find_weights() if "ROADWARDEN_WEIGHTS" in os.environ else store.folder_of(store.active)


class ModelStore:
    """The sets of one home folder."""

    def __init__(self, root: Path) -> None:
        """Use a folder, which need not exist yet."""
        self._root = root

    @property
    def active(self) -> str:
        """Name of the set in use."""
        try:
            return (self._root / "active").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return BUNDLED
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{self._root / 'active'}: cannot be read; roll back with `roadwarden models`") from error

    def names(self) -> list[str]:
        """Every set, the bundled one first."""
        own = sorted(p.name for p in self._root.glob("*") if (p / "manifest.toml").is_file())
        return [BUNDLED, *own]

    def folder_of(self, name: str) -> Path:
        """Where a set lies.

        Raises:
            ModelError: there is no such set.
        """
        if name == BUNDLED:
            return find_weights()
        folder = self._root / name
        if name not in self.names():
            raise ModelError(f"no set of weights {name!r} in {self._root}; there are {', '.join(self.names())}")
        return folder

    def history(self) -> list[Change]:
        """Every change, the oldest first."""
        path = self._root / "history.jsonl"
        if not path.exists():
            return []
        rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return [Change(datetime.fromisoformat(row.pop("at")), **row) for row in rows]

    def promote(self, candidate: Path, person: str, reason: str) -> Change:
        """Take a candidate into use; it is copied, so that nothing done to its folder later has an effect.

        Raises:
            ModelError: the candidate lacks a model, or a file is not the one that its manifest names.
            StorageError: the set cannot be written; what was in use stays in use.
        """
        files = list_files(candidate)
        number = max((int(name) for name in self.names() if name.isdigit()), default=0) + 1
        target, building = self._root / f"{number:04d}", self._root / f".{number:04d}"
        try:
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            for file in files:
                shutil.copy2(file.path, building)
            shutil.copy2(candidate / "manifest.toml", building)
            building.rename(target)
        except OSError as error:
            shutil.rmtree(building, ignore_errors=True)
            raise StorageError(f"{self._root}: the weights cannot be copied there: {error.strerror}") from error
        return self._use(target.name, "promote", person, reason)

    def roll_back(self, person: str, reason: str, name: str | None = None) -> Change:
        """Take an earlier set into use again.

        Args:
            name: which; None for the one that the last change replaced.

        Raises:
            ModelError: there is no such set, nothing was ever promoted, or the set is damaged.
        """
        changes = self.history()
        if name is None and not changes:
            raise ModelError(f"{self._root}: nothing was promoted yet; the bundled weights are in use")
        name = name or changes[-1].before
        check(self.folder_of(name))
        return self._use(name, "roll_back", person, reason)

    def _use(self, name: str, action: str, person: str, reason: str) -> Change:
        models = {model: load_model_file(model, self.folder_of(name)).version for model in MODELS}
        change = Change(datetime.now(UTC), person, action, name, self.active, reason, models)
        row = {"at": change.at.isoformat(), "person": person, "action": action, "name": name, "before": change.before}
        line = json.dumps({**row, "reason": reason, "models": models}, ensure_ascii=False)
        try:
            with (self._root / "history.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            fresh = self._root / ".active"
            fresh.write_text(name + "\n", encoding="utf-8")
            fresh.replace(self._root / "active")
        except OSError as error:
            raise StorageError(f"{self._root}: cannot be written: {error.strerror}") from error
        return change


def check(folder: Path) -> None:
    """That a folder holds every model, each the one that its manifest names.

    Raises:
        ModelError: says what is missing or altered.
    """
    list_files(folder)


def list_files(folder: Path) -> list[ModelFile]:
    """Every file of a set: of each model, and what stands in for it on single devices.

    Raises:
        ModelError: says what is missing or altered.
    """
    models = [load_model_file(name, folder) for name in MODELS]
    return [file for model in models for file in (model, *find_stand_ins(model).values())]


def stage(model: str, file: Path, target: Path, version: str, settings: Mapping[str, Any]) -> None:
    """Make a candidate: the weights in use with one model replaced.

    Args:
        model: row of the manifest.
        file: new ONNX file; it must take and give what the old one does.
        target: folder of the candidate; made, or, where it is one already, changed in this one model.
        version: of the new weights.
        settings: keys of the row that change (thresholds, temperatures); others stay.

    Raises:
        ModelError: no such model, or the file does not fit.
        StorageError: the folder cannot be written.
    """
    source = target if (target / "manifest.toml").is_file() else active_weights()
    if model not in MODELS:
        raise ModelError(f"no model {model!r}; there are {', '.join(MODELS)}")
    kept = [other for other in list_files(source) if other.name != model]
    kept_names = {other.path.name for other in kept}
    _check_fits(load_model_file(model, source).path, file)
    manifest = tomlkit.parse((source / "manifest.toml").read_text(encoding="utf-8"))
    row = manifest[model]
    unknown = [key for key in settings if key not in row]
    if unknown:
        known = ", ".join(key for key in row if key not in ("file", "sha256", "version"))
        raise ModelError(f"{model} has no setting {', '.join(unknown)}; it has {known}")
    for name in set(manifest) - set(MODELS):
        further = manifest[name]
        if not isinstance(further, Mapping) or further.get("file") not in kept_names:
            del manifest[name]  # stands in for the model that is replaced, or for none unless it is staged
    row.update({**settings, "sha256": sha256(file.read_bytes()).hexdigest(), "version": version})
    try:
        target.mkdir(parents=True, exist_ok=True)
        if source != target:
            for other in kept:
                shutil.copy2(other.path, target)
        shutil.copyfile(file, target / str(row["file"]))
        (target / "manifest.toml").write_text(tomlkit.dumps(manifest), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{target}: cannot be written: {error.strerror}") from error
    check(target)


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """`KEY=VALUE` words, values in TOML.

    Raises:
        ModelError: a word is none.
    """
    settings = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        try:
            settings[key] = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError as error:
            raise ModelError(
                f"{pair!r}: settings are KEY=VALUE with a TOML value, for instance min_open=0.8"
            ) from error
    return settings


def _check_fits(old: Path, new: Path) -> None:
    """The new network takes the old one's input and answers in the same shapes."""
    import numpy as np

    from detector.inference import Device, OnnxModel

    if not new.is_file():
        raise ModelError(f"weights {new}: no such file")
    ours, theirs = OnnxModel(old, Device.CPU), OnnxModel(new, Device.CPU)
    shape = [64 if not isinstance(side, int) else side for side in ours.input_shape]
    probe = np.zeros([1, *shape[1:]], np.float32)
    given, wanted = ([a.shape for a in network.run(probe)] for network in (theirs, ours))
    if given != wanted:
        raise ModelError(
            f"weights {new}: answers in shapes {given}, {old.name} in {wanted}; it is another kind of model"
        )

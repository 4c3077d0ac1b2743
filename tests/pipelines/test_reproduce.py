"""A package judged again."""

from pathlib import Path

import pytest

from detector.errors import EvidenceError, ModelError
from detector.evidence.package import write_package
from pipelines.model_store import ModelStore
from pipelines.reproduce import find_recorded, reproduce_package
from tests.detector.evidence.makers import make_request


def test_weights_that_are_not_here_are_named(tmp_path: Path) -> None:
    """With name, version and hash; the bundled ones are found by their hashes."""
    store = ModelStore(tmp_path / "models")
    with pytest.raises(ModelError, match=r"vehicle_detector 1 \(abababababab\)"):
        find_recorded({"models": [{"name": "vehicle_detector", "version": "1", "sha256": "ab" * 32}]}, store)


def test_an_altered_package_is_not_judged(tmp_path: Path) -> None:
    """It says what is altered instead."""
    package = write_package(make_request(), tmp_path)
    folder = tmp_path / package.evidence.folder
    (folder / "clip.mp4").write_bytes(b"other")
    with pytest.raises(EvidenceError, match=r"clip\.mp4: altered"):
        reproduce_package(folder, ModelStore(tmp_path / "models"))

"""Weight files: found wherever the program is started, and refused when they are not the ones named."""

import hashlib
from pathlib import Path

import pytest

from detector.errors import ModelError
from detector.weights import find_weights, load_model_file


def write_weights(folder: Path, content: bytes = b"onnx") -> None:
    (folder / "m.onnx").write_bytes(content)
    digest = hashlib.sha256(b"onnx").hexdigest()
    (folder / "manifest.toml").write_text(
        f'[m]\nfile = "m.onnx"\nsha256 = "{digest}"\nversion = "1"\nclasses = ["a"]\n', encoding="utf-8"
    )


def test_a_row_is_checked_and_split_into_settings(tmp_path: Path) -> None:
    """File, hash and version are fields; the rest are the model's settings."""
    write_weights(tmp_path)
    model = load_model_file("m", tmp_path)
    assert (model.path, model.version, model.settings) == (tmp_path / "m.onnx", "1", {"classes": ["a"]})


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    """A file with another hash than the manifest's never runs."""
    write_weights(tmp_path, b"onnX")
    with pytest.raises(ModelError, match=r"m\.onnx: sha256 is .* manifest says"):
        load_model_file("m", tmp_path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    """Missing file, missing row and missing folder each say what is missing."""
    write_weights(tmp_path)
    with pytest.raises(ModelError, match=r"no row \[n\]"):
        load_model_file("n", tmp_path)
    (tmp_path / "m.onnx").unlink()
    with pytest.raises(ModelError, match=r"m\.onnx: No such file"):
        load_model_file("m", tmp_path)
    (tmp_path / "manifest.toml").write_text("[", encoding="utf-8")
    with pytest.raises(ModelError, match=r"manifest\.toml: "):
        load_model_file("m", tmp_path)


def test_weights_are_found_from_any_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The locator does not depend on where the program is started."""
    monkeypatch.delenv("ROADWARDEN_WEIGHTS", raising=False)
    monkeypatch.chdir("/")
    assert (find_weights() / "manifest.toml").is_file()


def test_an_override_without_manifest_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong ROADWARDEN_WEIGHTS does not silently fall back."""
    monkeypatch.setenv("ROADWARDEN_WEIGHTS", str(tmp_path))
    with pytest.raises(ModelError, match=r"no weights"):
        find_weights()

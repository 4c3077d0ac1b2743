"""Weight files: found wherever the program is started, and refused when they are not the ones named."""

import hashlib
from pathlib import Path

import pytest

from detector.errors import ModelError
from detector.weights import find_stand_ins, find_weights, load_model_file


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


def add_stand_in(folder: Path, made_of: str) -> None:
    (folder / "m_small.onnx").write_bytes(b"small")
    digest = hashlib.sha256(b"small").hexdigest()
    row = f'[m_small]\nfile = "m_small.onnx"\nsha256 = "{digest}"\nversion = "1-small"\nstands_in_for = "m"\n'
    with (folder / "manifest.toml").open("a", encoding="utf-8") as manifest:
        manifest.write(f'\n{row}on = "cpu"\nmade_of = "{made_of}"\n')


def test_a_file_stands_in_for_the_one_that_it_was_made_of(tmp_path: Path) -> None:
    """On its device, with the model's name and settings; once the model is another one, nowhere."""
    write_weights(tmp_path)
    model = load_model_file("m", tmp_path)
    assert find_stand_ins(model) == {}
    add_stand_in(tmp_path, model.sha256)
    (device, found), *others = find_stand_ins(model).items()
    assert (device, others) == ("cpu", [])
    assert (found.name, found.path, found.version) == ("m", tmp_path / "m_small.onnx", "1-small")
    assert found.settings == model.settings
    write_weights(tmp_path)
    add_stand_in(tmp_path, "0" * 64)
    assert find_stand_ins(model) == {}


def test_an_altered_stand_in_is_refused(tmp_path: Path) -> None:
    """It is a weight file like any other."""
    write_weights(tmp_path)
    model = load_model_file("m", tmp_path)
    add_stand_in(tmp_path, model.sha256)
    (tmp_path / "m_small.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"m_small\.onnx: sha256 is .* manifest says"):
        find_stand_ins(model)

"""Which weight files run where."""

from pathlib import Path

import pytest

from detector.weights import ModelFile, find_weights, load_model_file
from pipelines.build_models import choose_files, load_models
from pipelines.model_store import MODELS, ModelStore
from pipelines.reproduce import find_recorded


def record(files: dict[str, ModelFile]) -> dict[str, list[dict[str, str]]]:
    """What a package's manifest says of the models."""
    return {"models": [{"name": n, "version": f.version, "sha256": f.sha256} for n, f in files.items()]}


@pytest.mark.parametrize(
    ("device", "file"),
    [("cpu", "load_state_int8.onnx"), ("openvino", "load_state.onnx"), ("cuda", "load_state.onnx")],
)
def test_a_processor_runs_the_load_net_in_8_bits(monkeypatch: pytest.MonkeyPatch, device: str, file: str) -> None:
    """Others run the file that every device can; thresholds and all other models are the same."""
    monkeypatch.setenv("ROADWARDEN_DEVICE", device)
    files = choose_files(find_weights())
    assert files["load_state"].path.name == file
    assert files["load_state"].settings == load_model_file("load_state").settings
    assert [f.path.name for n, f in files.items() if n != "load_state"] == [
        f"{name}.onnx" for name in MODELS if name != "load_state"
    ]


def test_what_runs_is_what_is_recorded_and_found_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package of a processor is judged again by the same files, on whichever device that happens."""
    monkeypatch.setenv("ROADWARDEN_DEVICE", "cpu")
    files = {file.name: file for file in load_models()[1]}
    assert files["load_state"].path.name == "load_state_int8.onnx"
    monkeypatch.setenv("ROADWARDEN_DEVICE", "openvino")
    store = ModelStore(tmp_path / "models")
    assert find_recorded(record(files), store) == files
    assert find_recorded(record(choose_files(find_weights())), store) != files

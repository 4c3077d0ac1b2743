"""Weights of one's own: promoted whole, rolled back, and never half."""

import shutil
import tomllib
from itertools import islice
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from detector.detection import DetectorSettings, OnnxVehicleDetector
from detector.errors import ModelError
from detector.geometry import iou_matrix
from detector.inference import Device, OnnxModel
from detector.weights import find_stand_ins, find_weights, load_model_file
from pipelines.cli import app
from pipelines.model_store import BUNDLED, MODELS, ModelStore, active_weights, list_files, parse_settings, stage

DEMO = Path(__file__).parents[2] / "demo" / "demo.mp4"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROADWARDEN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ROADWARDEN_WEIGHTS", raising=False)
    return tmp_path / "home"


@pytest.fixture
def candidate(home: Path, tmp_path: Path) -> Path:
    """The bundled weights with other thresholds of one model."""
    folder = tmp_path / "candidate"
    file = load_model_file("load_state", find_weights()).path
    stage("load_state", file, folder, "ours-1", parse_settings(["min_open=0.9"]))
    return folder


def test_bundled_weights_are_in_use_until_others_are_promoted(home: Path, candidate: Path) -> None:
    """Promotion, a second one, and the way back, each told in the history."""
    store = ModelStore(home / "models")
    assert active_weights() == find_weights()
    first = store.promote(candidate, "li", "measured")
    assert (first.before, first.models["load_state"]) == (BUNDLED, "ours-1")
    assert load_model_file("load_state", active_weights()).settings["min_open"] == 0.9
    store.promote(candidate, "li", "again")
    assert store.active == "0002"
    assert store.roll_back("wang", "false alarms").name == "0001"
    assert store.roll_back("wang", "all of it", BUNDLED).name == BUNDLED
    assert active_weights() == find_weights()
    assert [c.action for c in store.history()] == ["promote", "promote", "roll_back", "roll_back"]


def test_a_promoted_set_does_not_change_with_its_candidate(home: Path, candidate: Path) -> None:
    """What was measured is what runs."""
    ModelStore(home / "models").promote(candidate, "li", "measured")
    shutil.rmtree(candidate)
    assert all(load_model_file(name, active_weights()) for name in MODELS)


def test_what_stands_in_goes_with_its_model(home: Path, tmp_path: Path) -> None:
    """A set with another detector keeps the load net of processors; one with another load net has no use for it."""
    store, folder = ModelStore(home / "models"), tmp_path / "candidate"
    (bundled,) = find_stand_ins(load_model_file("load_state", find_weights())).values()
    stage("vehicle_detector", load_model_file("vehicle_detector_int8", find_weights()).path, folder, "int8", {})
    store.promote(folder, "li", "faster")
    (promoted,) = find_stand_ins(load_model_file("load_state", active_weights())).values()
    assert promoted.sha256 == bundled.sha256 and promoted.path.parent == active_weights()
    stage("load_state", load_model_file("load_state", find_weights()).path, folder, "ours", {"min_open": 0.9})
    assert [file.name for file in list_files(folder)] == list(MODELS)


def test_a_row_that_names_no_file_is_left_behind(home: Path, candidate: Path) -> None:
    """Somebody's note in the manifest stops nobody from staging."""
    with (candidate / "manifest.toml").open("a", encoding="utf-8") as manifest:
        manifest.write('\n[note]\ntext = "ours"\n')
    stage("load_state", load_model_file("load_state", find_weights()).path, candidate, "ours-2", {})
    assert "note" not in (candidate / "manifest.toml").read_text(encoding="utf-8")


def test_an_altered_candidate_is_refused_and_nothing_changes(home: Path, candidate: Path) -> None:
    """Hashes decide, before anything is copied."""
    (candidate / "plate_reader.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match="sha256"):
        ModelStore(home / "models").promote(candidate, "li", "measured")
    assert active_weights() == find_weights()
    assert ModelStore(home / "models").names() == [BUNDLED]


def test_a_network_of_another_kind_is_refused(home: Path, tmp_path: Path) -> None:
    """A reader is no detector, whatever its file is called."""
    file = load_model_file("plate_reader", find_weights()).path
    with pytest.raises(ModelError, match=r"plate_reader\.onnx"):
        stage("bed_locator", file, tmp_path / "candidate", "x", {})
    assert not (tmp_path / "candidate").exists()


@pytest.mark.parametrize(
    ("model", "pairs", "said"), [("eye", [], "no model"), ("load_state", ["sharp=1"], "no setting")]
)
def test_wrong_words_are_named(home: Path, tmp_path: Path, model: str, pairs: list[str], said: str) -> None:
    """One line says what there is."""
    file = load_model_file("load_state", find_weights()).path
    with pytest.raises(ModelError, match=said):
        stage(model, file, tmp_path / "candidate", "x", parse_settings(pairs))


def test_a_promoted_set_that_is_gone_is_no_reason_to_fall_back_silently(home: Path, candidate: Path) -> None:
    """Other weights than the promoted ones never run unasked."""
    ModelStore(home / "models").promote(candidate, "li", "measured")
    shutil.rmtree(home / "models" / "0001")
    with pytest.raises(ModelError, match="0001"):
        active_weights()


def test_the_commands(home: Path, candidate: Path) -> None:
    """list marks what is in use; rollback without a promotion is one line."""
    runner = CliRunner()
    result = runner.invoke(app, ["models", "rollback", "--reason", "x"])
    assert isinstance(result.exception, ModelError)
    assert runner.invoke(app, ["models", "promote", str(candidate), "--reason", "better"]).exit_code == 0
    listed = runner.invoke(app, ["models", "list"]).stdout
    assert "* 0001" in " ".join(listed.split()) and "ours-1" in listed and "better" in listed


def test_the_detector_in_8_bits_stands_in(home: Path, tmp_path: Path) -> None:
    """Staged like any other file it finds the vehicles in a picture of the demo film, each within a few pixels."""
    folder = tmp_path / "faster"
    stage("vehicle_detector", load_model_file("vehicle_detector_int8", find_weights()).path, folder, "int8", {})
    rows = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    assert set(rows) == {*MODELS, "load_state_int8"}
    with av.open(str(DEMO)) as container:
        picture = next(islice(container.decode(video=0), 60, None)).to_ndarray(format="bgr24")
    found = []
    for weights in (find_weights(), folder):
        row = load_model_file("vehicle_detector", weights)
        detector = OnnxVehicleDetector(OnnxModel(row.path, Device.CPU), DetectorSettings.parse(row.settings))
        found.append(detector.detect([picture])[0])
    exact, close = found[0].where(found[0].confidence > 0.4), found[1]
    overlap = iou_matrix(exact.xyxy, close.xyxy)
    assert len(exact) >= 3
    assert (overlap.max(axis=1) > 0.9).all()
    assert (exact.class_id == close.class_id[overlap.argmax(axis=1)]).all()

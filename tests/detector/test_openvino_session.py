"""The OpenVINO engine behind `OnnxModel`: the same answers as with onnxruntime."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from detector.errors import ModelError
from detector.inference import Device, OnnxModel, onnx_model
from detector.weights import load_model_file

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = ROOT / "tests" / "golden" / "double.onnx"
ROWS = np.arange(15, dtype=np.float32).reshape(5, 3)


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    return OnnxModel(DOUBLE, Device.OPENVINO, threads=1, batch_size=4)


def test_it_is_used_and_says_what_it_takes_and_gives(model: OnnxModel) -> None:
    """Names and order are the file's; a free side is None; no card does the work."""
    assert (model.providers, model.on_gpu) == (("OpenVINO",), False)
    assert (model.input_shape, model.output_names) == ((None, 3), ("double", "sum"))


def test_items_come_back_in_order_one_by_one(model: OnnxModel) -> None:
    """Small whole numbers are exact in bfloat16 too; a run has one item, whatever batch was asked for."""
    double, total = model.run(ROWS)
    assert (double == ROWS * 2).all()
    assert (total == ROWS.sum(axis=1)).all()


def test_threads_share_a_model(model: OnnxModel) -> None:
    """Each thread has a request of its own: no result is another's, nor changed by the next run."""
    items = [np.full((1, 3), number, np.float32) for number in range(64)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model.run, items))
    assert [float(double[0, 0]) for double, _ in found] == [2.0 * number for number in range(64)]


MEETING = """
import sys, threading
from pathlib import Path
import numpy as np
from detector.inference import Device, OnnxModel

sys.setswitchinterval(1e-6)
model, gate, found = OnnxModel(Path(sys.argv[1]), Device.OPENVINO, threads=1), threading.Barrier(4), []

def run() -> None:
    gate.wait()
    found.append(model.run(np.ones((1, 3), np.float32)))

threads = [threading.Thread(target=run) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(found))
"""


def test_the_first_runs_of_a_process_may_meet() -> None:
    """Four threads at once; four processes in five hung, before a table of OpenVINO's was made at import."""
    for _ in range(2):
        command = [sys.executable, "-c", MEETING, str(DOUBLE)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
        assert done.stdout == "4\n"


def test_real_weights_answer_as_with_onnxruntime() -> None:
    """The load net on a picture of noise: scores before the softmax agree to a tenth, with bfloat16 as without."""
    path = load_model_file("load_state", ROOT / "weights").path
    picture = np.random.default_rng(0).random((2, 3, 288, 288), np.float32)
    ours, theirs = (OnnxModel(path, device, threads=1).run(picture) for device in (Device.OPENVINO, Device.CPU))
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 0.1


def test_an_array_that_does_not_fit_is_a_model_error(model: OnnxModel) -> None:
    """A wrong shape or type names the model in one line; nothing is converted unasked."""
    for wrong in (np.zeros((1, 4), np.float32), np.zeros((1, 3), np.float64)):
        with pytest.raises(ModelError, match=r"^model \S+double\.onnx: [^\n]+$"):
            model.run(wrong)


def test_a_file_that_it_cannot_run_is_one_clear_line(tmp_path: Path) -> None:
    """A file that is no model, and the quantised detector, whose operators it does not know."""
    empty = tmp_path / "empty.onnx"
    empty.touch()
    for path in (empty, ROOT / "weights" / "vehicle_detector_int8.onnx"):
        with pytest.raises(ModelError, match=rf"{path.name}: OpenVINO cannot run it: [^\n]+$"):
            OnnxModel(path, Device.OPENVINO)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setattr(onnx_model.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"double\.onnx: openvino .* not installed; install \[openvino\]"):
        OnnxModel(DOUBLE, Device.OPENVINO)

"""How models are opened and run."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detector.errors import ModelError
from detector.inference import Device, OnnxModel, onnx_model, to_batch

DOUBLE = Path(__file__).parents[1] / "golden" / "double.onnx"
ROWS = np.arange(15, dtype=np.float32).reshape(5, 3)
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class FakeSession:
    """Stands for onnxruntime's session on a machine that we do not have; notes the batches it is given."""

    def __init__(self, *providers: str) -> None:
        self.providers, self.batches = list(providers), []

    def get_providers(self) -> list[str]:
        return self.providers

    def get_inputs(self) -> list:
        return [SimpleNamespace(name="rows", shape=["n", 3])]

    def run(self, _outputs: None, feeds: dict) -> list[np.ndarray]:
        self.batches.append(feeds["rows"])
        return [feeds["rows"] * 2]


def pretend(monkeypatch: pytest.MonkeyPatch, *, gpus: int, session: FakeSession) -> list[Device]:
    """A machine with so many cards, on which sessions open as given; returns the devices that were asked for."""
    asked = []
    monkeypatch.setattr(onnx_model, "count_gpus", lambda: gpus)
    monkeypatch.setattr(onnx_model.onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnx_model, "_open_session", lambda path, device, threads: (asked.append(device), session)[1])
    return asked


def test_models_opened_side_by_side_register_one_arena(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one would take the place of the first while a session is being built in it."""
    registered = []

    @cache
    def register() -> None:
        time.sleep(0.05)
        registered.append(1)

    monkeypatch.setattr(onnx_model, "_share_memory", register)
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: OnnxModel(DOUBLE, Device.CPU), range(4)))
    assert len(models) == 4
    assert len(registered) == 1


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_results_come_in_order_whatever_the_batch_size(batch_size: int) -> None:
    """Slicing is invisible, also where the last slice is short."""
    model = OnnxModel(DOUBLE, Device.CPU, batch_size=batch_size)
    double, total = model.run(ROWS)
    assert (double == ROWS * 2).all()
    assert (total == ROWS.sum(axis=1)).all()


def test_a_helper_runs_all_slices_but_the_first() -> None:
    """The results are in order; a batch of one slice needs nobody."""
    helped: list[int] = []
    with ThreadPoolExecutor(2, initializer=lambda: helped.append(1)) as pool:
        model = OnnxModel(DOUBLE, Device.CPU, batch_size=2, helper=pool)
        assert (model.run(ROWS[:2])[0] == 2 * ROWS[:2]).all()
        assert not helped
        assert (model.run(ROWS)[0] == 2 * ROWS).all()
        assert helped


def test_a_model_says_what_it_takes_and_gives() -> None:
    """Names and shapes are those of the file; free dimensions are names."""
    model = OnnxModel(DOUBLE, Device.CPU, threads=1)
    assert (model.input_shape, model.output_names, model.providers) == (("n", 3), ("double", "sum"), (CPU,))


def test_a_file_that_is_no_model_is_one_clear_line(tmp_path: Path) -> None:
    """Text, an empty file, a missing one: the error names the file and has no second line."""
    text, empty = tmp_path / "text.onnx", tmp_path / "empty.onnx"
    text.write_text("not a model\n" * 50)
    empty.touch()
    for path in (text, empty, tmp_path / "missing.onnx"):
        with pytest.raises(ModelError) as caught:
            OnnxModel(path, Device.CPU)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_array_that_does_not_fit_is_a_model_error() -> None:
    """A wrong shape or type names the model."""
    model = OnnxModel(DOUBLE, Device.CPU)
    for wrong in (np.zeros((1, 4), np.float32), np.zeros((1, 3), np.float64)):
        with pytest.raises(ModelError, match=r"double\.onnx"):
            model.run(wrong)


def test_cuda_is_never_asked_for_without_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime lists CUDA on every machine; AUTO looks for a card instead."""
    asked = pretend(monkeypatch, gpus=0, session=FakeSession(CPU))
    OnnxModel(DOUBLE)
    assert asked == [Device.CPU]


def test_a_card_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """AUTO takes CUDA, and not TensorRT, which would build engines for minutes."""
    asked = pretend(monkeypatch, gpus=1, session=FakeSession(CUDA, CPU))
    assert OnnxModel(DOUBLE).providers[0] == CUDA
    assert asked == [Device.CUDA]


@pytest.mark.parametrize("device", [Device.CUDA, Device.TENSORRT])
def test_a_device_that_was_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch, device: Device) -> None:
    """No card, or an onnxruntime built without the provider: an error instead of a slow run."""
    pretend(monkeypatch, gpus=0, session=FakeSession(CPU))
    with pytest.raises(ModelError, match=r"no NVIDIA|built without tensorrt"):
        OnnxModel(DOUBLE, device)


def test_a_device_that_was_asked_for_must_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that silently fell back to the CPU is refused."""
    pretend(monkeypatch, gpus=1, session=FakeSession(CPU))
    with pytest.raises(ModelError, match="cuda was asked for, onnxruntime uses CPUExecutionProvider"):
        OnnxModel(DOUBLE, Device.CUDA)


def test_auto_falls_back_to_the_cpu_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A card without matching libraries is worth a warning, not a failure."""
    pretend(monkeypatch, gpus=1, session=FakeSession(CPU))
    with caplog.at_level(logging.WARNING):
        assert OnnxModel(DOUBLE).providers == (CPU,)
    assert "runs on the CPU" in caplog.text


def test_short_batches_are_filled_up_on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card picks algorithms by shape: with one shape only, a result cannot depend on how many came with it."""
    session = FakeSession(CUDA, CPU)
    pretend(monkeypatch, gpus=1, session=session)
    (double,) = OnnxModel(DOUBLE, batch_size=4).run(ROWS)
    assert [len(batch) for batch in session.batches] == [4, 4]
    assert (double == ROWS * 2).all()


def test_short_batches_are_left_short_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU's results do not depend on the shape, and filling up would cost time."""
    session = FakeSession(CPU)
    pretend(monkeypatch, gpus=0, session=session)
    OnnxModel(DOUBLE, batch_size=4).run(ROWS)
    assert [len(batch) for batch in session.batches] == [4, 1]


def test_pictures_become_planes_of_red_green_and_blue_from_0_to_1() -> None:
    """Views turned round count as what they show, and every value is the nearest one that there is."""
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    batch = to_batch([picture, picture[:, ::-1]])
    assert batch.dtype == np.float32
    expected = picture[..., ::-1].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    assert np.array_equal(batch, [expected, expected[:, :, ::-1]])

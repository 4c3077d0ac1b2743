"""What is done to weight files without training: stored smaller, mixed, joined and taken apart again."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from scripts.join_weights import join, split
from scripts.mix_weights import mix
from scripts.store_half_weights import load_wide, store_half

BATCH = np.random.default_rng(3).random((2, 3, 8, 8), np.float32)


def write_network(path: Path, seed: int, channels: int = 64) -> Path:
    """A network of two convolutions that answers (N, 2, 4, 4)."""
    rng = np.random.default_rng(seed)
    kernels = {
        "first.weight": rng.normal(0, 0.2, (channels, 3, 3, 3)),
        "first.bias": rng.normal(0, 0.2, channels),
        "second.weight": rng.normal(0, 0.2, (2, channels, 3, 3)),
        "second.bias": np.array([0.5, -0.5]),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "first.weight", "first.bias"], ["/grown"], name="/first"),
            helper.make_node("Relu", ["/grown"], ["/kept"], name="/relu"),
            helper.make_node("Conv", ["/kept", "second.weight", "second.bias"], ["answer"], name="/second"),
        ],
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 2, 4, 4])],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in kernels.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def answer(model: Path | onnx.ModelProto) -> np.ndarray:
    """What a network says of the batch."""
    held = model.read_bytes() if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(held, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {"images": BATCH})[0]
    return found


@pytest.mark.parametrize("bytes_from", [float("inf"), 1024])
def test_smaller_storage_hardly_changes_answers(tmp_path: Path, bytes_from: float) -> None:
    """Kernels in 16 or 8 bits are computed in 32; storing again changes nothing more."""
    path = write_network(tmp_path / "net.onnx", seed=1)
    exact, size = answer(path), path.stat().st_size
    store_half(path, bytes_from)
    once = answer(path)
    assert path.stat().st_size < (0.45 if bytes_from < 2000 else 0.7) * size
    assert 0 < np.abs(once - exact).max() < 0.02 * np.abs(exact).max()
    store_half(path, bytes_from)
    np.testing.assert_array_equal(answer(path), once)


def test_wide_constants_answer_as_the_stored_ones(tmp_path: Path) -> None:
    """However a file is stored, its constants can be had in 32 bits under their own names."""
    path = write_network(tmp_path / "net.onnx", seed=1)
    store_half(path, 1024)
    wide = load_wide(path)
    assert {c.name for c in wide.graph.initializer} == {"first.weight", "first.bias", "second.weight", "second.bias"}
    assert all(c.data_type == TensorProto.FLOAT for c in wide.graph.initializer)
    np.testing.assert_array_equal(answer(wide), answer(path))


def test_mean_of_constants(tmp_path: Path) -> None:
    """Versions of one network are mixed constant by constant, also where one of them is stored in 8 bits."""
    first, second = (write_network(tmp_path / f"{seed}.onnx", seed) for seed in (1, 2))
    store_half(second, 1024)
    mixed = mix([(first, 0.25), (second, 0.75)])
    wanted, found = (
        {c.name: numpy_helper.to_array(c) for c in model.graph.initializer} for model in (load_wide(second), mixed)
    )
    start = {c.name: numpy_helper.to_array(c) for c in onnx.load(first).graph.initializer}
    for name, values in found.items():
        np.testing.assert_allclose(values, 0.25 * start[name] + 0.75 * wanted[name], atol=1e-6)


def test_mean_of_answers(tmp_path: Path) -> None:
    """Different networks are joined into one file that gives the mean of their answers, and taken apart again."""
    small, large = write_network(tmp_path / "small.onnx", 1), write_network(tmp_path / "large.onnx", 2, channels=96)
    store_half(large, 1024)
    joined = join([(small, 0.3), (large, 0.7)])
    np.testing.assert_allclose(answer(joined), 0.3 * answer(small) + 0.7 * answer(large), atol=1e-5)
    for (part, share), path, wanted in zip(split(joined), (small, large), (0.3, 0.7), strict=True):
        assert share == pytest.approx(wanted)
        assert [c.name for c in part.graph.initializer] == [c.name for c in onnx.load(path).graph.initializer]
        np.testing.assert_array_equal(answer(part), answer(path))


def test_shares_must_add_up_and_answers_be_alike(tmp_path: Path) -> None:
    """A mean of parts that do not fit is refused."""
    path = write_network(tmp_path / "net.onnx", seed=1)
    with pytest.raises(ValueError, match="add up to 1"):
        join([(path, 0.3), (path, 0.3)])
    other = onnx.load(path)
    other.graph.output[0].name = other.graph.node[-1].output[0] = "other"
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"other\.onnx: other inputs or outputs"):
        join([(path, 0.5), (tmp_path / "other.onnx", 0.5)])

"""Store the large tensors of an ONNX file as float16, to be widened when it is loaded: half the size, same arithmetic.

    .venv-train/bin/python scripts/store_half_weights.py weights/load_state.onnx
    .venv-train/bin/python scripts/store_half_weights.py --bytes-from 65536 weights/load_state.onnx

The network still computes in float32: each stored tensor is followed by a Cast that onnxruntime folds at start. What
changes is the rounding of the weights; the script prints the largest difference of the outputs on random input. With
`--bytes-from` kernels from that many numbers on are stored in 8 bits with a scale for each output channel.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import onnx

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would report to Microsoft
import onnxruntime
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

MIN_ELEMENTS = 1024
HALF = "__half"  # ending of the name of what is stored in 16 bits
BYTES, SCALE = "__bytes", "__scale"  # of what is stored in 8, and of the scales (K, 1, ...) of its output channels


def store_half(path: Path, bytes_from: float = float("inf")) -> None:
    """Rewrite one file.

    Args:
        path: the file.
        bytes_from: numbers from which on a kernel (K, C, H, W) is stored in 8 bits.
    """
    model = load_wide(path)
    graph = model.graph
    nodes = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < MIN_ELEMENTS:
            continue
        if values.ndim == 4 and values.size >= bytes_from:
            nodes += _store_bytes(graph, tensor, values)
        else:
            wide_name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), wide_name + HALF))
            nodes.append(helper.make_node("Cast", [tensor.name], [wide_name], to=TensorProto.FLOAT))
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    before, size = run_random(path), path.stat().st_size
    onnx.save(model, path)
    worst = max(float(np.abs(a - b).max()) for a, b in zip(before, run_random(path), strict=True))
    print(
        f"{path}: {size / 2**20:.1f} MB to {path.stat().st_size / 2**20:.1f} MB, outputs differ by at most {worst:.2e}"
    )


def load_wide(path: Path) -> onnx.ModelProto:
    """A file whose constants are in 32 bits under the names by which they are used, however they are stored."""
    model = onnx.load(path)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in list(graph.node):
        tensor = constants.get(node.input[0]) if node.op_type == "Cast" else None
        if tensor is None:
            continue
        values = numpy_helper.to_array(tensor).astype(np.float32)
        if tensor.data_type == TensorProto.INT8:
            multiply = next(other for other in graph.node if node.output[0] in other.input)
            scale = constants[multiply.input[1]]
            tensor.CopyFrom(numpy_helper.from_array(values * numpy_helper.to_array(scale), multiply.output[0]))
            graph.initializer.remove(scale)
            graph.node.remove(multiply)
        elif tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        else:
            continue
        graph.node.remove(node)
    return model


def _store_bytes(graph: GraphProto, tensor: TensorProto, values: np.ndarray) -> list[NodeProto]:
    """Put a kernel into the graph as whole numbers up to 127 with their scales; returns what multiplies them."""
    name = tensor.name
    scale = np.maximum(np.abs(values).max(axis=(1, 2, 3), keepdims=True), 1e-12) / 127
    tensor.CopyFrom(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), name + BYTES))
    graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), name + SCALE))
    return [
        helper.make_node("Cast", [name + BYTES], [name + ".whole"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [name + ".whole", name + SCALE], [name]),
    ]


def run_random(path: Path) -> list[np.ndarray]:
    """Outputs for one seeded random input; free dimensions are 1 for the batch and 320 otherwise."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    model_input = session.get_inputs()[0]
    shape = [d if isinstance(d, int) else (1 if i == 0 else 320) for i, d in enumerate(model_input.shape)]
    return session.run(None, {model_input.name: np.random.default_rng(0).random(shape, np.float32)})


def main() -> None:
    """Parse the command line and rewrite the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--bytes-from", type=int, default=float("inf"), metavar="NUMBERS", help="default: never")
    arguments = parser.parse_args()
    for path in arguments.files:
        store_half(path, arguments.bytes_from)


if __name__ == "__main__":
    main()

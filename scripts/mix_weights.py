"""Mixes ONNX files of one network by the weighted mean of their constants: one file, no more time at run time.

    python scripts/mix_weights.py weights/vehicle_detector.onnx coco.onnx:0.2 first.onnx:0.4 second.onnx:0.4

Versions that were fine-tuned from the same start lie in one basin: their mean is often better than each of them, and
keeps what a start from more pictures knew (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022, and "Model
soups", 2022). Needs the `train` extra.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

STORED = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}
"""How learned constants are stored."""


def read_share(part: str) -> tuple[Path, float]:
    """A file and its share of a mean, 1 where none is written."""
    path, _, share = part.rpartition(":")
    return (Path(path), float(share)) if path else (Path(part), 1.0)


def is_of_the_graph(tensor: TensorProto) -> bool:
    """Whether a constant is the exporter's own, such as a scale or a shape; it names them after their place."""
    return tensor.name.startswith("/") or not tensor.dims


def mix(parts: list[tuple[Path, float]]) -> onnx.ModelProto:
    """The last part's graph with the weighted mean of every learned constant.

    Args:
        parts: files and their shares, which must add up to 1.

    Raises:
        ValueError: the shares add up to something else, or a learned constant is missing in a part or of another shape.
    """
    if abs(sum(share for _, share in parts) - 1) > 1e-6:
        raise ValueError("the shares must add up to 1")
    stored = [{t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer} for path, _ in parts]
    mixed = onnx.load(parts[-1][0])
    for tensor in mixed.graph.initializer:
        if tensor.data_type not in STORED or is_of_the_graph(tensor):
            continue
        for (path, _), values in zip(parts, stored, strict=True):
            if tensor.name not in values or list(values[tensor.name].shape) != list(tensor.dims):
                raise ValueError(f"{path}: no constant {tensor.name} of shape {list(tensor.dims)}")
        weighted = [s * values[tensor.name].astype(np.float64) for (_, s), values in zip(parts, stored, strict=True)]
        tensor.CopyFrom(numpy_helper.from_array(sum(weighted).astype(STORED[tensor.data_type]), tensor.name))
    onnx.checker.check_model(mixed)
    return mixed


def main() -> None:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("parts", nargs="+", metavar="FILE:SHARE")
    arguments = parser.parse_args()
    parts = [read_share(part) for part in arguments.parts]
    onnx.save(mix(parts), arguments.output)
    print(f"{arguments.output}: {' + '.join(f'{share:g} {path.name}' for path, share in parts)}")


if __name__ == "__main__":
    main()

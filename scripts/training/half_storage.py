"""Constants of ONNX files in 16 bits: half the size, and the same arithmetic."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def store_halves(model: onnx.ModelProto, smallest: int) -> bool:
    """Stores large constants as float16, each with a Cast behind it that onnxruntime folds at start.

    Args:
        model: changed in place; what is stored so already is left as it is.
        smallest: elements of a constant, from which on it is stored so.

    Returns:
        Whether there was one.
    """
    casts = []
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if constant.data_type != TensorProto.FLOAT or values.size < smallest:
            continue
        wide, half = constant.name, f"{constant.name}_half"
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [wide], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bool(casts)

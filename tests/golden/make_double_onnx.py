"""Makes double.onnx, the smallest model that shows how models are run: (n, 3) float32 to its double and its row sums.

pip install onnx && python tests/golden/make_double_onnx.py
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

graph = helper.make_graph(
    [
        helper.make_node("Add", ["rows", "rows"], ["double"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["sum"], keepdims=0),
    ],
    "double",
    [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 3])],
    [
        helper.make_tensor_value_info("double", TensorProto.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n"]),
    ],
    [helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, Path(__file__).with_name("double.onnx"))

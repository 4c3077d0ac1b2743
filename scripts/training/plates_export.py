"""PyTorch → ONNX for both plate networks, each checked against PyTorch on random input."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from scripts.training.plates_detector_net import DetectorNet
from scripts.training.plates_reader_net import ReaderNet
from scripts.training.plates_scenes import SIDE_PX

OPSET = 17
TOLERANCE = 2e-3  # of outputs whose scale is about 10


def _export(net: nn.Module, example: torch.Tensor, path: Path, outputs: list[str]) -> float:
    """Write `net` with a free batch dimension; the largest difference to PyTorch.

    Raises:
        ValueError: the exported file answers otherwise than PyTorch.
    """
    net = net.eval().to(memory_format=torch.contiguous_format).float()
    axes = {name: {0: "batch"} for name in ("images", *outputs)}
    torch.onnx.export(
        net, (example[:1],), str(path), opset_version=OPSET, input_names=["images"], output_names=outputs,
        dynamic_axes=axes, dynamo=False,
    )  # fmt: skip
    onnx.checker.check_model(onnx.load(str(path)))
    with torch.no_grad():
        expected = [t.numpy() for t in net(example)]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    actual = session.run(None, {"images": example.numpy()})
    difference = max(float(np.abs(a - b).max()) for a, b in zip(actual, expected, strict=True))
    if difference > TOLERANCE:
        raise ValueError(f"{path}: differs from PyTorch by {difference}")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, largest difference to PyTorch {difference:.1e}")
    return difference


def export_reader(net: ReaderNet, path: Path) -> float:
    """(batch, 3, 64, 192) float RGB 0 to 1 → `characters` and `colour` scores."""
    return _export(net, torch.rand(3, 3, 64, 192), path, ["characters", "colour"])


def export_detector(net: DetectorNet, path: Path) -> float:
    """(batch, 3, 320, 320) float RGB 0 to 1 → `scores` (centre, two rows) and `corners` (px)."""
    return _export(net, torch.rand(3, 3, SIDE_PX, SIDE_PX), path, ["scores", "corners"])

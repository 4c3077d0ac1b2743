"""Shipped ONNX weights back into the PyTorch network they were exported from, so that training can go on from them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

HALF = ("__half", "_half")  # endings of the names of constants that are stored in 16 bits
TOLERANCE = 0.05  # of outputs whose scale is about 10; constants stored in 16 bits are widened here


def take_up(network: nn.Module, exported: Path, images: torch.Tensor) -> nn.Module:
    """Fills a network from its own export, in which normalisation is folded into the convolutions; splits it off again.

    Convolutions and linear layers have lost their names in an export: they are matched in the order in which they run.

    Args:
        network: built as at the time of the export; changed in place, left in evaluation mode.
        exported: the ONNX file.
        images: (N, 3, H, W) RGB in 0 to 1, like those of training; normalisation is measured on them.

    Returns:
        `network`.

    Raises:
        RuntimeError: where the file holds another network, or the result answers otherwise than the file.
    """
    graph = onnx.load(exported).graph
    stored = {_full_name(t.name): onnx.numpy_helper.to_array(t).astype(np.float32) for t in graph.initializer}
    for node in graph.node:  # an export holds equal constants once
        if node.op_type == "Identity" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
    network.eval()
    ran: list[tuple[str, nn.Module]] = []
    names = {module: name for name, module in network.named_modules()}
    handles = [
        module.register_forward_pre_hook(lambda module, _: ran.append((names[module], module)))
        for module in names
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d)
    ]
    with torch.no_grad():
        network(images[:1])
        for handle in handles:
            handle.remove()
        for name, parameter in network.named_parameters():
            if name in stored and stored[name].shape == tuple(parameter.shape):
                parameter.copy_(torch.from_numpy(stored[name]))
        convolutions = iter([n for n in graph.node if n.op_type == "Conv"])
        products = iter([n for n in graph.node if n.op_type == "MatMul" and n.input[1] in stored])
        for index, (name, module) in enumerate(ran):
            if isinstance(module, nn.Conv2d):
                node = next(convolutions, None)
                if node is None:  # of an output that teaches only and was left out of the export: it runs last
                    continue
                _copy(module.weight, stored[node.input[1]], name)
                follower = ran[index + 1][1] if index + 1 < len(ran) else None
                if module.bias is not None:
                    _copy(module.bias, stored[node.input[2]], name)
                elif isinstance(follower, nn.BatchNorm2d):
                    follower.running_mean.zero_()
                    follower.running_var.fill_(1)
                    follower.weight.fill_((1 + follower.eps) ** 0.5)
                    _copy(follower.bias, stored[node.input[2]], name)
            elif isinstance(module, nn.Linear) and f"{name}.weight" not in stored:
                _copy(module.weight, stored[next(products).input[1]].T, name)
    _compare(network, exported, images[:1])
    restore_normalisation(network, images.split(16))
    _compare(network, exported, images[:1])
    return network


def _full_name(name: str) -> str:
    """The name under which a constant is used: one stored in 16 bits is cast back first."""
    return next((name.removesuffix(end) for end in HALF if name.endswith(end)), name)


def _copy(parameter: torch.Tensor, values: np.ndarray, name: str) -> None:
    if tuple(parameter.shape) != values.shape:
        raise RuntimeError(f"{name}: the file holds {values.shape}, the network {tuple(parameter.shape)}")
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _compare(network: nn.Module, exported: Path, images: torch.Tensor) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        found = network(images)
    if isinstance(found, dict):
        found = [found[output.name] for output in session.get_outputs()]
    worst = max(float(np.abs(a.numpy() - b).max()) for a, b in zip(found, expected, strict=True))
    if worst > TOLERANCE:
        raise RuntimeError(f"{exported}: the network that was taken up answers otherwise, by {worst:.2g}")


def restore_normalisation(model: torch.nn.Module, images: Iterable[torch.Tensor]) -> None:
    """Gives every batch normalisation the mean and variance that it sees, leaving what the model computes unchanged.

    Our COCO weights were restored from an export, in which normalisation had been folded into the convolutions: mean
    0 and variance 1 everywhere. Training normalises by the batch, and so started from a broken network (class loss
    4.8 instead of 1.3). Scale and shift are set so that they undo the measured mean and variance.

    Args:
        model: changed in place; left in evaluation mode.
        images: batches (N, 3, H, W) RGB in 0..1 to measure on.
    """
    sums: dict[str, list[torch.Tensor]] = {}
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, torch.nn.BatchNorm2d)}

    def watch(name: str) -> Any:
        def record(_layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            x = inputs[0].double()
            sums.setdefault(name, []).append(torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))]))

        return record

    handles = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()]
    model.eval()
    with torch.no_grad():
        for batch in images:
            model(batch)
        for handle in handles:
            handle.remove()
        for name, layer in layers.items():
            mean, square = torch.stack(sums[name]).mean(0)
            variance = (square - mean**2).clamp(min=0)
            scale = layer.weight.double() / torch.sqrt(layer.running_var.double() + layer.eps)
            layer.bias += (scale * (mean - layer.running_mean)).float()
            layer.weight.copy_(scale * torch.sqrt(variance + layer.eps))
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(variance)

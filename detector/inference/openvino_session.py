"""Runs an ONNX file with OpenVINO, which computes in bfloat16 on processors that can: `[openvino]`, asked for by name.

`OnnxModel` is the door to it; what is here has the few methods of onnxruntime's session that are used there.
"""

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# Importing it with its conversion tools reports to www.google-analytics.com. Without them nothing is sent.
sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
import openvino  # noqa: E402

# The first call makes a table. Of two threads whose first calls meet, one waits for the other's table and the other for
# Python's lock, which the one holds: for ever. An import has one thread.
openvino.Type.f32.to_dtype()

PROVIDER = "OpenVINO"


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: its name, and its shape with None for a free side."""

    name: str
    shape: list[int | None]


class OpenVinoSession:
    """One network of one item a run; may be shared by threads, each of which has a request of its own."""

    def __init__(self, path: Path, threads: int) -> None:
        """Read and compile the file. It is computed in what the processor is fastest at.

        Args:
            path: ONNX file.
            threads: CPU threads of one run; 0 for one a core. As many runs as fit on the cores go side by side.

        Raises:
            RuntimeError: OpenVINO cannot read or run the file.
        """
        core = openvino.Core()
        model = core.read_model(path)
        self._inputs = [_describe(port) for port in model.inputs]
        self._outputs = [_describe(port) for port in model.outputs]
        shape = model.input().get_partial_shape()
        shape[0] = 1
        model.reshape(shape)
        cores = os.cpu_count() or 1
        threads = threads or cores
        streams = max(1, cores // threads)
        # Several models share the cores, so that none may hold on to one of them.
        properties: dict[str, Any] = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams * threads,
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled = core.compile_model(model, "CPU", properties)
        self._local = threading.local()

    @property
    def engine(self) -> str:
        """Version, and what it computes in, for instance "OpenVINO 2026.4.1, bf16"."""
        version = openvino.__version__.partition("-")[0]
        return f"OpenVINO {version}, {self._compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name()}"

    def get_providers(self) -> list[str]:
        """What runs the network."""
        return [PROVIDER]

    def get_inputs(self) -> list[Port]:
        """The file's inputs."""
        return self._inputs

    def get_outputs(self) -> list[Port]:
        """The file's outputs in its order."""
        return self._outputs

    def run(self, _outputs: None, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs for one item.

        Raises:
            RuntimeError: shape or type is not the input's.
        """
        for name, array in feeds.items():
            wanted = self._compiled.input(name).get_element_type().to_dtype()
            if array.dtype != wanted:  # OpenVINO would convert without a word
                raise RuntimeError(f"input {name} is {array.dtype}, must be {wanted}")
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        found = self._local.request.infer(feeds, share_inputs=True)
        return [found[port] for port in self._compiled.outputs]


def _describe(port: Any) -> Port:
    shape = [None if side.is_dynamic else side.get_length() for side in port.get_partial_shape()]
    return Port(port.get_any_name(), shape)

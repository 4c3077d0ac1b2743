"""One ONNX file, run by onnxruntime or, where it is asked for, by OpenVINO.

Providers that onnxruntime *lists* are those it was compiled with, not those that work: a graphics card is looked for
with the driver itself, and a session is asked afterwards what it uses.
"""

import ctypes
import importlib.util
import logging
import os
import sys
import threading
from concurrent.futures import Executor
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

# From 1.29 on it reports sessions, models and a device id to Microsoft unless this stands before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

from detector.errors import ModelError

if TYPE_CHECKING:
    from detector.inference.openvino_session import OpenVinoSession

logger = logging.getLogger(__name__)

GPU_BATCH = 8
"""Items a run on a graphics card; shorter batches are filled up, since the card picks its algorithms by shape."""

_sharing = threading.Lock()


class Device(StrEnum):
    """Where a model shall run. AUTO takes CUDA where a graphics card answers, and the CPU otherwise.

    TENSORRT is never taken unasked: it builds an engine for each input shape, for minutes, at the first run. Nor is
    OPENVINO, which rounds to bfloat16 on processors that have it: faster, but a few answers differ from the CPU's.
    """

    AUTO = "auto"
    CPU = "cpu"
    OPENVINO = "openvino"
    CUDA = "cuda"
    TENSORRT = "tensorrt"


PROVIDERS = {
    Device.CPU: ["CPUExecutionProvider"],
    Device.OPENVINO: ["OpenVINO"],
    Device.CUDA: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    Device.TENSORRT: ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
}


@cache
def count_gpus() -> int:
    """How many NVIDIA cards the driver offers to this process (it heeds CUDA_VISIBLE_DEVICES); 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


class Network(Protocol):
    """What a station needs of a network: `OnnxModel`, or a fake in tests."""

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Outputs in the network's order, each (N, ...), for a batch (N, ...) of any size N above 0."""
        ...


class OnnxModel:
    """One ONNX file, ready to run; keeps no state between runs and may be shared by threads."""

    def __init__(
        self,
        path: Path,
        device: Device = Device.AUTO,
        *,
        threads: int = 0,
        batch_size: int | None = None,
        helper: Executor | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: ONNX file; its hash has been verified by `detector.weights`.
            device: where to run.
            threads: CPU threads of one run; 0 for one a core.
            batch_size: items run at once; None for 1 on the CPU, where more gain nothing (see `run`), and for
                `GPU_BATCH` on a graphics card. OpenVINO always runs one.
            helper: runs all slices of a batch but the first beside that one; None: one after another.

        Raises:
            ModelError: the file cannot be read or run, or a device that was asked for is not there or not used.
        """
        self.path = path
        chosen = _choose_device(path, device)
        self._session = _open_session(path, chosen, threads)
        used = tuple(self._session.get_providers())
        if used[0] != PROVIDERS[chosen][0]:
            if device is not Device.AUTO:
                raise ModelError(f"model {path}: {device} was asked for, onnxruntime uses {used[0]}; install [gpu]")
            logger.warning("%s runs on the CPU: the graphics card could not be used; install [gpu]", path.name)
        self.providers: tuple[str, ...] = used
        """Execution providers in use, first choice first."""
        self.on_gpu = chosen in (Device.CUDA, Device.TENSORRT) and used[0] == PROVIDERS[chosen][0]
        """Whether a graphics card does the work."""
        self._batch_size = 1 if chosen is Device.OPENVINO else batch_size or (GPU_BATCH if self.on_gpu else 1)
        self.helper = helper
        """What runs slices beside the first one; None: one after another. May be changed between runs."""
        self._input = self._session.get_inputs()[0].name

    @property
    def engine(self) -> str:
        """What computes the answers, with its version and arithmetic: goes into evidence."""
        if isinstance(self._session, onnxruntime.InferenceSession):
            return f"onnxruntime {onnxruntime.__version__}, {self.providers[0]}"
        return self._session.engine

    @property
    def input_shape(self) -> tuple[int | str | None, ...]:
        """Shape of the input; a name or None stands for a free dimension."""
        return tuple(self._session.get_inputs()[0].shape)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs in the order in which `run` returns them."""
        return tuple(output.name for output in self._session.get_outputs())

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Run any number of items, in slices of the batch size; an item's result does not depend on its company.

        Args:
            batch: (N, ...) of the input's type and shape, N at least 1.

        Returns:
            The outputs in the model's order, each (N, ...).

        Raises:
            ModelError: the model does not accept the array.
        """
        first, *others = (batch[i : i + self._batch_size] for i in range(0, len(batch), self._batch_size))
        if not others:
            return self._run_slice(first)
        elsewhere = map if self.helper is None else self.helper.map
        aside = elsewhere(self._run_slice, others)
        return [np.concatenate(parts) for parts in zip(self._run_slice(first), *aside, strict=True)]

    def _run_slice(self, batch: np.ndarray) -> list[np.ndarray]:
        n = len(batch)
        if self.on_gpu and n < self._batch_size:
            batch = np.concatenate([batch, np.zeros((self._batch_size - n, *batch.shape[1:]), batch.dtype)])
        try:
            outputs = self._session.run(None, {self._input: np.ascontiguousarray(batch)})
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise ModelError(f"model {self.path}: {_one_line(error)}") from error
        return [output[:n] for output in outputs]


def settle(device: Device) -> Device:
    """The device that AUTO means on this machine; any other one itself."""
    if device is not Device.AUTO:
        return device
    return Device.CUDA if count_gpus() and _is_compiled_in(Device.CUDA) else Device.CPU


def _choose_device(path: Path, device: Device) -> Device:
    device = settle(device)
    if device is Device.CPU:
        return device
    if device is Device.OPENVINO:
        if importlib.util.find_spec("openvino") is None:
            raise ModelError(f"model {path}: openvino was asked for, but is not installed; install [openvino]")
        return device
    if not _is_compiled_in(device):
        raise ModelError(f"model {path}: this onnxruntime was built without {device}; install onnxruntime-gpu")
    if not count_gpus():
        raise ModelError(f"model {path}: {device} was asked for, but the machine has no NVIDIA graphics card")
    return device


def _is_compiled_in(device: Device) -> bool:
    return PROVIDERS[device][0] in onnxruntime.get_available_providers()


def _open_session(path: Path, device: Device, threads: int) -> "onnxruntime.InferenceSession | OpenVinoSession":
    if device is Device.OPENVINO:
        return _open_openvino(path, threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Several models share the cores: a session that spins while it waits takes time from the one that works.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with _sharing:  # models are opened side by side, and a second arena would take the place of the one in use
        _share_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    providers: list[Any] = list(PROVIDERS[device])
    if device is not Device.CPU:
        onnxruntime.preload_dlls()  # CUDA and cuDNN of the [gpu] extra lie inside site-packages
        # The default, EXHAUSTIVE, times the algorithms and so may choose another one in each process.
        cuda = ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"})
        providers[providers.index("CUDAExecutionProvider")] = cuda
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise ModelError(f"model {path}: {_one_line(error)}") from error


def _open_openvino(path: Path, threads: int) -> "OpenVinoSession":
    from detector.inference.openvino_session import OpenVinoSession

    try:
        session = OpenVinoSession(path, threads)
    except RuntimeError as error:
        raise ModelError(f"model {path}: OpenVINO cannot run it: {_one_line(error)}") from error
    logger.info("%s runs on %s", path.name, session.engine)
    return session


@cache
def _share_memory() -> None:
    """One arena of memory for the tensors of all models, instead of one each: 27 MB less with five."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(0, -1, -1, -1))


def _one_line(error: Exception) -> str:
    """What is wrong: onnxruntime says so first, OpenVINO last, after lines of its own source."""
    lines = str(error).strip().split("\n")
    return lines[-1] if lines[0].startswith("Exception from ") else lines[0]

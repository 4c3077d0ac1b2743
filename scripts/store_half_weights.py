"""Store the large tensors of an ONNX file as float16, to be widened when it is loaded: half the size, same arithmetic.

    .venv-train/bin/python scripts/store_half_weights.py weights/load_state.onnx

The network still computes in float32 (`scripts/training/half_storage.py`). What changes is the rounding of the weights;
the script prints the largest difference of the outputs on random input.
"""

import os
import sys
from pathlib import Path

import numpy as np
import onnx

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would report to Microsoft
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.training.half_storage import store_halves

MIN_ELEMENTS = 1024


def store_half(path: Path) -> None:
    """Rewrite one file; a file that is stored so already is left as it is."""
    model = onnx.load(path)
    if not store_halves(model, MIN_ELEMENTS):
        return
    onnx.checker.check_model(model)
    before, size = run_random(path), path.stat().st_size
    onnx.save(model, path)
    worst = max(float(np.abs(a - b).max()) for a, b in zip(before, run_random(path), strict=True))
    print(
        f"{path}: {size / 2**20:.1f} MB to {path.stat().st_size / 2**20:.1f} MB, outputs differ by at most {worst:.2e}"
    )


def run_random(path: Path) -> list[np.ndarray]:
    """Outputs for one seeded random input; free dimensions are 1 for the batch and 320 otherwise."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    model_input = session.get_inputs()[0]
    shape = [d if isinstance(d, int) else (1 if i == 0 else 320) for i, d in enumerate(model_input.shape)]
    return session.run(None, {model_input.name: np.random.default_rng(0).random(shape, np.float32)})


if __name__ == "__main__":
    for name in sys.argv[1:]:
        store_half(Path(name))

"""The peer: `ultralytics` follows the vehicles of a clip with our detector's weights, in an environment that has it.

    PEER_PYTHON scripts/benchmarking/peer.py CLIP WEIGHTS STRIDE INPUT_WH TRACKER ENGINE

`YOLO(WEIGHTS).track(CLIP, vid_stride=STRIDE)` and nothing else: no plates, no loads, no evidence. The first frame is
left out of its time, since it loads model and tracker. ENGINE is onnxruntime or openvino, which then runs the same file
at the fixed input size, as `ultralytics` exports it. Prints one JSON object.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ |= {"YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false", "ORT_DISABLE_TELEMETRY": "1"}
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # nor does it report to anybody


def main() -> None:
    """Follow the vehicles, and tell how long that took."""
    clip, weights, stride, input_wh, tracker, engine = sys.argv[1:]
    width, height = map(int, input_wh.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        if engine == "openvino":
            weights = export(weights, [height, width], Path(folder))
        print(json.dumps(track(clip, weights, int(stride), [height, width], tracker)))


def export(weights: str, size_hw: list[int], folder: Path) -> str:
    """The folder of an OpenVINO model as `ultralytics` wants it, named after what it holds."""
    import openvino
    import yaml

    model = openvino.Core().read_model(weights)
    model.reshape([1, 3, *size_hw])
    target = folder / "peer_openvino_model"
    target.mkdir()
    openvino.save_model(model, target / "peer.xml", compress_to_fp16=False)
    names = dict(enumerate(["car", "bus", "truck", "motorcycle", "person"]))
    metadata = {"task": "detect", "stride": 32, "batch": 1, "imgsz": size_hw, "names": names, "channels": 3}
    (target / "metadata.yaml").write_text(yaml.safe_dump(metadata), encoding="utf-8")
    return str(target)


def track(clip: str, weights: str, stride: int, size_hw: list[int], tracker: str) -> dict[str, object]:
    """Tracks of one clip, and their cost."""
    from ultralytics import YOLO, __version__

    model = YOLO(weights, task="detect")
    results = model.track(
        clip, vid_stride=stride, imgsz=size_hw, stream=True, verbose=False, tracker=tracker, device="cpu"
    )
    next(results)
    began, cpu_began, frames = time.perf_counter(), time.process_time(), 0
    for _ in results:
        frames += 1
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"version": __version__, "frames": frames, "wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb}


if __name__ == "__main__":
    main()

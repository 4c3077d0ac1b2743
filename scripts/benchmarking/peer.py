"""The peer: `ultralytics` follows the vehicles of a clip with our detector's weights, in an environment that has it.

    PEER_PYTHON scripts/benchmarking/peer.py CLIP WEIGHTS STRIDE INPUT_WH TRACKER

`YOLO(WEIGHTS).track(CLIP, vid_stride=STRIDE)` and nothing else: no plates, no loads, no evidence. The first frame is
left out of its time, since it loads model and tracker. Prints one JSON object.
"""

import json
import os
import resource
import sys
import time

os.environ["YOLO_OFFLINE"], os.environ["YOLO_VERBOSE"] = "true", "false"


def main() -> None:
    """Follow the vehicles, and tell how long that took."""
    from ultralytics import YOLO, __version__

    clip, weights, stride, input_wh, tracker = sys.argv[1:]
    width, height = map(int, input_wh.split("x"))
    model = YOLO(weights, task="detect")
    results = model.track(
        clip, vid_stride=int(stride), imgsz=[height, width], stream=True, verbose=False, tracker=tracker, device="cpu"
    )
    next(results)
    began, cpu_began, frames = time.perf_counter(), time.process_time(), 0
    for _ in results:
        frames += 1
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"version": __version__, "frames": frames, "wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb}
    print(json.dumps(found))


if __name__ == "__main__":
    main()

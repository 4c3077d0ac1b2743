"""Where a replay's time goes: the methods that make up each stage, timed by the processor time of their thread.

A stage that calls another one (detection calls the letterbox) is not charged for it. Decoding is done by one thread
while stages are timed, so that its time can be told; the whole is timed in another run that nothing was added to.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from detector.cases.store import CaseStore
from detector.detection.letterbox import Letterbox
from detector.detection.vehicle_detector import OnnxVehicleDetector
from detector.inference import OnnxModel
from detector.observation.load_state import OnnxLoadStateReader
from detector.observation.plate_reader import OnnxPlateReader
from detector.tracking import ByteTracker
from detector.video import recording
from detector.video.decoding import Decoder, ImageConverter
from pipelines.package_maker import PackageMaker
from pipelines.sighting_recorder import SightingRecorder

METHODS: dict[str, tuple[tuple[type, str], ...]] = {
    "demux": (),
    "decode": ((Decoder, "decode"),),
    "convert": ((ImageConverter, "image"),),
    "letterbox": ((Letterbox, "apply"),),
    "detect": ((OnnxVehicleDetector, "detect"),),
    "track": ((ByteTracker, "update"),),
    "classify": ((OnnxLoadStateReader, "read"),),
    "plate": ((OnnxPlateReader, "read"),),
    "evidence": ((PackageMaker, "make"),),
    "database": ((CaseStore, "save"), (SightingRecorder, "take"), (SightingRecorder, "flush")),
}
"""Methods of each stage; demuxing is a generator and is timed on its own."""


class StageClock:
    """Seconds of processor time by stage, and how many items went through each model.

    Attributes:
        spent_s: by stage.
        items: by the model's file name: crops or pictures that it was run on.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.spent_s: dict[str, float] = defaultdict(float)
        self.items: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._local = threading.local()

    def charge(self, stage: str, act: Callable[[], Any]) -> Any:
        """Do something on a stage's account; what it calls on another account is not charged to it."""
        inner_before, self._local.inner_s = getattr(self._local, "inner_s", 0.0), 0.0
        began = time.thread_time()
        try:
            return act()
        finally:
            whole_s = time.thread_time() - began
            with self._lock:
                self.spent_s[stage] += whole_s - self._local.inner_s
            self._local.inner_s = inner_before + whole_s

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time every stage of replays that run meanwhile."""
        with ExitStack() as stack:
            for stage, methods in METHODS.items():
                for owner, name in methods:
                    stack.enter_context(patch.object(owner, name, self._timed(stage, getattr(owner, name))))
            packets = recording.Recording.packets
            stack.enter_context(patch.object(recording.Recording, "packets", self._timed_packets(packets)))
            stack.enter_context(patch.object(OnnxModel, "run", self._counted(OnnxModel.run)))
            stack.enter_context(patch.object(recording, "_THREADS", 1))
            yield

    def _timed(self, stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*args: Any, **options: Any) -> Any:
            return self.charge(stage, lambda: method(*args, **options))

        return timed

    def _timed_packets(self, method: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def timed(*args: Any, **options: Any) -> Iterator[Any]:
            packets, end = method(*args, **options), object()
            while (item := self.charge("demux", lambda: next(packets, end))) is not end:
                yield item

        return timed

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(model: OnnxModel, batch: Any) -> Any:
            with self._lock:
                self.items[model.path.name] += len(batch)
            model.helper = None  # all of a batch on the account of whoever asks
            return method(model, batch)

        return counted

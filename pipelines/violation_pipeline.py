"""Frames in, passes and violations out: the one flow that replay and live share.

Given the same spans of a camera, the result is the same on any number of cores and at any interleaving of cameras:
detection works span by span (`pipelines.spans`), everything after it frame by frame, with state per camera.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from detector.detection import VehicleDetector
from detector.entities import Camera, Detections, Frame, Observation, VehiclePass, VehicleType, Violation
from detector.evidence.masks import Look
from detector.observation.protocols import LoadReader, PlateReader
from detector.observation.vehicle_pass import PassAssembler, Readers
from detector.rules import Facts, Rule, build_rule, judge
from detector.tracking import Tracker
from detector.tracking.standing import StandingVehicles
from detector.video.source import Glance
from pipelines.spans import Found, Seen, SpanDetector, last_frame, size_of

MORE_BYTES, MORE_SPANS = 20 * 2**20, 6
"""What may wait for the judgement beside a span for each core: six spans of 640x360, one of 1280x720; of 1920x1080 one
alone takes 24 MiB."""


@dataclass(frozen=True, slots=True)
class Models:
    """The three pairs of eyes of the pipeline; shared by all cameras, since they keep no state.

    Attributes:
        look: finds what copies for publication must not show; None for no such copies.
        workers: pictures that the detector may look at side by side, each on one core (a nano model gains nothing from
            a second thread: 47 and 45 ms a frame with one and two on a 2-core AMD EPYC).
        engine: what computes their answers, with version and arithmetic; empty where no network does.
    """

    detector: VehicleDetector
    load_reader: LoadReader
    plate_reader: PlateReader
    look: Look | None = None
    workers: int = 1
    engine: str = ""


@dataclass(frozen=True, slots=True)
class JudgedPass:
    """A pass and what the rules say of it; `violation` is None when they say nothing."""

    vehicle_pass: VehiclePass
    violation: Violation | None


@dataclass(slots=True)
class _Lane:
    """State of one camera."""

    camera: Camera
    tracker: Tracker
    assembler: PassAssembler
    rules: tuple[Rule, ...]
    absolute_time: bool
    standing: StandingVehicles = field(default_factory=StandingVehicles)
    is_busy: bool = False
    last_frame: Frame | None = None


class ViolationPipeline:
    """Detection, tracking, observation and rules for any number of cameras."""

    def __init__(
        self,
        models: Models,
        make_tracker: Callable[[], Tracker],
        find_facts: Callable[[VehiclePass, Camera, bool], Facts] | None = None,
        on_look: Callable[[Camera, str, VehicleType, Observation], None] | None = None,
    ) -> None:
        """Start without cameras.

        Args:
            models: stateless models, shared by all cameras.
            make_tracker: gives a new tracker for each camera.
            find_facts: what rules must know of registers, by pass, camera, and whether time is absolute; None: nothing.
            on_look: called at once with camera, pass id, vehicle type, and each look that found a plate; None: nobody.
        """
        self._find_facts = find_facts
        self._on_look = on_look
        self._models = models
        self._make_tracker = make_tracker
        self._lanes: dict[str, _Lane] = {}
        self._detector = SpanDetector(models.detector, models.workers)
        self._load_reader = ThreadPoolExecutor(1, "load reader")
        self._feeder = ThreadPoolExecutor(1, "feeder")

    def open_camera(self, camera: Camera, *, absolute_time: bool) -> None:
        """Make ready for the frames of a camera; an earlier state of the same camera is forgotten.

        Args:
            camera: the device with its rules.
            absolute_time: whether its frames carry wall-clock time.
        """
        rules = tuple(build_rule(name, parameters) for name, parameters in camera.rules.items())
        on_look = None if self._on_look is None else partial(self._on_look, camera)
        readers = Readers(self._models.load_reader, self._models.plate_reader, self._load_reader)
        assembler = PassAssembler(camera, readers, on_look=on_look)
        self._lanes[camera.camera_id] = _Lane(camera, self._make_tracker(), assembler, rules, absolute_time)

    def run(self, items: Iterable[Seen]) -> Iterator[tuple[Seen, list[JudgedPass]]]:
        """Judge one span after another, with the detectors working ahead in threads of their own.

        While one is judged, the next one is asked for in a thread; while the caller has what was judged, none is, so
        that what the caller tells the source comes at the same place of it in every run. No more than `workers` spans
        are looked at, or two, and some more where they are small (`MORE_BYTES`), so that no core waits for the
        judgement. Glances among them are looked at and no more; `is_busy` tells what the last picture of an item
        showed.

        Yields:
            Each item with the passes that ended or settled something in it, in the order of its frames.
        """
        waiting, has_begun = iter(items), False
        ahead: deque[tuple[Seen, Found]] = deque()
        coming = self._feeder.submit(next, waiting, None)
        try:
            while (item := coming.result()) is not None:
                coming = self._feeder.submit(next, waiting, None)
                ahead.append((item, self.look([item])))
                # The first one is not kept waiting.
                more = min(MORE_SPANS, MORE_BYTES // size_of(item)) if has_begun else 0
                while len(ahead) >= max(2, self._models.workers) + more:
                    judged, has_begun = self._judge_next(ahead), True
                    wait([coming])
                    yield judged
            while ahead:
                yield self._judge_next(ahead)
        finally:
            wait([coming])
            for _, found in ahead:
                found.cancel()

    def _judge_next(self, ahead: deque[tuple[Seen, Found]]) -> tuple[Seen, list[JudgedPass]]:
        item, found = ahead.popleft()
        return item, self.judge(item, found.result()[0])

    def look(self, items: Sequence[Seen]) -> Found:
        """Begin to look at items, one a camera, each in the order of its camera's time; several side by side."""
        return self._detector.look(items)

    def judge(self, item: Seen, found: Sequence[Detections]) -> list[JudgedPass]:
        """Everything after detection, frame by frame; a glance changes nothing but what `is_busy` tells.

        Args:
            item: the next one of its camera.
            found: what `look` found in each of its frames.
        """
        newest = last_frame(item)
        lane = self._lanes[newest.camera_id]
        lane.is_busy = lane.standing.update(found[-1], newest.stream_s)
        if isinstance(item, Glance):
            return []
        return [
            judged
            for frame, detections in zip(item.frames, found, strict=True)
            for judged in self._step(lane, frame, detections)
        ]

    def is_busy(self, camera_id: str) -> bool:
        """Whether the last picture of a camera showed a vehicle that has not stood where it is for long."""
        return self._lanes[camera_id].is_busy

    def close_camera(self, camera_id: str) -> list[JudgedPass]:
        """End every pass that is still open; the camera must be opened again before more frames."""
        lane = self._lanes.pop(camera_id)
        if lane.last_frame is None:
            return []
        return self._judge(
            lane, lane.assembler.update(lane.last_frame, lane.tracker.finish(), absolute_time=lane.absolute_time)
        )

    def has_open_passes(self, camera_id: str) -> bool:
        """Whether a pass of the camera is still open; False for a camera that is not open itself."""
        lane = self._lanes.get(camera_id)
        return lane is not None and lane.assembler.has_open_passes

    def _step(self, lane: _Lane, frame: Frame, detections: Detections) -> list[JudgedPass]:
        """One frame of one camera."""
        lane.last_frame = frame
        tracks = lane.tracker.update(detections, frame.captured_at)
        return self._judge(lane, lane.assembler.update(frame, tracks, absolute_time=lane.absolute_time))

    def _judge(self, lane: _Lane, passes: Sequence[VehiclePass]) -> list[JudgedPass]:
        """Apply the camera's rules to each pass."""
        return [JudgedPass(p, judge(p, lane.camera, lane.rules, self._facts(lane, p))) for p in passes]

    def _facts(self, lane: _Lane, vehicle_pass: VehiclePass) -> Facts:
        """What the registers say; nothing when nobody is there to ask."""
        return Facts() if self._find_facts is None else self._find_facts(vehicle_pass, lane.camera, lane.absolute_time)

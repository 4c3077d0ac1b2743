"""Frames in, passes and violations out: the one flow that replay and live share.

Given the same frames of a camera, the result is the same at any batch size and any interleaving of cameras: batches
serve the detector alone, everything after it works frame by frame, with state per camera.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from detector.detection import VehicleDetector
from detector.entities import Camera, Detections, Frame, Observation, VehiclePass, VehicleType, Violation
from detector.evidence.masks import Look
from detector.observation.protocols import LoadReader, PlateReader
from detector.observation.vehicle_pass import PassAssembler, Readers
from detector.rules import Facts, Rule, build_rule, judge
from detector.tracking import Tracker
from detector.tracking.standing import StandingVehicles
from detector.video.source import Glance

DETECT_AHEAD = 2
"""Batches that wait beside those in work: enough that no worker runs dry while a frame with many vehicles is judged."""

Seen = Frame | Glance


@dataclass(frozen=True, slots=True)
class Models:
    """The three pairs of eyes of the pipeline; shared by all cameras, since they keep no state.

    Attributes:
        look: finds what copies for publication must not show; None for no such copies.
        workers: pictures that the detector may look at side by side, each on one core (a nano model gains nothing from
            a second thread: 47 and 45 ms a frame with one and two on a 2-core AMD EPYC).
    """

    detector: VehicleDetector
    load_reader: LoadReader
    plate_reader: PlateReader
    look: Look | None = None
    workers: int = 1


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
        self._detectors = ThreadPoolExecutor(models.workers, "detector")
        self._load_reader = ThreadPoolExecutor(1, "load reader")

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

    def process(self, frames: Sequence[Frame]) -> list[JudgedPass]:
        """Judge a batch of frames, each in the order of its camera's time.

        Returns:
            Passes that ended or settled something, in the order of the frames.
        """
        return self.judge(frames, self.detect(frames))

    def run(self, batches: Iterable[Sequence[Seen]]) -> Iterator[tuple[Sequence[Seen], list[JudgedPass]]]:
        """Like `process` for one batch after another, with the detectors working ahead in threads of their own.

        No more than `workers + DETECT_AHEAD` batches are in memory. Glances among the frames are looked at and no more;
        `is_busy` tells what the last picture of a batch showed.

        Yields:
            Each batch with what `process` would have returned for its frames.
        """
        ahead: deque[tuple[Sequence[Seen], Future[list[Detections]]]] = deque()
        try:
            for batch in batches:
                ahead.append((batch, self._detectors.submit(self._detect_part, [picture_of(seen) for seen in batch])))
                if len(ahead) >= self._models.workers + DETECT_AHEAD:
                    done, found = ahead.popleft()
                    yield done, self._judge_seen(done, found.result())
            while ahead:
                done, found = ahead.popleft()
                yield done, self._judge_seen(done, found.result())
        finally:
            for _, found in ahead:
                found.cancel()

    def _judge_seen(self, batch: Sequence[Seen], found: Sequence[Detections]) -> list[JudgedPass]:
        judged: list[JudgedPass] = []
        for seen, detections in zip(batch, found, strict=True):
            if isinstance(seen, Glance):
                self.glance(seen.frame, detections)
            else:
                judged += self.judge([seen], [detections])
        return judged

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Detections of each frame, several frames side by side; touches no camera's state."""
        workers = self._models.workers
        parts = [frames[start::workers] for start in range(min(workers, len(frames)))]
        found: list[Detections] = [Detections.empty()] * len(frames)
        for start, part in enumerate(self._detectors.map(self._detect_part, parts)):
            found[start::workers] = part
        return found

    def _detect_part(self, frames: Sequence[Frame]) -> list[Detections]:
        return self._models.detector.detect([frame.image for frame in frames])

    def judge(self, frames: Sequence[Frame], found: Sequence[Detections]) -> list[JudgedPass]:
        """Everything after detection, frame by frame; together with `detect` it is `process`."""
        return [
            judged
            for frame, detections in zip(frames, found, strict=True)
            for judged in self._step(self._lanes[frame.camera_id], frame, detections)
        ]

    def glance(self, frame: Frame, detections: Detections) -> bool:
        """Look at a frame outside the order of time, of a scene that is held to be still.

        Returns:
            Whether it shows a vehicle that has not stood where it is for long.
        """
        lane = self._lanes[frame.camera_id]
        lane.is_busy = lane.standing.update(detections.where(_is_vehicle(detections)), frame.stream_s)
        return lane.is_busy

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
        vehicles = detections.where(_is_vehicle(detections))
        lane.is_busy = lane.standing.update(vehicles, frame.stream_s)
        tracks = lane.tracker.update(vehicles, frame.captured_at)
        return self._judge(lane, lane.assembler.update(frame, tracks, absolute_time=lane.absolute_time))

    def _judge(self, lane: _Lane, passes: Sequence[VehiclePass]) -> list[JudgedPass]:
        """Apply the camera's rules to each pass."""
        return [JudgedPass(p, judge(p, lane.camera, lane.rules, self._facts(lane, p))) for p in passes]

    def _facts(self, lane: _Lane, vehicle_pass: VehiclePass) -> Facts:
        """What the registers say; nothing when nobody is there to ask."""
        return Facts() if self._find_facts is None else self._find_facts(vehicle_pass, lane.camera, lane.absolute_time)


def picture_of(seen: Seen) -> Frame:
    """The frame that is seen, in the order of time or at a glance."""
    return seen.frame if isinstance(seen, Glance) else seen


def _is_vehicle(detections: Detections) -> np.ndarray:
    """Mask (N,) of the boxes that are followed: persons are not."""
    mask: np.ndarray = detections.class_id != VehicleType.PERSON
    return mask

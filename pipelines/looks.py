"""Looks at pictures, in threads: what somebody waits for comes first, and what shows nothing new is not looked at."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import numpy as np

from detector.detection import VehicleDetector
from detector.entities import Detections, Frame, VehicleType
from detector.tracking.optical_flow import shrink
from detector.tracking.stillness import is_same, sketch

TRUSTED_S = 60.0
"""How long what a look showed is taken for what further pictures show that look the same."""

T = TypeVar("T")

Answer = Future[list[Detections]]
"""The vehicles of pictures that go through the detector together."""


class _Place(NamedTuple):
    """Where what one picture shows is found: in which answer, and there in which row."""

    answer: Answer
    row: int


class _Scene(NamedTuple):
    """What is known of a picture before somebody looks.

    Attributes:
        picture: it as vehicles are followed in it.
        same: what an earlier picture of the camera shows that looks the same; None: somebody must look.
    """

    picture: np.ndarray
    same: _Place | None


class _LookedAt(NamedTuple):
    """The last picture of a camera that was looked at."""

    at: datetime
    sketch: np.ndarray
    place: _Place

    def shows(self, at: datetime, coarse: np.ndarray) -> bool:
        """Whether a picture that was taken soon after it shows the same."""
        return timedelta(0) <= at - self.at < timedelta(seconds=TRUSTED_S) and is_same(self.sketch, coarse)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one picture shows, as soon as somebody has looked."""

    place: _Place
    scene: Future[_Scene]

    def result(self) -> list[Detections]:
        """The detections of the one picture, in a list."""
        return [self.place.answer.result()[self.place.row]]

    def picture(self) -> np.ndarray:
        """The picture as vehicles are followed in it: `shrink` of it."""
        return self.scene.result().picture

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self.place.answer.cancel()


class Looks:
    """Finds the vehicles of pictures, several side by side; one thread calls `begin`."""

    def __init__(self, detector: VehicleDetector, workers: int) -> None:
        """Take a detector; `workers` threads use it at once."""
        self._detector = detector
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, "detector")
        self._comparing = ThreadPoolExecutor(1, "scenes")  # one thread: each camera's pictures in their order
        self._waiting: deque[tuple[Answer, Sequence[tuple[Frame, Future[_Scene] | None]]]] = deque()
        self._looked_at: dict[str, _LookedAt] = {}

    def begin(self, frames: Sequence[Frame]) -> list[Look]:
        """Begin to look at frames, one a camera, each camera's in order; some go through the detector together."""
        looks: dict[int, Look] = {}
        for start in range(min(self._workers, len(frames))):
            answer, part = Answer(), range(start, len(frames), self._workers)
            for row, i in enumerate(part):
                place = _Place(answer, row)
                looks[i] = Look(place, self._comparing.submit(self._compare, frames[i], place))
            self._waiting.append((answer, [(frames[i], looks[i].scene) for i in part]))
            self._threads.submit(self._answer_next)
        return [looks[i] for i in range(len(frames))]

    def look_now(self, frame: Frame) -> Detections:
        """What a frame shows, before all that others have begun to look at."""
        answer = Answer()
        self._waiting.appendleft((answer, [(frame, None)]))
        self._threads.submit(self._answer_next)
        return answer.result()[0]

    def _compare(self, frame: Frame, place: _Place) -> _Scene:
        """Make a picture small, and see whether it shows anything new; if so the next ones are compared to it."""
        picture = shrink(frame.image)
        coarse = sketch(picture)
        before = self._looked_at.get(frame.camera_id)
        if before is not None and before.shows(frame.captured_at, coarse):
            return _Scene(picture, before.place)
        self._looked_at[frame.camera_id] = _LookedAt(frame.captured_at, coarse, place)
        return _Scene(picture, None)

    def _answer_next(self) -> None:
        answer, asked = self._waiting.popleft()
        if not answer.set_running_or_notify_cancel():
            return
        try:
            known = [None if scene is None else _recall(scene.result()) for _, scene in asked]
            new = [frame.image for (frame, _), vehicles in zip(asked, known, strict=True) if vehicles is None]
            found = iter(self._detector.detect(new) if new else [])
            answer.set_result([_leave_out_persons(next(found)) if v is None else v for v in known])
        except BaseException as error:  # as an executor does: it belongs to whoever waits
            answer.set_exception(error)


def _recall(scene: _Scene) -> Detections | None:
    """What an earlier picture shows that looks the same; None where there is none, or its look was given up or failed.

    Waits for that look: it was begun before, so that nobody waits for whoever waits for him.
    """
    if scene.same is None:
        return None
    vehicles = outcome(scene.same.answer)
    return None if vehicles is None else vehicles[scene.same.row]


def outcome(future: Future[T]) -> T | None:
    """What a future gives, as soon as it is done; None where it was given up or has failed."""
    wait([future])
    return future.result() if not future.cancelled() and future.exception() is None else None


def _leave_out_persons(detections: Detections) -> Detections:
    """The boxes that are followed."""
    return detections.where(detections.class_id != VehicleType.PERSON)

"""Looks at every frame of a camera by looking at few of them: the boxes between two looks follow from both.

Frames are cut into spans by an absolute grid of time, so that live and replay cut alike. The last frame of a span is
looked at. Where it shows the same vehicles as the last frame of the span before, the frames between get their boxes
from both (`bridge`); where it does not, from following the vehicles through the pictures (`bridge_by_flow`); where that
does not tell, the frame in the middle is looked at too, and so on, until it is known in which frame a vehicle has come
or gone. An empty road takes a look at a quarter of the frames, and a glance at one none while nothing changes.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from detector.detection import VehicleDetector
from detector.entities import Detections, Frame, VehicleType
from detector.tracking.bridging import Bridged, bridge, bridge_by_flow, measure_step
from detector.tracking.optical_flow import shrink, shrinking_of
from detector.tracking.stillness import is_same, sketch
from detector.video.source import Glance

SPAN_S = 0.5
"""Length of a span. A vehicle that comes and goes between two looks is missed; at 0.5 s it would cross the whole
picture in the time of four frames."""

TRUSTED_S = 60.0
"""How long what a glance showed is taken for what further ones show that look the same."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Successive frames of one camera, the last of which is looked at.

    Attributes:
        frames: at least one, in the order of time.
        before_at: capture time of the last frame of the span before; None where that is not near in time.
    """

    frames: tuple[Frame, ...]
    before_at: datetime | None = None

    @property
    def last(self) -> Frame:
        """The frame that is looked at."""
        return self.frames[-1]


Seen = Span | Glance


def cut_spans(seen: Iterable[Frame | Glance], analysis_fps: float) -> Iterator[Seen]:
    """Frames of one camera in spans, glances as they come.

    Args:
        seen: in the order of time.
        analysis_fps: frames a second that the source hands out at most.
    """
    waiting: list[Frame] = []
    looked_at: datetime | None = None
    for item in seen:
        if isinstance(item, Glance):
            if waiting:
                yield Span(tuple(waiting), looked_at)
            waiting, looked_at = [], None
            yield item
            continue
        newest = waiting[-1].captured_at if waiting else looked_at
        if newest is not None and item.captured_at - newest > timedelta(seconds=SPAN_S):
            if waiting:
                yield Span(tuple(waiting), looked_at)
            waiting, looked_at = [], None
        waiting.append(item)
        if looked_at is None or _ends_span(item.captured_at, looked_at, analysis_fps):
            yield Span(tuple(waiting), looked_at)
            waiting, looked_at = [], item.captured_at
    if waiting:
        yield Span(tuple(waiting), looked_at)


def _ends_span(captured_at: datetime, looked_at: datetime, analysis_fps: float) -> bool:
    """Whether the next frame on the sampling grid belongs to another span, or the last look is long ago."""
    following = captured_at + timedelta(seconds=1 / analysis_fps)
    is_due = captured_at - looked_at >= timedelta(seconds=SPAN_S)
    return is_due or _slot(following) != _slot(captured_at)


def _slot(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(seconds=SPAN_S)


class SpanDetector:
    """Finds the vehicles of every frame of spans, several spans side by side; remembers the last look of each camera.

    One thread calls `look`, with the spans of each camera in their order.
    """

    def __init__(self, detector: VehicleDetector, workers: int) -> None:
        """Take a detector; `workers` threads use it at once, and as many follow vehicles or wait for it."""
        self._workers = workers
        self._looks = _Looks(detector, workers)
        self._fills = ThreadPoolExecutor(workers, "spans")
        self._last: dict[str, _Before] = {}
        self._scenes: dict[str, tuple[_Scene, _Look]] = {}

    def look(self, items: Sequence[Seen]) -> "Found":
        """Begin to look at spans and glances of different cameras; their last frames go through the detector together.

        Fills wait for looks, in threads of their own: no core is idle meanwhile.
        """
        scenes = [_Scene.of(item) if isinstance(item, Glance) else None for item in items]
        looks = {i: look for i, scene in enumerate(scenes) if (look := self._recall(scene)) is not None}
        asked = [i for i in range(len(items)) if i not in looks]
        for start in range(min(self._workers, len(asked))):
            part = asked[start :: self._workers]
            future = self._looks.ask([last_frame(items[i]) for i in part])
            looks |= {i: _Look(future, row) for row, i in enumerate(part)}
        self._scenes |= {scene.camera_id: (scene, looks[i]) for i in asked if (scene := scenes[i]) is not None}
        return Found([self._complete(item, looks[i]) for i, item in enumerate(items)])

    def _recall(self, scene: "_Scene | None") -> "_Look | None":
        """The look at an earlier glance that shows the same scene; None where somebody must look."""
        if scene is None or scene.camera_id not in self._scenes:
            return None
        before, look = self._scenes[scene.camera_id]
        return look if look.holds() and scene.continues(before) else None

    def _complete(self, item: Seen, look: "_Look") -> "_Look | _Fill":
        """What gives the detections of every frame of an item, of whose last frame `look` gives them."""
        if isinstance(item, Glance):
            return look
        last = self._last.get(item.last.camera_id)
        before = last if last is not None and last.captured_at == item.before_at else None
        picture = self._fills.submit(_shrink, item.last)
        fill = _Fill(self._fills.submit(self._fill, item, before, look, picture))
        self._last[item.last.camera_id] = _Before(item.last.captured_at, look, picture, fill)
        return fill

    def _fill(self, span: Span, before: "_Before | None", look: "_Look", picture: "Future[np.ndarray]") -> "_Filled":
        """Detections of every frame of a span, of whose last frame the look and the picture are given.

        Spans are filled in their order: each waits for what the one before it says of the vehicles' speed.
        """
        end, first = len(span.frames) - 1, 0 if before is None else -1
        gap = _Gap(span, {end: look.result()[0]}, {end: picture.result()})
        if before is not None:
            gap.known[first], gap.pictures[first] = before.look.result()[0], before.picture.result()
            gap.speeds[first] = before.fill.speed()
        elif end:
            gap.known[first] = self._look_at(span.frames[first])
        self._fill_between(gap, first, end)
        return _Filled([gap.known[i] for i in range(len(span.frames))], gap.speeds.get(end))

    def _fill_between(self, gap: "_Gap", first: int, last: int) -> None:
        """Complete what is known between two frames of a span; -1 is the frame before it."""
        if gap.bridge(first, last):
            return
        middle = (first + last) // 2
        gap.known[middle] = self._look_at(gap.span.frames[middle])
        self._fill_between(gap, first, middle)
        self._fill_between(gap, middle, last)

    def _look_at(self, frame: Frame) -> Detections:
        return self._looks.ask([frame], is_urgent=True).result()[0]


class _Looks:
    """Threads that look at frames; what others wait for comes first."""

    def __init__(self, detector: VehicleDetector, workers: int) -> None:
        self._detector = detector
        self._threads = ThreadPoolExecutor(workers, "detector")
        self._waiting: deque[tuple[Future[list[Detections]], Sequence[Frame]]] = deque()

    def ask(self, frames: Sequence[Frame], *, is_urgent: bool = False) -> "Future[list[Detections]]":
        """The vehicles of frames that go through the detector together, once a thread is free."""
        asked: Future[list[Detections]] = Future()
        (self._waiting.appendleft if is_urgent else self._waiting.append)((asked, frames))
        self._threads.submit(self._answer_next)
        return asked

    def _answer_next(self) -> None:
        asked, frames = self._waiting.popleft()
        if not asked.set_running_or_notify_cancel():
            return
        try:
            found = self._detector.detect([frame.image for frame in frames])
            asked.set_result([detections.where(_is_vehicle(detections)) for detections in found])
        except BaseException as error:  # as an executor does: it belongs to whoever waits
            asked.set_exception(error)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What one picture shows, once the pictures that go through the detector with it are done."""

    future: "Future[list[Detections]]"
    row: int

    def result(self) -> list[Detections]:
        """The detections of the one picture, in a list."""
        return [self.future.result()[self.row]]

    def cancel(self) -> None:
        self.future.cancel()

    def holds(self) -> bool:
        """Whether somebody looks, or has looked without fault."""
        return not self.future.cancelled() and (not self.future.done() or self.future.exception() is None)


class _Scene(NamedTuple):
    """What a glance at a still scene shows, as `stillness` compares it; `at` is the capture time."""

    camera_id: str
    at: datetime
    sketch: np.ndarray

    @classmethod
    def of(cls, glance: Glance) -> "_Scene":
        """Of a glance."""
        frame = glance.frame
        return cls(frame.camera_id, frame.captured_at, sketch(frame.image))

    def continues(self, before: "_Scene") -> bool:
        """Whether nothing has changed since an earlier one, that was looked at a short time ago."""
        since = self.at - before.at
        return timedelta(0) <= since < timedelta(seconds=TRUSTED_S) and is_same(self.sketch, before.sketch)


class _Filled(NamedTuple):
    """What a span shows.

    Attributes:
        found: the detections of each of its frames.
        speed: (N, 4) px/s of the boxes of the last one; NaN, or None as a whole, where nobody knows.
    """

    found: list[Detections]
    speed: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class _Fill:
    """What a span shows, once the frames between the looks are filled."""

    future: Future[_Filled]

    def result(self) -> list[Detections]:
        """The detections of each frame."""
        return self.future.result().found

    def speed(self) -> np.ndarray | None:
        """See `_Filled`; None also where the span could not be filled: its fault is no other span's."""
        wait([self.future])
        is_filled = not self.future.cancelled() and self.future.exception() is None
        return self.future.result().speed if is_filled else None

    def cancel(self) -> None:
        self.future.cancel()


class _Before(NamedTuple):
    """The last frame of a span, as the next one needs it.

    Attributes:
        captured_at: of the frame.
        look: what it shows.
        picture: it as vehicles are followed in it; a whole frame of each camera would be much to keep.
        fill: of the span.
    """

    captured_at: datetime
    look: _Look
    picture: "Future[np.ndarray]"
    fill: _Fill


@dataclass(frozen=True, slots=True, eq=False)
class _Gap:
    """A span of whose frames some are known.

    Attributes:
        span: the frames.
        known: detections by the frame's place in the span; -1 is the last frame of the span before.
        pictures: those that have been made small.
        speeds: px/s of the boxes of frames that are known, (N, 4); NaN or None where nobody knows.
    """

    span: Span
    known: dict[int, Detections]
    pictures: dict[int, np.ndarray]
    speeds: dict[int, np.ndarray | None] = field(default_factory=dict)

    def bridge(self, first: int, last: int) -> bool:
        """Find out what lies between two frames that are known; False where somebody must look."""
        if first == last:
            return True
        bridged = self._bridge(first, last, self._step(first))
        if bridged is None:
            return False
        self.known.update(zip(range(first + 1, last), bridged.found, strict=True))
        self.speeds[last] = bridged.last_step / self._seconds(last - 1, last)
        return True

    def _bridge(self, first: int, last: int, step: np.ndarray | None) -> Bridged | None:
        before, after = self.known[first], self.known[last]
        if last - first < 2:
            return Bridged([], measure_step(before, after, step))
        shares = [self._seconds(first, i) / self._seconds(first, last) for i in range(first + 1, last)]
        if (bridged := bridge(before, after, shares)) is not None:
            return bridged
        width_px, height_px = self.span.last.wh
        pictures = [self._picture(i) for i in range(first, last + 1)]
        if len({picture.shape for picture in pictures}) > 1:  # the camera has changed its resolution
            return None
        return bridge_by_flow(before, after, shares, pictures, shrinking_of((height_px, width_px)), step)

    def _step(self, first: int) -> np.ndarray | None:
        """By how much the boxes of a frame should move to the next one (N, 4), px."""
        speed = self.speeds.get(first)
        return None if speed is None else speed * self._seconds(first, first + 1)

    def _seconds(self, first: int, last: int) -> float:
        return (self._at(last) - self._at(first)).total_seconds()

    def _at(self, index: int) -> datetime:
        if index >= 0:
            return self.span.frames[index].captured_at
        assert self.span.before_at is not None
        return self.span.before_at

    def _picture(self, index: int) -> np.ndarray:
        if index not in self.pictures:
            self.pictures[index] = _shrink(self.span.frames[index])
        return self.pictures[index]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What spans and glances show; `result` waits for it."""

    parts: "Sequence[_Look | _Fill]"

    def result(self) -> list[list[Detections]]:
        """For each item the detections of each of its frames: vehicles alone."""
        return [part.result() for part in self.parts]

    def cancel(self) -> None:
        """Nobody wants to know any more; what has begun goes on."""
        for part in self.parts:
            part.cancel()


def picture_of(seen: Frame | Glance) -> Frame:
    """The frame that is seen, in the order of time or at a glance."""
    return seen.frame if isinstance(seen, Glance) else seen


def size_of(item: Seen) -> int:
    """Bytes of the pictures of an item."""
    frames = item.frames if isinstance(item, Span) else (item.frame,)
    return sum(3 * frame.wh[0] * frame.wh[1] for frame in frames)


def last_frame(item: Seen) -> Frame:
    """The frame of an item that is looked at in any case."""
    return item.frame if isinstance(item, Glance) else item.last


def _shrink(frame: Frame) -> np.ndarray:
    """A frame's picture as vehicles are followed in it."""
    return shrink(frame.image)


def _is_vehicle(detections: Detections) -> np.ndarray:
    """Mask (N,) of the boxes that are followed: persons are not."""
    mask: np.ndarray = detections.class_id != VehicleType.PERSON
    return mask

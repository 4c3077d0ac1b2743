"""Looks at every frame of a camera by looking at few of them: the boxes between two looks follow from both.

Frames are cut into spans by an absolute grid of time, so that live and replay cut alike. The last frame of a span is
looked at. Where it shows the same vehicles as the last frame of the span before, the frames between get their boxes
from both (`bridge`); where it does not, from following the vehicles through the pictures (`bridge_by_flow`); where that
does not tell, the frame in the middle is looked at too, and so on, until it is known in which frame a vehicle has come
or gone. An empty road takes a look at a quarter of the frames.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from detector.detection import VehicleDetector
from detector.entities import Detections, Frame, VehicleType
from detector.tracking.bridging import bridge, bridge_by_flow
from detector.tracking.optical_flow import shrink, shrinking_of
from detector.video.source import Glance

SPAN_S = 0.5
"""Length of a span. A vehicle that comes and goes between two looks is missed; at 0.5 s it would cross the whole
picture in the time of four frames."""

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
        self._detector = detector
        self._workers = workers
        self._looks = ThreadPoolExecutor(workers, "detector")
        self._fills = ThreadPoolExecutor(workers, "spans")
        self._last: dict[str, _Before] = {}

    def look(self, items: Sequence[Seen]) -> "Found":
        """Begin to look at spans and glances of different cameras; their last frames go through the detector together.

        Fills wait for looks, in threads of their own: no core is idle meanwhile.
        """
        looks: dict[int, _Look] = {}
        for start in range(min(self._workers, len(items))):
            part = range(start, len(items), self._workers)
            future = self._looks.submit(self._detect, [last_frame(items[i]) for i in part])
            looks |= {i: _Look(future, row) for row, i in enumerate(part)}
        return Found([self._complete(item, looks[i]) for i, item in enumerate(items)])

    def _complete(self, item: Seen, look: "_Look") -> "_Look | Future[list[Detections]]":
        """What gives the detections of every frame of an item, of whose last frame `look` gives them."""
        if isinstance(item, Glance):
            return look
        camera_id = item.last.camera_id
        before = self._last.get(camera_id)
        now = _Before(item.last.captured_at, look, self._fills.submit(_shrink, item.last))
        self._last[camera_id] = now
        if len(item.frames) == 1:
            return look
        is_near = before is not None and before.captured_at == item.before_at
        return self._fills.submit(self._fill, item, before if is_near else None, now)

    def _fill(self, span: Span, before: "_Before | None", now: "_Before") -> list[Detections]:
        """Detections of every frame of a span."""
        end, first = len(span.frames) - 1, 0 if before is None else -1
        gap = _Gap(span, {end: now.look.result()[0]}, {end: now.picture.result()})
        if before is None:
            gap.known[first] = self._look_at(span.frames[first])
        else:
            gap.known[first], gap.pictures[first] = before.look.result()[0], before.picture.result()
        self._fill_between(gap, first, end)
        return [gap.known[i] for i in range(len(span.frames))]

    def _fill_between(self, gap: "_Gap", first: int, last: int) -> None:
        """Complete what is known between two frames of a span; -1 is the frame before it."""
        if last - first < 2:
            return
        found = gap.bridge(first, last)
        if found is not None:
            gap.known.update(zip(range(first + 1, last), found, strict=True))
            return
        middle = (first + last) // 2
        gap.known[middle] = self._look_at(gap.span.frames[middle])
        self._fill_between(gap, first, middle)
        self._fill_between(gap, middle, last)

    def _look_at(self, frame: Frame) -> Detections:
        return self._looks.submit(self._detect, [frame]).result()[0]

    def _detect(self, frames: Sequence[Frame]) -> list[Detections]:
        found = self._detector.detect([frame.image for frame in frames])
        return [detections.where(_is_vehicle(detections)) for detections in found]


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


class _Before(NamedTuple):
    """The last frame of a span, as the next one needs it.

    Attributes:
        captured_at: of the frame.
        look: what it shows.
        picture: it as vehicles are followed in it; a whole frame of each camera would be much to keep.
    """

    captured_at: datetime
    look: _Look
    picture: "Future[np.ndarray]"


@dataclass(frozen=True, slots=True, eq=False)
class _Gap:
    """A span of whose frames some are known.

    Attributes:
        span: the frames.
        known: detections by the frame's place in the span; -1 is the last frame of the span before.
        pictures: those that have been made small.
    """

    span: Span
    known: dict[int, Detections]
    pictures: dict[int, np.ndarray]

    def bridge(self, first: int, last: int) -> list[Detections] | None:
        """The detections between two frames that are known; None where somebody must look."""
        before, after, start_at, end_at = self.known[first], self.known[last], self._at(first), self._at(last)
        shares = [(self._at(i) - start_at) / (end_at - start_at) for i in range(first + 1, last)]
        found = bridge(before, after, shares)
        if found is not None:
            return found
        width_px, height_px = self.span.last.wh
        pictures = [self._picture(i) for i in range(first, last + 1)]
        if len({picture.shape for picture in pictures}) > 1:  # the camera has changed its resolution
            return None
        return bridge_by_flow(before, after, shares, pictures, shrinking_of((height_px, width_px)))

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

    parts: "Sequence[_Look | Future[list[Detections]]]"

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

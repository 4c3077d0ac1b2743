"""Looks at every frame of a camera by looking at few of them: the boxes between two looks follow from both.

Frames are cut into spans by an absolute grid of time, so that live and replay cut alike. The last frame of a span is
looked at. Where it shows the same vehicles as the last frame of the span before, the frames between get their boxes
from both (`bridge`); where it does not, from following the vehicles through the pictures (`bridge_by_flow`); where that
does not tell, the frame in the middle is looked at too, and so on, until it is known in which frame a vehicle has come
or gone. An empty road takes a look at a quarter of the frames, and none while nothing changes.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from detector.detection import VehicleDetector
from detector.entities import Detections, Frame
from detector.tracking.bridging import Bridged, bridge, bridge_by_flow, measure_step
from detector.tracking.optical_flow import shrink, shrinking_of
from detector.video.source import Glance
from pipelines.looks import Look, Looks, outcome

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
        self._looks = Looks(detector, workers)
        self._fills = ThreadPoolExecutor(workers, "spans")
        self._last: dict[str, _Before] = {}

    def look(self, items: Sequence[Seen]) -> "Found":
        """Begin to look at spans and glances of different cameras; their last frames go through the detector together.

        Fills wait for looks, in threads of their own: no core is idle meanwhile.
        """
        looks = self._looks.begin([last_frame(item) for item in items])
        return Found([self._complete(item, look) for item, look in zip(items, looks, strict=True)])

    def _complete(self, item: Seen, look: Look) -> "Look | _Fill":
        """What gives the detections of every frame of an item, of whose last frame `look` gives them."""
        if isinstance(item, Glance):
            return look
        last = self._last.get(item.last.camera_id)
        before = last if last is not None and last.captured_at == item.before_at else None
        fill = _Fill(self._fills.submit(self._fill, item, before, look))
        self._last[item.last.camera_id] = _Before(item.last.captured_at, look, fill)
        return fill

    def _fill(self, span: Span, before: "_Before | None", look: Look) -> "_Filled":
        """Detections of every frame of a span, of whose last frame the look is given.

        Spans are filled in their order: each waits for what the one before it says of the vehicles' speed.
        """
        end, first = len(span.frames) - 1, 0 if before is None else -1
        gap = _Gap(span, {end: look.result()[0]}, {end: look.picture()})
        if before is not None:
            gap.known[first], gap.pictures[first] = before.look.result()[0], before.look.picture()
            gap.speeds[first] = before.fill.speed()
        elif end:
            gap.known[first] = self._looks.look_now(span.frames[first])
        self._fill_between(gap, first, end)
        return _Filled([gap.known[i] for i in range(len(span.frames))], gap.speeds.get(end))

    def _fill_between(self, gap: "_Gap", first: int, last: int) -> None:
        """Complete what is known between two frames of a span; -1 is the frame before it."""
        if gap.bridge(first, last):
            return
        middle = (first + last) // 2
        gap.known[middle] = self._looks.look_now(gap.span.frames[middle])
        self._fill_between(gap, first, middle)
        self._fill_between(gap, middle, last)


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
        filled = outcome(self.future)
        return None if filled is None else filled.speed

    def cancel(self) -> None:
        self.future.cancel()


class _Before(NamedTuple):
    """The last frame of a span, as the next one needs it.

    Attributes:
        captured_at: of the frame.
        look: what it shows, and it as vehicles are followed in it; a whole frame of each camera would be much to keep.
        fill: of the span.
    """

    captured_at: datetime
    look: Look
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
            self.pictures[index] = shrink(self.span.frames[index].image)
        return self.pictures[index]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What spans and glances show; `result` waits for it."""

    parts: "Sequence[Look | _Fill]"

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

"""Few looks that stand for many frames: how frames are cut, and which of them are looked at."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detector.entities import Detections, Frame, VehicleType
from detector.video.source import Glance
from pipelines.spans import Span, SpanDetector, cut_spans
from tests.detector.tracking.scene import draw

START_AT = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)
STEP_S = 0.125


def make_frame(index: int, camera_id: str = "a") -> Frame:
    """A picture without texture, of another grey than those near it in time; its corner tells its number."""
    at = timedelta(seconds=index * STEP_S)
    image = np.full((180, 320, 3), 67 * index % 251, np.uint8)
    image[0, 0] = index
    return Frame(camera_id, image, index, index, at.total_seconds(), START_AT + at, "")


def cut(*indices: int) -> list[list[int]]:
    return [[f.index for f in span.frames] for span in cut_spans(map(make_frame, indices), 8.0)]


class Road:
    """A truck of 100 px that moves 10 px a frame, from one frame up to another, beside a person."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.looked_at: list[int] = []

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [self._detect(int(image[0, 0, 0])) for image in images]

    def _detect(self, index: int) -> Detections:
        self.looked_at.append(index)
        person = [5.0, 5.0, 9.0, 20.0]
        boxes = [[10.0 * index, 0, 10.0 * index + 100, 100]] if self.first <= index <= self.last else []
        kinds = [VehicleType.TRUCK] * len(boxes) + [VehicleType.PERSON]
        xyxy = np.array([*boxes, person], np.float32)
        return Detections(xyxy, np.full(len(kinds), 0.9, np.float32), np.array(kinds, np.int64))


class FastRoad(Road):
    """A car of 50 px that moves 22 px a frame and is in the picture from its left edge to its right one."""

    @staticmethod
    def show(index: int) -> Frame:
        """A picture with the car's texture; its corner tells its number."""
        image = np.repeat(draw((22 * index - 60, 60, 50, 50))[..., None], 3, axis=2)
        image[0, 0] = index
        return replace(make_frame(index), picture=image)

    def _detect(self, index: int) -> Detections:
        self.looked_at.append(index)
        x1, x2 = max(22 * index - 60, 0), min(22 * index - 10, 320)
        boxes = np.array([[x1, 60, x2, 110]] if x2 - x1 > 12 else [], np.float32).reshape(-1, 4)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.full(len(boxes), VehicleType.CAR, np.int64))


class FasterRoad(FastRoad):
    """Two cars alike, one 72 px behind the other, that come ever faster: by more than half of that in the end."""

    X = (80, 84, 88, 92, 102, 122, 152, 190, 232, 274, 316, 358)

    @classmethod
    def show(cls, index: int) -> Frame:
        """A picture with the cars' texture; its corner tells its number."""
        places = ((x, 60, 50, 50) for x in (cls.X[index], cls.X[index] - 72))
        image = np.repeat(draw(*places)[..., None], 3, axis=2)
        image[0, 0] = index
        return replace(make_frame(index), picture=image)

    def _detect(self, index: int) -> Detections:
        self.looked_at.append(index)
        edges = ((max(x, 0), min(x + 50, 320)) for x in (self.X[index], self.X[index] - 72))
        boxes = np.array([[x1, 60, x2, 110] for x1, x2 in edges if x2 - x1 > 12], np.float32).reshape(-1, 4)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.full(len(boxes), VehicleType.CAR, np.int64))


def look(road: Road, spans: Sequence[Span | Glance], workers: int = 2) -> dict[int, list[float]]:
    """Left edge of the truck in each frame."""
    detector = SpanDetector(road, workers)
    found = [detector.look([span]) for span in spans]
    edges = {}
    for span, looked in zip(spans, found, strict=True):
        for frame, detections in zip(span.frames, looked.result()[0], strict=True):
            edges[frame.index] = detections.xyxy[:, 0].tolist()
    return edges


def test_spans_end_on_an_absolute_grid() -> None:
    """The first frame is a span of its own; from then on it matters not where a source began."""
    assert cut(*range(11)) == [[0], [1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert cut(*range(2, 11)) == [[2], [3], [4, 5, 6, 7], [8, 9, 10]]


def test_a_source_slower_than_the_grid_is_looked_at_as_often() -> None:
    """No span is much longer than half a second, whichever cells of the grid have a frame."""
    assert cut(0, 2, 5, 8, 10, 13) == [[0], [2, 5], [8, 10], [13]]


def test_after_a_gap_nothing_is_bridged() -> None:
    """The frame after a second without one begins anew; what waited before it is a span."""
    spans = list(cut_spans(map(make_frame, [0, 1, 9, 10, 11]), 8.0))
    assert [([f.index for f in s.frames], s.before_at is None) for s in spans] == [
        ([0], True),
        ([1], False),
        ([9], True),
        ([10, 11], False),
    ]


def test_a_glance_is_handed_on_and_ends_the_span_before_it() -> None:
    """What was seen before the scene came to rest is judged first."""
    glance = Glance(make_frame(30))
    items = list(cut_spans([make_frame(0), make_frame(1), glance, make_frame(40)], 8.0))
    shown = [[f.index for f in item.frames] if isinstance(item, Span) else "glance" for item in items]
    assert shown == [[0], [1], "glance", [40]]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_truck_in_view_is_looked_at_once_a_span(workers: int) -> None:
    """The frames between get the boxes that a look would have given; persons are left out."""
    road = Road(0, 99)
    assert look(road, list(cut_spans(map(make_frame, range(12)), 8.0)), workers) == {i: [10.0 * i] for i in range(12)}
    assert sorted(road.looked_at) == [0, 3, 7, 11]


@pytest.mark.parametrize(("first", "last"), [(5, 99), (6, 99), (7, 99), (0, 4), (0, 6), (9, 10)])
def test_it_is_known_in_which_frame_a_truck_comes_or_goes(first: int, last: int) -> None:
    """As many looks as it takes; each frame shows what it shows."""
    road = Road(first, last)
    edges = look(road, list(cut_spans(map(make_frame, range(16)), 8.0)))
    expected = {i: [10.0 * i] if first <= i <= last else [] for i in range(16)}
    if (first, last) == (9, 10):  # between two looks that show an empty road
        expected |= {9: [], 10: []}
    assert edges == expected
    assert len(road.looked_at) < 12


def test_a_fast_car_that_comes_and_goes_over_the_edge_is_followed_not_looked_at() -> None:
    """Its boxes of two looks never overlap; its way is in the pictures."""
    road = FastRoad(0, 99)
    edges = look(road, list(cut_spans(map(road.show, range(20)), 8.0)))
    assert sorted(road.looked_at) == [0, 3, 7, 11, 15, 19]
    assert {i: edges[i] for i in range(3, 17)} == {i: [pytest.approx(22 * i - 60, abs=2)] for i in range(3, 17)}
    assert [i for i in edges if edges[i]] == list(range(2, 17))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_car_is_sought_where_it_drove_in_the_span_before(workers: int) -> None:
    """Neither is taken for the other, and nobody needs to look in between."""
    road = FasterRoad(0, 99)
    edges = look(road, list(cut_spans(map(road.show, range(12)), 8.0)), workers)
    assert sorted(road.looked_at) == [0, 3, 7, 11]
    ways = {i: [road.X[i] - 72, road.X[i]] if road.X[i] < 308 else [road.X[i] - 72] for i in range(3, 12)}
    assert {i: sorted(edges[i]) for i in ways} == {i: pytest.approx(xs, abs=4) for i, xs in ways.items()}


def test_pictures_of_two_sizes_are_not_compared() -> None:
    """A camera that has changed its resolution: the frames between are looked at."""
    road = FastRoad(0, 99)
    frames = [road.show(i) for i in range(8)]
    frames[3] = replace(frames[3], picture=np.repeat(np.repeat(frames[3].image, 2, axis=0), 2, axis=1))
    look(road, list(cut_spans(frames, 8.0)))
    assert len(road.looked_at) > 3


def test_a_span_whose_look_before_was_left_out_begins_with_a_look_of_its_own() -> None:
    """An overloaded camera drops spans: what it showed in them is not guessed."""
    road = Road(0, 99)
    spans = list(cut_spans(map(make_frame, range(12)), 8.0))
    assert look(road, [spans[0], spans[3]]) == {i: [10.0 * i] for i in (0, 8, 9, 10, 11)}
    assert sorted(road.looked_at) == [0, 8, 11]


def test_a_span_that_could_not_be_filled_spoils_none_but_the_next() -> None:
    """A look that failed is neither seen nor waited for by those that do not need it."""
    road = Road(0, 99)
    detector, spans = SpanDetector(road, 1), list(cut_spans(map(make_frame, range(16)), 8.0))
    found = [detector.look([spans[0]])]
    road.last = None  # type: ignore[assignment]
    found.append(detector.look([spans[1]]))
    with pytest.raises(TypeError):
        found[1].result()
    road.last = 99
    found += [detector.look([span]) for span in spans[2:]]
    with pytest.raises(TypeError):
        found[2].result()
    assert [d.xyxy[:, 0].tolist() for d in found[3].result()[0]] == [[10.0 * i] for i in range(8, 12)]


def test_cameras_do_not_mix() -> None:
    """Each camera's looks bridge its own frames."""
    road = Road(0, 99)
    lanes = [list(cut_spans((make_frame(i, name) for i in range(8)), 8.0)) for name in "ab"]
    detector = SpanDetector(road, 2)
    found = [detector.look(spans).result() for spans in zip(*lanes, strict=True)]
    assert [[d.xyxy[:, 0].tolist() for d in span] for both in found for span in both] == [
        [[10.0 * f.index] for f in span.frames] for spans in zip(*lanes, strict=True) for span in spans
    ]

"""Boxes and polygons: hand-written cases, and properties that hold for all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import geometry

COORDINATE = st.floats(-2000, 4000, allow_nan=False, width=32)
SIZE = st.floats(0.5, 2000, allow_nan=False, width=32)
SHARE = st.floats(0, 1, allow_nan=False)


@st.composite
def boxes(draw: st.DrawFn) -> geometry.Box:
    x, y = draw(COORDINATE), draw(COORDINATE)
    return x, y, x + draw(SIZE), y + draw(SIZE)


@given(boxes(), boxes())
def test_iou_is_symmetric_and_bounded(a: geometry.Box, b: geometry.Box) -> None:
    """The order of boxes does not matter, and the share stays between 0 and 1."""
    assert geometry.iou(a, b) == pytest.approx(geometry.iou(b, a))
    assert 0.0 <= geometry.iou(a, b) <= 1.0 + 1e-9


@given(boxes())
def test_a_box_overlaps_itself_entirely(a: geometry.Box) -> None:
    """IoU of a box with itself is 1."""
    assert geometry.iou(a, a) == pytest.approx(1.0)


@given(st.lists(boxes(), min_size=1, max_size=5), st.lists(boxes(), min_size=1, max_size=5))
def test_the_matrix_agrees_with_the_single_function(first: list, second: list) -> None:
    """Each entry is the IoU of its pair."""
    matrix = geometry.iou_matrix(np.array(first), np.array(second))
    assert matrix.shape == (len(first), len(second))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            assert matrix[i, j] == pytest.approx(geometry.iou(a, b), abs=1e-6)


@given(boxes(), st.integers(1, 2000), st.integers(1, 2000))
def test_a_clipped_box_lies_in_the_picture(a: geometry.Box, width: int, height: int) -> None:
    """What has area after clipping is inside the picture and inside the box."""
    clipped = geometry.clip(a, width, height)
    if geometry.area(clipped) > 0:
        assert 0 <= clipped[0] < clipped[2] <= width
        assert 0 <= clipped[1] < clipped[3] <= height
        assert geometry.area(clipped) <= geometry.area(a) * (1 + 1e-6)


@given(boxes(), SHARE)
def test_growing_keeps_the_centre(a: geometry.Box, share: float) -> None:
    """A box grows on all sides alike."""
    grown = geometry.expand(a, share)
    assert geometry.centre(grown) == pytest.approx(geometry.centre(a), abs=1e-2)
    assert grown[2] - grown[0] == pytest.approx((a[2] - a[0]) * (1 + 2 * share), rel=1e-5, abs=1e-2)


@given(SHARE, SHARE)
def test_a_rectangle_contains_what_is_between_its_corners(x: float, y: float) -> None:
    """The even-odd rule agrees with a comparison of coordinates."""
    rectangle = [(0.2, 0.3), (0.8, 0.3), (0.8, 0.9), (0.2, 0.9)]
    if min(abs(x - 0.2), abs(x - 0.8), abs(y - 0.3), abs(y - 0.9)) > 1e-9:
        assert geometry.contains(rectangle, (x, y)) == (0.2 < x < 0.8 and 0.3 < y < 0.9)


def test_a_notch_is_outside() -> None:
    """Concave zones work."""
    notched = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
    assert geometry.contains(notched, (0.5, 2))
    assert not geometry.contains(notched, (2, 3))


def test_two_corners_contain_nothing() -> None:
    """A line has no inside."""
    assert not geometry.contains([(0, 0), (1, 1)], (0.5, 0.5))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
        ((0, 0, 10, 10), (2, 2, 8, 8), 0.36),
    ],
)
def test_iou_of_known_boxes(a: geometry.Box, b: geometry.Box, expected: float) -> None:
    """Shared edges do not overlap, and empty boxes have no overlap."""
    assert geometry.iou(a, b) == pytest.approx(expected)

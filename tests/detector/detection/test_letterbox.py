"""How images are fitted into the network's input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.detection.letterbox import GREY, Letterbox

SIDE = st.integers(16, 3000)


def test_a_wide_image_is_scaled_by_its_long_side_and_padded_to_the_stride() -> None:
    """1920 x 1080 at 640 px: 640 x 360 inside 640 x 384."""
    box = Letterbox.fit(1080, 1920, 640)
    assert (box.content_wh, box.input_wh, box.offset_xy) == ((640, 360), (640, 384), (0, 12))


def test_an_image_of_the_right_size_is_not_touched() -> None:
    """It is the input as it is."""
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    assert np.array_equal(Letterbox.fit(64, 96, 96).apply(image), image)


def test_the_border_is_grey_and_the_content_lies_between() -> None:
    """A white 40 x 96 image in a 64 x 96 input has 12 rows of border above and below."""
    found = Letterbox.fit(40, 96, 96).apply(np.full((40, 96, 3), 255, np.uint8))
    assert found.shape == (64, 96, 3)
    assert found[:, 0, 0].tolist() == [*[GREY] * 12, *[255] * 40, *[GREY] * 12]


@given(SIDE, SIDE, st.sampled_from([320, 640, 1280]))
def test_inputs_are_multiples_of_the_stride_and_hold_the_image(height: int, width: int, long_side: int) -> None:
    """Whatever the image, the network accepts the input, and no side is longer than asked."""
    box = Letterbox.fit(height, width, long_side)
    for content, padded, offset in zip(box.content_wh, box.input_wh, box.offset_xy, strict=True):
        assert padded % 32 == 0
        assert 1 <= content <= padded <= long_side
        assert offset + content <= padded < content + 32


@given(SIDE, SIDE, st.tuples(*[st.floats(0, 1)] * 4))
def test_boxes_come_back_to_where_they_were(height: int, width: int, corners: tuple) -> None:
    """A box of the image, moved into the input and restored, is the same box."""
    box = Letterbox.fit(height, width, 640)
    share = np.array([*sorted(corners[:2]), *sorted(corners[2:])])[[0, 2, 1, 3]]
    inside = share * np.tile(box.content_wh, 2) + np.tile(box.offset_xy, 2)
    restored = box.restore(inside[None].astype(np.float32), height, width)
    assert restored[0] == pytest.approx(share * np.tile([width, height], 2), abs=0.02 * max(height, width) / 100 + 0.01)


def test_boxes_are_cut_off_at_the_edges_of_the_image() -> None:
    """The border of the input does not exist in the image."""
    restored = Letterbox.fit(360, 640, 640).restore(np.array([[-10, 0, 700, 384]], np.float32), 360, 640)
    assert restored.tolist() == [[0, 0, 640, 360]]

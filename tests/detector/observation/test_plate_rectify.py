"""Straightening a plate from its four corners."""

import cv2
import numpy as np
import pytest

from detector.observation.plate_rectify import CROP_HEIGHT_PX, CROP_WIDTH_PX, MARGIN_X, MARGIN_Y, nudge, rectify

INNER_X = CROP_WIDTH_PX * MARGIN_X / (1 + 2 * MARGIN_X)
INNER_Y = CROP_HEIGHT_PX * MARGIN_Y / (1 + 2 * MARGIN_Y)


def draw_quarters(corners, size=(400, 300)):
    """A picture in which the plate's quarters are red, green, blue and white (BGR), on grey."""
    flat = np.zeros((100, 300, 3), np.uint8)
    flat[:50, :150], flat[:50, 150:], flat[50:, :150], flat[50:, 150:] = (0, 0, 255), (0, 255, 0), (255, 0, 0), 255
    source = np.array([[0, 0], [300, 0], [300, 100], [0, 100]], np.float32)
    warp = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    picture = cv2.warpPerspective(flat, warp, size)
    covered = cv2.warpPerspective(np.full((100, 300), 255, np.uint8), warp, size)
    picture[covered == 0] = 128
    return picture


@pytest.mark.parametrize(
    "corners",
    [
        ((100, 100), (220, 100), (220, 140), (100, 140)),
        ((100, 100), (220, 130), (215, 172), (95, 138)),  # turned
        ((20, 20), (390, 60), (385, 190), (25, 140)),  # larger than the crop, in perspective
        ((200, 100), (232, 100), (232, 110), (200, 110)),  # far
    ],
)
def test_every_quarter_lands_in_its_quarter(corners):
    """Whatever the pose and size, the crop shows the plate upright, top-left first."""
    crop = rectify(draw_quarters(corners), corners)
    assert crop.shape == (CROP_HEIGHT_PX, CROP_WIDTH_PX, 3)
    assert crop.dtype == np.uint8
    quarter = {
        (0.25, 0.25): (0, 0, 255),
        (0.75, 0.25): (0, 255, 0),
        (0.25, 0.75): (255, 0, 0),
        (0.75, 0.75): (255,) * 3,
    }
    for (x, y), colour in quarter.items():
        assert np.abs(crop[int(y * CROP_HEIGHT_PX), int(x * CROP_WIDTH_PX)].astype(int) - colour).max() < 40


def test_a_margin_of_the_surroundings_is_kept():
    """The plate's edge lies a margin inside the crop, and what surrounds it is seen beyond."""
    corners = ((100, 100), (292, 100), (292, 164), (100, 164))
    crop = rectify(draw_quarters(corners), corners)
    middle = CROP_HEIGHT_PX // 4
    assert np.abs(crop[middle, int(INNER_X) - 3].astype(int) - 128).max() < 40
    assert np.abs(crop[middle, int(INNER_X) + 3].astype(int) - (0, 0, 255)).max() < 40
    assert np.abs(crop[int(INNER_Y) - 2, CROP_WIDTH_PX // 4].astype(int) - 128).max() < 60


def test_corners_outside_the_picture_repeat_its_edge():
    """A plate that is cut off by the picture's edge still gives a full crop, filled with the nearest pixels."""
    picture = np.full((50, 100, 3), 77, np.uint8)
    assert (rectify(picture, ((60, 20), (160, 20), (160, 60), (60, 60))) == 77).all()


def test_large_plates_are_averaged_not_sampled():
    """A fine pattern on a plate eight times as large as the crop becomes grey instead of moiré."""
    picture = np.zeros((600, 1600, 3), np.uint8)
    picture[:, ::2] = 255
    crop = rectify(picture, ((50, 50), (1550, 50), (1550, 550), (50, 550)))
    assert crop.std() < 40


def test_a_nudged_plate_lies_beside_itself_and_is_a_little_larger():
    """Moved along its own width, whatever its slope; both rows of corners go the same way."""
    corners = ((10.0, 10.0), (110.0, 30.0), (108.0, 62.0), (8.0, 42.0))
    moved = np.array(nudge(corners, 0.1))
    assert moved.mean(axis=0) == pytest.approx(np.mean(corners, axis=0) + np.array([10.0, 2.0]))
    before, after = (np.linalg.norm(np.subtract(c[1], c[0])) for c in (corners, moved))
    assert 1.02 < after / before < 1.05

"""Boxes that are followed by their texture: where they are, how they grow, and when they are lost."""

import numpy as np
import pytest

from detector.tracking.optical_flow import follow, shrink, shrinking_of
from tests.detector.tracking.scene import draw

ROAD = np.array([[40, 60, 100, 110]])


def test_a_box_goes_where_its_vehicle_goes() -> None:
    """Far in one step, as fast cars do, and without a part of the road that it covers."""
    xs = [40, 75, 112, 150]
    path = follow([draw((x, 60, 60, 50)) for x in xs], ROAD)
    assert path.shape == (4, 1, 4)
    assert path[:, 0] == pytest.approx(np.array([[x, 60, x + 60, 110] for x in xs]), abs=1.5)


def test_a_box_grows_with_a_vehicle_that_comes_nearer() -> None:
    """Its size follows the spread of its points."""
    sizes = [60, 64, 69, 74]
    path = follow([draw((100 - s / 2, 80 - s / 2, s, s)) for s in sizes], np.array([[70, 50, 130, 110]]))
    assert path[-1, 0, 2] - path[-1, 0, 0] == pytest.approx(74, abs=3)


def test_what_shows_no_texture_or_vanishes_is_lost_for_good() -> None:
    """Nothing is guessed; others beside it are followed."""
    both, one = draw((40, 60, 60, 50), (200, 60, 60, 50)), draw((50, 60, 60, 50))
    path = follow([both, one, one], np.array([[40, 60, 100, 110], [200, 60, 260, 110]]))
    assert np.isnan(path[1:, 1]).all()
    assert path[-1, 0, 0] == pytest.approx(50, abs=1.5)
    flat = np.full((180, 320), 120, np.uint8)
    assert np.isnan(follow([flat, flat], ROAD)[1]).all()


def test_no_box_is_no_work() -> None:
    """An empty road."""
    assert follow([draw(), draw()], np.zeros((0, 4))).shape == (2, 0, 4)


@pytest.mark.parametrize(
    ("shape", "small"), [((360, 640), (360, 640)), ((720, 1280), (360, 640)), ((1080, 1920), (360, 640))]
)
def test_large_images_are_made_small_by_whole_factors(shape: tuple[int, int], small: tuple[int, int]) -> None:
    """So that boxes are scaled by one number."""
    assert shrink(np.zeros((*shape, 3), np.uint8)).shape == small
    assert shrinking_of(shape) * small[0] == shape[0]
    assert shrink(np.zeros((1083, 1925, 3), np.uint8)).shape == (361, 641)


def test_a_car_that_leaps_farther_than_to_the_place_of_the_next_is_sought_where_it_should_be() -> None:
    """Two that look alike: without a word on its speed the first one is taken for the second."""
    before, after = draw((100, 60, 50, 50), (20, 60, 50, 50)), draw((150, 60, 50, 50), (70, 60, 50, 50))
    first = np.array([[100, 60, 150, 110]])
    assert follow([before, after], first)[1, 0, 0] == pytest.approx(70, abs=2)
    assert follow([before, after], first, np.array([[50, 0, 50, 0]]))[1, 0, 0] == pytest.approx(150, abs=2)
    assert follow([before, after], first, np.full((1, 4), np.nan))[1, 0, 0] == pytest.approx(70, abs=2)

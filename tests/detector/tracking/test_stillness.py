"""Whether two pictures show one still scene."""

import numpy as np
import pytest

from detector.tracking.optical_flow import shrink
from detector.tracking.stillness import is_same, sketch

RANDOM = np.random.default_rng(0)
ROAD = RANDOM.integers(60, 120, (45, 80, 3)).astype(np.float32).repeat(8, 0).repeat(8, 1)


def show(road: np.ndarray = ROAD, noise: float = 2.5) -> np.ndarray:
    """What a sensor with noise (grey levels) sees of a road, made small."""
    return shrink(np.clip(road + RANDOM.normal(0, noise, road.shape), 0, 255).astype(np.uint8))


def test_the_noise_of_a_sensor_is_no_change() -> None:
    """Every pixel differs, no cell does."""
    assert is_same(sketch(show()), sketch(show()))


@pytest.mark.parametrize("contrast", [-30, 30])
def test_a_vehicle_changes_the_scene(contrast: int) -> None:
    """One of 16 px in the small picture, 30 levels lighter or darker than the road, wherever it stands."""
    for x, y in ((0, 0), (3, 5), (624, 344), (301, 123)):
        road = ROAD.copy()
        road[y : y + 16, x : x + 16] += contrast
        assert not is_same(sketch(show()), sketch(show(road)))


def test_pictures_of_different_size_are_not_compared() -> None:
    """The camera has been set anew: who knows what it shows."""
    assert not is_same(sketch(show()), sketch(show(ROAD[:328])))


def test_a_tiny_picture_has_a_cell() -> None:
    """Smaller than one is smaller than one, and no error."""
    assert sketch(np.full((5, 7), 9, np.uint8)).tolist() == [[9]]

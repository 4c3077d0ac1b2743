"""What air, lens and recorder do to a rendered picture; no bpy needed."""

import numpy as np
import pytest

from scripts.synthesis.post import Look, add_drops, add_dust, develop, encode_h264

LIGHT = np.random.default_rng(0).uniform(0.05, 0.9, (96, 128, 3)).astype(np.float32)


@pytest.mark.parametrize("look", [Look(dust=0.8), Look(drops=6), Look(h264=38), Look(rain=20.0), Look(haze=0.3)])
def test_every_kind_of_weather_changes_the_picture_and_the_seed_decides_how(look):
    """Shape and type stay; the same seed gives the same picture."""
    clean = develop(LIGHT, Look(), np.random.default_rng(1))
    first, second = (develop(LIGHT, look, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == clean.shape
    assert first.dtype == np.uint8
    assert (first == second).all()
    assert np.abs(first.astype(int) - clean.astype(int)).mean() > 1


def test_dust_lies_low():
    """A cloud from the road hides the lower half more than the upper one."""
    change = np.abs(add_dust(LIGHT, 0.8, np.random.default_rng(2)) - LIGHT).mean(axis=(1, 2))
    assert change[48:].mean() > 2 * change[:48].mean()


def test_drops_leave_the_rest_of_the_picture_alone():
    """Between drops nothing changes."""
    change = np.abs(add_drops(LIGHT, 2, np.random.default_rng(3)) - LIGHT).max(axis=2)
    assert 0 < (change > 1e-3).mean() < 0.5


def test_a_stronger_film_encoder_leaves_less_of_the_picture():
    """The loss grows with the rate factor."""
    picture = (LIGHT * 255).astype(np.uint8)
    loss = [np.abs(encode_h264(picture, q).astype(int) - picture).mean() for q in (20, 40)]
    assert loss[0] < loss[1]

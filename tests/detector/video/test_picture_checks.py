"""Faults of a camera's picture, on made pictures and on frames of the rendered film."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from detector.video.picture_checks import (
    FROZEN_CHANGE,
    LASTING_S,
    Look,
    PictureFault,
    PictureWatch,
    change_between,
    is_black,
    is_night_blind,
    look_at,
)

FILM = Path(__file__).parents[3] / "demo" / "demo.mp4"
NOISE = np.random.default_rng(2).normal(0, 1.5, (7, 270, 480, 3)).astype(np.float32)
FROZEN = np.random.default_rng(0).integers(0, 255, (270, 480, 3), np.uint8)
Change = Callable[[np.ndarray, int], np.ndarray]


@cache
def road() -> list[np.ndarray]:
    """Every eighth picture of the demo film, small: a road with traffic."""
    with av.open(str(FILM)) as container:
        found = [picture.to_ndarray(format="bgr24") for picture in container.decode(video=0)][::8]
    return [cv2.resize(picture, (480, 270), interpolation=cv2.INTER_AREA) for picture in found]


def noisy(picture: np.ndarray, number: int) -> np.ndarray:
    return np.clip(picture + NOISE[number % len(NOISE)], 0, 255).astype(np.uint8)


def shifted(picture: np.ndarray, number: int, px: int = 30) -> np.ndarray:
    return np.roll(noisy(picture, number), px, axis=1)


def blurred(picture: np.ndarray, number: int) -> np.ndarray:
    return cv2.GaussianBlur(noisy(picture, number), (0, 0), 3.0)


def covered(picture: np.ndarray, number: int) -> np.ndarray:
    return noisy(np.full_like(picture, 70), number)


def dark(picture: np.ndarray, number: int) -> np.ndarray:
    return noisy(np.zeros_like(picture) + 16, number)


def night_without_lamps(picture: np.ndarray, number: int) -> np.ndarray:
    night = (picture * 0.04 + 18).astype(np.uint8)
    cv2.circle(night, (100, 30), 6, (255, 255, 255), -1)
    return noisy(night, number)


def same(picture: np.ndarray, number: int) -> np.ndarray:
    return FROZEN


@cache
def look(change: Change, second: int) -> Look:
    return look_at(change(road()[second % len(road())], second))


def watch(change: Change, seconds: int = 90) -> PictureWatch:
    """A minute and a half of good pictures, then so many seconds of changed ones."""
    watching = PictureWatch()
    for second in range(90 + seconds):
        watching.update(look(noisy if second < 90 else change, second), float(second))
    return watching


def test_a_good_picture_has_no_fault() -> None:
    """Traffic, noise and slow changes of light are no fault."""
    assert watch(noisy).faults == ()
    assert watch(lambda p, n: noisy((p * (1 - (n - 90) / 300)).astype(np.uint8), n)).faults == ()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (dark, PictureFault.BLACK),
        (covered, PictureFault.BLACK),
        (same, PictureFault.FROZEN),
        (night_without_lamps, PictureFault.NIGHT_BLIND),
        (blurred, PictureFault.BLURRED),
        (shifted, PictureFault.MOVED),
    ],
)
def test_each_fault_is_found(change: Change, fault: PictureFault) -> None:
    """It is told after a while, and not before."""
    assert watch(change, seconds=int(LASTING_S) - 5).faults == ()
    assert fault in watch(change).faults


def test_a_view_of_something_else_is_a_moved_camera() -> None:
    """Turned to the sky or the wall: nothing of the old view is left."""
    wall = cv2.resize(np.random.default_rng(5).integers(60, 200, (27, 48, 3), np.uint8), (480, 270))
    assert PictureFault.MOVED in watch(lambda p, n: noisy(wall, n)).faults


def test_a_fault_that_has_gone_is_taken_back() -> None:
    """After a fog has lifted the picture is good again; a turned camera stays a fault until somebody says otherwise."""
    watching = watch(blurred)
    assert watching.faults == (PictureFault.BLURRED,)
    for second in range(180, 240):
        watching.update(look(noisy, second), float(second))
    assert watching.faults == ()
    moved = watch(shifted, seconds=150)
    assert moved.faults == (PictureFault.MOVED,)
    moved.forget_view()
    for second in range(240, 310):
        moved.update(look(shifted, second), float(second))
    assert moved.faults == ()


def test_a_clock_in_a_frozen_picture_does_not_thaw_it() -> None:
    """What changes in one corner is not the road."""
    other = FROZEN.copy()
    other[:20, :150] = 255 - other[:20, :150]
    assert change_between(look_at(FROZEN).grey, look_at(other).grey) < FROZEN_CHANGE


def test_lamps_and_headlights_at_night_are_no_fault() -> None:
    """A dark road that can be seen is neither black nor blind."""
    night = look_at(noisy((road()[0] * 0.3).astype(np.uint8), 1))
    assert not is_black(night)
    assert not is_night_blind(night)


def test_glare_blinds() -> None:
    """A low sun in the lens: a third of the picture is white."""
    picture = np.random.default_rng(3).integers(80, 160, (270, 480, 3), np.uint8)
    picture[:, :200] = 255
    assert is_night_blind(look_at(picture))

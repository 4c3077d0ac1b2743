"""The main picture of an analysed instant, found by what the pictures show."""

from datetime import UTC, datetime
from fractions import Fraction

import cv2
import numpy as np

from detector.entities import Observation, VehiclePass, VehicleType, Violation
from detector.evidence.instants import InstantFinder, transfer
from detector.packets import Packet

MAIN_WH, SMALL_WH = (960, 540), (320, 180)
RNG = np.random.default_rng(7)
ROAD = cv2.GaussianBlur(RNG.integers(60, 120, (540, 960, 3), np.uint8), (9, 9), 0)


def scene(number: int, speed_px: int = 12) -> np.ndarray:
    """A main picture: a bright lorry that moves by `speed_px` a picture along a road."""
    image = ROAD.copy()
    x, y = 100 + number * speed_px, 200
    image[y : y + 180, x : x + 240] = (40, 90, 200)
    image[y + 20 : y + 70, x + 30 : x + 210] = (220, 230, 235)
    return image


def small(number: int, speed_px: int = 12) -> np.ndarray:
    """The same in the smaller stream, with the noise of a strong compression."""
    image = cv2.resize(scene(number, speed_px), SMALL_WH, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def look_at(number: int, speed_px: int = 12) -> Observation:
    x = (100 + number * speed_px) / 3
    when = datetime(2026, 5, 18, tzinfo=UTC)
    return Observation(number, 1000 + number, number / 25, when, "a" * 64, (x, 66.7, x + 80, 126.7), 0.9, 100.0)


def find(finder: InstantFinder, late_s: float, speed_px: int = 12) -> dict:
    """Offer thirty main pictures whose clock is late by `late_s`."""
    for number in range(30):
        finder.offer(number / 25 + late_s, number, f"{number:064d}", scene(number, speed_px))
    return finder.found()


def test_the_very_picture_is_found_though_the_clocks_differ() -> None:
    """Two clocks that are 0.7 s apart: the picture decides, and the difference is told."""
    found = find(InstantFinder([(look_at(n), small(n)) for n in (9, 14)]), 0.7)
    assert {pts: instant.pts for pts, instant in found.items()} == {1009: 9, 1014: 14}
    assert all(abs(instant.offset_s - 0.7) < 1e-6 and instant.likeness > 0.9 for instant in found.values())
    assert found[1009].image.shape == (540, 960, 3)


def test_a_vehicle_that_stands_is_shown_by_the_picture_nearest_in_time() -> None:
    """All look alike, so the clock decides."""
    found = find(InstantFinder([(look_at(12, 0), small(12, 0))]), 0.0, 0)
    assert abs(found[1012].offset_s) < 0.041


def test_nothing_is_claimed_where_nothing_looks_alike() -> None:
    """Another view, or clocks further apart than can be: no picture rather than a wrong one."""
    other = cv2.resize(RNG.integers(0, 255, (540, 960, 3), np.uint8), SMALL_WH)
    assert find(InstantFinder([(look_at(9), other)]), 0.0) == {}
    assert find(InstantFinder([(look_at(9), small(9))]), 60.0) == {}


def test_boxes_pictures_and_times_become_those_of_the_main_stream() -> None:
    """An observation without a main picture of its own gets the one that the same difference of clocks points to."""
    looks = (look_at(9), look_at(14))
    found = find(InstantFinder([(looks[0], small(9))]), 0.7)
    main = [Packet(b"x", n, n, 1, Fraction(1, 25), n == 0, n / 25 + 0.7) for n in range(30)]
    when = looks[0].captured_at
    vehicle_pass = VehiclePass("p", "gate", 1, VehicleType.TRUCK, when, when, 0.0, 1.0, None, None, None, looks, False)
    first, second = transfer(Violation(vehicle_pass, ()), found, main, (3.0, 3.0)).vehicle_pass.observations
    assert (first.pts, first.packet_sha256) == (9, f"{9:064d}")
    assert (second.pts, second.packet_sha256) == (14, main[14].sha256)
    for moved, look in ((first, looks[0]), (second, looks[1])):
        assert abs(moved.stream_s - look.stream_s - 0.7) < 1e-6
        assert moved.xyxy == tuple(3 * value for value in look.xyxy)
        assert moved.captured_at == look.captured_at

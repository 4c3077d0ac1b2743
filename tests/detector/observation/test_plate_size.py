"""A vehicle's plate, and what only reads like one."""

from datetime import UTC, datetime

import pytest

from detector.entities import Observation, PlateColour, PlateReading, VehicleType
from detector.geometry import Box
from detector.observation.plate_size import is_lettering, pick_plates

TRUCK = (100.0, 100.0, 860.0, 945.0)
CLEAR = 0.99


def read(text: str, width: float, height: float, certainty: float = CLEAR) -> PlateReading:
    corners = ((300.0, 800.0), (300 + width, 800.0), (300 + width, 800 + height), (300.0, 800 + height))
    return PlateReading(text, (certainty,) * len(text), (), PlateColour.YELLOW, 0.9, corners, 1, 0.9)


def see(plate: PlateReading | None, xyxy: Box = TRUCK) -> Observation:
    return Observation(1, 1, 0.1, datetime(2026, 5, 18, tzinfo=UTC), "hash", xyxy, 0.9, 100.0, None, plate, True)


@pytest.mark.parametrize(
    ("kind", "width", "height", "box", "is_whole", "expected"),
    [
        (VehicleType.TRUCK, 240, 71, TRUCK, True, True),  # the number on a tailgate, held-out film
        (VehicleType.TRUCK, 80, 27, TRUCK, True, False),  # the plate below it
        (VehicleType.TRUCK, 88, 38, (235, 227, 899, 1016), True, False),  # one of two rows
        (VehicleType.TRUCK, 440, 140, (0, 0, 1500, 1900), True, False),  # the smallest trucks
        (VehicleType.TRUCK, 240, 71, (100, 0, 860, 300), False, False),  # the upper edge hides how high the truck is
        (VehicleType.TRUCK, 300, 71, (100, 0, 860, 300), False, True),  # but not how wide
        (VehicleType.CAR, 150, 48, (0, 0, 600, 480), True, False),
        (VehicleType.CAR, 320, 60, (0, 0, 600, 480), True, True),  # a bumper
    ],
)
def test_what_is_far_larger_than_a_plate_is_lettering(
    kind: VehicleType, width: float, height: float, box: Box, is_whole: bool, expected: bool
) -> None:
    """Measured beside the vehicle, by width and, where that is known, by area."""
    assert is_lettering(read("渝K83915", width, height), kind, box, is_whole=is_whole) is expected


def test_a_number_twice_as_large_as_the_plate_has_no_voice() -> None:
    """A turned truck's large number may have the size of a plate; beside the plate itself it has not."""
    number, plate = read("沪16900C", 200, 60), read("新Z91690C", 80, 27)
    assert not is_lettering(number, VehicleType.TRUCK, TRUCK, is_whole=True)
    assert pick_plates([see(number), see(None), see(plate)]) == [plate]


def test_only_a_clear_reading_makes_others_lettering() -> None:
    """Dirt that reads like a small plate does not silence the plate; alone, a reading is kept."""
    plate, dirt = read("新Z91690C", 80, 27), read("渝J60456", 30, 10, certainty=0.2)
    assert pick_plates([see(dirt), see(plate)]) == [dirt, plate]
    assert pick_plates([see(dirt)]) == [dirt]
    assert pick_plates([see(None)]) == []


def test_a_plate_that_comes_nearer_keeps_its_voice() -> None:
    """Size is measured beside the vehicle, which grows with its plate."""
    far, near = read("新Z91690C", 40, 13), read("新Z91690C", 160, 54)
    looks = [see(far, (0, 0, 300, 340)), see(near, (0, 0, 1200, 1360))]
    assert pick_plates(looks) == [far, near]

"""A vehicle's plate, and what only reads like one."""

import pytest

from detector.entities import PlateColour, PlateReading, VehicleType
from detector.geometry import Box
from detector.observation.plate_size import is_lettering

TRUCK = (100.0, 100.0, 860.0, 945.0)


def read(width: float, height: float) -> PlateReading:
    corners = ((300.0, 800.0), (300 + width, 800.0), (300 + width, 800 + height), (300.0, 800 + height))
    return PlateReading("渝K83915", (0.99,) * 7, (), PlateColour.YELLOW, 0.9, corners, 1, 0.9)


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
    assert is_lettering(read(width, height), kind, box, is_whole=is_whole) is expected

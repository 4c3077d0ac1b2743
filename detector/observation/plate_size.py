"""Whether what was read on a vehicle is of the size of a plate, or lettering that reads like one.

Heavy trucks carry their number on the tailgate as well, in characters at least 2.5 times as large (放大号, GB 7258).
While the plate itself is below the picture it is found in the plate's place, often without the province, and its width
would give it the loudest voice in the vote.
"""

from math import sqrt

from detector.entities import PlateReading, VehicleType
from detector.geometry import Box, area

PLATE_SHARE = {VehicleType.CAR: 440 / 1800, VehicleType.BUS: 440 / 2500, VehicleType.TRUCK: 440 / 2500}
"""Width of a plate (GA 36: 440 mm) as a share of the vehicle's; others have none that is looked for."""

WIDEST = 2.0
"""Times the width that a plate should have beside its vehicle, beyond which it is lettering or a bumper."""

USUAL_SIZE = {VehicleType.BUS: sqrt(440 * 140 / (2500 * 3200)), VehicleType.TRUCK: sqrt(440 * 140 / (2500 * 3200))}
"""Root of a plate's area as a share of that of its vehicle's box, seen from the front; cars carry no large number."""

LARGEST = 1.75
"""Times `USUAL_SIZE` beyond which a reading is lettering. The plate of a truck of 1.5 x 1.9 m has 1.68, numbers on the
tailgates of rendered films 1.86 and more."""


def is_lettering(plate: PlateReading, kind: VehicleType, xyxy: Box, *, is_whole: bool) -> bool:
    """Whether a reading is too large to be a plate on this vehicle.

    Args:
        plate: what was read.
        kind: of the vehicle.
        xyxy: the vehicle's box.
        is_whole: False where the picture's upper edge cuts the box off: then its height says nothing.
    """
    if plate.width_px > WIDEST * PLATE_SHARE[kind] * (xyxy[2] - xyxy[0]):
        return True
    return is_whole and kind in USUAL_SIZE and _size(plate, xyxy) > LARGEST * USUAL_SIZE[kind]


def _size(plate: PlateReading, xyxy: Box) -> float:
    """Root of a plate's area as a share of that of its vehicle's box; infinite on a box without area."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = plate.corners
    plate_area = abs((x1 - x3) * (y2 - y4) - (x2 - x4) * (y1 - y3)) / 2
    return sqrt(plate_area / area(xyxy)) if area(xyxy) > 0 else float("inf")

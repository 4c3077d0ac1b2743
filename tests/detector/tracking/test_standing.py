"""Parked vehicles are told from those that move or wait."""

import numpy as np

from detector.entities import Detections, VehicleType
from detector.tracking.standing import PARKED_S, StandingVehicles


def at(*boxes: tuple[float, float, float, float], confidence: float = 0.9) -> Detections:
    count = len(boxes)
    types = np.full(count, VehicleType.TRUCK, np.int64)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(count, confidence, np.float32), types)


PLACE = (100, 100, 200, 180)


def test_what_stands_is_busy_until_it_counts_as_parked() -> None:
    """A vehicle at a red light is watched; after that time it is part of the scene, however long it stays."""
    standing = StandingVehicles()
    assert standing.update(at(PLACE), 0.0)
    assert standing.update(at((101, 100, 200, 181)), PARKED_S - 1)
    assert not standing.update(at(PLACE), PARKED_S + 1)
    assert not standing.update(at(PLACE), 10 * PARKED_S - 1)


def test_a_new_vehicle_beside_a_parked_one_is_busy() -> None:
    """And when it has gone, the parked one alone is not."""
    standing = StandingVehicles()
    standing.update(at(PLACE), 0.0)
    assert standing.update(at(PLACE, (400, 100, 500, 180)), PARKED_S + 1)
    assert not standing.update(at(PLACE), PARKED_S + 2)


def test_a_parked_vehicle_that_creeps_away_is_busy() -> None:
    """However slowly it goes, a new place is a new beginning."""
    standing = StandingVehicles()
    standing.update(at(PLACE), 0.0)
    busy = [standing.update(at((100 + step, 100, 200 + step, 180)), PARKED_S + step) for step in range(1, 60)]
    assert not busy[0]
    assert busy[-1]


def test_an_unsure_box_begins_nothing() -> None:
    """Nothing in sight, and a doubtful box in a tree: not busy."""
    standing = StandingVehicles()
    assert not standing.update(at(), 0.0)
    assert not standing.update(at(PLACE, confidence=0.2), 1.0)

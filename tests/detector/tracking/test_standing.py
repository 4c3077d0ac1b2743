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


def test_vehicles_that_pass_one_place_again_and_again_are_busy() -> None:
    """Every few seconds one of them, each in another part of the lane in the frames between: none is parked."""
    standing = StandingVehicles()
    lane = [(10 + 40 * step, 100, 110 + 40 * step, 180) for step in range(8)]
    busy = [standing.update(at(lane[frame % 8]), frame / 2) for frame in range(8 * 60)]
    assert all(busy), "traffic of four minutes"


def test_one_that_passes_where_another_passed_long_ago_is_busy() -> None:
    """Looked at in key frames alone, four seconds apart, on a road that is empty between."""
    standing = StandingVehicles()
    seconds = [4.0 * glance for glance in range(60)]
    busy = [standing.update(at(PLACE) if second in (0.0, 200.0) else at(), second) for second in seconds]
    assert [second for second, is_busy in zip(seconds, busy, strict=True) if is_busy] == [0.0, 200.0]


def test_a_parked_vehicle_that_is_hidden_for_a_while_is_still_parked() -> None:
    """A bus stands before it for a minute."""
    standing = StandingVehicles()
    seconds = [4.0 * glance for glance in range(90)]
    hidden = [second for second in seconds if 200 <= second < 260]
    busy = [standing.update(at() if second in hidden else at(PLACE), second) for second in seconds]
    assert busy == [second < PARKED_S for second in seconds]


def test_what_passes_is_soon_forgotten() -> None:
    """Else each frame of a busy road would be compared with every box of ten minutes."""
    standing = StandingVehicles()
    for frame in range(8 * 300):
        left, top = 130 * frame % 1900, 70 * frame % 970
        standing.update(at((left, top, left + 100, top + 80)), frame / 8)
    assert len(standing._places) < 300


def test_an_unsure_box_begins_nothing() -> None:
    """Nothing in sight, and a doubtful box in a tree: not busy."""
    standing = StandingVehicles()
    assert not standing.update(at(), 0.0)
    assert not standing.update(at(PLACE, confidence=0.2), 1.0)

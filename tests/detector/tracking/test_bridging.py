"""Boxes between two looks: on a straight way, and only where both looks show the same vehicles."""

import numpy as np
import pytest

from detector.entities import Detections, VehicleType
from detector.tracking.bridging import bridge


def seen(*rows: tuple[float, ...], kind: VehicleType = VehicleType.TRUCK) -> Detections:
    """Detections of (x, y, confidence): boxes of 100 px."""
    xyxy = np.array([[x, y, x + 100, y + 100] for x, y, _ in rows], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array([c for *_, c in rows], np.float32), np.full(len(rows), kind, np.int64))


def test_a_vehicle_in_both_looks_moves_evenly_between_them() -> None:
    """Box and confidence by the share of time that has passed; the type is that of the nearer look."""
    first, second = bridge(seen((0, 0, 0.6)), seen((40, 20, 0.8), kind=VehicleType.BUS), [0.25, 0.75])
    assert first.xyxy.tolist() == [[10, 5, 110, 105]]
    assert second.xyxy.tolist() == [[30, 15, 130, 115]]
    assert (first.confidence.tolist(), second.confidence.tolist()) == ([pytest.approx(0.65)], [pytest.approx(0.75)])
    assert (first.class_id.tolist(), second.class_id.tolist()) == ([VehicleType.TRUCK], [VehicleType.BUS])


def test_two_empty_looks_have_nothing_between_them() -> None:
    """An empty road stays empty."""
    assert [len(found) for found in bridge(seen(), seen(), [0.5])] == [0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (seen((0, 0, 0.9)), seen()),
        (seen(), seen((0, 0, 0.9))),
        (seen((0, 0, 0.9)), seen((90, 0, 0.9))),
        (seen((0, 0, 0.9)), seen((5, 0, 0.9), (300, 0, 0.5))),
    ],
)
def test_what_comes_goes_or_leaps_is_not_bridged(before: Detections, after: Detections) -> None:
    """A sure box without a counterpart: the frames between must be looked at."""
    assert bridge(before, after, [0.5]) is None


def test_an_unsure_box_is_followed_and_never_asks_for_a_look() -> None:
    """One that is in both looks lies between them too; one that is not is left out."""
    both = bridge(seen((0, 0, 0.9), (500, 0, 0.2)), seen((10, 0, 0.9), (500, 0, 0.6)), [0.5])
    assert both[0].confidence.tolist() == [pytest.approx(0.9), pytest.approx(0.4)]
    alone = bridge(seen((0, 0, 0.9), (500, 0, 0.2)), seen((10, 0, 0.9)), [0.5])
    assert len(alone[0]) == 1

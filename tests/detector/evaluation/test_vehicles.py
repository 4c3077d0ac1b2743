"""Average precision and counts, against values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.entities import Detections, VehicleType
from detector.evaluation.vehicles import Truth, VehicleScore, average_precision, match

BOX = (10.0, 10.0, 60.0, 60.0)
FAR = (200.0, 10.0, 220.0, 30.0)


def detections(*rows: tuple[tuple[float, ...], float, int]) -> Detections:
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([r[1] for r in rows], np.float32), np.array([r[2] for r in rows], np.int64))


def truth(*rows: tuple[tuple[float, ...], int]) -> Truth:
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    return Truth(boxes, np.array([r[1] for r in rows], np.int64))


def test_a_truth_is_taken_once() -> None:
    """The surest box takes it, a double is false."""
    boxes = np.array([BOX, BOX], np.float32)
    assert match(boxes, boxes[:1], 0.5).tolist() == [0, -1]


def test_average_precision_by_hand() -> None:
    """Right, false, right of two truths: precision 1 up to recall 0.5 (51 of 101 points), then 2/3."""
    found = average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    assert found == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_average_precision_without_truth_is_unknown() -> None:
    """There is nothing to find, so nothing can be measured."""
    assert average_precision(np.array([0.9]), np.array([False]), 0) is None


@given(st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), max_size=30), st.integers(0, 10))
def test_average_precision_is_a_share_and_falls_with_misses(rows: list[tuple[float, bool]], missed: int) -> None:
    """It lies between 0 and 1, and truths that nobody found only lower it."""
    confidence, right = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], bool)
    n = int(right.sum())
    whole = average_precision(confidence, right, n)
    less = average_precision(confidence, right, n + missed)
    assert (whole is None) == (n == 0)
    if whole is not None and less is not None:
        assert 0 <= less <= whole + 1e-12 <= 1 + 1e-9


def test_score_counts_classes_apart() -> None:
    """A truck called a bus is a missed truck and a false bus; a far box counts in recall, not in recall_32px."""
    score = VehicleScore()
    said = detections((BOX, 0.9, VehicleType.BUS))
    flawless = score.add(truth((BOX, VehicleType.TRUCK), (FAR, VehicleType.CAR)), said, said)
    result = score.to_json()
    assert not flawless
    assert result["n"] == 1 and result["map50"] == 0.0
    assert result["per_class"]["truck"]["recall"] == result["per_class"]["truck"]["recall_32px"] == 0.0
    assert result["per_class"]["bus"] == {
        "n": 0, "ap50": None, "ap50_95": None, "recall": None, "recall_32px": None, "precision": 0.0,
        "found": 0, "n_32px": 0, "found_32px": 0, "reported": 1,
    }  # fmt: skip
    assert result["per_class"]["car"]["recall"] == 0.0 and result["per_class"]["car"]["recall_32px"] is None


def test_perfect_boxes_score_one() -> None:
    """The truth itself as answer has every figure at 1."""
    score = VehicleScore()
    said = detections((BOX, 0.9, VehicleType.TRUCK))
    assert score.add(truth((BOX, VehicleType.TRUCK)), said, said)
    result = score.to_json()
    assert result["map50"] == result["map50_95"] == 1.0
    truck = result["per_class"]["truck"]
    assert truck["recall"] == truck["recall_32px"] == truck["precision"] == 1.0


def test_inexact_box_counts_at_low_overlap_only() -> None:
    """A box shifted to an overlap of 0.68 is right at 0.50, 0.55, 0.60 and 0.65: four of ten."""
    score = VehicleScore()
    shifted = (10.0, 10.0, 60.0, 44.0)
    said = detections((shifted, 0.9, VehicleType.CAR))
    score.add(truth((BOX, VehicleType.CAR)), said, said)
    assert score.to_json()["per_class"]["car"]["ap50_95"] == pytest.approx(0.4)

"""From raw outputs to detections, on arrays written by hand."""

import numpy as np
import pytest

from detector.detection.postprocess import MAX_CANDIDATES, decode, drop_slivers, suppress
from detector.entities import Detections, VehicleType

CAR, BUS, TRUCK, MOTORCYCLE, PERSON = VehicleType
QUARTER = np.full(5, 0.25, np.float32)
EQUAL = np.ones(5, np.float32)


def output(*anchors: tuple) -> np.ndarray:
    """Raw output (9, A) from anchors of cx, cy, w, h and {class: probability}."""
    columns = [[*box, *(scores.get(kind, 0.0) for kind in VehicleType)] for *box, scores in anchors]
    return np.array(columns, np.float32).reshape(-1, 9).T


def detections(*rows: tuple) -> Detections:
    """From rows of x1, y1, x2, y2, confidence, class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_decode_turns_centres_into_corners() -> None:
    """One anchor: centre 50, 40 and size 20 x 10."""
    found = decode(output((50, 40, 20, 10, {TRUCK: 0.9})), QUARTER, EQUAL)
    assert found.xyxy.tolist() == [[40, 35, 60, 45]]
    assert (found.class_id.tolist(), found.confidence.tolist()) == ([TRUCK], [pytest.approx(0.9)])


def test_decode_takes_the_best_class_and_orders_by_confidence() -> None:
    """An anchor is one detection, of its best class."""
    found = decode(output((0, 0, 9, 9, {CAR: 0.5, BUS: 0.4}), (9, 9, 9, 9, {BUS: 0.6, TRUCK: 0.7})), QUARTER, EQUAL)
    assert found.class_id.tolist() == [TRUCK, CAR]


def test_every_class_has_its_own_threshold_and_reaching_it_is_enough() -> None:
    """A truck at 0.25 stays with a threshold of 0.25, a car at 0.45 goes with one of 0.5."""
    thresholds = np.array([0.5, 0.25, 0.25, 0.25, 0.25], np.float32)
    found = decode(output((0, 0, 9, 9, {CAR: 0.45}), (50, 50, 9, 9, {TRUCK: 0.25})), thresholds, EQUAL)
    assert found.class_id.tolist() == [TRUCK]


def test_nothing_above_the_thresholds_is_an_empty_result_of_the_right_types() -> None:
    """Empty streets are ordinary."""
    found = suppress(decode(output((0, 0, 9, 9, {CAR: 0.1})), QUARTER, EQUAL), 0.6)
    assert found.xyxy.shape == (0, 4)
    assert (found.xyxy.dtype, found.confidence.dtype, found.class_id.dtype) == (np.float32, np.float32, np.int64)


def test_candidates_are_limited_to_the_best() -> None:
    """Suppression never sees more than MAX_CANDIDATES boxes, and the best are among them."""
    anchors = [(10 * i, 0, 8, 8, {CAR: 0.3 + 0.0001 * i}) for i in range(MAX_CANDIDATES + 50)]
    found = decode(output(*anchors), QUARTER, EQUAL)
    assert len(found) == MAX_CANDIDATES
    assert found.confidence[0] == pytest.approx(0.3 + 0.0001 * (MAX_CANDIDATES + 49))


def test_a_bus_on_top_of_a_truck_is_the_same_vehicle() -> None:
    """The detector wavers between classes: the surer one stays."""
    found = suppress(detections((2, 0, 101, 80, 0.8, TRUCK), (0, 0, 100, 80, 0.5, BUS)), 0.6)
    assert found.class_id.tolist() == [TRUCK]


@pytest.mark.parametrize(("below", "above"), [(MOTORCYCLE, PERSON), (TRUCK, PERSON), (TRUCK, MOTORCYCLE)])
def test_riders_and_persons_do_not_suppress_vehicles(below: VehicleType, above: VehicleType) -> None:
    """A rider covers the motorcycle, a person may stand before the lorry: both stay."""
    found = suppress(detections((0, 0, 100, 80, 0.8, above), (0, 0, 100, 80, 0.5, below)), 0.6)
    assert found.class_id.tolist() == [above, below]


def test_overlap_up_to_the_limit_is_two_vehicles() -> None:
    """A car half hidden by another overlaps it by a third: both stay at 0.6, one goes at 0.3."""
    pair = detections((0, 0, 100, 100, 0.9, CAR), (50, 0, 150, 100, 0.8, CAR))
    assert len(suppress(pair, 0.6)) == 2
    assert suppress(pair, 0.3).xyxy.tolist() == [[0, 0, 100, 100]]


def test_a_suppressed_box_suppresses_nobody() -> None:
    """In a chain A > B > C in which A and C do not overlap, C survives although B would have removed it."""
    chain = detections((0, 0, 100, 10, 0.9, CAR), (40, 0, 140, 10, 0.8, CAR), (80, 0, 180, 10, 0.7, CAR))
    assert suppress(chain, 0.4).confidence.tolist() == pytest.approx([0.9, 0.7])


def test_weights_decide_between_classes_but_leave_the_confidence() -> None:
    """A truck at 0.3 beats a car at 0.5 that counts half, here and in suppression, and stays a truck at 0.3."""
    weights = np.array([0.5, 1, 1, 1, 1], np.float32)
    raw = output((50, 50, 40, 40, {CAR: 0.5}), (51, 50, 40, 40, {CAR: 0.5, TRUCK: 0.3}))
    found = suppress(decode(raw, QUARTER, weights), 0.6)
    assert (found.class_id.tolist(), found.confidence.tolist()) == ([TRUCK], [pytest.approx(0.3)])


def test_equal_boxes_keep_their_order() -> None:
    """The result does not depend on chance."""
    raw = output((5, 5, 9, 9, {CAR: 0.5}), (25, 5, 9, 9, {CAR: 0.5}), (45, 5, 9, 9, {CAR: 0.9}))
    assert decode(raw, QUARTER, EQUAL).xyxy[:, 0].tolist() == [40.5, 0.5, 20.5]


def test_slivers_are_dropped() -> None:
    """A box of 1.5 px width or height is the remainder of a cut, 2 px may be a vehicle."""
    found = drop_slivers(detections((0, 0, 1.5, 50, 0.9, CAR), (0, 0, 50, 1.5, 0.9, CAR), (0, 0, 2, 2, 0.9, CAR)))
    assert found.xyxy.tolist() == [[0, 0, 2, 2]]

"""Boxes between two looks: on a straight way, and only where both looks show the same vehicles."""

import numpy as np
import pytest

from detector.entities import Detections, VehicleType
from detector.tracking.bridging import bridge, bridge_by_flow, measure_step
from tests.detector.tracking.scene import draw


def seen(*rows: tuple[float, ...], kind: VehicleType = VehicleType.TRUCK) -> Detections:
    """Detections of (x, y, confidence): boxes of 100 px."""
    xyxy = np.array([[x, y, x + 100, y + 100] for x, y, _ in rows], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array([c for *_, c in rows], np.float32), np.full(len(rows), kind, np.int64))


def test_a_vehicle_in_both_looks_moves_evenly_between_them() -> None:
    """Box and confidence by the share of time that has passed; the type is that of the nearer look."""
    first, second = bridge(seen((0, 0, 0.6)), seen((40, 20, 0.8), kind=VehicleType.BUS), [0.25, 0.75]).found
    assert first.xyxy.tolist() == [[10, 5, 110, 105]]
    assert second.xyxy.tolist() == [[30, 15, 130, 115]]
    assert (first.confidence.tolist(), second.confidence.tolist()) == ([pytest.approx(0.65)], [pytest.approx(0.75)])
    assert (first.class_id.tolist(), second.class_id.tolist()) == ([VehicleType.TRUCK], [VehicleType.BUS])


def test_two_empty_looks_have_nothing_between_them() -> None:
    """An empty road stays empty."""
    assert [len(found) for found in bridge(seen(), seen(), [0.5]).found] == [0]


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
    both = bridge(seen((0, 0, 0.9), (500, 0, 0.2)), seen((10, 0, 0.9), (500, 0, 0.6)), [0.5]).found
    assert both[0].confidence.tolist() == [pytest.approx(0.9), pytest.approx(0.4)]
    alone = bridge(seen((0, 0, 0.9), (500, 0, 0.2)), seen((10, 0, 0.9)), [0.5]).found
    assert len(alone[0]) == 1


SHARES = [0.25, 0.5, 0.75]


def boxes(*xywhc: tuple[float, ...], kind: VehicleType = VehicleType.CAR) -> Detections:
    """Detections of (x, y, width, height, confidence)."""
    xyxy = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in xywhc], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array([row[-1] for row in xywhc], np.float32), np.full(len(xywhc), kind, np.int64))


def drive(*ways: list[tuple[float, float]], size: float = 50) -> list[np.ndarray]:
    """Pictures of vehicles that stand at one (x, y) in each."""
    return [draw(*((x, y, size, size) for x, y in places)) for places in zip(*ways, strict=True)]


def test_a_vehicle_that_leaps_is_followed_through_the_pictures() -> None:
    """Its two boxes do not overlap; its speed is not even, and its boxes show that."""
    xs = [20, 30, 52, 84, 118]
    before, after = boxes((20, 60, 50, 50, 0.6)), boxes((118, 60, 50, 50, 0.8))
    assert bridge(before, after, SHARES) is None
    found = bridge_by_flow(before, after, SHARES, drive([(x, 60) for x in xs]), 1).found
    assert [f.xyxy[0, 0] for f in found] == pytest.approx(xs[1:4], abs=1.5)
    assert [f.confidence[0] for f in found] == pytest.approx([0.65, 0.7, 0.75])


def test_cars_that_each_drive_into_the_place_of_the_next_are_not_mistaken() -> None:
    """Two cars in a row that move by more than half of their distance."""
    first, second = [20, 45, 70, 95, 120], [100, 125, 150, 175, 200]
    pictures = drive([(x, 60) for x in first], [(x, 60) for x in second])
    before = boxes((20, 60, 50, 50, 0.9), (100, 60, 50, 50, 0.9))
    after = boxes((200, 60, 50, 50, 0.9), (120, 60, 50, 50, 0.9))
    found = bridge_by_flow(before, after, SHARES, pictures, 1).found
    assert [f.xyxy[:, 0].tolist() for f in found] == [
        pytest.approx([a, b], abs=1.5) for a, b in zip(first[1:4], second[1:4], strict=True)
    ]


def test_boxes_are_of_the_image_and_pictures_may_be_smaller() -> None:
    """Three px of the image are one of the pictures."""
    xs = [20, 50, 80, 110, 140]
    found = bridge_by_flow(
        boxes((60, 180, 150, 150, 0.9)), boxes((420, 180, 150, 150, 0.9)), SHARES, drive([(x, 60) for x in xs]), 3
    ).found
    assert [f.xyxy[0, 0] for f in found] == pytest.approx([3 * x for x in xs[1:4]], abs=5)


def test_a_vehicle_leaves_and_comes_over_the_edge_in_the_frame_in_which_it_does() -> None:
    """Boxes are cut off there, and end where less than a third is left in the picture."""
    xs = [236, 258, 282, 308, 336]
    pictures = drive([(x, 60) for x in xs])
    shown, nothing = boxes((236, 60, 50, 50, 0.9)), boxes()
    leaving = bridge_by_flow(shown, nothing, SHARES, pictures, 1).found
    assert [len(f) for f in leaving] == [1, 1, 0]
    assert leaving[1].xyxy[0] == pytest.approx([282, 60, 320, 110], abs=2)
    coming = bridge_by_flow(nothing, shown, SHARES, pictures[::-1], 1).found
    assert [len(f) for f in coming] == [0, 1, 1]


@pytest.mark.parametrize("size", [50, 20])
def test_what_vanishes_within_the_picture_is_looked_for_unless_it_is_small(size: int) -> None:
    """A look tells in which frame; of a far car the last look does."""
    pictures = [draw((100, 60, size, size))] * 2 + [draw()] * 3
    before, after = boxes((100, 60, size, size, 0.9)), boxes()
    found = bridge_by_flow(before, after, SHARES, pictures, 1)
    assert found is None if size == 50 else [len(f) for f in found.found] == [0, 0, 0]
    found = bridge_by_flow(after, before, SHARES, pictures[::-1], 1)
    assert found is None if size == 50 else [len(f) for f in found.found] == [0, 0, 0]


def test_a_large_vehicle_that_is_lost_at_the_edge_is_looked_for() -> None:
    """There its plate is read; a smaller one counts until it is lost."""
    for size, expected in ((80, None), (60, [0, 0, 0])):
        pictures = [draw((315 - size, 60, size, size))] + [draw()] * 4
        found = bridge_by_flow(boxes((319 - size, 60, size, size, 0.9)), boxes(), SHARES, pictures, 1)
        assert (found if found is None else [len(f) for f in found.found]) == expected


def test_an_unsure_box_that_appears_asks_for_no_look() -> None:
    """As with `bridge`; one that is followed to a sure one takes part."""
    xs = [20, 30, 52, 84, 118]
    pictures = drive([(x, 60) for x in xs])
    found = bridge_by_flow(
        boxes((20, 60, 50, 50, 0.3)), boxes((118, 60, 50, 50, 0.9), (250, 100, 40, 40, 0.3)), SHARES, pictures, 1
    ).found
    assert [f.confidence.tolist() for f in found] == [[pytest.approx(c)] for c in (0.45, 0.6, 0.75)]


def moving(px: float) -> np.ndarray:
    """A step to the right of one box."""
    return np.array([[px, 0, px, 0]])


def test_what_is_lost_on_its_way_out_has_left() -> None:
    """It is carried on as it last moved until little of it is in the picture; what would stay is looked for."""
    pictures = [draw((262, 60, 50, 50))] + [draw()] * 4
    shown, nothing = boxes((262, 60, 50, 50, 0.9)), boxes()
    leaving = bridge_by_flow(shown, nothing, SHARES, pictures, 1, moving(38))
    assert [f.xyxy.tolist() for f in leaving.found] == [[[300, 60, 320, 110]], [], []]
    assert bridge_by_flow(shown, nothing, SHARES, pictures, 1, moving(5)) is None
    assert bridge_by_flow(shown, nothing, SHARES, pictures, 1) is None


def test_what_is_lost_behind_something_and_found_again_was_there_all_the_time() -> None:
    """Two pictures do not show it; the later look shows it where it was going."""
    xs = [20, 42, 64, 86, 108]
    pictures = drive([(x, 60) for x in xs])
    pictures[2:] = [draw()] * 3
    found = bridge_by_flow(boxes((20, 60, 50, 50, 0.9)), boxes((108, 60, 50, 50, 0.9)), SHARES, pictures, 1)
    assert [f.xyxy[0, 0] for f in found.found] == pytest.approx(xs[1:4], abs=2)


def test_the_last_step_is_told_by_row_of_the_later_look() -> None:
    """Of what was followed as of what was nearly still; of what has come nobody knows."""
    xs, still = [20, 30, 52, 84, 118], [(200, 60), (201, 60), (202, 60), (203, 60), (204, 60)]
    before = boxes((200, 60, 50, 50, 0.9), (20, 60, 50, 50, 0.9))
    after = boxes((118, 60, 50, 50, 0.9), (270, 20, 20, 20, 0.9), (204, 60, 50, 50, 0.9))
    found = bridge_by_flow(before, after, SHARES, drive([(x, 60) for x in xs], still), 1)
    assert found.last_step[[0, 2], 0].tolist() == pytest.approx([34, 1], abs=2)
    assert np.isnan(found.last_step[1]).all()
    assert bridge(boxes((0, 0, 50, 50, 0.9)), boxes((8, 0, 50, 50, 0.9)), SHARES).last_step.tolist() == [[2, 0, 2, 0]]


def test_a_step_between_two_looks_is_told_by_what_comes_to_lie_there() -> None:
    """One that leaps is known again where its last step leads; what was not there before has no step."""
    before, after = boxes((0, 60, 50, 50, 0.9)), boxes((200, 60, 50, 50, 0.9), (60, 60, 50, 50, 0.9))
    assert np.isnan(measure_step(before, after, None)).all()
    step = measure_step(before, after, moving(50))
    assert step[1].tolist() == [60, 0, 60, 0]
    assert np.isnan(step[0]).all()

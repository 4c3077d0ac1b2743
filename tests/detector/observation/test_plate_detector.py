"""The plate detector's way from raw output to plates, on hand-written arrays."""

import numpy as np
import pytest

from detector.errors import ModelError
from detector.observation.plate_detector import (
    OnnxPlateDetector,
    PlateBox,
    PlateDetectorSettings,
    assign,
    decode,
    suppress,
)
from detector.observation.plate_views import make_views
from detector.observation.protocols import PlateHint

SIDE = 64


def plate(x=50.0, y=50.0, width=40.0, confidence=0.9, rows=1):
    """An upright plate around a centre."""
    w, h = width / 2, width / 6
    return PlateBox(((x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)), rows, confidence)


def output(*peaks, side=SIDE):
    """Raw output with (column, row, logit, two-rows logit, corner offsets (8,)) peaks."""
    scores = np.full((2, side // 8, side // 8), -9.0, np.float32)
    corners = np.zeros((8, side // 8, side // 8), np.float32)
    for column, row, logit, double, offsets in peaks:
        scores[:, row, column] = logit, double
        corners[:, row, column] = offsets
    return scores, corners


class ScriptedNetwork:
    """Answers each run with the next prepared batch of outputs, and keeps what it was shown."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.shown = []

    def run(self, batch):
        self.shown.append(batch)
        scores, corners = zip(*self.answers.pop(0), strict=True)
        assert len(batch) == len(scores)
        return [np.stack(scores), np.stack(corners)]


FLAT = (-16, -5, 16, -5, 16, 5, -16, 5)


def test_a_peak_becomes_a_plate():
    """Centre probability, corners relative to the cell's centre, and rows are read from the peak's own cell."""
    (found,) = decode(*output((3, 4, 2.0, 1.0, FLAT)), 0.5)
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-2)))
    assert found.corners == ((12, 31), (44, 31), (44, 41), (12, 41))
    assert found.rows == 2
    assert found.centre == (28, 36)
    assert (found.width_px, found.height_px) == (32, 10)


def test_neighbours_of_a_peak_are_not_plates():
    """Only local maxima above the threshold count, best first."""
    neighbour = (4, 4, 1.5, -1, (-24, -5, 8, -5, 8, 5, -24, 5))  # sees the same plate from the next cell
    found = decode(*output((3, 4, 2.0, -1, FLAT), neighbour, (7, 7, 3.0, -1, FLAT), (0, 0, -1, 0, FLAT)), 0.5)
    assert [f.centre for f in found] == [pytest.approx((60, 60)), pytest.approx((28, 36))]


def test_neighbours_take_part_in_placing_the_corners():
    """Corners are the mean of what the cells around the peak see, by probability; improbable cells have no say."""
    apart = (-24 + 4, -5, 8 + 4, -5, 8 + 4, 5, -24 + 4, 5)  # 4 px to the right of what the peak sees
    (equal,) = decode(*output((3, 4, 2.0, -1, FLAT), (4, 4, 1.9999, -1, apart)), 0.5)
    assert equal.centre == pytest.approx((30, 36), abs=0.01)
    (alone,) = decode(*output((3, 4, 2.0, -1, FLAT), (4, 4, -2.0, -1, apart)), 0.5)
    assert alone.centre == pytest.approx((28, 36))


def test_doubles_are_suppressed():
    """Two peaks on one plate give the better one; another plate beside it stays, unless one was asked for."""
    plates = [plate(55, confidence=0.9), plate(50, confidence=0.6), plate(120, confidence=0.5)]
    assert suppress(plates, 3) == [plates[0], plates[2]]
    assert suppress(plates, 1) == plates[:1]


def test_two_looks_agree_on_one_plate_in_px_of_the_picture():
    """The second look goes close to the first one's candidate; its corners are given in px of the whole picture."""
    first = output((4, 4, 4.0, -3, FLAT))  # centre (36, 36) in the input
    second = output((4, 4, 4.0, 3.0, (-24, -8, 24, -8, 24, 8, -24, 8)))
    network = ScriptedNetwork([first], [second])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE, min_width_px=4))
    image = np.zeros((1000, 1000, 3), np.uint8)
    ((found,),) = detector.find(image, [(400.0, 400.0, 528.0, 528.0)])
    assert network.shown[0].shape == network.shown[1].shape == (1, 3, SIDE, SIDE)
    assert found.rows == 2, "the close look decides"
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-4)))
    # First look: 393 to 535 px (5 % on each side), so the candidate is 71 px wide around 472.9 px.
    # Second look: 5 widths around it, 295 to 651 px.
    side = 651 - 295
    assert found.centre == pytest.approx((295 + 36 * side / SIDE,) * 2, abs=1.5)
    assert found.width_px == pytest.approx(48 * side / SIDE)


def test_what_the_close_look_does_not_confirm_is_no_plate():
    """A candidate that vanishes from near is dropped."""
    network = ScriptedNetwork([output((4, 4, 4.0, -3, FLAT))], [output()])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE))
    assert detector.find(np.zeros((200, 200, 3), np.uint8), [(0, 0, 200, 200)]) == [[]]


def test_a_plate_whose_place_is_known_takes_one_look():
    """The close look alone is taken there; its corners are in px of the picture."""
    network = ScriptedNetwork([output((4, 4, 4.0, -3, FLAT))])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE, min_width_px=4))
    expected = plate(500, 500, width=60).corners
    ((found,),) = detector.find(np.zeros((1000, 1000, 3), np.uint8), [(0, 0, 900, 900)], [PlateHint(expected)])
    assert len(network.shown) == 1
    assert found.centre == pytest.approx((350 + 36 * 300 / SIDE,) * 2, abs=1.5)
    assert found.width_px == pytest.approx(32 * 300 / SIDE)


def test_a_plate_that_is_not_where_it_was_expected_is_looked_for_everywhere():
    """An expectation decides nothing: after a close look in vain come the two looks; other boxes are not disturbed."""
    whole = output((4, 4, 4.0, -3, FLAT))
    network = ScriptedNetwork([output()], [whole, output()], [whole])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE, min_width_px=4))
    boxes = [(0, 0, 400, 400), (500, 500, 900, 900)]
    image = np.zeros((1000, 1000, 3), np.uint8)
    found = detector.find(image, boxes, [PlateHint(plate(300, 300).corners), PlateHint()])
    alone = OnnxPlateDetector(ScriptedNetwork([whole], [whole]), PlateDetectorSettings(input_px=SIDE, min_width_px=4))
    assert found == [*alone.find(image, boxes[:1]), []]


def test_a_plate_sought_in_vain_is_sought_in_other_views():
    """Where the plain picture shows none: lit up, then leaning; the first view that has one ends the search."""
    shown = output((4, 4, 4.0, -3, FLAT))
    network = ScriptedNetwork([output()], [output()], [shown], [shown])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE, min_width_px=4))
    image = np.zeros((400, 400, 3), np.uint8)
    ((found,),) = detector.find(image, [(100, 100, 300, 300)], [PlateHint(in_vain=True)])
    assert len(network.shown) == 4, "plain, lit up, leaning, and close at what leans"
    a, b, *_ = found.corners
    assert b[1] - a[1] == pytest.approx(-0.45 * (b[0] - a[0]), abs=1), "as it lies in truth"
    assert all(80 <= x <= 320 and 80 <= y <= 320 for x, y in found.corners)
    usual = OnnxPlateDetector(ScriptedNetwork([output()]), PlateDetectorSettings(input_px=SIDE))
    assert usual.find(image, [(100, 100, 300, 300)]) == [[]]


def test_views_lead_back_to_the_picture():
    """A point marked in the picture is found at the place that the view's own point leads back to."""
    image = np.zeros((300, 400, 3), np.uint8)
    image[150:154, 200:204] = 255
    for view in make_views(image, (50, 60, 350, 260)):
        bright = view.image.min(axis=2) > 150
        ys, xs = np.nonzero(bright)
        ((x, y), *_) = view.restore(((xs.mean(), ys.mean()),) * 4)
        assert (x, y) == pytest.approx((201.5, 151.5), abs=1.5)
    assert list(make_views(image, (500, 0, 600, 50))) == []


def test_candidates_far_less_likely_than_the_best_are_not_looked_at_closely():
    """A second plate that is nearly as likely is; what merely resembles one beside a sure one is not."""
    first = output((2, 2, 4.0, -3, FLAT), (6, 6, 0.0, -3, FLAT), (2, 6, -1.5, -3, FLAT))
    network = ScriptedNetwork([first], [output(), output()])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE, min_width_px=4))
    detector.find(np.zeros((400, 400, 3), np.uint8), [(0, 0, 400, 400)])
    assert len(network.shown[1]) == 2


def test_boxes_without_a_piece_of_the_picture_are_not_looked_at():
    """A box outside the picture yields nothing and does not disturb the others; no box, no run."""
    network = ScriptedNetwork([output()])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE))
    image = np.zeros((200, 200, 3), np.uint8)
    assert detector.find(image, [(500, 500, 600, 600), (0, 0, 100, 100)]) == [[], []]
    assert detector.find(image, []) == []
    assert len(network.shown) == 1


def test_the_input_is_rgb_between_0_and_1_with_a_grey_border():
    """A wide blue (BGR) box fills the middle rows; above and below stands the grey of the training."""
    network = ScriptedNetwork([output()])
    detector = OnnxPlateDetector(network, PlateDetectorSettings(input_px=SIDE))
    image = np.zeros((100, 400, 3), np.uint8)
    image[..., 0] = 255
    detector.find(image, [(0, 0, 400, 100)])
    shown = network.shown[0][0]
    assert shown.dtype == np.float32
    assert shown[:, SIDE // 2, SIDE // 2].tolist() == [0, 0, 1]
    assert shown[:, 1, 1] == pytest.approx([114 / 255] * 3)


def test_a_plate_belongs_to_the_smallest_box_that_holds_it():
    """The car's plate, also seen in the box of the truck behind, is the car's; the truck gets its own."""
    car, truck = (0, 100, 100, 200), (0, 0, 300, 210)
    of_car, of_truck = plate(50, 180), plate(200, 190, confidence=0.8)
    assert assign([[of_car, of_truck], [plate(51, 180)]], [truck, car]) == [of_truck, plate(51, 180)]
    assert assign([[of_car], [of_car]], [truck, car]) == [None, of_car]


@pytest.mark.parametrize(
    "row", [{"input_px": 100}, {"min_confidence": 1.5}, {"min_first_look": 0.0}, {"max_plates": 0}]
)
def test_impossible_settings_are_refused(row):
    """A manifest row that cannot work is one clear error."""
    with pytest.raises(ModelError, match="plate_detector"):
        PlateDetectorSettings.parse(row)

"""The reader of load states, with fake networks; one test runs the shipped weights."""

from dataclasses import replace

import numpy as np
import pytest

from detector.entities import Cover, Fill, LoadLabel
from detector.errors import ModelError
from detector.inference import Device, OnnxModel, to_batch
from detector.observation.load_crop import PADDING_GREY, Window, cut_square, grow_bed
from detector.observation.load_state import (
    LoadStateSettings,
    OnnxLoadStateReader,
    name_cover,
    name_fill,
    soften,
)
from detector.weights import load_model_file

SETTINGS = LoadStateSettings(min_closed=0.7, min_open=0.8, min_empty=0.75, min_loaded=0.8, min_heaped=0.7)
IMAGE = np.full((720, 1280, 3), 90, np.uint8)
TRUCK = (400.0, 200.0, 700.0, 500.0)


class FakeNetwork:
    """Answers the same for every crop, and keeps what it was shown."""

    def __init__(self, *answers):
        self.answers = [np.asarray(answer, np.float32) for answer in answers]
        self.batches = []

    def run(self, batch):
        self.batches.append(batch)
        return [np.repeat(answer[None], len(batch), axis=0) for answer in self.answers]


def make_reader(box=(0.1, 0.1, 0.9, 0.5), tipper=4.0, cover=(0, 0, 9, 0), fill=(0, 9, 0, 0)):
    """A reader whose networks say: an open tipper, loaded below the edge."""
    return OnnxLoadStateReader(FakeNetwork(box, [tipper]), FakeNetwork(cover, fill), SETTINGS)


def test_a_clear_bed_is_named_with_its_place():
    """Cover, fill and the bed in px of the whole picture come back for a vehicle that is seen well."""
    (state,) = make_reader().read(IMAGE, [TRUCK])
    assert (state.cover, state.fill, state.label) == (Cover.OPEN, Fill.BELOW_EDGE, LoadLabel.LOADED)
    assert state.cover_confidence > 0.99 and state.fill_confidence > 0.99 and state.tipper_confidence > 0.98
    side = 300 * 1.16
    assert state.bed_xyxy == pytest.approx(
        (376 + 0.1 * side, 176 + 0.1 * side, 376 + 0.9 * side, 176 + 0.5 * side), abs=0.1
    )


def test_states_hold_plain_numbers():
    """Boxes of numpy numbers leave no numpy numbers behind: states are written as JSON."""
    (state,) = make_reader().read(IMAGE, [tuple(np.array(TRUCK))])
    numbers = [*state.bed_xyxy, state.cover_confidence, state.fill_confidence, state.tipper_confidence]
    assert {type(number) for number in numbers} == {float}


def test_no_boxes_run_no_network():
    """A frame without trucks costs nothing and gives nothing."""
    reader = make_reader()
    assert reader.read(IMAGE, []) == []
    assert reader._bed_network.batches == [] == reader._state_network.batches


@pytest.mark.parametrize(
    ("box", "answers"),
    [
        (TRUCK, {"tipper": -3.0}),
        ((400.0, 200.0, 440.0, 240.0), {}),
        (TRUCK, {"box": (0.5, 0.5, 0.5, 0.5)}),
        (TRUCK, {"box": (0.6, 0.6, 0.2, 0.2)}),
        ((1200.0, 300.0, 1500.0, 600.0), {}),
        ((-500.0, -500.0, -100.0, -100.0), {}),
        ((700.0, 500.0, 400.0, 200.0), {}),
    ],
    ids=["no tipper", "too small", "no bed", "inverted bed", "cut off", "outside", "inverted truck"],
)
def test_what_cannot_be_seen_is_not_named(box, answers):
    """No tipper, a tiny bed, a bed cut off by the picture's edge, an empty box: cover and fill are not visible."""
    (state,) = make_reader(**answers).read(IMAGE, [box])
    assert (state.cover, state.fill) == (Cover.NOT_VISIBLE, Fill.NOT_VISIBLE)


def test_the_odds_of_a_tipper_are_those_of_roads():
    """A chance of 0.4 is one of 0.55 where the odds are multiplied by 1.8; the bed is judged then."""
    networks = FakeNetwork((0.1, 0.1, 0.9, 0.5), [float(np.log(0.4 / 0.6))]), FakeNetwork((0, 0, 9, 0), (0, 9, 0, 0))
    for odds, confidence, label in ((1.0, 0.4, "not_a_tipper"), (1.8, 0.5455, "loaded")):
        (state,) = OnnxLoadStateReader(*networks, replace(SETTINGS, tipper_odds=odds)).read(IMAGE, [TRUCK])
        assert (state.tipper_confidence, state.label) == (pytest.approx(confidence, abs=1e-4), label)


def test_a_vehicle_that_is_no_tipper_says_so_and_has_no_bed():
    """The label tells other vehicles from tippers that cannot be judged."""
    (state,) = make_reader(tipper=-3.0).read(IMAGE, [TRUCK])
    assert state.label is LoadLabel.NOT_A_TIPPER and state.bed_xyxy is None
    (state,) = make_reader().read(IMAGE, [(1200.0, 300.0, 1500.0, 600.0)])
    assert state.label is LoadLabel.NOT_VISIBLE and state.bed_xyxy[2] <= 1280


def test_answers_keep_the_order_of_the_boxes():
    """Skipped vehicles do not shift the states of the others."""
    outside = (-500.0, -500.0, -100.0, -100.0)
    states = make_reader().read(IMAGE, [outside, TRUCK, outside, TRUCK])
    assert [s.label for s in states] == [LoadLabel.NOT_VISIBLE, LoadLabel.LOADED] * 2


def test_the_second_network_sees_the_bed_alone():
    """What lies outside the bed's margin is grey: a neighbour's load is not this truck's."""
    image = IMAGE.copy()
    image[:, 910:] = 255
    reader = make_reader(box=(0.0, 0.0, 1.0, 0.5))
    reader.read(image, [(500.0, 200.0, 850.0, 550.0)])
    assert reader._state_network.batches[0].max() == pytest.approx(PADDING_GREY / 255)


@pytest.mark.parametrize(
    ("probabilities", "cover", "confidence"),
    [
        ((0.9, 0.05, 0.05, 0.0), Cover.CLOSED, 0.9),
        ((0.05, 0.1, 0.8, 0.05), Cover.OPEN, 0.9),
        ((0.05, 0.5, 0.4, 0.05), Cover.PARTIAL, 0.9),
        ((0.05, 0.45, 0.45, 0.05), Cover.PARTIAL, 0.9),
        ((0.5, 0.2, 0.3, 0.0), Cover.NOT_VISIBLE, 0.5),
        ((0.69, 0.0, 0.31, 0.0), Cover.NOT_VISIBLE, 0.31),
        ((0.75, 0.0, 0.25, 0.0), Cover.CLOSED, 0.75),
        ((0.25, 0.3, 0.45, 0.0), Cover.NOT_VISIBLE, 0.25),
        ((0.05, 0.0, 0.05, 0.9), Cover.NOT_VISIBLE, 0.95),
    ],
)
def test_cover_is_named_above_its_threshold_only(probabilities, cover, confidence):
    """Each side has its own threshold, below which nothing is named; partial and open count together."""
    named = name_cover(np.array(probabilities), SETTINGS)
    assert named[0] is cover and named[1] == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("probabilities", "fill", "confidence"),
    [
        ((0.9, 0.05, 0.05, 0.0), Fill.EMPTY, 0.9),
        ((0.6, 0.3, 0.1, 0.0), Fill.NOT_VISIBLE, 0.4),
        ((0.05, 0.5, 0.4, 0.05), Fill.BELOW_EDGE, 0.9),
        ((0.0, 0.31, 0.69, 0.0), Fill.BELOW_EDGE, 1.0),
        ((0.0, 0.2, 0.8, 0.0), Fill.ABOVE_EDGE, 0.8),
        ((0.26, 0.0, 0.74, 0.0), Fill.NOT_VISIBLE, 0.26),
        ((0.22, 0.5, 0.28, 0.0), Fill.NOT_VISIBLE, 0.22),
        ((0.78, 0.0, 0.22, 0.0), Fill.EMPTY, 0.78),
        ((0.0, 0.1, 0.1, 0.8), Fill.NOT_VISIBLE, 0.8),
    ],
)
def test_fill_is_named_above_its_threshold_only(probabilities, fill, confidence):
    """Unsure between empty and loaded nothing is named; unsure about the height the lesser state is."""
    named = name_fill(np.array(probabilities), Cover.OPEN, SETTINGS)
    assert named[0] is fill and named[1] == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("probabilities", "fill", "confidence"),
    [
        ((0.95, 0.05, 0.0, 0.0), Fill.NOT_VISIBLE, 1.0),
        ((0.0, 0.9, 0.1, 0.0), Fill.NOT_VISIBLE, 0.9),
        ((0.0, 0.1, 0.9, 0.0), Fill.ABOVE_EDGE, 0.9),
        ((0.0, 0.0, 0.72, 0.28), Fill.ABOVE_EDGE, 0.72),
    ],
)
def test_under_a_closed_cover_only_a_heap_is_named(probabilities, fill, confidence):
    """A cloth hides an empty floor and a low load; it does not hide that it stands above the edge."""
    named = name_fill(np.array(probabilities), Cover.CLOSED, SETTINGS)
    assert named[0] is fill and named[1] == pytest.approx(confidence)


def test_temperature_softens_without_changing_the_order():
    """A temperature above 1 lowers the best probability; the best stays the best."""
    logits = np.array([3.0, 1.0, 0.0, -1.0], np.float32)
    sharp, soft = soften(logits, 1.0), soften(logits, 2.0)
    assert sharp.argmax() == soft.argmax() == 0
    assert 0.25 < soft[0] < sharp[0] and soft.sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("value", ["0.7", 0, -1.0, True, None])
def test_a_wrong_setting_names_its_key(value):
    """A damaged manifest row is one clear error, not a strange result."""
    with pytest.raises(ModelError, match="min_loaded"):
        LoadStateSettings.parse({"min_loaded": value})


def test_settings_of_others_are_ignored():
    """A manifest row also holds class names and notes."""
    assert LoadStateSettings.parse({"covers": ["closed"], "min_bed_px": 55}) == LoadStateSettings(min_bed_px=55)


def test_a_window_maps_there_and_back():
    """Shares of a crop and px of the picture are two names of the same place."""
    _, window = cut_square(IMAGE, (100.0, 50.0, 300.0, 150.0), 64)
    assert window == Window(100.0, 0.0, 200.0, 200.0)
    box = (120.0, 60.0, 180.0, 140.0)
    assert window.to_image(window.to_window(box)) == pytest.approx(box)


def test_a_cut_keeps_proportions_brightness_and_order_of_colours():
    """The longer side fills the square, the rest is grey; colours arrive as RGB shares."""
    image = IMAGE.copy()
    image[50:150, 100:300] = (10, 20, 30)
    crop, _ = cut_square(image, (100.0, 50.0, 300.0, 150.0), 64)
    assert (crop[16:48] == (10, 20, 30)).all()
    assert (crop[:16] == PADDING_GREY).all() and (crop[48:] == PADDING_GREY).all()
    assert to_batch([crop])[0, :, 32, 32] == pytest.approx(np.array([30, 20, 10]) / 255)


def test_a_flat_box_may_be_stretched():
    """The shorter side fills more of the square, and the window says by how much."""
    image = IMAGE.copy()
    image[50:150, 100:300] = (10, 20, 30)
    crop, window = cut_square(image, (100.0, 50.0, 300.0, 150.0), 64, 1.6)
    assert window == Window(100.0, 37.5, 200.0, 125.0)
    rows = np.flatnonzero((crop == (10, 20, 30)).all((1, 2)))
    assert (rows[0], rows[-1]) == (6, 57)


def test_what_lies_outside_the_picture_is_grey():
    """A network can see that a bed is cut off."""
    crop, _ = cut_square(IMAGE, (1180.0, 300.0, 1380.0, 500.0), 100)
    assert (crop[:, :50] == 90).all() and (crop[:, 50:] == PADDING_GREY).all()


def test_the_bed_is_grown_most_at_the_top():
    """A heap stands above the rim."""
    x1, y1, x2, y2 = grow_bed((100.0, 100.0, 300.0, 200.0))
    assert 100 - y1 > y2 - 200 > 0 and x1 < 100 < 300 < x2


def has_weights():
    """Whether the manifest names both networks."""
    try:
        return all(load_model_file(name) for name in ("bed_locator", "load_state"))
    except ModelError:
        return False


@pytest.mark.skipif(
    not has_weights(), reason="weights/ has no load networks: train them with scripts/train_load_state.py"
)
def test_shipped_weights_answer_the_same_at_any_batch_size():
    """A vehicle's state does not depend on its neighbours in the picture, to the last digit."""
    files = [load_model_file(name) for name in ("bed_locator", "load_state")]
    settings = LoadStateSettings.parse(files[1].settings)
    rng = np.random.default_rng(5)
    image = rng.integers(0, 255, (90, 160, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    boxes = [(100.0 + 90 * i, 100.0 + 20 * i, 420.0 + 100 * i, 480.0 + 25 * i) for i in range(5)]
    alone, together = (
        OnnxLoadStateReader(*(OnnxModel(f.path, Device.CPU, threads=1, batch_size=size) for f in files), settings)
        for size in (1, 4)
    )
    expected = [state for box in boxes for state in alone.read(image, [box])]
    assert alone.read(image, boxes) == expected
    assert together.read(image, boxes) == expected

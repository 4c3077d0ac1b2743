"""The pictures that the plate models learn from: their truth is where it says, and measuring parts stay apart."""

import cv2
import numpy as np
import pytest

from detector.observation.plate_rectify import rectify
from scripts.synthesis.plates import draw_plate, font_glyph
from scripts.training.plates_crops import ALPHABET, SLOTS, draw_crop, encode, in_train_part, photograph
from scripts.training.plates_degrade import age, blur, expose, monochrome, pose, record
from scripts.training.plates_scenes import CELLS, SIDE_PX, draw_scene

GREY = [np.full((300, 400, 3), 120, np.uint8)]
SOURCES = [(np.full((300, 400, 3), 120, np.uint8), np.array([[50.0, 50.0, 350.0, 280.0]]))]


def test_texts_become_class_numbers_with_blanks_behind():
    """Class 0 is "no character"; every character of the alphabet has its own class."""
    assert encode("京A1").tolist() == [1, ALPHABET.index("A") + 1, ALPHABET.index("1") + 1, 0, 0, 0, 0, 0]
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert "I" not in ALPHABET
    assert "O" in ALPHABET


def test_the_split_of_real_crops_is_a_fixed_hash_of_the_name():
    """About 65 of 100 names are for training; the rule does not depend on order or process."""
    names = [f"皖A{i:05d}.jpg" for i in range(2000)]
    share = sum(in_train_part(name) for name in names) / len(names)
    assert share == pytest.approx(0.65, abs=0.03)
    assert [in_train_part(f"皖A0000{i}.jpg") for i in range(6)] == [False, True, True, False, False, True]


def test_a_photographed_plate_lies_at_its_corners():
    """Straightened by its true corners, a photographed plate shows its own text: it resembles the clean drawing."""
    rng = np.random.default_rng(8)
    clean = np.ascontiguousarray(draw_plate("渝A12345", "blue")[..., ::-1])
    target = rectify(clean, ((0, 0), (440, 0), (440, 140), (0, 140))).astype(float)
    likeness = []
    for _ in range(12):
        picture, corners = photograph(clean, 150.0, GREY, rng)
        crop = rectify(picture, tuple(map(tuple, corners))).astype(float)
        likeness.append(np.corrcoef(crop.mean(axis=2).ravel(), target.mean(axis=2).ravel())[0, 1])
    assert np.median(likeness) > 0.7


def test_crops_have_the_reader_s_shape_and_a_possible_text():
    """A drawn crop is what the program will hand to the reader; its colour is a class, or ignored when monochrome."""
    rng = np.random.default_rng(9)
    for kind in ("blue", "yellow_double", "nev_large"):
        crop, text, colour = draw_crop(kind, font_glyph, GREY, rng)
        assert crop.shape == (64, 192, 3)
        assert 1 <= len(text) <= SLOTS
        assert -1 <= colour < 6


@pytest.mark.parametrize("change", [age, expose, record, lambda p, rng: blur(p, 2.0, rng), lambda p, _: monochrome(p)])
def test_degradations_keep_shape_and_type(change):
    """Whatever happens to a picture, it stays a picture of the same size, and the seed decides what happens."""
    picture = np.random.default_rng(1).integers(0, 255, (40, 120, 3)).astype(np.uint8)
    for seed in range(30):
        first, second = (change(picture.copy(), np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == picture.shape
        assert first.dtype == np.uint8
        assert (first == second).all()


def test_poses_are_convex_quadrilaterals_in_order():
    """Upper left, upper right, lower right, lower left: clockwise on the screen, never folded."""
    rng = np.random.default_rng(2)
    for _ in range(300):
        corners = pose(100.0, 3.14, rng).astype(np.float32)
        assert cv2.isContourConvex(corners)
        edges = np.roll(corners, -1, axis=0) - corners
        assert (
            edges[:, 0] * np.roll(edges, -1, axis=0)[:, 1] - edges[:, 1] * np.roll(edges, -1, axis=0)[:, 0] > 0
        ).all()


def test_scenes_say_where_their_plates_are():
    """On a plain grey source every plate's corners enclose what is not grey, and lie inside the picture."""
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(25):
        scene = draw_scene(SOURCES, [font_glyph], rng)
        assert scene.image.shape == (SIDE_PX, SIDE_PX, 3)
        assert scene.weights.shape == (CELLS, CELLS)
        for corners, rows in zip(scene.corners, scene.rows, strict=True):
            assert np.isnan(corners).all() == (rows == 0)
            if rows:
                seen += 1
                assert 0 <= corners.min() <= corners.max() <= SIDE_PX
    assert seen >= 15


def test_places_where_real_plates_may_hide_count_little():
    """The lower middle of a vehicle is unsure ground, except where something was pasted; the street is sure."""
    rng = np.random.default_rng(4)
    lowest = [draw_scene(SOURCES, [font_glyph], rng).weights for _ in range(10)]
    assert all(0 < w.min() < 0.5 and w.max() == 1 for w in lowest)

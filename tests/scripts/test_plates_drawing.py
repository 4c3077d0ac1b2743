"""Drawn plates: texts that the grammar knows, pictures with the right proportions and colours."""

import numpy as np
import pytest

from detector.entities import PlateType
from detector.observation.plate_grammar import classify
from scripts.synthesis.plates import PROVINCES, STYLES, draw_plate, font_glyph, random_plate

TYPE_OF = {
    "blue": PlateType.ORDINARY, "yellow_single": PlateType.ORDINARY, "yellow_double": PlateType.ORDINARY,
} | {kind: PlateType(kind) for kind in STYLES if kind in set(PlateType)}  # fmt: skip


def test_every_style_has_a_kind():
    """The generator and the grammar speak of the same kinds."""
    assert set(TYPE_OF) == set(STYLES)


@pytest.mark.parametrize("plate_type", STYLES)
def test_random_texts_are_plates_of_their_kind(plate_type):
    """Two hundred texts of each kind are all known to the grammar, as that kind."""
    rng = np.random.default_rng(1)
    assert {classify(random_plate(plate_type, rng)) for _ in range(200)} == {TYPE_OF[plate_type]}


def test_all_provinces_occur_and_chongqing_most():
    """Of a thousand plates, every province has some, and 渝 the most."""
    rng = np.random.default_rng(2)
    first = [random_plate("blue", rng)[0] for _ in range(1000)]
    assert set(first) == set(PROVINCES)
    assert max(set(first), key=first.count) == "渝"


def test_the_seed_decides():
    """The same generator state gives the same text."""
    assert random_plate("blue", np.random.default_rng(3)) == random_plate("blue", np.random.default_rng(3))


@pytest.mark.parametrize(
    ("plate_type", "proportion"), [("blue", 440 / 140), ("nev_small", 480 / 140), ("trailer", 2.0)]
)
def test_proportions_are_those_of_the_standard(plate_type, proportion):
    """440x140, 480x140 and 440x220 mm."""
    for height_px in (35, 140, 280):
        plate = draw_plate(random_plate(plate_type, np.random.default_rng(4)), plate_type, height_px=height_px)
        assert plate.shape[0] == height_px
        assert plate.shape[1] == pytest.approx(height_px * proportion, abs=1)
        assert plate.dtype == np.uint8


def test_ground_and_ink_have_the_kind_s_colours():
    """Between the characters lies the ground; 警 is red; a large new-energy plate is yellow before the separator."""
    blue = draw_plate("渝A12345", "blue")
    assert blue[20, 200].tolist() == list(STYLES["blue"].ground)
    police = draw_plate("渝A1234警", "police").astype(int)
    assert (police[..., 0] - police[..., 2] > 100).sum() > 500
    truck = draw_plate("渝A12345D", "nev_large").astype(int)
    assert truck[15, 20].argmax() == 0
    assert truck[15, 400].argmax() == 1


def test_characters_stand_where_the_standard_puts_them():
    """The first of seven cells begins 15.5 mm from the left, and the last ends 15.5 mm before the right."""
    plate = draw_plate("渝H8888H", "blue").astype(int)
    ink = (plate[30:110, 8:-8] > 128).all(axis=2).any(axis=0).nonzero()[0] + 8
    assert ink.min() == pytest.approx(15.5, abs=2.5)
    assert ink.max() == pytest.approx(424.5, abs=2.5)


def test_another_source_of_shapes_is_used():
    """Training hands in real shapes: every cell asks it for its character and size."""
    asked = []

    def solid(character, width_px, height_px):
        asked.append((character, width_px, height_px))
        return np.full((height_px, width_px), 255, np.uint8)

    draw_plate("渝A12345", "blue", glyphs=solid)
    assert asked == [(c, 45, 90) for c in "渝A12345"]


def test_the_bundled_fonts_have_every_character_of_plates():
    """No character falls back to the empty box: all shapes differ."""
    characters = PROVINCES + "ABCDEFGHJKLMNOPQRSTUVWXYZ0123456789挂学警港澳使领超应急民航"
    shapes = {font_glyph(c, 45, 90).tobytes() for c in characters}
    assert len(shapes) == len(characters)


def test_unknown_kinds_are_refused():
    """A kind that does not exist is an error, not a default."""
    with pytest.raises(KeyError):
        draw_plate("渝A12345", "purple")

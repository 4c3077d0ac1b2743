import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detector.errors import EvidenceError
from detector.evidence import composite
from detector.evidence.composite import CYAN, LINE_PX, TILE_WH, YELLOW, Tile, draw_composite, load_font, wrap
from detector.evidence.package import write_package
from detector.evidence.texts import Language
from tests.detector.evidence.makers import CAMERA, RELATIVE, make_observation, make_request, make_violation

GREY = np.full((720, 1280, 3), 128, np.uint8)


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def count_near(image, colour, tolerance=60):
    return int((np.abs(image - np.array(colour)).max(axis=2) < tolerance).sum())


class TestSheet:
    def test_every_line_of_the_caption_makes_the_sheet_higher(self):
        """The caption stands below the pictures and gets the room it needs: nothing is cut."""
        one = pixels(draw_composite("标题", [Tile("a", GREY)], [("地点", "渝南大道")]))
        three = pixels(draw_composite("标题", [Tile("a", GREY)], [("地点", "渝南大道" * 40)]))
        assert (three.shape[0] - one.shape[0]) % LINE_PX == 0
        assert three.shape[0] > one.shape[0]
        assert one.shape[1] == three.shape[1] == 2 * TILE_WH[0]

    def test_the_same_input_gives_the_same_bytes(self):
        """The composite is part of the manifest, which must not change from run to run."""
        tiles = [Tile("全景", GREY, (((10, 10, 500, 500), YELLOW),)), Tile("号牌", None, empty_text="未发现号牌")]
        assert draw_composite("标题", tiles, [("时间", "x")]) == draw_composite("标题", tiles, [("时间", "x")])

    def test_boxes_are_drawn_on_a_copy(self):
        """The boxes appear on the sheet in their colours, and the picture handed in stays as it was."""
        image = GREY.copy()
        boxes = (((100, 100, 900, 600), YELLOW), ((200, 150, 800, 300), CYAN))
        sheet = pixels(draw_composite("标题", [Tile("a", image, boxes)], []))
        assert count_near(sheet, YELLOW) > 1000
        assert count_near(sheet, CYAN) > 1000
        assert np.array_equal(image, GREY)

    @pytest.mark.parametrize(
        "box", [(-100, -100, 5000, 5000), (2000, 10, 3000, 20), (50, 50, 10, 10), (5, 5, 5.2, 5.2)]
    )
    def test_boxes_that_leave_the_picture_do_no_harm(self, box):
        """A predicted box may be anywhere; it is drawn as far as it lies inside."""
        sheet = pixels(draw_composite("标题", [Tile("a", GREY, ((box, YELLOW),)), Tile("b", GREY)], []))
        neighbour = sheet[200:600, TILE_WH[0] + 10 : -10]
        assert count_near(neighbour, YELLOW) == 0

    @pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3), (40, 120), (2160, 3840)])
    def test_pictures_of_any_size_fit_their_tile(self, shape):
        red = np.zeros((*shape, 3), np.uint8)
        red[..., 2] = 255
        sheet = pixels(draw_composite("标题", [Tile("a", red), Tile("b", None)], []))
        is_reddish = sheet[..., 0] - sheet[..., 1:].max(axis=2) > 60
        assert is_reddish[:, : TILE_WH[0]].any()
        assert not is_reddish[:, TILE_WH[0] + 8 :].any()

    def test_a_missing_font_is_one_clear_line(self, tmp_path, monkeypatch):
        """No font of the machine stands in for the bundled one: the sheet would differ from machine to machine."""
        monkeypatch.setattr(composite, "FONTS", tmp_path)
        load_font.cache_clear()
        with pytest.raises(EvidenceError, match="bundled CJK font is missing"):
            load_font(30)


class TestWrapping:
    @given(st.text("渣土车 abc-12，（）", max_size=200), st.integers(40, 400))
    def test_lines_fit_and_nothing_is_lost(self, value, width_px):
        """Only white space may disappear at the end of a line."""
        font = load_font(30)
        lines = wrap(value, font, width_px)
        assert "".join(lines).replace(" ", "") == value.replace(" ", "")
        assert all(font.getlength(line) <= width_px for line in lines)

    def test_what_moves_to_the_next_line_must_fit_there_too(self):
        assert wrap("11- 1土", load_font(30), 40) == ["11", "-", "1", "土"]

    def test_words_stay_whole_where_they_fit(self):
        assert wrap("渝南大道 near the old bridge", load_font(30), 240) == ["渝南大道 near", "the old bridge"]


@pytest.mark.parametrize("language", Language)
def test_labels_of_neighbouring_tiles_never_meet(language, tmp_path):
    """The strip between two labels is blank in both languages, with absolute and with relative time."""
    look = [make_observation(n, (300.0 + 99 * n, 60.0, 620.0 + 99 * n, 300.0), plate_text="渝D1") for n in range(2)]
    for number, request in enumerate((
        make_request(language=language),
        make_request(make_violation(look), time=RELATIVE, camera=CAMERA, language=language),
    )):  # fmt: skip
        package = write_package(request, tmp_path / str(number))
        sheet = pixels((tmp_path / str(number) / package.evidence.folder / "composite.jpg").read_bytes())
        for top in (composite.TITLE_PX, composite.TITLE_PX + composite.LABEL_PX + TILE_WH[1]):
            strip = sheet[top + 6 : top + composite.LABEL_PX - 8]
            assert (strip[:, TILE_WH[0] - 60 : TILE_WH[0] + 20] > 240).all()
            assert (strip[:, : TILE_WH[0] - 60] < 120).any()

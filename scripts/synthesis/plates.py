"""Draws number plates of every kind as flat pictures, and invents texts for them. numpy and Pillow only.

Sizes and positions follow GA 36-2018, in millimetres; one character cell is filled by one glyph, whose shape comes
from a `Glyphs` function, so that training can put the real stamped shapes in the place of the bundled fonts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Rgb = tuple[int, int, int]
Glyphs = Callable[[str, int, int], np.ndarray]
"""(character, width_px, height_px) → (height_px, width_px) uint8, 255 where there is ink."""

FONTS = Path(__file__).resolve().parents[2] / "detector" / "evidence" / "fonts"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "0123456789"
CHONGQING_SHARE = 0.25  # of random plates that carry a province; the other 30 share the rest evenly
NARROW_SHARE = 0.42  # of the cell that a drawn "1" fills

BLACK, WHITE, RED = (18, 18, 18), (242, 242, 240), (196, 24, 24)
BLUE, YELLOW = (14, 52, 158), (244, 184, 12)
MINT, GREEN, DARK_GREEN = (218, 242, 226), (98, 196, 128), (10, 110, 70)


@dataclass(frozen=True, slots=True)
class Style:
    """How one kind of plate looks; lengths in mm.

    Attributes:
        ground: colour of the plate; `ground_low` is that of the lower edge where the ground is a gradient.
        left: colour of a block at the left that reaches to the separator; None without one.
        pitch: cell width and gap between cells of a single row.
        dot_after: characters before the separator; None for a plate in two rows.
        red: characters that are red wherever they stand; `red_first` counts red ones from the left.
    """

    width: int = 440
    height: int = 140
    ground: Rgb = WHITE
    ground_low: Rgb | None = None
    left: Rgb | None = None
    ink: Rgb = BLACK
    pitch: tuple[float, float] = (45, 12)
    dot_after: int | None = 2
    dot_gap: float = 34
    red: str = ""
    red_first: int = 0


STYLES: dict[str, Style] = {
    "blue": Style(ground=BLUE, ink=WHITE),
    "yellow_single": Style(ground=YELLOW),
    "yellow_double": Style(height=220, ground=YELLOW, dot_after=None),
    "nev_small": Style(width=480, ground=MINT, ground_low=GREEN, pitch=(43.25, 9), dot_gap=49),
    "nev_large": Style(width=480, ground=GREEN, left=YELLOW, pitch=(43.25, 9), dot_gap=49),
    "trailer": Style(height=220, ground=YELLOW, dot_after=None),
    "trainer": Style(ground=YELLOW),
    "police": Style(dot_after=1, red="警"),
    "hk_macau": Style(ground=BLACK, ink=WHITE),
    "embassy": Style(ground=BLACK, ink=WHITE, dot_after=3, red="使"),
    "consulate": Style(ground=BLACK, ink=WHITE, dot_after=1, red="领"),
    "military": Style(red_first=2),
    "armed_police": Style(pitch=(43, 8), dot_after=3, dot_gap=26, red_first=2),
    "emergency": Style(pitch=(43, 8), dot_gap=26, red="应急"),
    "airside": Style(ground=DARK_GREEN, ink=WHITE, pitch=(45, 12)),
    "tractor": Style(height=220, ground=DARK_GREEN, ink=WHITE, dot_after=None),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One character and the box that it fills, in mm."""

    character: str
    x: float
    y: float
    width: float
    height: float


def font_glyph(character: str, width_px: int, height_px: int) -> np.ndarray:
    """The bundled fonts' shape of a character, stretched to fill its cell (see `Glyphs`)."""
    return _font_glyph(character, width_px, height_px).copy()


@lru_cache(maxsize=2048)
def _font_glyph(character: str, width_px: int, height_px: int) -> np.ndarray:
    name = "RoadwardenPlate-Subset.ttf" if character.isascii() else "NotoSansCJKsc-Subset.otf"
    font = ImageFont.truetype(str(FONTS / name), 160)
    left, top, right, bottom = font.getbbox(character)
    drawn = Image.new("L", (right - left + 8, bottom - top + 8))
    ImageDraw.Draw(drawn).text((4 - left, 4 - top), character, font=font, fill=255)
    shape = drawn.crop(drawn.getbbox())  # the font's own box includes side bearings
    inner_px = max(1, round(width_px * NARROW_SHARE)) if character in "1I" else width_px
    cell = Image.new("L", (width_px, height_px))
    cell.paste(shape.resize((inner_px, height_px), Image.Resampling.BICUBIC), ((width_px - inner_px) // 2, 0))
    return np.asarray(cell)


def dot_position(text: str, plate_type: str) -> int | None:
    """How many characters stand before the separator; None for plates in two rows."""
    if plate_type == "embassy" and text.startswith("使"):
        return 4
    if plate_type == "consulate" and text[1].isalpha():
        return 2
    if plate_type == "armed_police" and text[2] not in PROVINCES:
        return 2
    return STYLES[plate_type].dot_after


def lay_out(text: str, plate_type: str) -> tuple[list[Cell], tuple[float, float]]:
    """Cells of the characters and centre of the separator, in mm from the plate's upper left corner."""
    style = STYLES[plate_type]
    dot_after = dot_position(text, plate_type)
    if dot_after is None:
        head = 3 if plate_type == "tractor" else 2
        upper = [Cell(c, 110 + 140 * i if head == 2 else 65 + 115 * i, 15, 80, 60) for i, c in enumerate(text[:head])]
        lower = [Cell(c, 27.5 + 80 * i, 90, 65, 110) for i, c in enumerate(text[head:])]
        return upper + lower, (220, 45)
    (width, gap), n = style.pitch, len(text)
    x = (style.width - n * width - (n - 2) * gap - style.dot_gap) / 2
    cells, dot_x = [], 0.0
    for i, character in enumerate(text):
        cells.append(Cell(character, x, 25, width, 90))
        if i + 1 == dot_after:
            dot_x = x + width + style.dot_gap / 2
        x += width + (style.dot_gap if i + 1 == dot_after else gap)
    return cells, (dot_x, style.height / 2)


def draw_plate(text: str, plate_type: str, *, height_px: int = 140, glyphs: Glyphs = font_glyph) -> np.ndarray:
    """Draw a clean, flat plate that fills its picture.

    Args:
        text: characters without the separator, for instance "渝A12345".
        plate_type: key of `STYLES`.
        height_px: of the picture; the width follows from the plate's proportions.
        glyphs: shapes of the characters.

    Returns:
        (height_px, W, 3) uint8, RGB.

    Raises:
        KeyError: unknown `plate_type`.
    """
    style = STYLES[plate_type]
    scale = height_px / style.height
    cells, dot = lay_out(text, plate_type)
    image = Image.fromarray(_ground(style, scale, dot[0]))
    draw = ImageDraw.Draw(image)
    inset, line = 3.5 * scale, max(1, round(2 * scale))
    box = (inset, inset, image.width - 1 - inset, image.height - 1 - inset)
    draw.rounded_rectangle(box, radius=10 * scale, outline=style.ink, width=line)
    if plate_type != "tractor":
        _draw_dot(draw, (dot[0] * scale, dot[1] * scale), scale, style)
    for i, cell in enumerate(cells):
        size = max(1, round(cell.width * scale)), max(1, round(cell.height * scale))
        ink = RED if i < style.red_first or cell.character in style.red else style.ink
        mask = Image.fromarray(glyphs(cell.character, *size))
        image.paste(ink, (round(cell.x * scale), round(cell.y * scale)), mask)
    return np.asarray(image)


def _ground(style: Style, scale: float, dot_x: float) -> np.ndarray:
    height, width = round(style.height * scale), round(style.width * scale)
    low = style.ground_low or style.ground
    share = np.linspace(0, 1, height)[:, None, None]
    ground = np.array(style.ground) * (1 - share) + np.array(low) * share
    ground = np.repeat(ground, width, axis=1)
    if style.left is not None:
        ground[:, : round(dot_x * scale)] = style.left
    return np.ascontiguousarray(ground.round().astype(np.uint8))


def _draw_dot(draw: ImageDraw.ImageDraw, centre: tuple[float, float], scale: float, style: Style) -> None:
    x, y = centre
    if style.width == 480:  # new-energy plates carry a round emblem instead of a dot
        rings: tuple[tuple[float, Rgb], ...] = ((14, (40, 120, 200)), (10, WHITE), (7, DARK_GREEN))
    else:
        rings = ((5, style.ink),)
    for radius, colour in rings:
        r = radius * scale
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def random_plate(plate_type: str, rng: np.random.Generator) -> str:
    """A grammar-valid text for a kind of plate; 渝 is frequent, and all 31 provinces occur.

    Raises:
        KeyError: unknown `plate_type`.
    """

    def pick(characters: str, n: int = 1) -> str:
        return "".join(characters[i] for i in rng.integers(0, len(characters), n))

    def serial(n: int) -> str:
        """`n` digits, of which up to two are letters in any place (GA 36-2018 table 4)."""
        text = list(pick(DIGITS, n))
        for i in rng.choice(n, size=rng.choice(3, p=(0.35, 0.4, 0.25)), replace=False):
            text[i] = pick(LETTERS)
        return "".join(text)

    province = "渝" if rng.random() < CHONGQING_SHARE else pick(PROVINCES)
    head = province + pick(LETTERS)
    texts: dict[str, Callable[[], str]] = {
        "blue": lambda: head + serial(5),
        "yellow_single": lambda: head + serial(5),
        "yellow_double": lambda: head + serial(5),
        "nev_small": lambda: head + pick("DABCEFGHJK") + pick(LETTERS + DIGITS * 3) + pick(DIGITS, 4),
        "nev_large": lambda: head + pick(DIGITS, 5) + pick("DABCEFGHJK"),
        "trailer": lambda: head + pick(LETTERS + DIGITS * 3) + pick(DIGITS, 3) + "挂",
        "trainer": lambda: head + pick(LETTERS + DIGITS * 3) + pick(DIGITS, 3) + "学",
        "police": lambda: province + pick(LETTERS + "OO") + pick(LETTERS + DIGITS * 3) + pick(DIGITS, 3) + "警",
        "hk_macau": lambda: "粤Z" + pick(LETTERS) + pick(LETTERS + DIGITS * 4, 3) + pick("港港澳"),
        "embassy": lambda: pick(DIGITS, 6) + "使" if rng.random() < 0.7 else "使" + pick(DIGITS, 6),
        "consulate": lambda: (head + pick(DIGITS, 4) if rng.random() < 0.5 else province + pick(DIGITS, 5)) + "领",
        "military": lambda: pick(LETTERS.replace("W", "")) + pick(LETTERS) + pick(DIGITS, 5),
        "armed_police": lambda: "WJ" + province + pick(DIGITS, 4) + pick(LETTERS + DIGITS * 3),
        "emergency": lambda: province + pick("XS") + pick(DIGITS, 4) + "应急",
        "airside": lambda: "民航" + pick(LETTERS) + pick(DIGITS, 4),
        "tractor": lambda: province + pick(DIGITS, 7),
    }
    return texts[plate_type]()

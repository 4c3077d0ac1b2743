"""The composite: four pictures and a caption on one sheet, for people. Drawn on copies; originals stay untouched.

┌──────────── title ────────────┐
│ scene 1        │ scene 2      │   a label above each picture, thin boxes on the copies:
│ vehicle        │ plate        │   the vehicle yellow, its bed cyan
│ caption: time, place, …       │   the caption stands outside the pictures
└───────────────────────────────┘
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from detector.errors import EvidenceError
from detector.geometry import Box

FONTS = Path(__file__).parent / "fonts"

TILE_WH = (960, 540)
LABEL_PX, TITLE_PX, LINE_PX, MARGIN_PX = 44, 72, 48, 24
TEXT_SIZE, TITLE_SIZE = 30, 40
KEY_WIDTH_PX = 220

PAPER, INK, FAINT, GAP = (255, 255, 255), (20, 20, 20), (90, 90, 90), (40, 40, 40)
YELLOW, CYAN = (255, 210, 0), (0, 220, 255)
JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture of the sheet.

    Attributes:
        label: stands above the picture.
        image: (H, W, 3) uint8 BGR; None shows `empty_text` instead.
        boxes: boxes in px of `image` with their colours (red, green, blue).
        empty_text: stands in the middle of a tile without a picture.
    """

    label: str
    image: np.ndarray | None
    boxes: tuple[tuple[Box, tuple[int, int, int]], ...] = ()
    empty_text: str = ""


def draw_composite(title: str, tiles: Sequence[Tile], caption: Sequence[tuple[str, str]]) -> bytes:
    """Draw the sheet, 1920 px wide and as high as the caption needs.

    Args:
        title: stands at the top.
        tiles: in reading order, two in a row.
        caption: label and value of each line; long values wrap, nothing is cut.

    Returns:
        A JPEG file; the same input gives the same bytes.

    Raises:
        EvidenceError: the bundled font is missing.
    """
    font, width_px = load_font(TEXT_SIZE), 2 * TILE_WH[0]
    lines = [
        (key if number == 0 else "", part)
        for key, value in caption
        for number, part in enumerate(wrap(value, font, width_px - KEY_WIDTH_PX - 2 * MARGIN_PX))
    ]
    rows = (len(tiles) + 1) // 2
    top_of_caption = TITLE_PX + rows * (LABEL_PX + TILE_WH[1])
    sheet = Image.new("RGB", (width_px, top_of_caption + len(lines) * LINE_PX + 2 * MARGIN_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((width_px // 2, TITLE_PX // 2), title, INK, load_font(TITLE_SIZE), anchor="mm")
    for number, tile in enumerate(tiles):
        _draw_tile(sheet, tile, (number % 2 * TILE_WH[0], TITLE_PX + number // 2 * (LABEL_PX + TILE_WH[1])))
    for number, (key, part) in enumerate(lines):
        y = top_of_caption + MARGIN_PX + number * LINE_PX + LINE_PX // 2
        draw.text((MARGIN_PX, y), key, FAINT, font, anchor="lm")
        draw.text((MARGIN_PX + KEY_WIDTH_PX, y), part, INK, font, anchor="lm")
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)  # thin coloured boxes need full chroma
    return file.getvalue()


def draw_overlay(image: np.ndarray, caption: Sequence[tuple[str, str]]) -> bytes:
    """A whole picture with its caption in a strip above it, so that nothing in the picture is covered.

    Args:
        image: (H, W, 3) uint8 BGR; stays as it is.
        caption: label and value of each line; long values wrap.

    Returns:
        A JPEG file, as wide as the picture.

    Raises:
        EvidenceError: the bundled font is missing.
    """
    height_px, width_px = image.shape[:2]
    font, room_px = load_font(TEXT_SIZE), max(width_px - 2 * MARGIN_PX, 8 * TEXT_SIZE)
    lines = [part for key, value in caption for part in wrap(f"{key}: {value}", font, room_px)]
    strip_px = len(lines) * LABEL_PX + MARGIN_PX
    sheet = Image.new("RGB", (width_px, strip_px + height_px), INK)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((MARGIN_PX, MARGIN_PX // 2 + number * LABEL_PX + LABEL_PX // 2), line, PAPER, font, anchor="lm")
    sheet.paste(_to_rgb(image), (0, strip_px))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


@cache
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """The bundled CJK font; no font of the machine is ever used, so every machine draws the same.

    Raises:
        EvidenceError: it is missing.
    """
    return ImageFont.truetype(str(find_font()), size, layout_engine=ImageFont.Layout.BASIC)


def find_font() -> Path:
    """The file of the bundled CJK font.

    Raises:
        EvidenceError: it is missing.
    """
    paths = sorted(FONTS.glob("*CJK*.[ot]tf"))
    if not paths:
        raise EvidenceError(f"{FONTS}: the bundled CJK font is missing; reinstall")
    return paths[0]


def wrap(value: str, font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    """Break a text into lines of at most `width_px`: after a space where there is one, else between any characters."""
    lines, line = [], ""
    for character in " ".join(value.split()):
        if line and font.getlength(line + character) > width_px:
            kept, space, rest = line.rpartition(" ")
            breaks_word = not space or character == " "
            lines.append(line.rstrip() if breaks_word else kept)
            line = "" if breaks_word else rest
            if line and font.getlength(line + character) > width_px:
                lines.append(line)
                line = ""
        line += character if line or character != " " else ""
    return [*lines, line]


def _to_rgb(image: np.ndarray) -> Image.Image:
    """A picture (H, W, 3) uint8 BGR for drawing."""
    return Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _draw_tile(sheet: Image.Image, tile: Tile, origin: tuple[int, int]) -> None:
    x, y = origin
    draw = ImageDraw.Draw(sheet)
    draw.text((x + MARGIN_PX, y + LABEL_PX // 2), tile.label, INK, load_font(TEXT_SIZE), anchor="lm")
    frame = (x + 2, y + LABEL_PX, x + TILE_WH[0] - 2, y + LABEL_PX + TILE_WH[1] - 2)
    draw.rectangle(frame, fill=GAP)
    middle = ((frame[0] + frame[2]) // 2, (frame[1] + frame[3]) // 2)
    if tile.image is None:
        draw.text(middle, tile.empty_text, PAPER, load_font(TITLE_SIZE), anchor="mm")
        return
    height_px, width_px = tile.image.shape[:2]
    scale = min((frame[2] - frame[0]) / width_px, (frame[3] - frame[1]) / height_px)
    size = max(1, int(width_px * scale)), max(1, int(height_px * scale))
    picture = _to_rgb(cv2.resize(tile.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4))
    corner = middle[0] - size[0] // 2, middle[1] - size[1] // 2
    pen = ImageDraw.Draw(picture)
    for (x1, y1, x2, y2), colour in tile.boxes:
        box = (max(x1, 0) * scale, max(y1, 0) * scale, min(x2, width_px) * scale - 1, min(y2, height_px) * scale - 1)
        if box[2] > box[0] and box[3] > box[1]:
            pen.rectangle(box, outline=colour, width=2)
    sheet.paste(picture, corner)

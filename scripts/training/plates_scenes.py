"""The plate detector's training scenes: drawn plates pasted onto real vehicles, and things that are no plates.

A scene is a vehicle's crop (or a whole street) letterboxed into a square. Plates are pasted at the crop's own
resolution before scaling, so that they are as blurred as what surrounds them. Look-alikes (lettering, blank boards,
pieces of other pictures) are pasted the same way, else the network would learn to see the pasting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from scripts.synthesis.plates import DIGITS, LETTERS, PROVINCES, STYLES, Glyphs, draw_plate, font_glyph, random_plate
from scripts.training.plates_crops import SHARES
from scripts.training.plates_degrade import age, blur, expose, monochrome, pose, record

SIDE_PX, STRIDE_PX = 320, 8
CELLS = SIDE_PX // STRIDE_PX
MAX_PLATES = 2
GREY = 114
UNSURE_WEIGHT = 0.12
"""Of "no plate" where an unlabelled real plate may be: the lower middle of every vehicle of the source pictures."""

Source = tuple[np.ndarray, np.ndarray]
"""A picture, BGR, and its vehicles' boxes (N, 4) in px."""


@dataclass(slots=True, eq=False)
class Scene:
    """One training picture and its truth.

    Attributes:
        image: (SIDE_PX, SIDE_PX, 3) uint8, BGR.
        corners: (MAX_PLATES, 4, 2) px; NaN where there is no plate.
        rows: (MAX_PLATES,) 1 or 2; 0 where there is no plate.
        weights: (CELLS, CELLS) of the "no plate" loss, 0 to 1.
    """

    image: np.ndarray
    corners: np.ndarray
    rows: np.ndarray
    weights: np.ndarray


@dataclass(slots=True, eq=False)
class _Canvas:
    """A piece of a source picture under construction; `zones` are boxes where real plates may hide, in px."""

    image: np.ndarray
    zones: np.ndarray
    taken: list[np.ndarray] = field(default_factory=list)  # corner arrays of what has been pasted
    plates: list[tuple[np.ndarray, int]] = field(default_factory=list)


def draw_scene(sources: Sequence[Source], glyphs: Sequence[Glyphs], rng: np.random.Generator) -> Scene:
    """One random scene: no, one or two plates, and up to three look-alikes."""
    canvas = _cut_canvas(sources[rng.integers(len(sources))], rng)
    for _ in range(rng.choice(3, p=(0.12, 0.78, 0.10))):
        kind = rng.choice(list(SHARES), p=np.array(list(SHARES.values())) / sum(SHARES.values()))
        style = STYLES[kind]
        height_px = 60 if style.height == 140 else 94
        board = draw_plate(random_plate(kind, rng), kind, height_px=height_px, glyphs=glyphs[rng.integers(len(glyphs))])
        placed = _paste(canvas, age(np.ascontiguousarray(board[..., ::-1]), rng), rng)
        if placed is not None:
            canvas.plates.append((placed, 2 if style.height == 220 else 1))
    for _ in range(rng.choice(4, p=(0.35, 0.35, 0.2, 0.1))):
        _paste(canvas, _look_alike(sources, rng), rng)
    return _finish(canvas, rng)


def _cut_canvas(source: Source, rng: np.random.Generator) -> _Canvas:
    picture, boxes = source
    if rng.random() < 0.5:
        picture, boxes = picture[:, ::-1], boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [picture.shape[1], 0] * 2
    height, width = picture.shape[:2]
    wide = boxes[boxes[:, 2] - boxes[:, 0] >= 70]
    if len(wide) and rng.random() < 0.8:
        x1, y1, x2, y2 = wide[rng.integers(len(wide))]
        grow = rng.uniform(-0.02, 0.14, 4)
        size = np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
        box = np.array([x1, y1, x2, y2]) + grow * size * [-1, -1, 1, 1]
    else:
        side = rng.uniform(0.3, 1) * min(height, width)
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        box = np.array([x, y, x + side, y + side * rng.uniform(0.6, 1)])
    x1, y1, x2, y2 = np.clip(box, 0, [width, height, width, height]).astype(int)
    zones = np.stack([
        boxes[:, 0] + 0.05 * (boxes[:, 2] - boxes[:, 0]), boxes[:, 1] + 0.35 * (boxes[:, 3] - boxes[:, 1]),
        boxes[:, 2] - 0.05 * (boxes[:, 2] - boxes[:, 0]), boxes[:, 3] + 0.02 * (boxes[:, 3] - boxes[:, 1]),
    ], axis=1) - [x1, y1, x1, y1]  # fmt: skip
    image = np.ascontiguousarray(picture[y1:y2, x1:x2])
    if max(image.shape[:2]) < 200:  # leave room for the plate's own detail
        scale = 200 / max(image.shape[:2])
        image, zones = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), zones * scale
    return _Canvas(image, zones)


def _paste(canvas: _Canvas, board: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Paste a flat board at a random pose and place; its corners (4, 2), or None where it did not fit."""
    height, width = canvas.image.shape[:2]
    share = np.exp(rng.uniform(np.log(0.035), np.log(0.42)))
    corners = pose(share * max(width, height), board.shape[1] / board.shape[0], rng)
    spread = 0.5 if rng.random() < 0.25 else 0.28  # a quarter lies anywhere, the rest where plates are
    centre = (
        rng.uniform(0.5 - spread, 0.5 + spread) * width,
        np.clip(rng.normal(0.7, spread / 1.8), 0.03, 0.97) * height,
    )
    corners = corners - corners.mean(axis=0) + centre
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (low < 1).any() or (high > [width - 1, height - 1]).any() or _covers(low, high, canvas.taken):
        return None
    x1, y1 = np.maximum(np.floor(low) - 2, 0).astype(int)
    x2, y2 = np.minimum(np.ceil(high) + 2, [width, height]).astype(int)
    under = canvas.image[y1:y2, x1:x2]
    flat = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [board.shape[1], board.shape[0]]
    warp = cv2.getPerspectiveTransform(flat.astype(np.float32), ((corners - [x1, y1]) * 3).astype(np.float32))
    size = ((x2 - x1) * 3, (y2 - y1) * 3)
    over = cv2.warpPerspective(board, warp, size, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpPerspective(np.full(board.shape[:2], 255, np.uint8), warp, size)
    over = cv2.resize(over, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA).astype(np.float32)
    alpha = cv2.resize(mask, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)[..., None] / 255.0
    light = 0.4 + 0.6 * under.mean() / 110 if rng.random() < 0.7 else rng.uniform(0.4, 1.6)
    mixed = np.clip(over * light * rng.uniform(0.7, 1.2), 0, 255) * alpha + under * (1 - alpha)
    mixed = mixed.astype(np.uint8)
    if rng.random() < 0.5:
        mixed = cv2.GaussianBlur(mixed, (0, 0), rng.uniform(0.3, 1.2))
    canvas.image[y1:y2, x1:x2] = mixed
    canvas.taken.append(corners)
    return corners


def _covers(low: np.ndarray, high: np.ndarray, taken: Sequence[np.ndarray]) -> bool:
    return any((low < t.max(axis=0) + 4).all() and (high > t.min(axis=0) - 4).all() for t in taken)


def _look_alike(sources: Sequence[Source], rng: np.random.Generator) -> np.ndarray:
    """A board that is no plate: lettering of another form, a blank board, or a piece of another picture."""
    kind = rng.random()
    height, width = 60, int(60 * np.exp(rng.uniform(np.log(0.8), np.log(7))))
    if kind < 0.3:
        picture = sources[rng.integers(len(sources))][0]
        y, x = (rng.integers(0, max(1, side - 60)) for side in picture.shape[:2])
        return cv2.resize(picture[y : y + 60, x : x + 60], (width, height))
    ground = rng.uniform(0, 255, 3) if rng.random() < 0.6 else rng.uniform(0, 255) * np.ones(3)
    board = np.full((height, width, 3), ground, np.uint8)
    if kind < 0.45:
        return age(board, rng)
    ink = 255 - ground if rng.random() < 0.5 else rng.uniform(0, 255, 3)
    size = int(rng.choice((18, 26, 40, 54)))
    alphabet = rng.choice((PROVINCES, LETTERS, DIGITS, LETTERS + DIGITS + PROVINCES))
    for y in range(int(rng.integers(2, 8)), height - size, size + 4):
        x = int(rng.integers(0, 20))
        while x + size < width and rng.random() > 0.06:
            character = alphabet[rng.integers(len(alphabet))]
            glyph = font_glyph(character, int(size * (0.6 if character.isascii() else 1)), size)[..., None] / 255.0
            area = board[y : y + size, x : x + glyph.shape[1]]
            area[:] = ink * glyph[:, : area.shape[1]] + area * (1 - glyph[:, : area.shape[1]])
            x += glyph.shape[1] + int(rng.integers(1, 8))
    return board


def _finish(canvas: _Canvas, rng: np.random.Generator) -> Scene:
    height, width = canvas.image.shape[:2]
    scale = SIDE_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(canvas.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if rng.random() < 0.6:
        image = expose(image, rng)
    image = record(blur(image, rng.uniform(0, 2.2), rng), rng) if rng.random() < 0.6 else image
    image = monochrome(image) if rng.random() < 0.1 else image
    offset = np.array([(SIDE_PX - size[0]) // 2, (SIDE_PX - size[1]) // 2])
    square = np.full((SIDE_PX, SIDE_PX, 3), GREY, np.uint8)
    square[offset[1] : offset[1] + size[1], offset[0] : offset[0] + size[0]] = image
    corners, rows = np.full((MAX_PLATES, 4, 2), np.nan, np.float32), np.zeros(MAX_PLATES, np.int64)
    for i, (plate, n) in enumerate(canvas.plates[:MAX_PLATES]):
        corners[i], rows[i] = plate * scale + offset, n
    weights = np.ones((CELLS, CELLS), np.float32)
    for zone in canvas.zones * scale + [*offset, *offset]:
        _fill(weights, zone, UNSURE_WEIGHT)
    for taken in canvas.taken:  # what was pasted is known
        low, high = taken.min(axis=0) * scale + offset, taken.max(axis=0) * scale + offset
        grow = 0.6 * (high - low)
        _fill(weights, np.concatenate([low - grow, high + grow]), 1.0)
    return Scene(square, corners, rows, weights)


def _fill(weights: np.ndarray, xyxy: np.ndarray, value: float) -> None:
    x1, y1, x2, y2 = np.clip(np.round(xyxy / STRIDE_PX), 0, CELLS).astype(int)
    weights[y1:y2, x1:x2] = value

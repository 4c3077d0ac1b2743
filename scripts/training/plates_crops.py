"""The plate reader's training crops: drawn plates, degraded and rectified once into a file, and real crops.

Crops are (64, 192, 3) uint8, BGR, as `plate_rectify.rectify` gives them at run time.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detector.observation.plate_rectify import CROP_HEIGHT_PX, CROP_WIDTH_PX, rectify
from scripts.synthesis.plates import PROVINCES, STYLES, Glyphs, draw_plate, random_plate
from scripts.training.plates_degrade import age, blur, compress, expose, monochrome, pose, record

SLOTS = 8  # the longest plate has eight characters
ALPHABET = PROVINCES + "0123456789ABCDEFGHJKLMNOPQRSTUVWXYZ" + "挂学警港澳使领超应急民航"  # class 0 is "no character"
COLOURS = ("blue", "yellow", "green", "yellow_green", "white", "black")
COLOUR_OF = {
    "blue": "blue", "yellow_single": "yellow", "yellow_double": "yellow", "nev_small": "green",
    "nev_large": "yellow_green", "trailer": "yellow", "trainer": "yellow", "police": "white", "hk_macau": "black",
    "embassy": "black", "consulate": "black", "military": "white", "armed_police": "white", "emergency": "white",
    "airside": "green", "tractor": "green",
}  # fmt: skip
SHARES = {
    "blue": 0.22, "yellow_single": 0.08, "yellow_double": 0.14, "nev_small": 0.1, "nev_large": 0.09, "trailer": 0.075,
    "trainer": 0.03, "police": 0.06, "hk_macau": 0.05, "embassy": 0.015, "consulate": 0.015, "military": 0.03,
    "armed_police": 0.035, "emergency": 0.01, "airside": 0.01, "tractor": 0.04,
}  # fmt: skip
BOX_SHARE = 0.25  # of crops that are cut by the upright box instead of the four corners
SMALL_SHARE = 0.3  # of single rows that were stored as small as other systems store plates, upright box and all
SMALL_PX = 94, 24  # their width and height
MONOCHROME_SHARE = 0.1
IGNORED = -1  # label of a slot or colour that no loss looks at
TRAIN_PERCENT = 65  # of the real crops, by hash of the file name; the rest is for measuring only


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Parallel arrays: images (N, 64, 192, 3) uint8 BGR, texts (N, SLOTS) and colours (N,) int64 class numbers."""

    images: np.ndarray
    texts: np.ndarray
    colours: np.ndarray

    def __len__(self) -> int:
        """Number of crops."""
        return len(self.images)


def encode(text: str) -> np.ndarray:
    """Class numbers (SLOTS,) of a text, 0 behind its end."""
    return np.array([ALPHABET.index(c) + 1 for c in text] + [0] * (SLOTS - len(text)), np.int64)


def photograph(
    plate: np.ndarray, width_px: float, backgrounds: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Put a flat plate into a piece of scene and take its picture.

    Args:
        plate: clean plate, BGR.
        width_px: of the plate in the picture.
        backgrounds: pictures of vehicles and roads, from which the surroundings are cut.
        rng: source of every random choice.

    Returns:
        The picture (H, W, 3) uint8 and the plate's true corners (4, 2) in it.
    """
    plate = age(plate, rng)
    height, width = plate.shape[:2]
    corners = pose(width_px, width / height, rng)
    low, high = corners.min(axis=0), corners.max(axis=0)
    pad = (high - low) * rng.uniform(0.12, 0.4, 2) + 3
    corners = corners - low + pad
    scene_w, scene_h = (int(np.ceil(v)) for v in high - low + 2 * pad)
    scene = cv2.resize(_patch(backgrounds, rng), (scene_w, scene_h), interpolation=cv2.INTER_LINEAR)
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(flat, (corners * 2).astype(np.float32))
    size = (scene_w * 2, scene_h * 2)
    large = cv2.warpPerspective(plate, warp, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), warp, size)
    alpha = cv2.resize(mask, (scene_w, scene_h), interpolation=cv2.INTER_AREA)[..., None] / 255.0
    scene = cv2.resize(large, (scene_w, scene_h), interpolation=cv2.INTER_AREA) * alpha + scene * (1 - alpha)
    scene = expose(scene.astype(np.uint8), rng)
    return record(blur(scene, width_px / 70, rng), rng), corners


def _patch(backgrounds: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    picture = backgrounds[rng.integers(len(backgrounds))]
    size = int(rng.integers(16, min(picture.shape[:2]) // 2))
    x, y = rng.integers(0, picture.shape[1] - size), rng.integers(0, picture.shape[0] - size)
    return picture[y : y + size, x : x + size]


def misplace(corners: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The corners as a detector would give them: a little off, or only the upright box around them."""
    size = corners.max(axis=0) - corners.min(axis=0)
    if rng.random() < BOX_SHARE:
        pad = size * rng.uniform(-0.03, 0.08, 2)
        (x1, y1), (x2, y2) = corners.min(axis=0) - pad, corners.max(axis=0) + pad
        return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    return corners + rng.normal(0, 0.02, (4, 2)) * size + rng.normal(0, 0.02, 2) * size


def render_plate(
    plate_type: str, width_px: float, sources: tuple[Glyphs, Sequence[np.ndarray]], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, str]:
    """A degraded picture of a plate, `width_px` wide: the picture, the true corners (4, 2) and the text."""
    glyphs, backgrounds = sources
    text = random_plate(plate_type, rng)
    if text[0] in PROVINCES and plate_type != "hk_macau" and rng.random() < 0.8:  # even out the provinces
        text = PROVINCES[rng.integers(len(PROVINCES))] + text[1:]
    height_px = 96 if STYLES[plate_type].height == 140 else 150
    plate = draw_plate(text, plate_type, height_px=height_px, glyphs=glyphs)[..., ::-1]
    picture, corners = photograph(np.ascontiguousarray(plate), width_px, backgrounds, rng)
    return picture, corners, text


def draw_crop(
    plate_type: str, glyphs: Glyphs, backgrounds: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, str, int]:
    """One degraded, rectified crop with its text and colour class (IGNORED for a monochrome picture)."""
    width_px = np.exp(rng.uniform(np.log(50), np.log(230)))
    picture, corners, text = render_plate(plate_type, width_px, (glyphs, backgrounds), rng)
    colour = COLOURS.index(COLOUR_OF[plate_type])
    if rng.random() < MONOCHROME_SHARE:
        picture, colour = monochrome(picture), IGNORED
    if STYLES[plate_type].height == 140 and rng.random() < SMALL_SHARE:
        return whole_crop(store_small(picture, corners, rng)), text, colour
    crop = rectify(picture, tuple(map(tuple, misplace(corners, rng))))
    return crop, text, colour


def store_small(picture: np.ndarray, corners: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The upright box around a plate's corners (4, 2), stretched to SMALL_PX whatever its shape, as a JPEG keeps it."""
    size = corners.max(axis=0) - corners.min(axis=0)
    low = np.floor(corners.min(axis=0) - size * rng.uniform(-0.02, 0.06, 2)).astype(int).clip(min=0)
    high = np.ceil(corners.max(axis=0) + size * rng.uniform(-0.02, 0.06, 2)).astype(int)
    how = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(3)]
    small = cv2.resize(picture[low[1] : high[1], low[0] : high[0]], SMALL_PX, interpolation=how)
    return compress(small, int(rng.uniform(60, 98)))


def write_crops(folder: Path, n: int, sources: tuple[Sequence[Glyphs], Sequence[np.ndarray]], seed: int) -> None:
    """Draw `n` crops into `folder` (images.npy, texts.npy, colours.npy); one that exists is complete, and is kept."""
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    glyphs, backgrounds = sources
    rng = np.random.default_rng(seed)
    shape = (n, CROP_HEIGHT_PX, CROP_WIDTH_PX, 3)
    images = np.lib.format.open_memmap(unfinished / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
    texts, colours = np.zeros((n, SLOTS), np.int64), np.zeros(n, np.int64)
    kinds, shares = list(SHARES), np.array(list(SHARES.values()))
    for i in range(n):
        kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
        images[i], text, colours[i] = draw_crop(kind, glyphs[rng.integers(len(glyphs))], backgrounds, rng)
        texts[i] = encode(text)
    images.flush()
    np.save(unfinished / "texts.npy", texts)
    np.save(unfinished / "colours.npy", colours)
    unfinished.rename(folder)


def open_crops(folder: Path) -> Crops:
    """What `write_crops` wrote; the images stay on disk until they are used."""
    images = np.load(folder / "images.npy", mmap_mode="r")
    return Crops(images, np.load(folder / "texts.npy"), np.load(folder / "colours.npy"))


def in_train_part(file_name: str) -> bool:
    """The hash rule that splits the real crops: sha1 of the file name, first 4 bytes modulo 100 below TRAIN_PERCENT."""
    return int.from_bytes(hashlib.sha1(file_name.encode()).digest()[:4], "big") % 100 < TRAIN_PERCENT


def read_real_crops(folder: Path, *, train: bool) -> Crops:
    """One part of the real crops, whose file names are their plates; each is taken whole, as the reader would."""
    paths = [p for p in sorted(folder.glob("*.jpg")) if in_train_part(p.name) == train]
    images, texts = [], []
    for path in paths:
        images.append(whole_crop(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)))
        texts.append(encode(path.stem.split("_")[0]))
    colours = np.full(len(paths), IGNORED)  # the set does not state colours
    return Crops(np.stack(images), np.stack(texts), colours)


def whole_crop(picture: np.ndarray) -> np.ndarray:
    """A picture that is nothing but a plate, as a reader's crop."""
    height, width = picture.shape[:2]
    return rectify(picture, ((0, 0), (width, 0), (width, height), (0, height)))


def read_backgrounds(folder: Path, n: int, seed: int) -> list[np.ndarray]:
    """`n` pictures of the vehicle sets' train parts, no side longer than 640 px."""
    paths = sorted(folder.glob("*/train/images/*"))
    order = np.random.default_rng(seed).permutation(len(paths))[:n]
    pictures = [cv2.imdecode(np.fromfile(paths[i], np.uint8), cv2.IMREAD_COLOR) for i in order]
    scales = [min(1.0, 640 / max(p.shape[:2])) for p in pictures]
    return [
        cv2.resize(p, None, fx=s, fy=s, interpolation=cv2.INTER_AREA) for p, s in zip(pictures, scales, strict=True)
    ]

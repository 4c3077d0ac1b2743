"""What night, weather, lenses and recorders do to a picture of a bed; each at random, none changes the truth."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).resolve().parents[2] / "detector" / "evidence" / "fonts" / "NotoSansCJKsc-Subset.otf"
CAPTION_WORDS = ("抓拍时间", "车牌", "号码", "车道", "方向", "地点", "速度", "设备编号", "黄色", "渣土车")

Rng = np.random.Generator
LOST_LEVELS = 4.0  # grey levels


def degrade(crop: np.ndarray, rng: Rng, strength: float = 1.0) -> np.ndarray:
    """A crop (H, W, 3) uint8 as another camera on another day would have seen it; `strength` scales how often."""
    x = crop.astype(np.float32)
    for chance, change in (
        (0.12, occlude),
        (0.6, expose),
        (0.25, tint),
        (0.2, veil),
        (0.2, dazzle),
        (0.15, whiten_hot),
        (0.12, to_infrared),
        (0.3, blur),
        (0.35, add_noise),
        (0.2, caption),
    ):
        if rng.random() < chance * strength:
            x = change(x, rng)
    image = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.35 * strength:
        image = shrink(image, rng)
    return compress(image, rng) if rng.random() < 0.5 * strength else image


def is_lost(crop: np.ndarray) -> bool:
    """Whether so little structure is left in a crop (H, W, 3) that nobody could tell what it shows."""
    smooth = cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), crop.shape[1] / 60)
    return float(smooth.std()) < LOST_LEVELS


def repaint(crop: np.ndarray, mask: np.ndarray, grainy: bool, rng: Rng) -> np.ndarray:
    """Another colour, brightness and dirt for a part of a crop, so that no colour can stand for a state.

    White stone is not an empty bed and coal is not a black tarpaulin; renders have few materials, the world has many.

    Args:
        crop: (H, W, 3) uint8.
        mask: (H, W) float32, 1 within the part; its edge is made soft.
        grainy: a load is seen: its grain may change too.
        rng: source of randomness.
    """
    height, width = crop.shape[:2]
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 5))[..., None]
    x = crop.astype(np.float32)
    gain = np.exp(np.clip(rng.normal(0, 0.45), -1.2, 1.0))
    is_monochrome = float(np.ptp(x[::8, ::8], axis=2).mean()) < 6
    colour = np.float32(gain) * (np.ones(3) if is_monochrome else np.exp(rng.normal(0, 0.16, 3))).astype(np.float32)
    dirt = 1 + rng.uniform(0, 0.35) * _make_noise((height, width), int(rng.integers(3, 12)), rng)
    if grainy and rng.random() < 0.7:
        dirt = dirt * (1 + rng.uniform(0.03, 0.3) * _make_noise((height, width), int(rng.integers(60, 260)), rng))
    painted = (x + rng.uniform(0, 8)) * colour * dirt[..., None]
    return np.clip(x + (painted - x) * mask, 0, 255).astype(np.uint8)


def _draw_colour(low: float, high: float, rng: Rng) -> np.ndarray:
    """Three float32 values between two limits."""
    return rng.uniform(low, high, 3).astype(np.float32)


def _make_noise(shape: tuple[int, int], cells: int, rng: Rng) -> np.ndarray:
    """Smooth noise (H, W) of about -1 to 1 with `cells` waves across."""
    small = rng.standard_normal((cells, cells), np.float32).clip(-2, 2) / 2
    return cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)


def occlude(x: np.ndarray, rng: Rng) -> np.ndarray:
    """A pole, a wire or a corner of a neighbour hides at most about a tenth."""
    x = x.copy()
    height, width = x.shape[:2]
    colour = rng.uniform(0, 255, 3)
    kind = rng.integers(3)
    if kind == 0:
        at, thick = rng.integers(width), max(1, int(width * rng.uniform(0.01, 0.06)))
        x[:, at : at + thick] = colour + rng.normal(0, 6, 3)
    elif kind == 1:
        slope = rng.uniform(-0.4, 0.4) * height
        y = rng.uniform(0, height)
        cv2.line(x, (0, int(y)), (width, int(y + slope)), colour.tolist(), int(rng.integers(1, 4)), cv2.LINE_AA)
    else:
        h, w = int(height * rng.uniform(0.05, 0.3)), int(width * rng.uniform(0.1, 0.3))
        top, left = (0 if rng.random() < 0.4 else height - h), (0 if rng.random() < 0.5 else width - w)
        x[top : top + h, left : left + w] = colour
    return x


def expose(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Exposure and gamma from deep night to overexposed; raw brightness is what the network must learn to live with."""
    gamma = np.exp(rng.normal(0, 0.35))
    gain = np.exp(rng.uniform(np.log(0.2), np.log(1.6)) if rng.random() < 0.5 else rng.normal(0, 0.25))
    curve = 255 * (np.arange(256) / 255) ** gamma * gain + rng.uniform(-8, 12)
    return curve.astype(np.float32)[np.clip(x, 0, 255).astype(np.uint8)]


def tint(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Sodium light, bad white balance, faded or loud colours."""
    grey = x.mean(2, keepdims=True)
    return (grey + (x - grey) * rng.uniform(0.2, 1.6)) * _draw_colour(0.75, 1.25, rng)


def veil(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Haze, dust or a wet lens: everything moves towards one light grey, more at one side."""
    share = np.linspace(rng.uniform(0, 0.65), rng.uniform(0, 0.65), x.shape[0], dtype=np.float32)[:, None, None]
    return x * (1 - share) + share * (rng.uniform(70, 225) + _draw_colour(-15, 15, rng))


def dazzle(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Lamps with their bloom, and the streak that a lens draws."""
    height, width = x.shape[:2]
    ys, xs = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    for _ in range(rng.integers(1, 4)):
        cx, cy, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.02, 0.25) * width
        glow = np.exp(-((xs - cx) ** 2) / (2 * radius**2)) * np.exp(-((ys - cy) ** 2) / (2 * radius**2))
        if rng.random() < 0.3:
            glow += 0.5 * np.exp(-np.abs(ys - cy) / (0.01 * height + 1)) * np.exp(-np.abs(xs - cx) / (0.4 * width))
        x = x + glow[..., None] * (rng.uniform(60, 260) * _draw_colour(0.75, 1, rng))
    return x


def whiten_hot(x: np.ndarray, rng: Rng) -> np.ndarray:
    """A strobe or low sun: one side light, the other dark, with a soft edge (also shadows of bridges and trees)."""
    height, width = x.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    xs, ys = (np.arange(n, dtype=np.float32) / n - np.float32(rng.uniform(0.2, 0.8)) for n in (width, height))
    along = xs[None] * np.float32(np.cos(angle)) + ys[:, None] * np.float32(np.sin(angle))
    edge = 1 / (1 + np.exp(np.clip(-along / rng.uniform(0.01, 0.15), -30, 30)))
    return x * (rng.uniform(0.25, 0.9) + edge[..., None] * rng.uniform(0.2, 1.0))


def to_infrared(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Monochrome as under infrared light: the channels mix as they like, foliage and cloth may turn light."""
    weights = rng.dirichlet((1, 1, 1)).astype(np.float32)
    grey = (x @ weights)[..., None] * rng.uniform(0.6, 1.4) + rng.uniform(-20, 20)
    return np.repeat(grey, 3, 2)


def blur(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Out of focus, or moving."""
    if rng.random() < 0.5:
        return cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 2.2))
    length = int(rng.integers(3, 14))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    centre = (length - 1) / 2
    cv2.line(kernel, (round(centre - dx), round(centre - dy)), (round(centre + dx), round(centre + dy)), 1.0)
    return cv2.filter2D(x, -1, kernel / max(kernel.sum(), 1))


def add_noise(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Sensor noise, coarse or fine, grey or coloured; now and then dead pixels."""
    height, width = x.shape[:2]
    scale = rng.uniform(1, 2.5)
    size = max(2, int(width / scale)), max(2, int(height / scale))
    channels = 3 if rng.random() < 0.6 else 1
    noise = rng.standard_normal((size[1], size[0], channels), np.float32) * np.float32(rng.uniform(2, 22))
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, channels)
    x = x + noise
    if rng.random() < 0.1:
        dead = rng.random((height, width)) < rng.uniform(0.002, 0.03)
        x[dead] = rng.choice([0.0, 255.0])
    return x


def caption(x: np.ndarray, rng: Rng) -> np.ndarray:
    """A line that the camera burns into its picture, on a band or not, at the upper or now and then the lower edge."""
    height, width = x.shape[:2]
    size = max(6, round(height * rng.uniform(0.03, 0.09)))
    words = " ".join(rng.choice(CAPTION_WORDS, 3))
    digits = "".join(rng.choice(list("0123456789:-年月日 "), 24))
    text = digits + words if rng.random() < 0.5 else words + digits
    drawn = Image.new("L", (width, size + size // 3))
    origin = -int(rng.integers(0, 8 * size)), 0
    ImageDraw.Draw(drawn).text(origin, text, font=_open_font(size), fill=255)
    top = 0 if rng.random() < 0.75 else max(0, height - drawn.height)
    x = x.copy()
    rows = x[top : top + drawn.height]
    if rng.random() < 0.6:
        rows[:] = rng.uniform(0, 255, 3) if rng.random() < 0.3 else rng.uniform(0, 30)
    letters = (np.asarray(drawn, np.float32) / 255)[: len(rows), :, None]
    colour = rng.uniform(0, 255, 3) if rng.random() < 0.3 else np.full(3, 245.0)
    rows[:] = rows * (1 - letters) + colour.astype(np.float32) * letters
    return x


@cache
def _open_font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), size_px, layout_engine=ImageFont.Layout.BASIC)


def shrink(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Detail as of a bed of 80 px and more."""
    height, width = image.shape[:2]
    scale = np.exp(rng.uniform(np.log(80 / 288), 0))
    size = max(8, int(width * scale)), max(8, int(height * scale))
    how = [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST][rng.choice(3, p=[0.6, 0.3, 0.1])]
    return cv2.resize(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (width, height), interpolation=how)


def compress(image: np.ndarray, rng: Rng) -> np.ndarray:
    """JPEG blocks, from good to bad."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 92))])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)

"""From linear light to a camera's picture. No bpy.

Air and lens (bloom, haze, dust, rain, drops on the glass), sensor (exposure, noise, blur), recorder (H.264 or JPEG,
caption).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np


@dataclass(frozen=True, slots=True)
class Look:
    """What lens, air and encoder do to a picture.

    Attributes:
        exposure: Factor on linear light.
        gain_noise: Standard deviation of sensor noise in linear units after exposure.
        haze: Share of air light at 20 m, 0..1.
        rain: Streaks per 10,000 pixels.
        blur_px: Length of the motion blur; `defocus_px` the spread of the lens.
        bloom: Share of light above 1 that spreads.
        dust: Thickness of a dust cloud near the ground, 0..1.
        drops: Water drops on the lens.
        jpeg: Quality of the compression.
        h264: Constant rate factor of a film's encoder before the JPEG (0 best, 51 worst); None for none.
        mono: Infrared: no colour.
        caption: Text burned in at the top, None for none.
    """

    exposure: float = 1.0
    gain_noise: float = 0.004
    haze: float = 0.0
    rain: float = 0.0
    blur_px: float = 0.0
    defocus_px: float = 0.0
    bloom: float = 0.1
    dust: float = 0.0
    drops: int = 0
    jpeg: int = 88
    h264: int | None = None
    mono: bool = False
    warmth: float = 0.0
    caption: str | None = None


def draw_look(exposure: float, dark: bool, mono: bool, rng: np.random.Generator) -> Look:
    """Draws a look; dark scenes are noisier and glare more."""
    return Look(
        exposure=exposure * float(rng.uniform(0.75, 1.35)),
        gain_noise=float(rng.uniform(0.003, 0.016) if dark else rng.uniform(0.001, 0.007)),
        haze=float(rng.choice([0.0, 0.0, 0.0, 1.0]) * rng.uniform(0.05, 0.35)),
        rain=float(rng.choice([0.0] * 7 + [1.0]) * rng.uniform(5, 25)),
        blur_px=float(rng.choice([0.0, 0.0, 1.0]) * rng.uniform(1.5, 5)),
        defocus_px=float(rng.choice([0.0, 1.0]) * rng.uniform(0.4, 1.2)),
        bloom=float(rng.uniform(0.05, 0.4) if dark else rng.uniform(0.0, 0.1)),
        jpeg=int(rng.integers(38, 93)),
        mono=mono,
        warmth=float(rng.uniform(-0.12, 0.12)),
        caption="2026-05-18 09:30:00" if rng.random() < 0.15 else None,
        dust=float(rng.uniform(0.2, 0.8) if rng.random() < 0.1 else 0.0),
        drops=int(rng.integers(2, 14) if rng.random() < 0.08 else 0),
        h264=int(rng.integers(24, 40)) if rng.random() < 0.5 else None,
    )


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Returns display values 0..1 of linear light with a soft shoulder above 0.8."""
    shoulder = np.where(linear > 0.8, 0.8 + 0.2 * (1 - np.exp(-(linear - 0.8) / 0.2 * 0.6)), linear)
    shoulder = np.clip(shoulder, 0, 1)
    return np.where(shoulder <= 0.0031308, 12.92 * shoulder, 1.055 * np.power(shoulder, 1 / 2.4) - 0.055)


def develop(linear_bgr: np.ndarray, look: Look, rng: np.random.Generator) -> np.ndarray:
    """Returns the camera's picture (H, W, 3) uint8 BGR of linear light (H, W, 3)."""
    warmth = np.array([1 - look.warmth, 1.0, 1 + look.warmth], np.float32)
    light = np.nan_to_num(linear_bgr[..., :3].astype(np.float32), nan=0.0, posinf=50.0) * look.exposure * warmth
    if look.bloom:
        glare = np.clip(light - 1.0, 0, 12)
        size = max(light.shape[:2])
        small = cv2.resize(glare, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        halo = cv2.GaussianBlur(small, (0, 0), 0.003 * size) + 0.5 * cv2.GaussianBlur(small, (0, 0), 0.0125 * size)
        light = light + look.bloom * cv2.resize(halo, light.shape[1::-1])
    if look.haze:
        air = float(np.percentile(light.mean(2), 85)) * 0.8 + 0.02
        thickness = look.haze * np.linspace(1.25, 0.75, light.shape[0])[:, None, None]
        light = light * (1 - thickness) + air * thickness
    light = add_dust(light, look.dust, rng)
    if look.mono:
        light = np.repeat((light @ np.array([0.25, 0.35, 0.4]))[..., None], 3, axis=2)
    light = add_rain(light, look.rain, rng)
    light = blur(light, look.blur_px, look.defocus_px, rng)
    light = add_drops(light, look.drops, rng)
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    if look.mono:
        noise = np.repeat(noise[..., :1], 3, axis=2)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * 1.6
    light = light + look.gain_noise * noise * np.sqrt(0.06 + np.clip(light, 0, 1))
    picture = np.clip(encode_srgb(np.clip(light, 0, None)) * 255, 0, 255).astype(np.uint8)
    if look.caption:
        write_caption(picture, look.caption)
    if look.h264 is not None:
        picture = encode_h264(picture, look.h264)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def add_rain(light: np.ndarray, density: float, rng: np.random.Generator) -> np.ndarray:
    """Adds bright slanted streaks; density is their number per 10,000 pixels."""
    if not density:
        return light
    height, width = light.shape[:2]
    streaks = np.zeros((height, width), np.float32)
    slant = rng.uniform(-0.25, 0.25)
    for _ in range(int(density * height * width / 10_000)):
        x, y, length = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.02, 0.06) * height
        end = (int(x + slant * length), int(y + length))
        cv2.line(streaks, (int(x), int(y)), end, float(rng.uniform(0.2, 1)), 1, cv2.LINE_AA)
    level = 0.25 * float(light.mean()) + 0.02
    return light + level * cv2.GaussianBlur(streaks, (0, 0), 0.7)[..., None]


def add_dust(light: np.ndarray, thickness: float, rng: np.random.Generator) -> np.ndarray:
    """Adds a cloud of road dust: patchy, thickest at the bottom; `thickness` 0..1 is its largest share of air light."""
    if not thickness:
        return light
    height, width = light.shape[:2]
    patches = cv2.resize(rng.random((4, 6), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    rise = np.linspace(0, 1, height, dtype=np.float32)[:, None] ** rng.uniform(0.7, 2)
    share = (thickness * np.clip(patches * 1.4 * rise, 0, 1))[..., None]
    air = (float(np.percentile(light.mean(2), 70)) + 0.02) * np.array([0.62, 0.78, 0.92], np.float32)
    return light * (1 - share) + air * share


def add_drops(light: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Lays drops on the lens: each shows a small, upside-down, blurred piece of the scene around it."""
    if not count:
        return light
    height, width = light.shape[:2]
    turned = cv2.GaussianBlur(light[::-1], (0, 0), 0.02 * width)
    out = light.copy()
    for _ in range(count):
        radius = rng.uniform(0.015, 0.06) * width
        centre = rng.uniform(0, width), rng.uniform(0, height)
        mask = np.zeros((height, width), np.float32)
        axes = int(radius), int(radius * rng.uniform(1.0, 1.5))
        cv2.ellipse(mask, (int(centre[0]), int(centre[1])), axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.2 * radius))[..., None]
        out = out * (1 - mask) + turned * float(rng.uniform(0.8, 1.2)) * mask
    return out


def encode_h264(picture: np.ndarray, rate_factor: int) -> np.ndarray:
    """What a film's encoder leaves of a picture (H, W, 3) uint8 BGR of even sides, as the second of two frames."""
    import av

    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
    encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
    encoder.options = {"crf": str(rate_factor), "preset": "veryfast", "tune": "zerolatency"}
    decoder = av.CodecContext.create("h264", "r")
    before = cv2.warpAffine(picture, np.float32([[1, 0, 1.5], [0, 1, 2.5]]), picture.shape[1::-1], borderMode=1)
    packets = [p for each in (before, picture) for p in encoder.encode(av.VideoFrame.from_ndarray(each, "bgr24"))]
    frames = [f for p in [*packets, *encoder.encode(None), None] for f in decoder.decode(p)]
    return frames[-1].to_ndarray(format="bgr24")


def blur(light: np.ndarray, motion_px: float, defocus_px: float, rng: np.random.Generator) -> np.ndarray:
    """Blurs along a mostly vertical line of `motion_px` and by a spread of `defocus_px`."""
    if motion_px > 1:
        size = int(np.ceil(motion_px)) | 1
        kernel = np.zeros((size, size), np.float32)
        centre, angle = size // 2, rng.uniform(1.1, 2.0)
        dx, dy = np.cos(angle) * motion_px / 2, np.sin(angle) * motion_px / 2
        cv2.line(kernel, (round(centre - dx), round(centre - dy)), (round(centre + dx), round(centre + dy)), 1.0, 1)
        light = cv2.filter2D(light, -1, kernel / kernel.sum())
    return cv2.GaussianBlur(light, (0, 0), defocus_px) if defocus_px > 0.2 else light


def write_caption(picture: np.ndarray, text: str) -> None:
    """Burns a caption into the top left corner, as recorders do."""
    scale = picture.shape[1] / 1000
    cv2.putText(picture, text, (4, int(26 * scale) + 4), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(
        picture, text, (4, int(26 * scale) + 4), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA
    )

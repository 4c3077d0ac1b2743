"""From linear light to a camera's picture: bloom, haze, rain, exposure, noise, blur, compression, caption. No bpy."""

from __future__ import annotations

from dataclasses import dataclass

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
        jpeg: Quality of the compression.
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
    jpeg: int = 88
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
    if look.mono:
        light = np.repeat((light @ np.array([0.25, 0.35, 0.4]))[..., None], 3, axis=2)
    light = add_rain(light, look.rain, rng)
    light = blur(light, look.blur_px, look.defocus_px, rng)
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    if look.mono:
        noise = np.repeat(noise[..., :1], 3, axis=2)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * 1.6
    light = light + look.gain_noise * noise * np.sqrt(0.06 + np.clip(light, 0, 1))
    picture = np.clip(encode_srgb(np.clip(light, 0, None)) * 255, 0, 255).astype(np.uint8)
    if look.caption:
        write_caption(picture, look.caption)
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

"""What road, weather and camera do to a plate between the stamping press and the picture.

Pictures are (H, W, 3) uint8, BGR. Every function draws what it needs from the generator that it is given.
"""

import cv2
import numpy as np

STEEP_SHARE = 0.2


def age(plate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Wear on the flat plate: bolts, dirt, faded paint, a shadow's edge, and often a frame around it."""
    out = plate.astype(np.float32)
    height, width = out.shape[:2]
    if rng.random() < 0.35:  # fade toward grey
        out = out * (k := rng.uniform(0.6, 1)) + rng.uniform(60, 190) * (1 - k)
    if rng.random() < 0.6:
        grey = float(rng.uniform(60, 230))
        for x in (0.19, 0.72):
            for y in (0.07, 0.93)[: rng.integers(1, 3)]:
                centre = int((x + rng.normal(0, 0.03)) * width), int(y * height)
                cv2.circle(out, centre, max(1, int(height * rng.uniform(0.025, 0.06))), (grey, grey, grey), -1)
    if rng.random() < 0.35:  # mud: smooth noise above a threshold
        mud = cv2.resize(rng.normal(size=(rng.integers(3, 9), rng.integers(6, 20))).astype(np.float32), (width, height))
        cover = np.clip((mud - rng.uniform(0.6, 2)) * 2, 0, rng.uniform(0.3, 0.85))[..., None]
        out = out * (1 - cover) + np.array([70, 90, 110], np.float32) * rng.uniform(0.5, 1.4) * cover
    if rng.random() < 0.3:
        out *= _shadow(height, width, rng)
    out = np.clip(out, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        edge = int(height * rng.uniform(0.02, 0.1))
        shade = rng.uniform(0, 60) if rng.random() < 0.7 else rng.uniform(140, 230)
        cv2.rectangle(out, (0, 0), (width - 1, height - 1), (shade, shade, shade), max(1, edge // 2))
    return out


def _shadow(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 1) factors: darker on one side of a random straight line."""
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5)
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    side = (x * np.cos(angle) + y * np.sin(angle) - offset) * rng.uniform(3, 40)
    return (1 - rng.uniform(0.2, 0.6) / (1 + np.exp(-side)))[..., None].astype(np.float32)


def expose(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light and sensor: gain, gamma, haze, colour cast, uneven light; often a night or an overexposed look."""
    out = image.astype(np.float32) / 255
    out = out ** rng.uniform(0.6, 1.6)
    kind = rng.random()
    gain = rng.uniform(0.2, 0.5) if kind < 0.15 else rng.uniform(1.2, 2.0) if kind < 0.3 else rng.uniform(0.55, 1.25)
    cast = 1 + rng.normal(0, 0.09, 3)
    haze = rng.uniform(0, 0.35) if rng.random() < 0.4 else 0.0
    out = out * (gain * cast).astype(np.float32) * (1 - haze) + haze * rng.uniform(0.3, 0.9)
    if rng.random() < 0.3:
        ramp = np.linspace(*rng.uniform(0.5, 1.3, 2), image.shape[1], dtype=np.float32)
        out *= ramp[None, :, None]
    if rng.random() < 0.2:  # saturation: toward grey, or stronger
        grey = out.mean(axis=2, keepdims=True)
        out = grey + (out - grey) * rng.uniform(0.2, 1.5)
    return (np.clip(out, 0, 1) * 255).astype(np.uint8)


def blur(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Defocus or motion, with a radius of up to about `strength` px."""
    kind = rng.random()
    if kind < 0.35 or strength < 0.3:
        return cv2.GaussianBlur(image, (0, 0), max(0.2, rng.uniform(0.2, 0.6) * strength))
    if kind < 0.6:
        length = max(2, round(rng.uniform(0.5, 2) * strength))
        kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
        angle = rng.normal(np.pi / 2, 0.5) if rng.random() < 0.5 else rng.uniform(0, np.pi)
        dx, dy = length / 2 * np.cos(angle), length / 2 * np.sin(angle)
        start, end = (round(length - dx), round(length - dy)), (round(length + dx), round(length + dy))
        cv2.line(kernel, start, end, 1.0, 1)
        return cv2.filter2D(image, -1, kernel / kernel.sum())
    return image


def record(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise, sharpening and compression of the camera."""
    out = image
    if rng.random() < 0.6:
        sigma = rng.uniform(1, 14)
        out = np.clip(out + rng.normal(0, sigma, (*out.shape[:2], rng.choice((1, 3)))), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(out, (0, 0), 1.2)
        k = rng.uniform(0.3, 1.2)
        out = cv2.addWeighted(out, 1 + k, soft, -k, 0)
    if rng.random() < 0.7:
        out = compress(out, int(rng.uniform(25, 95)))
    return out


def compress(image: np.ndarray, quality: int) -> np.ndarray:
    """What a JPEG of a quality of 0 to 100 leaves of a picture."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def monochrome(image: np.ndarray) -> np.ndarray:
    """The look of an infrared night camera: one grey channel, three times."""
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)


def pose(width_px: float, aspect: float, rng: np.random.Generator) -> np.ndarray:
    """Corners (4, 2) of a plate seen by a camera: centred on 0, upper edge near `width_px` long.

    Yaw up to 55°, pitch up to 40°, roll up to 15°, mostly far less, with perspective of a near or far camera; a fifth
    are steep: a hand-held or gate camera beside the vehicle, yaw up to 63° and roll up to 32°.
    """
    spread, limit = np.array((0.33, 0.22, 0.07)), np.array((0.95, 0.7, 0.26))
    if rng.random() < STEEP_SHARE:
        spread, limit = spread * (2, 1.3, 3), np.array((1.1, 0.7, 0.56))
    yaw, pitch, roll = rng.normal(0, spread).clip(-limit, limit)
    corners = np.array([[-0.5, -0.5 / aspect], [0.5, -0.5 / aspect], [0.5, 0.5 / aspect], [-0.5, 0.5 / aspect]])
    points = np.c_[corners, np.zeros(4)]
    cy, sy, cp, sp, cr, sr = *_cos_sin(yaw), *_cos_sin(pitch), *_cos_sin(roll)
    turn = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    points = points @ turn.T
    distance = np.exp(rng.uniform(np.log(2.5), np.log(25)))
    flat = points[:, :2] * (distance / (distance + points[:, 2:]))
    return flat * width_px


def _cos_sin(angle: float) -> tuple[float, float]:
    return float(np.cos(angle)), float(np.sin(angle))

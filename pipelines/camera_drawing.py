"""A camera's picture with its zone and lines drawn, to check the geometry by eye."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont

from detector.entities import Camera
from detector.errors import ConfigurationError, SourceError, StorageError
from detector.evidence.composite import load_font
from detector.video.file_source import FileSource
from detector.video.live_source import LiveSource
from detector.video.stream_settings import StreamSettings
from pipelines.spans import picture_of

Colour = tuple[int, int, int]

ZONE, LINE, INK, SHADE = (0, 229, 255), (255, 214, 0), (255, 255, 255), (0, 0, 0, 150)


def take_live(camera: Camera, settings: StreamSettings | None) -> np.ndarray:
    """The first picture that a camera shows, (H, W, 3) uint8 BGR.

    Raises:
        ConfigurationError: it has no stream.
        SourceError: it cannot be watched.
    """
    if settings is None:
        raise ConfigurationError(f"camera {camera.camera_id!r}: has no [camera.stream] table; give --clip FILE")
    with tempfile.TemporaryDirectory(prefix="roadwarden-draw-") as folder:
        with LiveSource(camera.camera_id, camera.analysis_fps, settings, Path(folder) / "ring") as source:
            frame = next(iter(source), None)
        if frame is None:
            raise SourceError(f"camera {camera.camera_id}: no picture can be decoded")
        return picture_of(frame).image


def take_from_clip(camera: Camera, clip: Path, at_s: float) -> np.ndarray:
    """The analysed picture of a clip at `at_s` seconds or next after, (H, W, 3) uint8 BGR.

    Raises:
        SourceError: the clip cannot be read, or ends before.
    """
    with FileSource(clip, camera.camera_id, camera.analysis_fps) as source:
        frame = next((frame for frame in map(picture_of, source) if frame.stream_s >= at_s), None)
    if frame is None:
        raise SourceError(f"{clip}: shows nothing at {at_s:g} s; it ends before")
    return frame.image


def draw_geometry(image: np.ndarray, camera: Camera) -> Image.Image:
    """The picture with what lies outside the zone darkened, corners of zone and lines numbered, and a caption.

    Args:
        image: (H, W, 3) uint8 BGR.
        camera: whose zone and lines are drawn.
    """
    picture = Image.fromarray(np.ascontiguousarray(image[..., ::-1]))
    width, height = picture.size
    size = max(14, height // 40)
    font, stroke = load_font(size), max(2, height // 300)
    if camera.zone is not None:
        corners = [(x * width, y * height) for x, y in camera.zone]
        shade = Image.new("RGBA", picture.size, SHADE)
        ImageDraw.Draw(shade).polygon(corners, fill=(0, 0, 0, 0))
        picture.paste(shade, mask=shade)
        draw = ImageDraw.Draw(picture)
        draw.line([*corners, corners[0]], fill=ZONE, width=stroke, joint="curve")
        for number, ((x, y), (share_x, share_y)) in enumerate(zip(corners, camera.zone, strict=True), 1):
            _mark(draw, (x, y), f"{number}  {share_x:g}, {share_y:g}", ZONE, font)
    for name, ends in camera.lines.items():
        draw = ImageDraw.Draw(picture)
        a, b = ((x * width, y * height) for x, y in ends)
        draw.line([a, b], fill=LINE, width=stroke)
        _mark(draw, a, name, LINE, font)
    return _add_caption(picture, camera, font)


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture in the form that its suffix names.

    Raises:
        StorageError: the place cannot be written, or the suffix names no form of pictures.
    """
    try:
        picture.save(path)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from error


def _mark(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, colour: Colour, font: FreeTypeFont) -> None:
    """A dot with a text beside it that stays within the picture."""
    x, y = at
    width, height = draw.im.size
    radius = font.size / 4
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    text_x = min(max(x + font.size / 2, 2), width - (right - left) - 4)
    text_y = min(max(y - font.size * 1.4, 2), height - (bottom - top) - 8)
    draw.text((text_x, text_y), text, font=font, fill=colour, stroke_width=2, stroke_fill=(0, 0, 0))


def _add_caption(picture: Image.Image, camera: Camera, font: FreeTypeFont) -> Image.Image:
    width, height = picture.size
    judged = "zone" if camera.zone else "no zone: the whole picture is judged"
    parts = [camera.camera_id, camera.place, camera.direction, f"{width}x{height}", judged]
    canvas = Image.new("RGB", (width, height + 2 * round(font.size)), (0, 0, 0))
    canvas.paste(picture)
    text = "   ".join(part for part in parts if part)
    ImageDraw.Draw(canvas).text((font.size / 2, height + font.size), text, font=font, fill=INK, anchor="lm")
    return canvas

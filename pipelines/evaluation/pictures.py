"""Labelled pictures in, error pictures out."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from detector.errors import SourceError, StorageError
from detector.geometry import Box

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
TRUE_BGR, SAID_BGR = (60, 200, 60), (40, 40, 230)
LONG_SIDE_PX = 1280
"""Error pictures are shrunk to this: they are looked at, not measured."""


def list_pictures(folder: Path) -> list[Path]:
    """The pictures of a folder by name.

    Raises:
        SourceError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise SourceError(f"{folder}: no picture in it ({', '.join(sorted(SUFFIXES))})")
    return found


def read_picture(path: Path) -> np.ndarray:
    """A picture (H, W, 3) uint8 BGR, whatever characters its name has.

    Raises:
        SourceError: missing, empty, no picture, or one of more pixels than OpenCV takes.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error as error:
        raise SourceError(f"{path}: a picture that is too large; take it out or make it smaller") from error
    if picture is None:
        raise SourceError(f"{path}: not a picture, or damaged; take it out or mend it")
    return picture


def write_error(
    folder: Path | None, name: str, picture: np.ndarray, true: Iterable[Box] = (), said: Iterable[Box] = ()
) -> None:
    """Write a picture with true boxes in green and the product's in red; nothing without a folder.

    Raises:
        StorageError: the folder cannot be written.
    """
    if folder is None:
        return
    scale = min(1.0, LONG_SIDE_PX / max(picture.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    drawn = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    for boxes, colour in ((true, TRUE_BGR), (said, SAID_BGR)):
        for box in boxes:
            x1, y1, x2, y2 = (round(float(v) * scale) for v in box)
            cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, 2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jpg").write_bytes(cv2.imencode(".jpg", drawn)[1].tobytes())
    except OSError as error:
        raise StorageError(f"error pictures in {folder}: {error.strerror}; choose another folder") from error

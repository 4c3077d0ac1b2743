"""Pictures and what was detected in them."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import numpy as np


class Picture(Protocol):
    """A decoded picture that becomes an image when somebody looks at it; may be asked by several threads."""

    @property
    def wh(self) -> tuple[int, int]:
        """Width and height of the image, px."""
        ...

    def to_image(self) -> np.ndarray:
        """(H, W, 3) uint8, BGR, upright; the same one at each call."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture with its capture time.

    Attributes:
        camera_id: the camera that saw it.
        picture: what it shows: the image itself, or what it can be made from.
        index: position among the decoded pictures of the source, from 0.
        pts: presentation time stamp in the source's own time base, as repaired by the source (strictly increasing).
        stream_s: seconds since the first picture of the source.
        captured_at: aware UTC; counts from RELATIVE_EPOCH when the time is relative.
        packet_sha256: hash of the compressed packet the picture came from; "" when it cannot be known.
    """

    camera_id: str
    picture: np.ndarray | Picture
    index: int
    pts: int
    stream_s: float
    captured_at: datetime
    packet_sha256: str

    @property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8, BGR, upright (rotation metadata already applied)."""
        return self.picture if isinstance(self.picture, np.ndarray) else self.picture.to_image()

    @property
    def wh(self) -> tuple[int, int]:
        """Width and height of the image, px; costs no conversion."""
        if not isinstance(self.picture, np.ndarray):
            return self.picture.wh
        height_px, width_px = self.picture.shape[:2]
        return width_px, height_px


class VehicleType(IntEnum):
    """Classes of the vehicle detector, in the order of its outputs."""

    CAR = 0
    BUS = 1
    TRUCK = 2
    MOTORCYCLE = 3
    PERSON = 4

    @property
    def label(self) -> str:
        """Lower-case name used in reports and JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What the detector found in one image, as parallel arrays.

    Attributes:
        xyxy: (N, 4) float32, px.
        confidence: (N,) float32, 0 to 1.
        class_id: (N,) int64, values of `VehicleType`.
    """

    xyxy: np.ndarray
    confidence: np.ndarray
    class_id: np.ndarray

    def __post_init__(self) -> None:
        """Refuse arrays that are not parallel."""
        n = len(self.xyxy)
        if self.xyxy.shape != (n, 4) or self.confidence.shape != (n,) or self.class_id.shape != (n,):
            raise ValueError(f"not parallel: {self.xyxy.shape}, {self.confidence.shape}, {self.class_id.shape}")

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.xyxy)

    @classmethod
    def empty(cls) -> "Detections":
        """No boxes at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def where(self, mask: np.ndarray) -> "Detections":
        """The rows for which a boolean mask (N,) is true, or the rows of an index array."""
        return Detections(self.xyxy[mask], self.confidence[mask], self.class_id[mask])

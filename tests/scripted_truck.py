"""A clip with one truck in it, and models that know from each picture's own number where it is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detector.entities import Camera, Cover, Detections, Fill, LoadState, PlateColour, PlateReading, VehicleType
from detector.geometry import Box
from pipelines.violation_pipeline import Models
from tests.footage import ClipSpec, index_in, write

WIDTH, HEIGHT, FRAMES, TICKS = 480, 192, 175, 2
"""A clip of 14 s at 12.5 pictures a second, a key frame every 0.64 s."""

ENTERS, LEAVES = 80, 105
"""Frame numbers between which a scripted truck is in the picture: from 6.4 s to 8.4 s."""

CAMERA = Camera("gate", rules={"uncovered_load": {}, "heaped_load": {}})


class ScriptedDetector:
    """Knows from the frame's own number where the truck is."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [self._detect(index_in(image)) for image in images]

    def _detect(self, index: int) -> Detections:
        if not ENTERS <= index < LEAVES:
            return Detections.empty()
        y = 20 + 80 * (index - ENTERS) / (LEAVES - ENTERS)
        box = np.array([[60, y, 360, y + 90]], np.float32)
        return Detections(box, np.array([0.9], np.float32), np.array([VehicleType.TRUCK], np.int64))


class Heap:
    """An open heap in every bed."""

    def read(self, image: np.ndarray, boxes: Sequence[Box]) -> list[LoadState]:
        return [LoadState(Cover.OPEN, 0.97, Fill.ABOVE_EDGE, 0.97, 0.99, b) for b in boxes]


class Plates:
    """One plate at each vehicle's foot."""

    def read(self, image: np.ndarray, boxes: Sequence[Box], hints: object = None) -> list[PlateReading | None]:
        return [self._read(*box) for box in boxes]

    def _read(self, x1: float, y1: float, x2: float, y2: float) -> PlateReading:
        corners = ((x1 + 10, y2 - 22), (x1 + 50, y2 - 22), (x1 + 50, y2 - 10), (x1 + 10, y2 - 10))
        return PlateReading("渝DC6123", (0.99,) * 7, (), PlateColour.YELLOW, 0.99, corners, 1, 0.99)


def make_models() -> Models:
    """The three scripted pairs of eyes."""
    return Models(ScriptedDetector(), Heap(), Plates())


def write_truck(path: Path) -> Path:
    """Write the clip."""
    spec = ClipSpec(frames=FRAMES, width=WIDTH, height=HEIGHT, gop=8, times=[i * TICKS for i in range(FRAMES)])
    return write(path, spec)

"""Which picture of a camera's main stream shows the very instant of a picture that was analysed in its smaller stream.

Two streams are two encoders with clocks of their own, which may put one instant up to seconds apart. The pictures
know better: both show the same scene, so the main picture whose part around the vehicle looks most like the analysed
one was taken with it. Where none looks alike enough, nothing is claimed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import cv2
import numpy as np

from detector import geometry
from detector.entities import Observation, Violation
from detector.geometry import Box, Point
from detector.packets import Packet

SEARCH_S = 2.0
"""How far apart the clocks of two streams may put one instant."""

MIN_LIKENESS = 0.85
"""Normalised correlation of the two pictures around the vehicle below which they are not taken for the same instant."""

TIE = 0.002
"""Likenesses this near are equal; the picture nearer in time counts then, as with a vehicle that stands."""

MARGIN = 0.3
"""Share of the vehicle's box that is looked at around it: the road that it covers and uncovers tells the instant."""


@dataclass(frozen=True, slots=True, eq=False)
class Instant:
    """The main picture of an analysed moment.

    Attributes:
        pts, packet_sha256: of the main picture.
        offset_s: how much later than the analysed one its own clock puts it.
        likeness: normalised correlation around the vehicle, up to 1.
        image: (H, W, 3) uint8 BGR, the whole main picture.
    """

    pts: int
    packet_sha256: str
    offset_s: float
    likeness: float
    image: np.ndarray


class InstantFinder:
    """Is shown the analysed pictures first, then the main ones in any order; keeps the best match of each."""

    def __init__(self, looks: Sequence[tuple[Observation, np.ndarray]]) -> None:
        """Take what was analysed.

        Args:
            looks: observations, each with its analysed picture (h, w, 3) uint8 BGR.
        """
        self._looks = [(look, *_patch(image, look.xyxy)) for look, image in looks]
        self._best: dict[int, Instant] = {}

    @property
    def span_s(self) -> tuple[float, float]:
        """Seconds of the stream between which main pictures matter."""
        times = [look.stream_s for look, _, _ in self._looks]
        return min(times) - SEARCH_S, max(times) + SEARCH_S

    def offer(self, stream_s: float, pts: int, packet_sha256: str, image: np.ndarray) -> None:
        """Look at a main picture (H, W, 3) uint8 BGR, which its clock puts at `stream_s`."""
        height, width = image.shape[:2]
        for look, patch, share in self._looks:
            offset_s = stream_s - look.stream_s
            if abs(offset_s) > SEARCH_S:
                continue
            x1, y1, x2, y2 = (round(s * n) for s, n in zip(share, (width, height, width, height), strict=True))
            part = cv2.resize(image[y1:y2, x1:x2], patch.shape[::-1], interpolation=cv2.INTER_AREA)
            likeness = float((_normalise(part) * patch).sum())
            best = self._best.get(look.pts)
            if best is None or _is_better(likeness, offset_s, best):
                self._best[look.pts] = Instant(pts, packet_sha256, offset_s, likeness, image)

    def found(self) -> dict[int, Instant]:
        """The main pictures by pts of the analysed ones; those that look alike enough."""
        return {pts: instant for pts, instant in self._best.items() if instant.likeness >= MIN_LIKENESS}


def transfer(
    violation: Violation, instants: Mapping[int, Instant], main: Sequence[Packet], scale: tuple[float, float]
) -> Violation:
    """The violation as the main stream shows it: boxes in its px, pictures by its pts, times by its clock.

    Args:
        violation: as it was analysed.
        instants: main pictures by pts of the analysed ones, at least one; an observation without one gets the picture
            that the same difference of clocks points to.
        main: packets of the main stream, on the timeline of what was analysed.
        scale: px of the main picture for one px of the analysed one, across and down.
    """
    usual_s = median(instant.offset_s for instant in instants.values())
    observations = []
    for look in violation.vehicle_pass.observations:
        instant = instants.get(look.pts)
        stream_s = look.stream_s + (instant.offset_s if instant else usual_s)
        if instant is not None:
            pts, sha256 = instant.pts, instant.packet_sha256
        else:
            nearest = min(main, key=lambda packet: abs(packet.stream_s - stream_s))
            pts, sha256 = nearest.pts, nearest.sha256
        load, plate = look.load, look.plate
        if load is not None and load.bed_xyxy is not None:
            load = replace(load, bed_xyxy=_scale_box(load.bed_xyxy, scale))
        if plate is not None:
            a, b, c, d = (_scale_point(corner, scale) for corner in plate.corners)
            plate = replace(plate, corners=(a, b, c, d))
        xyxy = _scale_box(look.xyxy, scale)
        moved = replace(look, pts=pts, packet_sha256=sha256, stream_s=stream_s, xyxy=xyxy, load=load, plate=plate)
        observations.append(moved)
    return replace(violation, vehicle_pass=replace(violation.vehicle_pass, observations=tuple(observations)))


def _patch(image: np.ndarray, xyxy: Box) -> tuple[np.ndarray, Box]:
    """The normalised part of a picture around a box, and where it lies, in shares of width and height."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = geometry.clip(geometry.expand(xyxy, MARGIN), width, height)
    left, top = min(int(x1), width - 2), min(int(y1), height - 2)
    right, bottom = max(round(x2), left + 2), max(round(y2), top + 2)
    share = (left / width, top / height, right / width, bottom / height)
    return _normalise(image[top:bottom, left:right]), share


def _normalise(part: np.ndarray) -> np.ndarray:
    """Grey values (h, w) with mean 0 and length 1; all 0 where there is nothing to see."""
    grey = cv2.GaussianBlur(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), (3, 3), 0).astype(np.float32)
    grey -= grey.mean()
    length = float(np.linalg.norm(grey))
    return grey / length if length > 0 else grey


def _is_better(likeness: float, offset_s: float, best: Instant) -> bool:
    if abs(likeness - best.likeness) <= TIE:
        return abs(offset_s) < abs(best.offset_s)
    return likeness > best.likeness


def _scale_box(xyxy: Box, scale: tuple[float, float]) -> Box:
    return (*_scale_point(xyxy[:2], scale), *_scale_point(xyxy[2:], scale))


def _scale_point(point: Point, scale: tuple[float, float]) -> Point:
    return point[0] * scale[0], point[1] * scale[1]

"""What a picture must not show when it leaves the house, and copies that do not show it.

Heads of persons, windscreens (who sits behind them), and every plate but the subject's, all by the boxes of vehicles,
persons and plates: no face is looked for anywhere. Where a plate of another vehicle could be readable but was not
found, the whole lower part of that vehicle is covered: rather too much than a plate too many.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from detector import geometry
from detector.entities import Observation, VehicleType
from detector.geometry import Box

GREY = (110, 110, 110)
"""One flat colour: what is blurred or coarsened can be restored in part, what is gone cannot."""

HEAD = 0.28
"""Share of a person's box, from above, that holds the head; with `HEAD_MARGIN` for hair, hats and loose boxes."""

HEAD_MARGIN = 0.08
RIDER = 0.45
"""Share of a motorcycle's box, from above, that holds the heads of those who ride it."""

GLASS = {VehicleType.CAR: (0.04, 0.56), VehicleType.BUS: (0.04, 0.66), VehicleType.TRUCK: (0.04, 0.66)}
"""Part of a vehicle's height within which its front or rear window lies, from any usual camera height."""

GLASS_BELOW_BED = 0.52
"""Share of what lies below the bed of an approaching tipper that holds its windscreen: cab roof to grille."""

LOWEST_ROOF = 0.45
"""Share of an approaching tipper's height at which its cab begins at the latest: a bed that seems to reach further down
was located wrongly, and rather some of the load is covered than a face shown."""

BED_MARGIN = 0.06
PLATE_MARGIN = 0.25
READABLE_PX = 80.0
"""Narrower vehicles have plates under 25 px wide, of which nobody reads a character."""

LOWER = 0.45
"""From here on down a plate may hang."""

SAME_VEHICLE = 0.5
"""Overlap (IoU) from which on a detected box is the subject's."""

CERTAIN_PLATE = 0.75
"""Part of the subject's width within which its own plate's centre must lie when none was recorded for that moment."""


@dataclass(frozen=True, slots=True)
class SceneObjects:
    """Everybody and everything in one picture.

    Attributes:
        persons: boxes, px.
        vehicles: type and box, px; the subject among them.
        plates: boxes of the plates found in each vehicle's box, parallel to `vehicles`.
    """

    persons: tuple[Box, ...]
    vehicles: tuple[tuple[VehicleType, Box], ...]
    plates: tuple[tuple[Box, ...], ...]


Look = Callable[[np.ndarray], SceneObjects]
"""Looks at one (H, W, 3) uint8 BGR picture."""


@dataclass(frozen=True, slots=True)
class Mask:
    """One part of a picture that its published copy does not show: "head", "windscreen" or "plate"."""

    kind: str
    xyxy: Box


def plan_masks(objects: SceneObjects, subject: Observation, *, leaves: bool) -> tuple[Mask, ...]:
    """What to cover in the picture of one moment.

    Args:
        objects: of that picture.
        subject: the vehicle that the case is about, at that moment; its plate stays.
        leaves: whether the subject drives away from the camera, so that only its tail is seen.

    Returns:
        Masks in the order heads, windscreens, plates; boxes may reach beyond the picture.
    """
    subject_at = _find_subject(objects, subject)
    heads = [_head(box) for box in objects.persons]
    glass: list[Mask] = [] if leaves else [_subject_glass(subject)]
    plates: list[Mask] = []
    for number, (kind, box) in enumerate(objects.vehicles):
        found = objects.plates[number]
        if number == subject_at:
            plates += [_plate(plate) for plate in found if not _is_subjects(plate, subject, objects, number)]
            continue
        if kind is VehicleType.MOTORCYCLE:
            heads.append(Mask("head", (box[0], box[1], box[2], box[1] + RIDER * (box[3] - box[1]))))
        else:
            glass.append(_band("windscreen", box, GLASS[kind]))
        theirs = [plate for plate in found if not _overlaps_own(plate, subject)]
        plates += [_plate(plate) for plate in theirs]
        if not theirs and box[2] - box[0] >= READABLE_PX:
            plates.append(_band("plate", box, (LOWER, 1.0)))
    return (*heads, *glass, *plates)


def cover(image: np.ndarray, masks: Sequence[Mask], keep: Box | None) -> np.ndarray:
    """A copy with every mask filled with one colour.

    Args:
        image: (H, W, 3) uint8 BGR; stays as it is.
        masks: what to fill.
        keep: part that shows all the same: the subject's own plate, which another vehicle's mask may reach; None for
            nothing.
    """
    copy = image.copy()
    for mask in masks:
        x1, y1, x2, y2 = _pixels(mask.xyxy, image)
        if x2 > x1 and y2 > y1:
            cv2.rectangle(copy, (x1, y1), (x2 - 1, y2 - 1), GREY, -1)
    if keep is not None:
        x1, y1, x2, y2 = _pixels(keep, image)
        copy[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    return copy


def _head(box: Box) -> Mask:
    x1, y1, x2, y2 = box
    dx, dy = (x2 - x1) * HEAD_MARGIN, (y2 - y1) * HEAD_MARGIN
    return Mask("head", (x1 - dx, y1 - dy, x2 + dx, y1 + HEAD * (y2 - y1)))


def _subject_glass(subject: Observation) -> Mask:
    """The windscreen of the subject: below its bed where that was located, so that the load stays visible."""
    x1, y1, x2, y2 = subject.xyxy
    bed = subject.load.bed_xyxy if subject.load is not None else None
    if bed is None or bed[3] >= y2:
        return _band("windscreen", subject.xyxy, (0.3, GLASS[VehicleType.TRUCK][1]))
    below = y2 - bed[3]
    top = min(bed[3] - BED_MARGIN * below, y1 + LOWEST_ROOF * (y2 - y1))
    return Mask("windscreen", (x1, top, x2, bed[3] + GLASS_BELOW_BED * below))


def _plate(box: Box) -> Mask:
    return Mask("plate", geometry.expand(box, PLATE_MARGIN))


def _band(kind: str, box: Box, shares: tuple[float, float]) -> Mask:
    """A strip across a box, between two shares of its height."""
    x1, y1, x2, y2 = box
    height = y2 - y1
    return Mask(kind, (x1, y1 + shares[0] * height, x2, y1 + shares[1] * height))


def _find_subject(objects: SceneObjects, subject: Observation) -> int | None:
    """Which of the vehicles is the subject; None when it was not found again."""
    overlaps = [geometry.iou(box, subject.xyxy) for _, box in objects.vehicles]
    best = max(range(len(overlaps)), key=overlaps.__getitem__, default=None)
    return best if best is not None and overlaps[best] >= SAME_VEHICLE else None


def _is_subjects(plate: Box, subject: Observation, objects: SceneObjects, number: int) -> bool:
    """Whether a plate in the subject's box is its own: the recorded one, or the only vehicle's there."""
    if subject.plate is not None:
        return _overlaps_own(plate, subject)
    centre = geometry.centre(plate)
    x1, _, x2, _ = subject.xyxy
    if abs(centre[0] - (x1 + x2) / 2) > CERTAIN_PLATE * (x2 - x1) / 2:
        return False
    others = (box for at, (_, box) in enumerate(objects.vehicles) if at != number)
    return not any(_holds(box, centre) for box in others)


def _overlaps_own(plate: Box, subject: Observation) -> bool:
    return subject.plate is not None and geometry.area(geometry.intersection(plate, subject.plate.xyxy)) > 0


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _pixels(box: Box, image: np.ndarray) -> tuple[int, int, int, int]:
    """A box in whole px of a picture, grown to the pixels that it touches."""
    height, width = image.shape[:2]
    x1, y1 = min(max(int(box[0]), 0), width), min(max(int(box[1]), 0), height)
    return x1, y1, min(max(int(np.ceil(box[2])), x1), width), min(max(int(np.ceil(box[3])), y1), height)

"""Which moments of a pass become stills, and their cutting out of the decoded pictures.

Two scenes that show the vehicle moving, the vehicle, the plate: from the very frames that decided, as far as those
allow it. Pictures are written as they were decoded; nothing is ever drawn on them.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from detector import geometry
from detector.entities import Observation, PlateReading, Violation
from detector.errors import EvidenceError
from detector.geometry import Box

VISIBLE_SHARE = 0.02
"""A vehicle has visibly moved when a corner of its box moved by this share of the picture's width (25 px of 1280);
GA/T 832-2014, 3.5 asks for "visible displacement" and gives no number."""

STATIONARY_S = 10.0
"""GA/T 832-2014, 3.5: pictures of a vehicle that stands are at least so far apart."""

BORDER_PX = 2.0
"""A box this near to the picture's edge is taken as cut off by it."""

VEHICLE_MARGIN, PLATE_MARGIN = 0.05, 0.2
"""Shares of the box that a close-up shows around it."""

JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class StillPlan:
    """The observations whose pictures become stills.

    Attributes:
        scenes: two in time order, or one when the pass has no second moment.
        vehicle: the largest and sharpest look at the vehicle.
        plate: the best look at the plate; None when no plate was ever found.
        displacement_px: furthest move of a corner of the vehicle's box between the scenes; 0.0 for one scene.
        scene_count: how many scenes count as different: 2 with visible displacement or 10 s between them, else 1.
    """

    scenes: tuple[Observation, ...]
    vehicle: Observation
    plate: Observation | None
    displacement_px: float
    scene_count: int

    @property
    def pts(self) -> frozenset[int]:
        """Time stamps of the pictures that are needed."""
        chosen = (*self.scenes, self.vehicle, *((self.plate,) if self.plate else ()))
        return frozenset(observation.pts for observation in chosen)


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One still, ready to be written.

    Attributes:
        name: file name.
        role: "scene", "vehicle" or "plate".
        data: the encoded file.
        image: (H, W, 3) uint8 BGR, what `data` encodes; for drawing copies.
        observation: the moment it shows.
        crop_xyxy: the part of the whole picture in px; None for the whole.
    """

    name: str
    role: str
    data: bytes
    image: np.ndarray
    observation: Observation
    crop_xyxy: Box | None


def plan_stills(violation: Violation, image_wh: tuple[int, int], available: Container[int] | None = None) -> StillPlan:
    """Choose the moments; the same input always gives the same choice.

    Args:
        violation: whose pass holds the observations to choose from.
        image_wh: size of the camera's picture, px.
        available: time stamps (pts) of pictures that can be had; None for all. Ask once with None to learn which
            pictures to decode, and those that could not be decoded are done without afterwards.

    Raises:
        EvidenceError: no observation has a picture.
    """
    everything = [o for o in violation.vehicle_pass.observations if available is None or o.pts in available]
    if not everything:
        raise EvidenceError(f"pass {violation.vehicle_pass.pass_id}: none of its deciding pictures can be decoded")
    deciding_indices = {o.frame_index for o in violation.deciding}
    deciding = [o for o in everything if o.frame_index in deciding_indices] or everything
    whole = [o for o in deciding if _is_whole(o, image_wh)]
    scenes = _choose_scenes(deciding, whole, everything, image_wh)
    return StillPlan(
        scenes=scenes,
        vehicle=max(whole or deciding, key=_look_quality),
        plate=_choose_plate(everything, deciding_indices, violation),
        displacement_px=displacement_px(scenes[0], scenes[-1]),
        scene_count=2 if len(scenes) == 2 and _differ(*scenes, image_wh) else 1,
    )


def cut_stills(plan: StillPlan, images: Mapping[int, np.ndarray]) -> list[Still]:
    """Cut the planned stills out of decoded pictures and encode them: JPEG, and lossless PNG for the plate.

    Args:
        plan: made for these pictures.
        images: pts → (H, W, 3) uint8 BGR, upright.
    """
    stills = [
        _cut(f"scene_{number}.jpg", "scene", observation, images[observation.pts], None)
        for number, observation in enumerate(plan.scenes, start=1)
    ]
    box = geometry.expand(plan.vehicle.xyxy, VEHICLE_MARGIN)
    stills.append(_cut("vehicle.jpg", "vehicle", plan.vehicle, images[plan.vehicle.pts], box))
    if plan.plate is not None and plan.plate.plate is not None:
        box = geometry.expand(plan.plate.plate.xyxy, PLATE_MARGIN)
        stills.append(_cut("plate.png", "plate", plan.plate, images[plan.plate.pts], box))
    return stills


def encode(name: str, image: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 BGR as the file of that name: JPEG, or lossless PNG.

    Raises:
        EvidenceError: it cannot be encoded.
    """
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if name.endswith(".jpg") else []
    encoded, data = cv2.imencode(f".{name.rpartition('.')[2]}", image, settings)
    if not encoded:
        raise EvidenceError(f"{name}: the picture cannot be encoded")
    return data.tobytes()


def displacement_px(a: Observation, b: Observation) -> float:
    """The furthest that any corner of the vehicle's box moved, px; sees approach toward the camera as well."""
    corners = ((0, 1), (2, 1), (2, 3), (0, 3))
    return max(geometry.distance((a.xyxy[x], a.xyxy[y]), (b.xyxy[x], b.xyxy[y])) for x, y in corners)


def _choose_scenes(
    deciding: Sequence[Observation],
    whole: Sequence[Observation],
    everything: Sequence[Observation],
    image_wh: tuple[int, int],
) -> tuple[Observation, ...]:
    """Deciding frames that show the whole vehicle, then any deciding ones, then the nearest others of the pass."""
    for pool in (whole, deciding):
        pairs = list(combinations(pool, 2))
        if pairs:
            best = max(pairs, key=lambda pair: displacement_px(*pair))
            if _differ(*best, image_wh):
                return best
    anchor = max(whole or deciding, key=_look_quality)
    others = sorted((o for o in everything if o is not anchor), key=lambda o: (_gap_s(anchor, o), o.stream_s))
    if not others:
        return (anchor,)
    partner = next((o for o in others if _differ(anchor, o, image_wh)), others[-1])
    return (anchor, partner) if anchor.stream_s < partner.stream_s else (partner, anchor)


def _choose_plate(
    everything: Sequence[Observation], deciding_indices: Container[int], violation: Violation
) -> Observation | None:
    """The reading that agrees best with the voted plate, then a deciding one, then the surest, then the largest."""
    voted = violation.vehicle_pass.plate
    looks = [(o, o.plate) for o in everything if o.plate is not None]

    def quality(pair: tuple[Observation, PlateReading]) -> tuple[float, bool, float, float]:
        look, reading = pair
        agreed = sum(a == b for a, b in zip(voted.text, reading.text, strict=False)) if voted else 0
        return agreed, look.frame_index in deciding_indices, min(reading.characters, default=0.0), reading.width_px

    return max(looks, key=quality)[0] if looks else None


def _look_quality(observation: Observation) -> float:
    return geometry.area(observation.xyxy) * observation.sharpness


def _is_whole(observation: Observation, image_wh: tuple[int, int]) -> bool:
    x1, y1, x2, y2 = observation.xyxy
    return min(x1, y1) > BORDER_PX and x2 < image_wh[0] - BORDER_PX and y2 < image_wh[1] - BORDER_PX


def _differ(a: Observation, b: Observation, image_wh: tuple[int, int]) -> bool:
    return displacement_px(a, b) >= VISIBLE_SHARE * image_wh[0] or _gap_s(a, b) >= STATIONARY_S


def _gap_s(a: Observation, b: Observation) -> float:
    return abs(a.stream_s - b.stream_s)


def _cut(name: str, role: str, observation: Observation, image: np.ndarray, box: Box | None) -> Still:
    """Cut (None: nothing) and encode one still; a box outside the picture gives its nearest pixel, never nothing."""
    crop = None
    if box is not None:
        height_px, width_px = image.shape[:2]
        x1, y1 = min(max(int(box[0]), 0), width_px - 1), min(max(int(box[1]), 0), height_px - 1)
        x2, y2 = min(max(round(box[2]), x1 + 1), width_px), min(max(round(box[3]), y1 + 1), height_px)
        crop = (float(x1), float(y1), float(x2), float(y2))
        image = image[y1:y2, x1:x2]
    return Still(name, role, encode(name, image), image, observation, crop)

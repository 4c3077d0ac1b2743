"""Tells vehicles that have stood where they are for long from all others, without following them."""

import numpy as np

from detector.entities import Detections
from detector.geometry import iou_matrix

SAME_PLACE_IOU = 0.8
PARKED_S = 90.0
"""A red light takes less: a vehicle that stands for so long is parked."""

PRESENCE = 0.5
"""Share of the frames since its first in which a vehicle that stands is seen; of those that pass each is in few."""

FORGET_S = 600.0
FORGET_PASSING_S = 30.0
SURE_CONFIDENCE = 0.45


_PLACE = np.dtype([("xyxy", "f4", 4), ("since_s", "f8"), ("seen_s", "f8"), ("seen", "i8"), ("shown", "i8")])
"""A place: its box; when it was first and last taken; in how many frames it was, of how many since it was first."""


class StandingVehicles:
    """Remembers since when each place of one picture has been taken; shown some frames, in any rhythm."""

    def __init__(self) -> None:
        """Start with nothing in sight."""
        self._places = np.zeros(0, _PLACE)

    def update(self, vehicles: Detections, stream_s: float) -> bool:
        """Take the vehicles of a frame.

        Args:
            vehicles: detections, persons left out; unsure ones only renew what is remembered.
            stream_s: of the frame.

        Returns:
            Whether a vehicle is in view that moves, or has come to its place less than `PARKED_S` ago.
        """
        places = self._places
        overlap = iou_matrix(vehicles.xyxy, places["xyxy"])
        best = overlap.argmax(axis=1) if len(places) else np.zeros(len(vehicles), int)
        is_known = overlap.max(axis=1) >= SAME_PLACE_IOU if len(places) else np.zeros(len(vehicles), bool)
        taken = np.zeros(len(places), bool)
        taken[best[is_known]] = True
        places["seen_s"][taken] = stream_s
        places["seen"][taken] += 1
        places["shown"] += 1
        keep = stream_s - places["seen_s"] < np.where(_is_standing(places), FORGET_S, FORGET_PASSING_S)
        is_new = ~is_known & (vehicles.confidence >= SURE_CONFIDENCE)
        new = np.ones(is_new.sum(), _PLACE)
        new["xyxy"], new["since_s"], new["seen_s"] = vehicles.xyxy[is_new], stream_s, stream_s
        # A place is remembered with its first box: what creeps on ends as a new one.
        self._places = places = np.concatenate([places[keep], new])
        is_parked = _is_standing(places) & (stream_s - places["since_s"] >= PARKED_S)
        return bool(np.any((places["seen_s"] == stream_s) & ~is_parked))


def _is_standing(places: np.ndarray) -> np.ndarray:
    """Mask of the places at which one vehicle stands, as far as can be told; at the others many pass."""
    mask: np.ndarray = places["seen"] >= PRESENCE * places["shown"]
    return mask

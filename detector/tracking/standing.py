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


class StandingVehicles:
    """Remembers since when each place of one picture has been taken; shown some frames, in any rhythm."""

    def __init__(self) -> None:
        """Start with nothing in sight."""
        self._xyxy = np.zeros((0, 4), np.float32)
        self._since_s = np.zeros(0)
        self._seen_s = np.zeros(0)
        self._seen = np.zeros(0, int)  # frames in which the place was taken,
        self._shown = np.zeros(0, int)  # of those since it was first

    def update(self, vehicles: Detections, stream_s: float) -> bool:
        """Take the vehicles of a frame.

        Args:
            vehicles: detections, persons left out; unsure ones only renew what is remembered.
            stream_s: of the frame.

        Returns:
            Whether a vehicle is in view that moves, or has come to its place less than `PARKED_S` ago.
        """
        overlap = iou_matrix(vehicles.xyxy, self._xyxy)
        best = overlap.argmax(axis=1) if len(self._xyxy) else np.zeros(len(vehicles), int)
        is_known = overlap.max(axis=1) >= SAME_PLACE_IOU if len(self._xyxy) else np.zeros(len(vehicles), bool)
        taken = np.unique(best[is_known])
        self._seen_s[taken] = stream_s
        self._seen[taken] += 1
        self._shown += 1
        is_new = ~is_known & (vehicles.confidence >= SURE_CONFIDENCE)
        keep = stream_s - self._seen_s < np.where(self._is_standing, FORGET_S, FORGET_PASSING_S)
        begun = np.ones(is_new.sum())
        # A place is remembered with its first box: what creeps on ends as a new one.
        self._xyxy = np.concatenate([self._xyxy[keep], vehicles.xyxy[is_new]])
        self._since_s = np.concatenate([self._since_s[keep], stream_s * begun])
        self._seen_s = np.concatenate([self._seen_s[keep], stream_s * begun])
        self._seen = np.concatenate([self._seen[keep], begun.astype(int)])
        self._shown = np.concatenate([self._shown[keep], begun.astype(int)])
        is_parked = self._is_standing & (stream_s - self._since_s >= PARKED_S)
        return bool(np.any((self._seen_s == stream_s) & ~is_parked))

    @property
    def _is_standing(self) -> np.ndarray:
        """Mask of the places at which one vehicle stands, as far as can be told; at the others many pass."""
        mask: np.ndarray = self._seen >= PRESENCE * self._shown
        return mask

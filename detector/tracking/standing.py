"""Tells vehicles that have stood where they are for long from all others, without following them."""

import numpy as np

from detector.entities import Detections
from detector.geometry import iou_matrix

SAME_PLACE_IOU = 0.8
PARKED_S = 90.0
"""A red light takes less: a vehicle that stands for so long is parked."""

FORGET_S = 600.0
SURE_CONFIDENCE = 0.45


class StandingVehicles:
    """Remembers since when each place of one picture has been taken; shown some frames, in any rhythm."""

    def __init__(self) -> None:
        """Start with nothing in sight."""
        self._xyxy = np.zeros((0, 4), np.float32)
        self._since_s = np.zeros(0)
        self._seen_s = np.zeros(0)

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
        self._seen_s[best[is_known]] = stream_s
        is_new = ~is_known & (vehicles.confidence >= SURE_CONFIDENCE)
        keep = stream_s - self._seen_s < FORGET_S
        # A place is remembered with its first box: what creeps on ends as a new one.
        self._xyxy = np.concatenate([self._xyxy[keep], vehicles.xyxy[is_new]])
        self._since_s = np.concatenate([self._since_s[keep], np.full(is_new.sum(), stream_s)])
        self._seen_s = np.concatenate([self._seen_s[keep], np.full(is_new.sum(), stream_s)])
        return bool(np.any((self._seen_s == stream_s) & (stream_s - self._since_s < PARKED_S)))

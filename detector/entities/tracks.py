"""One vehicle over time, in one camera."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from detector.entities.frames import VehicleType
from detector.geometry import Box


class TrackState(StrEnum):
    """Life of a track: only confirmed and lost ones were ever a vehicle worth counting."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Track:
    """One vehicle followed by one camera, as of the last update.

    Attributes:
        track_id: counted per tracker instance, from 1; never part of a stored id.
        state: see `TrackState`; a track is reported as REMOVED exactly once.
        vehicle_type: the class with the largest summed confidence so far.
        xyxy: box in px at `seen_at` (the last box seen while lost).
        first_seen_at, seen_at: first and last detection; `seen_at` is older than the update while the track is lost.
        was_confirmed: True once the track has been confirmed, also after removal.
    """

    track_id: int
    state: TrackState
    vehicle_type: VehicleType
    xyxy: Box
    confidence: float
    first_seen_at: datetime
    seen_at: datetime
    was_confirmed: bool

"""ByteTrack (Zhang et al. 2022, arXiv:2110.06864) with time in seconds; docs/decisions/0002-tracking.md says why ours.

Sure detections are matched with all tracks first, then unsure ones with the tracks that are left: a half-hidden lorry
continues its track, but never starts one. The class plays no part among motor vehicles, since detectors waver between
bus and truck; the track's class is voted.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import compress

import numpy as np

from detector.entities import Detections, Track, TrackState, VehicleType
from detector.geometry import iou_matrix
from detector.tracking.association import match
from detector.tracking.motion import BoxMotion, MotionNoise


@dataclass(frozen=True, slots=True)
class ByteTrackSettings:
    """Thresholds; times in seconds.

    Attributes:
        sure_confidence: from here on a detection is matched first.
        start_confidence: from here on a sure detection that matches nothing starts a track.
        min_iou: overlap of a predicted box and a sure detection that may be one vehicle.
        min_iou_unsure: the same for an unsure detection.
        confirm_hits: detections in successive frames that confirm a track.
        lost_s: how long a confirmed track may stay unseen and still return.
    """

    sure_confidence: float = 0.45
    start_confidence: float = 0.45
    min_iou: float = 0.1
    min_iou_unsure: float = 0.3
    confirm_hits: int = 2
    lost_s: float = 1.5


_TYPES = tuple(VehicleType)
_PERSON = VehicleType.PERSON


@dataclass(slots=True)
class _Life:
    """What one track remembers; its motion is row i of the tracker's `BoxMotion`."""

    track_id: int
    state: TrackState
    first_seen_at: datetime
    seen_at: datetime
    xyxy: np.ndarray
    confidence: float
    vehicle_type: VehicleType
    class_sums: np.ndarray
    hits: int

    def see(self, detections: Detections, row: int, captured_at: datetime) -> None:
        self.seen_at, self.hits = captured_at, self.hits + 1
        self.xyxy, self.confidence = detections.xyxy[row], float(detections.confidence[row])
        self.class_sums[detections.class_id[row]] += self.confidence
        self.vehicle_type = _TYPES[self.class_sums.argmax()]

    def report(self, state: TrackState, confirm_hits: int) -> Track:
        x1, y1, x2, y2 = self.xyxy.tolist()
        return Track(
            track_id=self.track_id,
            state=state,
            vehicle_type=self.vehicle_type,
            xyxy=(x1, y1, x2, y2),
            confidence=self.confidence,
            first_seen_at=self.first_seen_at,
            seen_at=self.seen_at,
            was_confirmed=self.hits >= confirm_hits,
        )


class ByteTracker:
    """A `Tracker`: ids count from 1 in each instance, and memory holds nothing but the tracks that live."""

    def __init__(self, settings: ByteTrackSettings | None = None, noise: MotionNoise | None = None) -> None:
        """Start with nothing in sight; None stands for the defaults."""
        self._settings = settings or ByteTrackSettings()
        self._noise = noise or MotionNoise()
        self._lives: list[_Life] = []
        self._motion = BoxMotion.start(np.zeros((0, 4)), self._noise)
        self._next_id = 1
        self._updated_at: datetime | None = None

    def update(self, detections: Detections, captured_at: datetime) -> tuple[Track, ...]:
        """Take the detections of the next frame; see `Tracker.update`."""
        removed = self._advance(captured_at)
        seen, taken = self._associate(detections)
        matched = np.flatnonzero(seen >= 0)
        for index in matched:
            self._lives[index].see(detections, int(seen[index]), captured_at)
        self._motion = self._motion.correct(matched, detections.xyxy[seen[matched]], self._noise)
        removed += self._settle(seen >= 0)
        fresh = ~taken & (detections.confidence >= self._threshold_to_start)
        self._start(detections.where(fresh), captured_at)
        living = [life.report(life.state, self._settings.confirm_hits) for life in self._lives]
        return tuple(sorted(removed + living, key=lambda track: track.track_id))

    def finish(self) -> tuple[Track, ...]:
        """End every track; see `Tracker.finish`."""
        return tuple(self._drop(np.ones(len(self._lives), bool)))

    @property
    def _threshold_to_start(self) -> float:
        return max(self._settings.start_confidence, self._settings.sure_confidence)

    def _advance(self, captured_at: datetime) -> list[Track]:
        """Move every box to the present; returns the tracks that have been out of sight for too long."""
        if self._updated_at is not None:
            elapsed_s = (captured_at - self._updated_at).total_seconds()
            if elapsed_s <= 0:
                raise ValueError(f"time does not advance: {captured_at} after {self._updated_at}")
            self._motion = self._motion.predict(elapsed_s, self._noise)
        self._updated_at = captured_at
        unseen_s = np.array([(captured_at - life.seen_at).total_seconds() for life in self._lives])
        return self._drop(unseen_s > self._settings.lost_s)

    def _associate(self, detections: Detections) -> tuple[np.ndarray, np.ndarray]:
        """For each track the row of its detection, or -1; for each detection whether it continues a track."""
        seen = np.full(len(self._lives), -1)
        taken = np.zeros(len(detections), bool)
        walks = np.array([life.vehicle_type is _PERSON for life in self._lives], bool)
        same_kind = walks[:, None] == (detections.class_id == _PERSON)
        similarity = iou_matrix(self._motion.xyxy, detections.xyxy) * same_kind
        sure = detections.confidence >= self._settings.sure_confidence
        for wanted, min_iou in ((sure, self._settings.min_iou), (~sure, self._settings.min_iou_unsure)):
            rows, columns = np.flatnonzero(seen < 0), np.flatnonzero(wanted)
            pairs = match(similarity[np.ix_(rows, columns)], min_iou)
            seen[rows[pairs.rows]] = columns[pairs.columns]
            taken[columns[pairs.columns]] = True
        return seen, taken

    def _settle(self, seen: np.ndarray) -> list[Track]:
        """Give every track its state from whether it was seen (N,); returns the tentative ones that were not."""
        self._motion = self._motion.hold_size(~seen)
        for life, was_seen in zip(self._lives, seen, strict=True):
            if life.hits >= self._settings.confirm_hits:
                life.state = TrackState.CONFIRMED if was_seen else TrackState.LOST
        tentative = np.array([life.state is TrackState.TENTATIVE for life in self._lives], bool)
        return self._drop(tentative & ~seen)

    def _start(self, detections: Detections, captured_at: datetime) -> None:
        """A new track for every detection."""
        if not len(detections):
            return
        for row in range(len(detections)):
            life = _Life(
                self._next_id, TrackState.TENTATIVE, captured_at, captured_at, detections.xyxy[row], 0.0,
                VehicleType.CAR, np.zeros(len(_TYPES)), 0,
            )  # fmt: skip
            life.see(detections, row, captured_at)
            if life.hits >= self._settings.confirm_hits:
                life.state = TrackState.CONFIRMED
            self._lives.append(life)
            self._next_id += 1
        self._motion = self._motion.join(BoxMotion.start(detections.xyxy, self._noise))

    def _drop(self, gone: np.ndarray) -> list[Track]:
        """Forget the masked tracks (N,) and report them as REMOVED."""
        if not gone.any():
            return []
        removed = [life.report(TrackState.REMOVED, self._settings.confirm_hits) for life in compress(self._lives, gone)]
        self._lives = list(compress(self._lives, ~gone))
        self._motion = self._motion.where(~gone)
        return removed

"""The seam between passes and the store of sightings, for live and replay alike: one sighting a pass."""

import threading

from detector.entities import Camera, PlateType, Sighting, TimeBasis
from detector.errors import StorageError
from detector.sightings.store import SightingStore
from pipelines.violation_pipeline import JudgedPass

FLUSH_AT = 500


class SightingRecorder:
    """Takes judged passes, and stores a sighting of each that has ended with a certain plate and absolute time."""

    def __init__(self, store: SightingStore, flush_at: int | None = FLUSH_AT) -> None:
        """Take the store; None as `flush_at`: nothing is stored before `flush`, which another thread may call."""
        self._store = store
        self._flush_at = flush_at
        self._waiting: list[Sighting] = []
        self._lock = threading.Lock()

    @property
    def has_waiting(self) -> bool:
        """Whether a sighting is not stored yet."""
        return bool(self._waiting)

    def take(self, judged: JudgedPass, camera: Camera, time: TimeBasis, case_id: str | None) -> None:
        """One judged pass.

        Args:
            judged: open passes are left for later.
            camera: that saw it.
            time: of its source; without absolute time there is no sighting.
            case_id: of the case that keeps its pictures; None where there is none, and then no picture is kept.
        """
        vehicle_pass, plate = judged.vehicle_pass, judged.vehicle_pass.plate
        if vehicle_pass.is_open or plate is None or not plate.is_certain or not time.is_absolute:
            return
        sighting = Sighting(
            plate_text=plate.text,
            camera_id=camera.camera_id,
            seen_at=vehicle_pass.last_seen_at,
            plate_type=plate.plate_type.value if plate.plate_type is not PlateType.UNKNOWN else None,
            plate_colour=plate.colour.value,
            vehicle_type=vehicle_pass.vehicle_type.label,
            direction=camera.direction or vehicle_pass.direction,
            uncertainty_ms=time.uncertainty_ms,
            confidence=plate.confidence,
            pass_id=vehicle_pass.pass_id,
            picture=case_id,
        )
        with self._lock:
            self._waiting.append(sighting)
        if self._flush_at is not None and len(self._waiting) >= self._flush_at:
            self.flush()

    def flush(self) -> None:
        """Store what waits; live calls it every few seconds, replay at the end of a clip.

        Raises:
            StorageError: the store cannot be written; what waits is kept for the next call.
        """
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._store.add(batch)
        except StorageError:
            with self._lock:
                self._waiting = batch + self._waiting
            raise

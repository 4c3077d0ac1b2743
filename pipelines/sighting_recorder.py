"""The seam between passes and the store of sightings, for live and replay alike: one sighting a pass."""

import logging
import threading

from detector.entities import Camera, PlateType, Sighting, TimeBasis
from detector.errors import StorageError
from detector.sightings.store import SightingStore
from pipelines.sighting_spool import SightingSpool
from pipelines.violation_pipeline import JudgedPass

logger = logging.getLogger(__name__)

FLUSH_AT = 500


class SightingRecorder:
    """Takes judged passes, and stores a sighting of each that has ended with a certain plate and absolute time."""

    def __init__(self, store: SightingStore, spool: SightingSpool | None = None) -> None:
        """Take the store.

        Args:
            store: of sightings.
            spool: where they wait while the store cannot be written, and then nothing is stored before `flush`, which
                another thread may call; None: they wait in memory, and `take` stores them when they are many.
        """
        self._store = store
        self._spool = spool
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
        if self._spool is None and len(self._waiting) >= FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Store what waits; live calls it every few seconds, replay at the end of a clip.

        Raises:
            StorageError: the store cannot be written; what waits is kept for the next call, and in the spool also for
                the next process.
        """
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._store.add(batch)
            if self._spool is not None and not self._spool.is_empty:
                self._store.add_sealed(self._spool.read())
                self._spool.clear()
        except StorageError:
            self._keep(batch)
            raise

    def _keep(self, batch: list[Sighting]) -> None:
        """What the store refused goes to the spool; back into memory when that refuses too. Stored twice is once."""
        if not batch:
            return
        try:
            if self._spool is not None:
                self._spool.append(self._store.seal(batch))
                return
        except StorageError as error:
            logger.error("sightings: %s", error)
        with self._lock:
            self._waiting = batch + self._waiting

"""The seam between passes and the store of sightings, for live and replay alike: one sighting a pass."""

from detector.entities import Camera, PlateType, Sighting, TimeBasis
from detector.sightings.store import SightingStore
from pipelines.violation_pipeline import JudgedPass

FLUSH_AT = 500


class SightingRecorder:
    """Takes judged passes, and stores a sighting of each that has ended with a certain plate and absolute time."""

    def __init__(self, store: SightingStore) -> None:
        """Take the store."""
        self._store = store
        self._waiting: list[Sighting] = []

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
        self._waiting.append(
            Sighting(
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
        )
        if len(self._waiting) >= FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Store what waits; live calls it every few seconds, replay at the end of a clip.

        Raises:
            StorageError: the store cannot be written; what waits is kept for the next call.
        """
        self._store.add(self._waiting)
        self._waiting = []

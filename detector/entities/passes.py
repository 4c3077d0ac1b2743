"""One vehicle crossing one camera: the unit of judgement."""

from dataclasses import dataclass
from datetime import datetime

from detector.entities.frames import VehicleType
from detector.entities.loads import LoadState
from detector.entities.plates import Plate, PlateReading
from detector.geometry import Box


@dataclass(frozen=True, slots=True)
class Observation:
    """What one analysed frame says about one track; the rows of the manifest's reasoning.

    Attributes:
        xyxy, detection_confidence: of the vehicle.
        sharpness: variance of the Laplacian of the vehicle's crop, scaled to a common size; higher is sharper.
        load: None when the load was not looked at in this frame.
        plate: None when no plate was found or looked for.
        plate_searched: whether a plate was looked for in this frame.
    """

    frame_index: int
    pts: int
    stream_s: float
    captured_at: datetime
    packet_sha256: str
    xyxy: Box
    detection_confidence: float
    sharpness: float
    load: LoadState | None = None
    plate: PlateReading | None = None
    plate_searched: bool = False


@dataclass(frozen=True, slots=True)
class VehiclePass:
    """One vehicle crossing one camera: the unit of judgement.

    Attributes:
        pass_id: derived from camera and the pass's first observation; the same in every replay.
        track_id: for reports; not an identity.
        direction: image-plane direction of travel: "approaching", "leaving", or None when it hardly moved.
        load: voted state; None when no look at the load was possible.
        plate: voted plate; None when no plate was found (see `plate_searched`).
        observations: the looks taken, in time order, bounded in number.
        is_open: True while the track lives; what an open pass carries is settled and will not be taken back.
    """

    pass_id: str
    camera_id: str
    track_id: int
    vehicle_type: VehicleType
    first_seen_at: datetime
    last_seen_at: datetime
    first_seen_s: float
    last_seen_s: float
    direction: str | None
    load: LoadState | None
    plate: Plate | None
    observations: tuple[Observation, ...]
    is_open: bool

    @property
    def load_looks(self) -> tuple[Observation, ...]:
        """Observations whose load agrees with the voted cover and fill; none when there is no vote."""
        wanted = (self.load.cover, self.load.fill) if self.load else None
        return tuple(o for o in self.observations if o.load and (o.load.cover, o.load.fill) == wanted)

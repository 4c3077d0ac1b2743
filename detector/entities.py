"""All nouns of Roadwarden, frozen, in the order in which data flows.

    camera or file ─► packets ─► frames ─► detections ─► tracks ─► observations
        ─► passes ─► violations ─► evidence ─► case

Nothing here computes more than a property of itself, and nothing here imports another part of the program but
`geometry`. Units are in the names: `_s` seconds, `_px` pixels, `_xyxy` boxes in px, `_at` instants (aware UTC).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np

from detector.geometry import Box, Point, distance


class TimeSource(StrEnum):
    """Where the absolute time of a frame comes from, best first; RELATIVE means that there is none."""

    RTCP_SENDER_REPORT = "rtcp_sr"
    OPERATOR = "operator"
    FILE_SIDECAR = "file_sidecar"
    CONTAINER = "container"
    HOST_ARRIVAL = "host_arrival"
    RELATIVE = "relative"


RELATIVE_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""With `TimeSource.RELATIVE`, `captured_at` counts from this instant: only differences mean anything."""


@dataclass(frozen=True, slots=True)
class TimeBasis:
    """How the capture time of a source is known.

    Attributes:
        uncertainty_ms: half-width of the interval in which the true time lies; None when nothing is known about it.
    """

    source: TimeSource
    uncertainty_ms: float | None

    @property
    def is_absolute(self) -> bool:
        """Whether the time can be compared with a wall clock."""
        return self.source is not TimeSource.RELATIVE


@dataclass(frozen=True, slots=True)
class LegalRecord:
    """What makes a camera's record admissible (Administrative Penalty Law art. 41); None = not on record."""

    technical_review: str | None = None
    legal_review: str | None = None
    published_at_url: str | None = None
    sign: str | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """A device that looks at a road.

    Attributes:
        camera_id: unique and stable; part of every derived id.
        place: where it stands, in words for officers.
        direction: which traffic it sees, in words for officers; None when not configured.
        analysis_fps: analysed frames a second, on an absolute time grid.
        sees_into_box: capability flag; without it no rule about the load may yield anything.
        reads_plates: capability flag; without it no rule about plates may yield anything.
        zone: polygon in shares of width and height (0 to 1) within which vehicles are judged; None = whole picture.
        approaching: True where traffic comes toward the camera (front plates), False where it leaves, None for both.
        rules: rule name → parameters that differ from the rule's defaults; a rule not named is not in force.
        legal: the legal record; None makes every case a lead.
    """

    camera_id: str
    place: str = ""
    direction: str | None = None
    analysis_fps: float = 8.0
    sees_into_box: bool = True
    reads_plates: bool = True
    zone: tuple[Point, ...] | None = None
    approaching: bool | None = None
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    legal: LegalRecord | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture with its capture time.

    Attributes:
        camera_id: the camera that saw it.
        image: (H, W, 3) uint8, BGR, upright (rotation metadata already applied).
        index: position among the decoded pictures of the source, from 0.
        pts: presentation time stamp in the source's own time base, as repaired by the source (strictly increasing).
        stream_s: seconds since the first picture of the source.
        captured_at: aware UTC; counts from RELATIVE_EPOCH when the time is relative.
        packet_sha256: hash of the compressed packet the picture came from; "" when it cannot be known.
    """

    camera_id: str
    image: np.ndarray
    index: int
    pts: int
    stream_s: float
    captured_at: datetime
    packet_sha256: str


class VehicleType(IntEnum):
    """Classes of the vehicle detector, in the order of its outputs."""

    CAR = 0
    BUS = 1
    TRUCK = 2
    MOTORCYCLE = 3
    PERSON = 4

    @property
    def label(self) -> str:
        """Lower-case name used in reports and JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What the detector found in one image, as parallel arrays.

    Attributes:
        xyxy: (N, 4) float32, px.
        confidence: (N,) float32, 0 to 1.
        class_id: (N,) int64, values of `VehicleType`.
    """

    xyxy: np.ndarray
    confidence: np.ndarray
    class_id: np.ndarray

    def __post_init__(self) -> None:
        """Refuse arrays that are not parallel."""
        n = len(self.xyxy)
        if self.xyxy.shape != (n, 4) or self.confidence.shape != (n,) or self.class_id.shape != (n,):
            raise ValueError(f"not parallel: {self.xyxy.shape}, {self.confidence.shape}, {self.class_id.shape}")

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.xyxy)

    @classmethod
    def empty(cls) -> "Detections":
        """No boxes at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def where(self, mask: np.ndarray) -> "Detections":
        """The rows for which a boolean mask (N,) is true, or the rows of an index array."""
        return Detections(self.xyxy[mask], self.confidence[mask], self.class_id[mask])


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


class Cover(StrEnum):
    """State of a tipper's cover."""

    CLOSED = "closed"
    PARTIAL = "partial"
    OPEN = "open"
    NOT_VISIBLE = "not_visible"


class Fill(StrEnum):
    """State of a tipper's load."""

    EMPTY = "empty"
    BELOW_EDGE = "below_edge"
    ABOVE_EDGE = "above_edge"
    NOT_VISIBLE = "not_visible"


class LoadLabel(StrEnum):
    """The one word that follows from cover and fill."""

    COVERED = "covered"
    EMPTY = "empty"
    LOADED = "loaded"
    HEAPED = "heaped"
    NOT_VISIBLE = "not_visible"
    NOT_A_TIPPER = "not_a_tipper"


@dataclass(frozen=True, slots=True)
class LoadState:
    """Cover and fill of one cargo bed.

    Attributes:
        cover_confidence: probability of the side that the cover is on, closed or not.
        fill_confidence: probability of empty or of loaded; for ABOVE_EDGE, that the load is above the edge.
        tipper_confidence: probability that the vehicle is a tipper (open-topped bed for bulk goods) at all.
        bed_xyxy: box in px of the whole image; None when no bed was located.
    """

    cover: Cover
    cover_confidence: float
    fill: Fill
    fill_confidence: float
    tipper_confidence: float
    bed_xyxy: Box | None = None

    @property
    def label(self) -> LoadLabel:
        """The derived label: heaped and loaded mean *not closed*; a closed cover is covered whatever is beneath."""
        if self.tipper_confidence < 0.5:
            return LoadLabel.NOT_A_TIPPER
        if self.cover is Cover.CLOSED:
            return LoadLabel.COVERED
        if self.cover is Cover.NOT_VISIBLE and self.fill is not Fill.ABOVE_EDGE:
            return LoadLabel.NOT_VISIBLE
        labels = {Fill.EMPTY: LoadLabel.EMPTY, Fill.BELOW_EDGE: LoadLabel.LOADED, Fill.ABOVE_EDGE: LoadLabel.HEAPED}
        return labels.get(self.fill, LoadLabel.NOT_VISIBLE)

    @property
    def confidence(self) -> float:
        """Probability that the label is right, as far as cover and fill are independent."""
        if self.label is LoadLabel.NOT_A_TIPPER:
            return 1.0 - self.tipper_confidence
        return self.cover_confidence * (1.0 if self.label is LoadLabel.COVERED else self.fill_confidence)


class PlateType(StrEnum):
    """Kinds of Chinese plates (GA 36-2018 and others; domain.md section 3)."""

    ORDINARY = "ordinary"
    NEV_SMALL = "nev_small"
    NEV_LARGE = "nev_large"
    TRAILER = "trailer"
    TRAINER = "trainer"
    POLICE = "police"
    OVERSIZE = "oversize"
    HK_MACAU = "hk_macau"
    EMBASSY = "embassy"
    CONSULATE = "consulate"
    MILITARY = "military"
    ARMED_POLICE = "armed_police"
    EMERGENCY = "emergency"
    AIRSIDE = "airside"
    TRACTOR = "tractor"
    UNKNOWN = "unknown"


class PlateColour(StrEnum):
    """Ground colour of a plate."""

    BLUE = "blue"
    YELLOW = "yellow"
    GREEN = "green"
    YELLOW_GREEN = "yellow_green"
    WHITE = "white"
    BLACK = "black"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PlateReading:
    """One look at one plate.

    Attributes:
        text: as read, any length; "" when the reader saw no character.
        characters: confidence of each character of `text`, 0 to 1.
        alternatives: per character the likeliest others with their probability, best first; may be empty.
        colour, colour_confidence: ground colour, and its probability.
        corners: the four corners in px of the whole image: top-left, top-right, bottom-right, bottom-left.
        rows: 1 or 2.
        detection_confidence: that this is a plate at all, 0 to 1.
    """

    text: str
    characters: tuple[float, ...]
    alternatives: tuple[tuple[tuple[str, float], ...], ...]
    colour: PlateColour
    colour_confidence: float
    corners: tuple[Point, Point, Point, Point]
    rows: int
    detection_confidence: float

    @property
    def width_px(self) -> float:
        """Length of the plate's upper edge in px."""
        return distance(self.corners[0], self.corners[1])

    @property
    def xyxy(self) -> Box:
        """The upright box around the four corners."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


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
class Plate:
    """The voted plate of a pass.

    Attributes:
        text: full plate; characters that are not sure are "-".
        characters: confidence of each character after the vote, 0 to 1.
        plate_type: by grammar; UNKNOWN while a character is unsure and several types fit.
        colour: voted ground colour.
        looks: how many readings took part.
    """

    text: str
    characters: tuple[float, ...]
    plate_type: PlateType
    colour: PlateColour
    looks: int

    @property
    def confidence(self) -> float:
        """The lowest character confidence: a plate is as sure as its least sure character."""
        return min(self.characters, default=0.0)

    @property
    def is_certain(self) -> bool:
        """Whether every character is sure."""
        return bool(self.text) and "-" not in self.text


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


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found on one pass: an observed fact, never a legal qualification.

    Attributes:
        measured: names and values that were measured.
        limits: the limits they were held against, same names where they correspond.
        confidence: 0 to 1.
        deciding: frame indices of the observations that decided, in time order.
    """

    rule: str
    measured: dict[str, Any]
    limits: dict[str, Any]
    confidence: float
    deciding: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """A pass with everything that rules found on it."""

    vehicle_pass: VehiclePass
    findings: tuple[Finding, ...]

    @property
    def deciding(self) -> tuple[Observation, ...]:
        """The observations that decided any finding, in time order."""
        wanted = {index for finding in self.findings for index in finding.deciding}
        return tuple(o for o in self.vehicle_pass.observations if o.frame_index in wanted)


class Grade(StrEnum):
    """Whether the record may serve as evidence, or is a lead for officers to prove."""

    LEAD = "lead"
    EVIDENCE = "evidence"


class CaseStatus(StrEnum):
    """State of a case."""

    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sealed package on disk: its folder, the digest of its manifest, and what the clip covers of the source."""

    folder: str
    manifest_sha256: str
    clip_start_s: float
    clip_end_s: float


@dataclass(frozen=True, slots=True)
class Case:
    """What officers work on: one pass, all its findings.

    Attributes:
        case_id: derived from the pass id, so the same footage can never make two cases.
        grade_reasons: why the grade is not `evidence`; empty for evidence.
        captured_at: first deciding moment; meaningless as a wall clock when `time.source` is RELATIVE.
        evidence: None until the last seconds of the clip have been seen and the package is sealed.
    """

    case_id: str
    camera_id: str
    place: str
    vehicle_type: VehicleType
    status: CaseStatus
    grade: Grade
    grade_reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    plate: Plate | None
    load: LoadState | None
    captured_at: datetime
    time: TimeBasis
    evidence: Evidence | None

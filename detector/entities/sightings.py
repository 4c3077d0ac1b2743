"""Plates at places and times, and what came of a file of them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """One plate, read in full, at one camera; the plate in clear exists only until it is stored.

    Attributes:
        plate_text: complete, without separator.
        plate_type, plate_colour: values of `PlateType` and `PlateColour`; None when not known.
        vehicle_type: lower-case name; None when not known.
        direction: as the camera or the file says; None when not known.
        seen_at: aware UTC.
        uncertainty_ms: half-width of the interval in which the true time lies; None when nothing is known about it.
        confidence: of the least sure character, 0 to 1; None when the source does not say.
        pass_id: the vehicle pass it comes from; None for imported records.
        picture: id of the case that keeps a picture; None for everything that is under no suspicion.
    """

    plate_text: str
    camera_id: str
    seen_at: datetime
    plate_type: str | None = None
    plate_colour: str | None = None
    vehicle_type: str | None = None
    direction: str | None = None
    uncertainty_ms: float | None = None
    confidence: float | None = None
    pass_id: str | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was refused: its line number in the file (the header is line 1) and why; never the plate."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of a file.

    Attributes:
        rows: data rows in the file, without empty lines.
        kept: rows stored by this import; the rest are bad or were there already.
        known: rows that were there already, in the store or earlier in the file.
        bad: number of refused rows.
        bad_rows: the first of them, in the order of the file.
        notes: what a person should know, one sentence each.
    """

    rows: int
    kept: int
    known: int
    bad: int
    bad_rows: tuple[BadRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """Why sealed plates are opened, and by whom; written down before any is.

    Attributes:
        person: who asks.
        reason: in words, for whoever reviews the log.
        subject: what it belongs to, for instance "scan 12" or "lead RL-…".
    """

    person: str
    reason: str
    subject: str


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What a purge deleted: rows past their lifetime, their day folders, keys, and hashes of an earlier window."""

    deleted_rows: int
    deleted_days: int
    destroyed_keys: int
    rekeyed_days: int
    kept_rows: int

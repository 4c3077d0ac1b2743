"""Listed plates, and what happens when one is seen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class WatchStatus(StrEnum):
    """State of an entry at one moment; only ACTIVE ones match."""

    REQUESTED = "requested"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What somebody asks to be listed.

    Attributes:
        plate_text: complete.
        reason: in words.
        expires_at: aware; there is no open-ended entry.
        plate_colour, vehicle_type: value of `PlateColour` and label of `VehicleType` that the listed vehicle has; None
            when not known.
        lead_id: of the lead that led to it; None for a complaint or another source.
    """

    plate_text: str
    reason: str
    expires_at: datetime
    plate_colour: str | None = None
    vehicle_type: str | None = None
    lead_id: str | None = None


@dataclass(frozen=True, slots=True)
class WatchEntry:
    """One listed plate.

    Attributes:
        applicant: account that asked; the approver is always another one.
        plate_colour, vehicle_type, lead_id: as of the request.
        expires_at: aware; there is no open-ended entry.
        approver, approved_at: None until a second person has approved.
        revoked_by, revoked_at, revoke_reason: None while it stands.
    """

    entry_id: str
    plate_text: str
    reason: str
    applicant: str
    applied_at: datetime
    expires_at: datetime
    approver: str | None = None
    approved_at: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    revoke_reason: str | None = None
    plate_colour: str | None = None
    vehicle_type: str | None = None
    lead_id: str | None = None

    def status(self, now: datetime) -> WatchStatus:
        """The state at an instant."""
        if self.revoked_at is not None:
            return WatchStatus.REVOKED
        if now >= self.expires_at:
            return WatchStatus.EXPIRED
        return WatchStatus.ACTIVE if self.approved_at is not None else WatchStatus.REQUESTED


class InterceptionOutcome(StrEnum):
    """What became of a hit."""

    CONFIRMED = "confirmed"
    LICENSED_SOLICITING = "licensed_soliciting"
    LAWFUL = "lawful"
    NOT_FOUND = "not_found"
    WRONG_PLATE = "wrong_plate"


@dataclass(frozen=True, slots=True)
class NextCamera:
    """Where a listed vehicle may be seen next, and between which instants."""

    camera_id: str
    earliest_at: datetime
    latest_at: datetime
    distance_m: float


@dataclass(frozen=True, slots=True)
class LaterSighting:
    """A listed vehicle seen again while its interception is open."""

    camera_id: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Interception:
    """A hit of the watch list and what followed; the timer runs from `seen_at`.

    Attributes:
        interception_id: derived from the entry and the pass, so that one pass makes one.
        plate_seen: as the deciding looks read it, "-" for what they did not read surely.
        looks: agreeing looks when it was decided.
        plate_colour, vehicle_type: of the deciding look; None when not sure.
        colour_agrees, vehicle_agrees: whether they are those of the entry; None when either does not say.
        next_cameras: soonest first.
        acknowledged_by, acknowledged_at: None until a team has taken it.
        later: seen again, in time order.
    """

    interception_id: str
    entry_id: str
    plate_text: str
    plate_seen: str
    camera_id: str
    seen_at: datetime
    alerted_at: datetime
    looks: int
    next_cameras: tuple[NextCamera, ...]
    plate_colour: str | None = None
    vehicle_type: str | None = None
    colour_agrees: bool | None = None
    vehicle_agrees: bool | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    later: tuple[LaterSighting, ...] = ()
    outcome: InterceptionOutcome | None = None
    outcome_by: str | None = None
    outcome_at: datetime | None = None

    def waited(self, now: datetime) -> timedelta:
        """The timer: from the deciding frame to the outcome, or to the present while there is none."""
        return (self.outcome_at or now) - self.seen_at

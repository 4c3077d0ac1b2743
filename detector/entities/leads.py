"""Suspicions with reasons: what a pattern scan hands to officers, never a verdict."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class LeadKind(StrEnum):
    """What is suspected."""

    RIDE_HAILING = "ride_hailing"
    CLONED_PLATE = "cloned_plate"


class LeadOutcome(StrEnum):
    """What officers found; feeds back into later scans."""

    CONFIRMED = "confirmed"
    LICENSED_SOLICITING = "licensed_soliciting"
    LAWFUL = "lawful"
    NOT_FOUND = "not_found"
    WRONG_PLATE = "wrong_plate"


@dataclass(frozen=True, slots=True)
class Reason:
    """One observed ground of a suspicion; sentences are made from it in the reader's language.

    Attributes:
        code: key of the sentence.
        signal: family of grounds that are not independent of each other, for instance "frequency".
        values: measured values that the sentence names.
        points: share of the score that it explains, in points of the published scale.
    """

    code: str
    signal: str
    values: dict[str, Any]
    points: float


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One visit or sighting that a lead rests on."""

    seen_at: datetime
    camera_id: str
    place: str
    note: str


@dataclass(frozen=True, slots=True)
class Lead:
    """One plate, suspected of one thing, in one window.

    Attributes:
        lead_id: random, since a hash of a plate could be guessed back; a later scan renews the open lead of a plate.
        score: calibrated probability for ride-hailing; for cloned plates it only ranks; 0 to 1.
        reasons: strongest first.
        unchecked: what could not be checked, in codes, for instance "licensed" when no such register is loaded.
        outcome: None until officers have reported one.
    """

    lead_id: str
    kind: LeadKind
    plate_text: str
    score: float
    window_from: datetime
    window_to: datetime
    reasons: tuple[Reason, ...]
    timeline: tuple[TimelineEntry, ...]
    unchecked: tuple[str, ...] = ()
    outcome: LeadOutcome | None = None
    outcome_by: str | None = None
    outcome_at: datetime | None = None

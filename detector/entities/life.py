"""The life of a case after detection: states, actions, people, units, and what the audit log says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class CaseStatus(StrEnum):
    """State of a case (CJ/T 315-2009, Chongqing's seven links); `detector/cases/transitions.py` says what follows what.

    A case that departments work on is `dispatched` until the first accepts, `in_handling` until the last has answered,
    then `feedback`; `returned` when every department has sent it back.
    """

    CANDIDATE = "candidate"
    AUTO_DROPPED = "auto_dropped"
    IN_REVIEW = "in_review"
    TECHNICALLY_CONFIRMED = "technically_confirmed"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"
    FILED = "filed"
    DISPATCHED = "dispatched"
    RETURNED = "returned"
    IN_HANDLING = "in_handling"
    FEEDBACK = "feedback"
    VERIFIED = "verified"
    CLOSED = "closed"
    REOPENED = "reopened"
    SUSPENDED = "suspended"
    MERGED = "merged"
    TRANSFERRED = "transferred"
    APPEALED = "appealed"
    UPHELD = "upheld"
    AMENDED = "amended"
    REVOKED = "revoked"
    ARCHIVED = "archived"


class Action(StrEnum):
    """What somebody does to a case."""

    DROP = "drop"
    CLAIM = "claim"
    RELEASE = "release"
    HAND_OVER = "hand_over"
    CORRECT_PLATE = "correct_plate"
    CONFIRM = "confirm"
    REJECT = "reject"
    LEGAL_CONFIRM = "legal_confirm"
    LEGAL_REJECT = "legal_reject"
    SEND_BACK = "send_back"
    FILE = "file"
    DISPATCH = "dispatch"
    ADD_UNIT = "add_unit"
    WAIVE = "waive"
    ACCEPT = "accept"
    RETURN = "return"
    GIVE_FEEDBACK = "give_feedback"
    ESCALATE = "escalate"
    REWORK = "rework"
    VERIFY = "verify"
    CLOSE = "close"
    REOPEN = "reopen"
    SUSPEND = "suspend"
    RESUME = "resume"
    MERGE = "merge"
    TRANSFER = "transfer"
    APPEAL = "appeal"
    UPHOLD = "uphold"
    AMEND = "amend"
    REVOKE = "revoke"
    ARCHIVE = "archive"
    UNDO = "undo"
    NOTICE = "notice"
    VIEWING = "viewing"
    STATEMENT = "statement"
    ANSWER = "answer"
    NOTE = "note"
    LINK = "link"
    SOURCE_SITE = "source_site"


class Role(StrEnum):
    """What a person may do; `SYSTEM` is the program itself."""

    REVIEWER = "reviewer"
    LEGAL = "legal"
    DISPATCHER = "dispatcher"
    DEPARTMENT = "department"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"


class RejectReason(StrEnum):
    """Why a candidate is no case: what officers saw, then the grounds for which records must be taken out."""

    NOT_SLAG_TRUCK = "not_slag_truck"
    EMPTY = "empty"
    COVERED = "covered"
    BELOW_EDGE = "below_edge"
    UNCLEAR = "unclear"
    PLATE_WRONG = "plate_wrong"
    DUPLICATE = "duplicate"
    EXEMPT_VEHICLE = "exempt_vehicle"
    TIME_INVALID = "time_invalid"
    EMERGENCY_ON_TASK = "emergency_on_task"
    STOLEN_OR_CLONED = "stolen_or_cloned"
    SAVING_LIFE = "saving_life"
    ALREADY_PUNISHED = "already_punished"
    SIGNALS_INCONSISTENT = "signals_inconsistent"
    REGISTRATION_MISMATCH = "registration_mismatch"
    OTHER = "other"


class AssignmentStatus(StrEnum):
    """Where one department stands with its part of a case."""

    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    DONE = "done"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        account: unique name of the account.
        name: the person's.
        unit: id of the unit for which the person acts.
        roles: what the person may do.
        certificate: number of the enforcement certificate; None for people without one.
    """

    account: str
    name: str
    unit: str
    roles: frozenset[Role]
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One line of the audit log.

    Attributes:
        event_id: counts up without a gap.
        case_id: None for what concerns no single case.
        action: of `Action`, or another word for what is no step of a case (a view, a deletion).
        before, after: state of the case; None where the event is no step of a case.
        at: aware, UTC.
        digest: SHA-256 of the line and of `previous`.
        previous: digest of the line before.
    """

    event_id: int
    case_id: str | None
    action: str
    before: CaseStatus | None
    after: CaseStatus | None
    account: str
    name: str
    unit: str
    certificate: str | None
    at: datetime
    reason: str | None
    note: str | None
    details: Mapping[str, Any]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """One department's part of a case, with its own clock.

    Attributes:
        is_main: responsible, not a co-handler.
        accept_due_at, feedback_due_at: aware; by when the department should have acted.
        accepted_at, done_at: None until then.
        escalated_to: unit above that was told last that time ran out; None when none was.
    """

    assignment_id: int
    case_id: str
    unit: str
    is_main: bool
    status: AssignmentStatus
    assigned_at: datetime
    accept_due_at: datetime
    feedback_due_at: datetime
    accepted_at: datetime | None
    done_at: datetime | None
    escalated_to: str | None


@dataclass(frozen=True, slots=True)
class Unit:
    """A department in the tree of city, districts and streets.

    Attributes:
        level: city, district or street.
        parent: id of the unit above; None at the top.
    """

    unit_id: str
    name: str
    level: str
    parent: str | None

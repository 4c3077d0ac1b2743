"""What may happen to a case: one table, from which the program, its tests and the database's guard are made.

candidate ─claim─► in_review ─confirm─► technically_confirmed ─legal_confirm─► confirmed ─file─► filed
    ─dispatch─► dispatched ─accept─► in_handling ─give_feedback─► feedback ─verify─► verified ─close─► closed
    ─archive─► archived

beside it: rejected; returned (every department sent it back) ─► dispatched; suspended ─► where it was; merged;
transferred; appealed ─► upheld, amended, revoked; reopened; and steps that change no state (notice, statement, …)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from detector.entities import Action, CaseStatus, Role

A, R, S = Action, Role, CaseStatus


class Need(StrEnum):
    """What an action cannot do without."""

    REASON = "reason"
    REJECT_REASON = "reject_reason"
    CERTIFICATE = "certificate"
    OTHER_PERSON = "other_person"
    """Nobody who already decided this case technically."""
    CLAIM = "claim"
    """Nobody else has claimed the case."""
    PLATE = "plate"
    BASIS = "basis"
    UNITS = "units"
    UNIT = "unit"
    PARENT = "parent"
    SITE = "site"
    ACCOUNT = "account"


class Follows(StrEnum):
    """States that depend on more than the action."""

    STAYS = "stays"
    ASSIGNMENTS = "assignments"
    """By how far the departments are."""
    RETURNS = "returns"
    """Where the case was before it was suspended or appealed."""
    UNDOES = "undoes"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table.

    Attributes:
        sources: states in which the action is possible.
        target: the state after it, or how that is found.
        roles: who may do it; any of them.
        needs: what must be given.
    """

    action: Action
    sources: frozenset[CaseStatus]
    target: CaseStatus | Follows
    roles: frozenset[Role]
    needs: frozenset[Need] = field(default=frozenset())


def _row(
    action: Action,
    sources: Iterable[CaseStatus],
    target: CaseStatus | Follows,
    roles: Iterable[Role],
    needs: Iterable[Need] = (),
) -> Transition:
    return Transition(action, frozenset(sources), target, frozenset(roles), frozenset(needs))


REVIEWED = {S.IN_REVIEW, S.TECHNICALLY_CONFIRMED}
WITH_DEPARTMENTS = {S.DISPATCHED, S.IN_HANDLING}
OPEN = {S.CONFIRMED, S.FILED, S.DISPATCHED, S.RETURNED, S.IN_HANDLING, S.FEEDBACK, S.VERIFIED, S.REOPENED}
APPEALABLE = {S.FILED, S.DISPATCHED, S.RETURNED, S.IN_HANDLING, S.FEEDBACK, S.VERIFIED, S.CLOSED, S.REOPENED}
PARTY = OPEN | {S.CLOSED, S.SUSPENDED, S.APPEALED, S.UPHELD, S.AMENDED, S.REVOKED}
ENDED = {S.AUTO_DROPPED, S.REJECTED, S.CLOSED, S.MERGED, S.TRANSFERRED, S.REVOKED}
UNDOABLE = {S.REJECTED, S.TECHNICALLY_CONFIRMED, S.CONFIRMED, S.SUSPENDED, S.MERGED, S.IN_REVIEW}
UNDOABLE_ACTIONS = frozenset({A.CONFIRM, A.REJECT, A.LEGAL_CONFIRM, A.LEGAL_REJECT, A.SEND_BACK, A.SUSPEND, A.MERGE})
"""Decisions that the one who took them may take back for a minute; later ones have left the house.

So may a suspension have by then: departments that were told of it are told that it is over, as after `resume`.
"""

DESK = {R.REVIEWER, R.LEGAL, R.DISPATCHER, R.SUPERVISOR}

TRANSITIONS: tuple[Transition, ...] = (
    _row(A.DROP, {S.CANDIDATE}, S.AUTO_DROPPED, {R.SYSTEM}, {Need.REASON}),
    _row(A.CLAIM, {S.CANDIDATE, S.IN_REVIEW}, S.IN_REVIEW, {R.REVIEWER}, {Need.CLAIM}),
    _row(A.RELEASE, {S.IN_REVIEW}, S.CANDIDATE, {R.REVIEWER}, {Need.CLAIM}),
    _row(A.HAND_OVER, {S.IN_REVIEW}, Follows.STAYS, {R.REVIEWER}, {Need.CLAIM, Need.ACCOUNT}),
    _row(A.CORRECT_PLATE, REVIEWED, Follows.STAYS, {R.REVIEWER, R.LEGAL}, {Need.PLATE}),
    _row(A.CONFIRM, {S.IN_REVIEW}, S.TECHNICALLY_CONFIRMED, {R.REVIEWER}, {Need.CLAIM, Need.CERTIFICATE}),
    _row(A.REJECT, {S.IN_REVIEW}, S.REJECTED, {R.REVIEWER}, {Need.CLAIM, Need.CERTIFICATE, Need.REJECT_REASON}),
    _row(A.LEGAL_CONFIRM, {S.TECHNICALLY_CONFIRMED}, S.CONFIRMED, {R.LEGAL}, {Need.CERTIFICATE, Need.OTHER_PERSON}),
    _row(
        A.LEGAL_REJECT, {S.TECHNICALLY_CONFIRMED}, S.REJECTED, {R.LEGAL},
        {Need.CERTIFICATE, Need.OTHER_PERSON, Need.REJECT_REASON},
    ),
    _row(A.SEND_BACK, {S.TECHNICALLY_CONFIRMED}, S.IN_REVIEW, {R.LEGAL}, {Need.REASON, Need.OTHER_PERSON}),
    _row(A.FILE, {S.CONFIRMED}, S.FILED, {R.LEGAL, R.DISPATCHER}, {Need.BASIS}),
    _row(A.DISPATCH, {S.FILED, S.RETURNED, S.REOPENED}, S.DISPATCHED, {R.DISPATCHER}, {Need.UNITS}),
    _row(A.ADD_UNIT, WITH_DEPARTMENTS, Follows.ASSIGNMENTS, {R.DISPATCHER}, {Need.UNITS}),
    _row(A.WAIVE, WITH_DEPARTMENTS, Follows.ASSIGNMENTS, {R.DISPATCHER}, {Need.UNIT, Need.REASON}),
    _row(A.ACCEPT, WITH_DEPARTMENTS, Follows.ASSIGNMENTS, {R.DEPARTMENT}),
    _row(A.RETURN, WITH_DEPARTMENTS, Follows.ASSIGNMENTS, {R.DEPARTMENT}, {Need.REASON}),
    _row(A.GIVE_FEEDBACK, WITH_DEPARTMENTS, Follows.ASSIGNMENTS, {R.DEPARTMENT}, {Need.REASON}),
    _row(A.ESCALATE, WITH_DEPARTMENTS, Follows.STAYS, {R.SYSTEM, R.DISPATCHER, R.SUPERVISOR}, {Need.UNIT}),
    _row(A.REWORK, {S.FEEDBACK}, S.IN_HANDLING, {R.DISPATCHER, R.SUPERVISOR}, {Need.REASON}),
    _row(A.VERIFY, {S.FEEDBACK}, S.VERIFIED, {R.DISPATCHER, R.SUPERVISOR}),
    _row(A.CLOSE, {S.VERIFIED, S.UPHELD, S.AMENDED}, S.CLOSED, {R.DISPATCHER, R.SUPERVISOR}, {Need.REASON}),
    _row(A.REOPEN, {S.CLOSED}, S.REOPENED, {R.SUPERVISOR}, {Need.REASON}),
    _row(A.SUSPEND, (OPEN - {S.VERIFIED}) | REVIEWED, S.SUSPENDED, DESK, {Need.REASON}),
    _row(A.RESUME, {S.SUSPENDED, S.UPHELD}, Follows.RETURNS, DESK),
    _row(A.MERGE, {S.CANDIDATE, *REVIEWED}, S.MERGED, {R.REVIEWER, R.SUPERVISOR}, {Need.PARENT}),
    _row(A.TRANSFER, {S.CONFIRMED, S.FILED, S.RETURNED}, S.TRANSFERRED, {R.DISPATCHER, R.SUPERVISOR}, {Need.REASON}),
    _row(A.APPEAL, APPEALABLE, S.APPEALED, {R.LEGAL, R.SUPERVISOR}, {Need.REASON}),
    _row(A.UPHOLD, {S.APPEALED}, S.UPHELD, {R.LEGAL}, {Need.CERTIFICATE, Need.REASON, Need.OTHER_PERSON}),
    _row(A.AMEND, {S.APPEALED}, S.AMENDED, {R.LEGAL}, {Need.CERTIFICATE, Need.REASON, Need.OTHER_PERSON}),
    _row(A.REVOKE, {S.APPEALED}, S.REVOKED, {R.LEGAL}, {Need.CERTIFICATE, Need.REASON, Need.OTHER_PERSON}),
    _row(A.ARCHIVE, ENDED, S.ARCHIVED, {R.SUPERVISOR, R.ADMINISTRATOR, R.SYSTEM}),
    _row(A.UNDO, UNDOABLE, Follows.UNDOES, {R.REVIEWER, R.LEGAL, R.SUPERVISOR}),
    _row(A.NOTICE, PARTY, Follows.STAYS, {R.LEGAL, R.DISPATCHER, R.DEPARTMENT}, {Need.REASON}),
    _row(A.VIEWING, PARTY, Follows.STAYS, {R.LEGAL, R.DISPATCHER, R.DEPARTMENT}, {Need.REASON}),
    _row(A.STATEMENT, PARTY, Follows.STAYS, {R.LEGAL, R.DISPATCHER, R.DEPARTMENT}, {Need.REASON}),
    _row(A.ANSWER, PARTY, Follows.STAYS, {R.LEGAL}, {Need.REASON, Need.CERTIFICATE}),
    _row(A.NOTE, set(S) - {S.ARCHIVED}, Follows.STAYS, {*DESK, R.DEPARTMENT}, {Need.REASON}),
    _row(A.LINK, set(S) - {S.ARCHIVED}, Follows.STAYS, {*DESK, R.SYSTEM}, {Need.PARENT, Need.REASON}),
    _row(
        A.SOURCE_SITE, set(S) - {S.ARCHIVED}, Follows.STAYS, {*DESK, R.DEPARTMENT, R.SYSTEM},
        {Need.SITE, Need.REASON},
    ),
)  # fmt: skip

BY_ACTION = {row.action: row for row in TRANSITIONS}


def possible(status: CaseStatus) -> list[Action]:
    """Actions that the table allows in a state, in its order."""
    return [row.action for row in TRANSITIONS if status in row.sources]


def pairs() -> set[tuple[CaseStatus, CaseStatus]]:
    """Every change of state that the table allows; the database refuses all others."""
    return {(source, target) for row in TRANSITIONS for source in row.sources for target in _targets(row, source)} - {
        (status, status) for status in CaseStatus
    }


def _targets(row: Transition, source: CaseStatus) -> Iterator[CaseStatus]:
    """The states that a row can lead to."""
    if isinstance(row.target, CaseStatus):
        yield row.target
    elif row.target is Follows.ASSIGNMENTS:
        yield from (S.DISPATCHED, S.IN_HANDLING, S.FEEDBACK, S.RETURNED)
    elif row.target is Follows.RETURNS:
        by = A.SUSPEND if source is S.SUSPENDED else A.APPEAL
        yield from BY_ACTION[by].sources
    elif row.target is Follows.UNDOES:
        undone = [r for r in TRANSITIONS if r.action in UNDOABLE_ACTIONS and r.target is source]
        yield from (status for r in undone for status in r.sources)

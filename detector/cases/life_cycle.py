"""The one door through which a case changes: checked, applied, written down and told, or nothing at all."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from detector.cases import audit, effects
from detector.cases.clocks import Clocks, load_clocks
from detector.cases.transitions import BY_ACTION, Need, Transition, possible
from detector.database.sessions import read_session, write_session
from detector.database.tables import CaseRow, ClaimRow
from detector.entities import BEIJING, Action, Actor, CaseEvent, CaseStatus, RejectReason
from detector.errors import Conflict, IllegalTransition, UnknownCase

Listener = Callable[[Session, CaseEvent], None]

GIVEN = {
    Need.PLATE: "plate",
    Need.BASIS: "basis",
    Need.UNITS: "units",
    Need.UNIT: "unit",
    Need.PARENT: "parent",
    Need.SITE: "site",
    Need.ACCOUNT: "account",
}
"""Needs that are answered by a detail of this name."""

TECHNICAL = (Action.CONFIRM,)
JUDGED = (Action.CONFIRM, Action.LEGAL_CONFIRM)


class LifeCycle:
    """Performs actions on cases; safe to use from several processes and threads at once."""

    def __init__(
        self,
        engine: Engine,
        *,
        clocks: Clocks | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        listeners: Sequence[Listener] = (),
    ) -> None:
        """Use a database that `open_database` has opened.

        Args:
            engine: of the case database.
            clocks: by when each step is due; None for the published table.
            now: aware.
            listeners: called with every event inside its transaction, so that what they write stands or falls with it.
        """
        self._engine = engine
        self._clocks = clocks or load_clocks()
        self._now = now
        self._listeners = tuple(listeners)

    def perform(
        self,
        case_id: str,
        action: Action,
        actor: Actor,
        *,
        reason: str | None = None,
        note: str | None = None,
        details: Mapping[str, Any] | None = None,
        expected: int | None = None,
    ) -> CaseEvent:
        """Do one thing to one case, in one transaction.

        Args:
            case_id: the case.
            action: what.
            actor: who.
            reason: why; one of `RejectReason` for rejections.
            note: anything worth saying.
            details: what the action needs beside that, by the names of `GIVEN`.
            expected: id of the last event of the case that the actor has seen (0: none); None to act on whatever is.

        Returns:
            The event as it was written down.

        Raises:
            Conflict: somebody else acted on the case since `expected`, or has claimed it.
            IllegalTransition: the state, the actor's roles, or what was given does not allow it.
            UnknownCase: there is no such case.
            StorageError: the database cannot be written.
        """
        row = BY_ACTION[action]
        with write_session(self._engine) as session:
            case = _lock(session, case_id, (details or {}).get("parent"))
            if case is None:
                raise UnknownCase(f"no case {case_id} in the database; `roadwarden cases list` shows what there is")
            past = audit.history(session, case_id)
            step = effects.Step(
                session, case, action, actor, reason, note, dict(details or {}), self._now(), self._clocks, past
            )
            _check_unchanged(step, expected)
            _check_first(step)
            _check(step, row)
            target = effects.apply(step, row.target)
            before = CaseStatus(case.status)
            event = audit.append(
                session,
                audit.Entry(actor, action.value, step.now, case_id, (before, target), reason, note, step.details),
            )
            case.status, case.updated_at = target.value, step.now
            session.flush()
            for listener in self._listeners:
                listener(session, event)
            return event

    def history(self, case_id: str) -> list[CaseEvent]:
        """Every event of a case, oldest first; empty for a case that nobody has touched.

        Raises:
            StorageError: the database cannot be read.
        """
        with read_session(self._engine) as session:
            return audit.history(session, case_id)

    def possible(self, case_id: str, actor: Actor) -> list[Action]:
        """What this person may do to the case as it is, as far as state and roles decide.

        Raises:
            UnknownCase: there is no such case.
            StorageError: the database cannot be read.
        """
        with read_session(self._engine) as session:
            case = session.get(CaseRow, case_id)
            if case is None:
                raise UnknownCase(f"no case {case_id} in the database; `roadwarden cases list` shows what there is")
            return [a for a in possible(CaseStatus(case.status)) if BY_ACTION[a].roles & actor.roles]


def _lock(session: Session, case_id: str, other: Any) -> CaseRow | None:
    """Lock a case, and the other one that a step names; in one order, so that steps that cross wait for each other."""
    names = sorted({case_id, str(other or case_id)})
    return {name: session.get(CaseRow, name, with_for_update=True) for name in names}[case_id]


def _check_unchanged(step: effects.Step, expected: int | None) -> None:
    """That nobody acted since the actor looked; what others only looked at in the meantime is no step."""
    if expected is None:
        return
    steps = [event for event in step.past if event.event_id > expected and event.before is not None]
    since = [event for event in steps if event.account != step.actor.account]
    if since:
        last = since[-1]
        at = last.at.astimezone(BEIJING)
        raise Conflict(
            f"case {step.case.case_id}: {last.name} was faster: {last.action} at {at:%Y-%m-%d %H:%M:%S}; "
            "look at it again",
            "faster", name=last.name, action=last.action, at=f"{at:%H:%M:%S}",
        )  # fmt: skip


def _check_first(step: effects.Step) -> None:
    """That an answer of another system is acted on once; a second time it could fit a part that was escalated."""
    said = step.details.get("feedback_id")
    acted = [event for event in step.past if event.account == step.actor.account]
    if said is not None and any(event.details.get("feedback_id") == said for event in acted):
        raise step.refuse(f"answer {said} has been acted on already")


def _check(step: effects.Step, row: Transition) -> None:
    """State, roles and needs of the table's row."""
    case_id, status = step.case.case_id, CaseStatus(step.case.status)
    if not row.roles & step.actor.roles:
        may = ", ".join(sorted(role.value for role in row.roles))
        told = f"case {case_id}: {step.actor.account} may not {step.action.value}; it takes: {may}"
        raise IllegalTransition(told, "role", action=step.action.value)
    if status not in row.sources:
        last = f", since {step.past[-1].name} did {step.past[-1].action}" if step.past else ""
        can = ", ".join(action.value for action in possible(status)) or "nothing"
        raise IllegalTransition(
            f"case {case_id} is {status.value}{last}; {step.action.value} is not possible, but: {can}",
            "state", status=status.value, action=step.action.value,
        )  # fmt: skip
    for need in sorted(row.needs):
        _check_need(step, need)


def _check_need(step: effects.Step, need: Need) -> None:
    case_id, action = step.case.case_id, step.action.value
    if need is Need.CLAIM:
        claim = step.session.get(ClaimRow, case_id)
        if claim is not None and claim.account != step.actor.account and claim.until > step.now:
            until = claim.until.astimezone(BEIJING)
            told = f"case {case_id} is being reviewed by {claim.name} until {until:%H:%M:%S}"
            raise Conflict(told, "claimed", name=claim.name, at=f"{until:%H:%M:%S}")
    elif need is Need.OTHER_PERSON:
        judged = JUDGED if step.action in (Action.UPHOLD, Action.AMEND, Action.REVOKE) else TECHNICAL
        for event in step.past:
            same = step.actor.account == event.account or step.actor.certificate == event.certificate is not None
            if event.action in judged and same:
                raise IllegalTransition(
                    f"case {case_id}: {action} takes another person than {event.name}, who did {event.action}",
                    "other_person", action=action, name=event.name, before=event.action,
                )  # fmt: skip
    elif need is Need.CERTIFICATE:
        if not (step.actor.certificate or "").strip():
            told = f"case {case_id}: {action} takes a person with an enforcement certificate"
            raise IllegalTransition(told, "certificate", action=action)
    elif need is Need.REJECT_REASON:
        if step.reason not in set(RejectReason):
            known = ", ".join(RejectReason)
            told = f"case {case_id}: {action} needs one of the reasons {known}"
            raise IllegalTransition(told, "need", action=action, need="reason")
    elif need is Need.REASON:
        if not (step.reason or "").strip():
            raise IllegalTransition(f"case {case_id}: {action} needs a reason", "need", action=action, need="reason")
    elif not step.details.get(GIVEN[need]):
        given = GIVEN[need]
        raise IllegalTransition(f"case {case_id}: {action} needs {given}", "need", action=action, need=given)

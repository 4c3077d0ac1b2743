"""What each action does to the rows beside the case, and to which state it leads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from detector.cases.clocks import Clocks
from detector.cases.transitions import UNDOABLE_ACTIONS, Follows
from detector.database.tables import AssignmentRow, CaseLinkRow, CaseRow, ClaimRow, UnitRow
from detector.entities import Action, Actor, AssignmentStatus, CaseEvent, CaseStatus
from detector.errors import IllegalTransition

UNDO_WITHIN = timedelta(minutes=1)
CLAIM_FOR = timedelta(minutes=15)
"""Longest time that a reviewer may keep a case from others (domain.md 6.3: review within 15 working minutes)."""

WAITING = (AssignmentStatus.ASSIGNED, AssignmentStatus.ACCEPTED)
LONGEST_PLATE = 12


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One action on one locked case, and everything that deciding about it takes.

    Attributes:
        past: events of the case so far, oldest first.
    """

    session: Session
    case: CaseRow
    action: Action
    actor: Actor
    reason: str | None
    note: str | None
    details: dict[str, Any]
    now: datetime
    clocks: Clocks
    past: Sequence[CaseEvent]

    def refuse(self, why: str) -> IllegalTransition:
        """The error to raise, naming the case."""
        return IllegalTransition(f"case {self.case.case_id}: {why}")


def apply(step: Step, target: CaseStatus | Follows) -> CaseStatus:
    """Do what the action does, and say where the case stands after it.

    Raises:
        IllegalTransition: what was given does not fit the case.
    """
    effect = _EFFECTS.get(step.action)
    found = effect(step) if effect else None
    if isinstance(target, CaseStatus):
        return target
    if target is Follows.ASSIGNMENTS:
        step.session.flush()
        return progress(current_round(step.session, step.case.case_id))
    return found or CaseStatus(step.case.status)


def current_round(session: Session, case_id: str) -> list[AssignmentRow]:
    """The departments' parts of the last dispatch of a case."""
    rows = session.scalars(select(AssignmentRow).where(AssignmentRow.case_id == case_id)).all()
    last = max((row.round for row in rows), default=0)
    return [row for row in rows if row.round == last]


def progress(assignments: Sequence[AssignmentRow]) -> CaseStatus:
    """The state of a case by how far its departments are."""
    states = {AssignmentStatus(row.status) for row in assignments}
    if not states & {*WAITING, AssignmentStatus.DONE}:
        return CaseStatus.RETURNED
    if not states & set(WAITING):
        return CaseStatus.FEEDBACK
    if states & {AssignmentStatus.ACCEPTED, AssignmentStatus.DONE}:
        return CaseStatus.IN_HANDLING
    return CaseStatus.DISPATCHED


def _claim(step: Step) -> None:
    _set_claim(step, step.actor.account, step.actor.name)


def _set_claim(step: Step, account: str, name: str) -> None:
    claim = step.session.get(ClaimRow, step.case.case_id) or ClaimRow(case_id=step.case.case_id)
    claim.account, claim.name, claim.until = account, name, step.now + CLAIM_FOR
    step.session.add(claim)


def _free(step: Step) -> None:
    claim = step.session.get(ClaimRow, step.case.case_id)
    if claim is not None:
        step.session.delete(claim)


def _hand_over(step: Step) -> None:
    _set_claim(step, str(step.details["account"]), str(step.details.get("name") or step.details["account"]))


def _correct_plate(step: Step) -> None:
    plate = str(step.details["plate"]).strip().upper()
    if len(plate) > LONGEST_PLATE or "-" in plate:
        raise step.refuse("a corrected plate is complete, without '-'")
    step.details.update(plate=plate, was=step.case.officer_plate or step.case.plate_text)
    step.case.officer_plate = plate


def _file(step: Step) -> None:
    basis = step.details["basis"]
    if not isinstance(basis, dict) or not basis.get("id") or not basis.get("version"):
        raise step.refuse("the basis needs id and version of an entry of the law table")
    step.case.basis = basis


def _dispatch(step: Step) -> None:
    rows = step.session.scalars(select(AssignmentRow.round).where(AssignmentRow.case_id == step.case.case_id)).all()
    _assign(step, max(rows, default=0) + 1)


def _add_unit(step: Step) -> None:
    _assign(step, current_round(step.session, step.case.case_id)[0].round)


def _assign(step: Step, number: int) -> None:
    """Parts for the named units; the first of a new round is responsible unless another is named."""
    wanted = [item if isinstance(item, dict) else {"unit": str(item)} for item in step.details["units"]]
    names = [str(item.get("unit", "")) for item in wanted]
    there = [row.unit for row in current_round(step.session, step.case.case_id) if row.round == number]
    doubled = next((name for name in names if names.count(name) > 1 or name in there), None)
    if doubled is not None:
        raise step.refuse(f"unit {doubled} is named twice or has its part already")
    known = set(step.session.scalars(select(UnitRow.unit_id).where(UnitRow.unit_id.in_(names))))
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise step.refuse(f"there is no unit {unknown!r}; `roadwarden units list` shows them")
    mains = [item.get("main", False) for item in wanted]
    if sum(bool(main) for main in mains) > 1:
        raise step.refuse("only one department is responsible; the others handle it with it")
    if not any(mains) and not there:
        mains[0] = True
    for name, main in zip(names, mains, strict=True):
        step.session.add(
            AssignmentRow(
                case_id=step.case.case_id, unit=name, round=number, is_main=bool(main),
                status=AssignmentStatus.ASSIGNED.value, assigned_at=step.now,
                accept_due_at=step.clocks.due("accept", step.now, name),
                feedback_due_at=step.clocks.due("feedback", step.now, name),
            )
        )  # fmt: skip
    step.details["units"] = [{"unit": n, "main": bool(m)} for n, m in zip(names, mains, strict=True)]


def _part(step: Step, unit: str, states: Sequence[AssignmentStatus]) -> AssignmentRow:
    """The part of a unit, or the one that was escalated to it, in one of these states."""
    rows = [row for row in current_round(step.session, step.case.case_id) if row.unit == unit]
    rows += [row for row in current_round(step.session, step.case.case_id) if row.escalated_to == unit]
    if not rows:
        raise step.refuse(f"unit {unit} has no part in it")
    found = next((row for row in rows if row.status in states), None)
    if found is None:
        raise step.refuse(f"the part of unit {unit} is {rows[0].status}; {step.action.value} is not possible")
    step.details["unit"] = found.unit
    return found


def _accept(step: Step) -> None:
    part = _part(step, step.actor.unit, (AssignmentStatus.ASSIGNED,))
    part.status, part.accepted_at = AssignmentStatus.ACCEPTED.value, step.now


def _return(step: Step) -> None:
    part = _part(step, step.actor.unit, WAITING)
    part.status, part.done_at = AssignmentStatus.RETURNED.value, step.now


def _give_feedback(step: Step) -> None:
    part = _part(step, step.actor.unit, (AssignmentStatus.ACCEPTED,))
    part.status, part.done_at = AssignmentStatus.DONE.value, step.now


def _waive(step: Step) -> None:
    part = _part(step, str(step.details["unit"]), WAITING)
    part.status, part.done_at = AssignmentStatus.WAIVED.value, step.now


def _escalate(step: Step) -> None:
    part = _part(step, str(step.details["unit"]), WAITING)
    asked = step.session.get(UnitRow, part.escalated_to or part.unit)
    if asked is None or asked.parent is None:
        raise step.refuse(f"there is no unit above {part.escalated_to or part.unit}")
    clock = "accept" if part.status == AssignmentStatus.ASSIGNED else "feedback"
    if step.details.setdefault("step", clock) != clock:
        raise step.refuse(f"unit {part.unit} has taken its step in the meantime")
    if step.details.setdefault("to", asked.parent) != asked.parent:
        raise step.refuse(f"unit {part.escalated_to} was told of it in the meantime")
    part.escalated_to = asked.parent
    due_at = step.clocks.due(clock, step.now, asked.parent)
    if clock == "accept":
        part.accept_due_at = due_at
    else:
        part.feedback_due_at = due_at


def _rework(step: Step) -> None:
    for part in current_round(step.session, step.case.case_id):
        if part.status == AssignmentStatus.DONE:
            part.status, part.done_at = AssignmentStatus.ACCEPTED.value, None
            part.feedback_due_at = step.clocks.due("feedback", step.now, part.unit)


def _merge(step: Step) -> None:
    parent = step.session.get(CaseRow, str(step.details["parent"]))
    if parent is None or parent.case_id == step.case.case_id:
        raise step.refuse("it can be merged only into another case that exists")
    if parent.status in (CaseStatus.MERGED, CaseStatus.REJECTED, CaseStatus.AUTO_DROPPED, CaseStatus.ARCHIVED):
        raise step.refuse(f"case {parent.case_id} is {parent.status} and takes no other")
    step.case.parent_case_id = parent.case_id
    _free(step)


def _link(step: Step) -> None:
    other = step.session.get(CaseRow, str(step.details["parent"]))
    if other is None or other.case_id == step.case.case_id:
        raise step.refuse("it can be linked only with another case that exists")
    first, second = sorted((step.case.case_id, other.case_id))
    if step.session.get(CaseLinkRow, (first, second)) is None:
        step.session.add(CaseLinkRow(case_id=first, other_id=second, reason=step.reason or ""))


def _source_site(step: Step) -> None:
    step.case.source_site = str(step.details["site"])


def _resume(step: Step) -> CaseStatus:
    """Back to where the case was before it was suspended or appealed against."""
    by = Action.SUSPEND if step.case.status == CaseStatus.SUSPENDED else Action.APPEAL
    return next(event.before for event in reversed(step.past) if event.action == by and event.before)


def _undo(step: Step) -> CaseStatus:
    """Back to before the last decision, for the one who took it, within a minute."""
    last = next((event for event in reversed(step.past) if event.before is not event.after), None)
    if last is None or last.action not in UNDOABLE_ACTIONS or last.before is None:
        raise step.refuse("the last step is none that can be undone")
    if last.account != step.actor.account:
        raise step.refuse(f"only {last.name} can undo {last.action}")
    if step.now - last.at > UNDO_WITHIN:
        raise step.refuse(f"{last.action} can be undone within {UNDO_WITHIN.total_seconds():.0f} s only")
    if last.action == Action.MERGE:
        step.case.parent_case_id = None
    if last.before is CaseStatus.IN_REVIEW:
        _claim(step)
    step.details["undone"] = last.event_id
    return last.before


_EFFECTS: dict[Action, Callable[[Step], CaseStatus | None]] = {
    Action.CLAIM: _claim,
    Action.RELEASE: _free,
    Action.HAND_OVER: _hand_over,
    Action.CORRECT_PLATE: _correct_plate,
    Action.CONFIRM: _free,
    Action.REJECT: _free,
    Action.SUSPEND: _free,
    Action.FILE: _file,
    Action.DISPATCH: _dispatch,
    Action.ADD_UNIT: _add_unit,
    Action.WAIVE: _waive,
    Action.ACCEPT: _accept,
    Action.RETURN: _return,
    Action.GIVE_FEEDBACK: _give_feedback,
    Action.ESCALATE: _escalate,
    Action.REWORK: _rework,
    Action.MERGE: _merge,
    Action.LINK: _link,
    Action.SOURCE_SITE: _source_site,
    Action.RESUME: _resume,
    Action.UNDO: _undo,
}

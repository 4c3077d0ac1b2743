"""What is late: every step of every open case held against its clock, and telling the unit above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, Select, func, select

from detector.cases.clocks import Clocks
from detector.cases.life_cycle import LifeCycle
from detector.database.sessions import read_session
from detector.database.tables import AssignmentRow, AuditRow, CaseRow, UnitRow
from detector.entities import Action, Actor, AssignmentStatus, CaseStatus, Role
from detector.errors import LifeCycleError

STEP_OF = {
    CaseStatus.CANDIDATE: "review",
    CaseStatus.IN_REVIEW: "review",
    CaseStatus.TECHNICALLY_CONFIRMED: "legal_review",
    CaseStatus.CONFIRMED: "dispatch",
    CaseStatus.FILED: "dispatch",
    CaseStatus.RETURNED: "dispatch",
    CaseStatus.REOPENED: "dispatch",
    CaseStatus.FEEDBACK: "verify",
    CaseStatus.APPEALED: "appeal",
    CaseStatus.REVOKED: "wrong_record",
}
"""The clock that runs for the centre while a case is in a state; departments have theirs in their assignments."""

SYSTEM = Actor("system", "system", "", frozenset({Role.SYSTEM}))


@dataclass(frozen=True, slots=True)
class Late:
    """A step that should have been taken.

    Attributes:
        unit: department that should act; None: the centre.
        escalated_to: unit that was told last; None when none was.
    """

    case_id: str
    step: str
    unit: str | None
    due_at: datetime
    escalated_to: str | None = None


def find_late(engine: Engine, clocks: Clocks, now: datetime) -> list[Late]:
    """Everything that is late at an instant, the longest waiting first.

    Raises:
        StorageError: the database cannot be read.
    """
    found = []
    with read_session(engine) as session:
        since = select(AuditRow.case_id, func.max(AuditRow.at).label("at")).where(AuditRow.before != AuditRow.after)
        last = since.group_by(AuditRow.case_id).subquery()
        waiting = select(CaseRow.case_id, CaseRow.status, CaseRow.created_at, last.c.at).outerjoin(
            last, last.c.case_id == CaseRow.case_id
        )
        for case_id, status, created_at, at in session.execute(waiting.where(CaseRow.status.in_(list(STEP_OF)))):
            step = STEP_OF[CaseStatus(status)]
            due_at = clocks.due(step, at or created_at)
            if due_at < now:
                found.append(Late(case_id, step, None, due_at))
        for row in session.scalars(_late_parts(now)):
            is_open = row.status == AssignmentStatus.ASSIGNED
            due_at = row.accept_due_at if is_open else row.feedback_due_at
            found.append(Late(row.case_id, "accept" if is_open else "feedback", row.unit, due_at, row.escalated_to))
    return sorted(found, key=lambda late: (late.due_at, late.case_id, late.unit or ""))


def escalate(life: LifeCycle, engine: Engine, late: Sequence[Late]) -> list[Late]:
    """Tell the unit above each department that is late; where there is none above, nothing can be done here.

    Returns:
        What was escalated.
    """
    with read_session(engine) as session:
        above = dict(session.execute(select(UnitRow.unit_id, UnitRow.parent)).all())
    done = []
    for item in late:
        to = above.get(item.escalated_to or item.unit) if item.unit is not None else None
        if to is None:
            continue
        details = {"unit": item.unit, "step": item.step, "to": to}
        try:
            life.perform(item.case_id, Action.ESCALATE, SYSTEM, details=details)
        except LifeCycleError:
            continue  # answered, suspended, closed or told by another run in the meantime
        done.append(item)
    return done


def _late_parts(now: datetime) -> Select[AssignmentRow]:
    """Departments' parts whose clock has run out, of cases that departments work on."""
    working = CaseRow.status.in_([CaseStatus.DISPATCHED, CaseStatus.IN_HANDLING])
    asked = (AssignmentRow.status == AssignmentStatus.ASSIGNED) & (AssignmentRow.accept_due_at < now)
    taken = (AssignmentRow.status == AssignmentStatus.ACCEPTED) & (AssignmentRow.feedback_due_at < now)
    return select(AssignmentRow).join(CaseRow, CaseRow.case_id == AssignmentRow.case_id).where(working, asked | taken)

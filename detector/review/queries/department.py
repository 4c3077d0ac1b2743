"""What the centre has dispatched to a unit: its parts of cases, and what was said with them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, func, or_, select
from sqlalchemy.orm import aliased

from detector.cases.rows import to_case
from detector.database.sessions import read_session
from detector.database.tables import AssignmentRow, AuditRow, CaseRow, UnitRow
from detector.entities import Action, AssignmentStatus, Case, CaseStatus
from detector.review.visitors import Visitor

OPEN = (AssignmentStatus.ASSIGNED, AssignmentStatus.ACCEPTED)
WORKED_ON = (CaseStatus.DISPATCHED, CaseStatus.IN_HANDLING)
ENDED_SHOWN = timedelta(days=30)
LISTED_MOST = 200
SAID = (Action.DISPATCH, Action.ADD_UNIT, Action.REWORK)


@dataclass(frozen=True, slots=True)
class Task:
    """A unit's part of one case.

    Attributes:
        unit_name: whose part it is; that of a unit below where it was escalated.
        is_open: the unit can act on it now.
        due_at: by when the unit should take its next step; None where it has none to take.
        said: what the centre wrote when it dispatched or asked for more, the latest last.
    """

    case: Case
    unit_name: str
    is_main: bool
    is_escalated: bool
    status: AssignmentStatus
    is_open: bool
    due_at: datetime | None
    done_at: datetime | None
    said: tuple[str, ...]


def find_tasks(engine: Engine, visitor: Visitor, now: datetime) -> list[Task]:
    """Open parts of the last dispatch, the most urgent first, then those that ended lately, the latest first.

    Raises:
        StorageError: the database cannot be read.
    """
    unit, later = visitor.account.unit, aliased(AssignmentRow)
    last = select(func.max(later.round)).where(later.case_id == AssignmentRow.case_id).scalar_subquery()
    is_open = and_(
        AssignmentRow.status.in_([status.value for status in OPEN]),
        CaseRow.status.in_([status.value for status in WORKED_ON]),
    )
    wanted = (
        select(AssignmentRow, CaseRow, is_open.label("is_open"))
        .join(CaseRow, CaseRow.case_id == AssignmentRow.case_id)
        .where(or_(AssignmentRow.unit == unit, AssignmentRow.escalated_to == unit), AssignmentRow.round == last)
        .where(or_(is_open, AssignmentRow.assigned_at > now - ENDED_SHOWN))
        .order_by(is_open.desc(), AssignmentRow.feedback_due_at)
        .limit(LISTED_MOST)
    )
    if visitor.districts is not None:
        wanted = wanted.where(CaseRow.district.in_(sorted(visitor.districts)))
    with read_session(engine) as session:
        rows = session.execute(wanted).all()
        names = dict(session.execute(select(UnitRow.unit_id, UnitRow.name)).all())
        said: dict[str, list[str]] = defaultdict(list)
        steps = select(AuditRow).where(
            AuditRow.case_id.in_([case.case_id for _, case, _ in rows]),
            AuditRow.action.in_([action.value for action in SAID]),
        )
        for step in session.scalars(steps.order_by(AuditRow.event_id)):
            said[str(step.case_id)] += [words for words in (step.reason, step.note) if words]
        tasks = [
            Task(
                to_case(case), names.get(part.unit, part.unit), part.is_main, part.unit != unit,
                AssignmentStatus(part.status), bool(can_act), _due_at(part) if can_act else None, part.done_at,
                tuple(said[part.case_id]),
            )
            for part, case, can_act in rows
        ]  # fmt: skip
    acting = sorted((task for task in tasks if task.is_open), key=lambda task: task.due_at or now)
    ended = sorted((task for task in tasks if not task.is_open), key=lambda task: task.done_at or now, reverse=True)
    return acting + ended


def _due_at(part: AssignmentRow) -> datetime:
    return part.accept_due_at if part.status == AssignmentStatus.ASSIGNED else part.feedback_due_at

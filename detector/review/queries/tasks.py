"""What a person has to do with a case now; whoever has a task may look at the originals for it."""

from datetime import datetime

from sqlalchemy import Engine, or_, select

from detector.database.sessions import read_session
from detector.database.tables import AssignmentRow, CaseRow, ClaimRow
from detector.entities import AssignmentStatus, CaseStatus, Role
from detector.review.visitors import Visitor

S = CaseStatus
TASKS: tuple[tuple[Role, frozenset[CaseStatus], str], ...] = (
    (Role.LEGAL, frozenset({S.TECHNICALLY_CONFIRMED, S.CONFIRMED}), "legal_review"),
    (Role.LEGAL, frozenset({S.APPEALED}), "appeal"),
    (Role.DISPATCHER, frozenset({S.CONFIRMED, S.FILED, S.RETURNED, S.REOPENED, S.FEEDBACK, S.VERIFIED}), "dispatch"),
)


def find_task(engine: Engine, visitor: Visitor, case_id: str, now: datetime) -> str | None:
    """The purpose that follows from a person's task; None when the person has none in this case."""
    with read_session(engine) as session:
        status = session.scalar(select(CaseRow.status).where(CaseRow.case_id == case_id))
        claim = session.get(ClaimRow, case_id)
        if claim is not None and claim.account == visitor.account.account and claim.until > now:
            return "review"
        for role, states, purpose in TASKS:
            if role in visitor.roles and status in states:
                return purpose
        if Role.DEPARTMENT not in visitor.roles or not visitor.account.unit:
            return None
        unit = visitor.account.unit
        part = session.scalar(
            select(AssignmentRow.assignment_id)
            .where(AssignmentRow.case_id == case_id)
            .where(or_(AssignmentRow.unit == unit, AssignmentRow.escalated_to == unit))
            .where(AssignmentRow.status.in_([AssignmentStatus.ASSIGNED, AssignmentStatus.ACCEPTED]))
            .limit(1)
        )
        return "handling" if part is not None else None

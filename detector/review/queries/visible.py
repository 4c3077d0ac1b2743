"""Which cases a person may see: those of the own districts, and for departments those dispatched to the own unit."""

from sqlalchemy import ColumnElement, Engine, and_, exists, or_, select, true

from detector.database.sessions import read_session
from detector.database.tables import AssignmentRow, CaseRow
from detector.review.visitors import Visitor


def visible_to(visitor: Visitor) -> ColumnElement[bool]:
    """The condition on `CaseRow` that every list of cases must hold."""
    conditions: list[ColumnElement[bool]] = []
    if visitor.districts is not None:
        conditions.append(CaseRow.district.in_(sorted(visitor.districts)))
    if visitor.only_unit is not None:
        unit = visitor.only_unit
        concerns = or_(AssignmentRow.unit == unit, AssignmentRow.escalated_to == unit)
        conditions.append(exists().where(AssignmentRow.case_id == CaseRow.case_id, concerns))
    return and_(true(), *conditions)


def sees_case(engine: Engine, visitor: Visitor, case_id: str) -> bool:
    """Whether a case is there for a person."""
    with read_session(engine) as session:
        return (
            session.scalar(select(CaseRow.case_id).where(CaseRow.case_id == case_id, visible_to(visitor))) is not None
        )

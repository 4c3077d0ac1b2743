"""Which cases a person may see: those of the own districts, and for departments those dispatched to the own unit."""

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, Engine, and_, exists, or_, select, true

from detector.database.sessions import read_session
from detector.database.tables import AccountRow, AssignmentRow, CaseRow
from detector.entities import Camera
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


def sees_places(visitor: Visitor, cameras: Mapping[str, Camera], camera_ids: Iterable[str]) -> bool:
    """Whether something that touches these cameras concerns a person's districts.

    Args:
        visitor: who.
        cameras: as configured; one that is not, or has no district, is for those who see all.
        camera_ids: one in the own districts is enough.
    """
    own = visitor.districts
    return own is None or any(c in cameras and cameras[c].district in own for c in camera_ids)


def find_names(engine: Engine, accounts: Iterable[str | None]) -> dict[str | None, str]:
    """Names of the people behind accounts; the account itself where nobody has it."""
    wanted = {account for account in accounts if account}
    with read_session(engine) as session:
        known = session.execute(select(AccountRow.account, AccountRow.name).where(AccountRow.account.in_(wanted))).all()
    names: dict[str | None, str] = {account: account for account in wanted}
    names.update((account, name) for account, name in known)
    return names

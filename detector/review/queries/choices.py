"""What lists can be narrowed by: cameras, districts and rules that occur, found by stepping through an index."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, Engine, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from detector.database.sessions import read_session
from detector.database.tables import CaseRow, FindingRow, UnitRow
from detector.review.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Choices:
    """Values with their names.

    Attributes:
        cameras: id and place.
        districts: id and name.
        rules: names of rules.
    """

    cameras: tuple[tuple[str, str], ...]
    districts: tuple[tuple[str, str], ...]
    rules: tuple[str, ...]


def find_choices(engine: Engine, visitor: Visitor) -> Choices:
    """Everything that occurs in cases of the person's districts."""
    with read_session(engine) as session:
        names = _names(session)
        cameras = [
            (camera_id, place)
            for camera_id, place, district in session.execute(_cameras())
            if visitor.districts is None or district in visitor.districts
        ]
        districts = [
            (district, names.get(district, district))
            for district in _distinct(session, CaseRow.district)
            if district and (visitor.districts is None or district in visitor.districts)
        ]
        return Choices(tuple(cameras), tuple(districts), tuple(_distinct(session, FindingRow.rule)))


def find_unit_names(engine: Engine) -> dict[str, str]:
    """Names of districts and departments by id."""
    with read_session(engine) as session:
        return _names(session)


def _names(session: Session) -> dict[str, str]:
    return dict(session.execute(select(UnitRow.unit_id, UnitRow.name)).all())


def _cameras() -> Select[Any]:
    """Every camera that has cases, with place and district of one of them."""
    steps = _steps(CaseRow.camera_id)
    place, district = (
        select(column).where(CaseRow.camera_id == steps.c.value).limit(1).scalar_subquery()
        for column in (CaseRow.place, CaseRow.district)
    )
    return select(steps.c.value, place, district).where(steps.c.value.is_not(None))


def _distinct(session: Session, column: InstrumentedAttribute[Any]) -> list[str]:
    steps = _steps(column)
    return list(session.scalars(select(steps.c.value).where(steps.c.value.is_not(None))))


def _steps(column: InstrumentedAttribute[Any]) -> CTE:
    """The values of an indexed column, one step along the index each: DISTINCT would read every row."""
    steps = select(func.min(column).label("value")).cte("steps", recursive=True)
    later = aliased(column.class_)
    after = select(func.min(getattr(later, column.key))).where(getattr(later, column.key) > steps.c.value)
    return steps.union_all(select(after.scalar_subquery()).where(steps.c.value.is_not(None)))

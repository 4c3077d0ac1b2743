"""Cases by plate, time and place, for people who have said why they look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, or_, select

from detector.cases.rows import to_case
from detector.database.sessions import read_session
from detector.database.tables import CaseRow
from detector.entities import Case
from detector.review.queries.visible import visible_to
from detector.review.visitors import Visitor

FOUND_MOST = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; every condition that is given must hold.

    Attributes:
        plate: part of a plate, or a complete one; "" for any.
        window: first instant and excluded end, aware.
        camera: "" for any.
    """

    plate: str
    window: tuple[datetime, datetime]
    camera: str


def search_cases(engine: Engine, visitor: Visitor, wanted: Wanted) -> Sequence[Case]:
    """The latest cases that fit and that the person may see.

    Raises:
        StorageError: the database cannot be read.
    """
    found = select(CaseRow).where(visible_to(visitor), CaseRow.captured_at.between(*wanted.window))
    if wanted.plate:
        texts = (CaseRow.plate_text, CaseRow.officer_plate)
        found = found.where(or_(*(text.contains(wanted.plate, autoescape=True) for text in texts)))
    if wanted.camera:
        found = found.where(CaseRow.camera_id == wanted.camera)
    with read_session(engine) as session:
        rows = session.scalars(found.order_by(CaseRow.captured_at.desc()).limit(FOUND_MOST))
        return [to_case(row) for row in rows]

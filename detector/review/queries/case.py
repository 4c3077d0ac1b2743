"""What belongs to one case beside its row: who holds it, departments' parts, links, and earlier cases of its plate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, or_, select

from detector.cases.rows import to_case
from detector.database.sessions import read_session
from detector.database.tables import AccountRow, AssignmentRow, CaseLinkRow, CaseRow, ClaimRow, UnitRow
from detector.entities import Case, Role, Unit
from detector.review.accounts import EVERYWHERE
from detector.review.queries.visible import visible_to
from detector.review.visitors import Visitor

EARLIER_MOST = 50


@dataclass(frozen=True, slots=True)
class Part:
    """One department's part of a case."""

    unit: str
    unit_name: str
    is_main: bool
    status: str
    accept_due_at: datetime
    feedback_due_at: datetime
    round: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands beside a case.

    Attributes:
        held_by, held_until: who reviews it now; None for nobody.
        is_mine: that person is the one who asks.
        created_at: when the case was stored; its review clock runs from then.
        parts: departments', of every round.
        links: id and reason of cases that belong to it.
        merged: ids of cases that were merged into it.
    """

    held_by: str | None
    held_until: datetime | None
    is_mine: bool
    created_at: datetime
    parts: tuple[Part, ...]
    links: tuple[tuple[str, str], ...]
    merged: tuple[str, ...]


def find_surroundings(engine: Engine, visitor: Visitor, case_id: str, now: datetime) -> Surroundings:
    """Everything beside a case that is there.

    Raises:
        StorageError: the database cannot be read.
    """
    with read_session(engine) as session:
        claim = session.get(ClaimRow, case_id)
        if claim is not None and claim.until <= now:
            claim = None
        names = dict(session.execute(select(UnitRow.unit_id, UnitRow.name)).all())
        parts = session.scalars(
            select(AssignmentRow)
            .where(AssignmentRow.case_id == case_id)
            .order_by(AssignmentRow.round, AssignmentRow.is_main.desc(), AssignmentRow.unit)
        )
        links = session.scalars(
            select(CaseLinkRow).where(or_(CaseLinkRow.case_id == case_id, CaseLinkRow.other_id == case_id))
        )
        merged = session.scalars(select(CaseRow.case_id).where(CaseRow.parent_case_id == case_id))
        created_at = session.scalars(select(CaseRow.created_at).where(CaseRow.case_id == case_id)).one()
        return Surroundings(
            claim.name if claim else None,
            claim.until if claim else None,
            bool(claim and claim.account == visitor.account.account),
            created_at,
            tuple(
                Part(
                    p.unit, names.get(p.unit, p.unit), p.is_main, p.status, p.accept_due_at, p.feedback_due_at, p.round
                )
                for p in parts
            ),
            tuple((link.other_id if link.case_id == case_id else link.case_id, link.reason) for link in links),
            tuple(merged),
        )


def find_earlier(engine: Engine, visitor: Visitor, case: Case) -> list[Case]:
    """Other cases of the same complete plate that the person may see, the latest first."""
    plate = case.plate_text
    if plate is None or "-" in plate:
        return []
    same = or_(CaseRow.officer_plate == plate, CaseRow.plate_text == plate)
    same_plate = select(CaseRow).where(same, CaseRow.case_id != case.case_id, visible_to(visitor))
    with read_session(engine) as session:
        rows = session.scalars(same_plate.order_by(CaseRow.captured_at.desc()).limit(EARLIER_MOST))
        return [found for row in rows if (found := to_case(row)).plate_text == plate]


def find_colleagues(engine: Engine, visitor: Visitor, district: str) -> list[tuple[str, str]]:
    """Account and name of other reviewers who see a district, by name."""
    with read_session(engine) as session:
        rows = session.scalars(select(AccountRow).where(AccountRow.is_disabled.is_(False)).order_by(AccountRow.name))
        return [
            (row.account, row.name)
            for row in rows
            if row.account != visitor.account.account
            and Role.REVIEWER.value in row.roles
            and (EVERYWHERE in row.districts or district in row.districts)
        ]


def find_units(engine: Engine) -> Sequence[Unit]:
    """Every department, those of the same parent together."""
    with read_session(engine) as session:
        rows = session.scalars(select(UnitRow).order_by(UnitRow.parent, UnitRow.unit_id))
        return [Unit(row.unit_id, row.name, row.level, row.parent) for row in rows]

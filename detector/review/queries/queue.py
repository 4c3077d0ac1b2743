"""The queue: which cases wait, the most urgent and surest first; written so that it stays fast with 100,000 cases.

Order of cases that wait for review: those whose clock has run out, those due within minutes, the others; within each
the surest first, then the newest. Cases that wait for somebody else: the longest waiting first. Ended ones: the latest
first. Each state is read by itself along an index and cut at the limit; only the few that are left are put together.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from detector.cases.clocks import Clocks
from detector.cases.lateness import STEP_OF
from detector.database.sessions import read_session
from detector.database.tables import AuditRow, CaseRow, ClaimRow, FindingRow
from detector.entities import Action, CaseStatus, Grade, TimeBasis, TimeSource
from detector.review.queries.visible import visible_to
from detector.review.visitors import Visitor

S = CaseStatus
REVIEW = (S.CANDIDATE, S.IN_REVIEW)
WAITING = tuple(status for status in STEP_OF if status not in REVIEW)
SOON = timedelta(minutes=5)
ON_SCREEN = timedelta(minutes=15)
LONGEST_CLOCK = timedelta(days=30)
IN_TIME_MOST = 2000
WHOLE_PLATE = 7
PAGE = 50
RARE = 5000
SHOWN = (
    CaseRow.case_id, CaseRow.status, CaseRow.captured_at, CaseRow.time_source, CaseRow.uncertainty_ms, CaseRow.place,
    CaseRow.camera_id, CaseRow.district, CaseRow.plate_text, CaseRow.officer_plate, CaseRow.grade, CaseRow.confidence,
    CaseRow.created_at, CaseRow.updated_at,
)  # fmt: skip
"""What a line needs: whole cases with their evidence would take five times as long."""


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What is to be listed; None: whatever.

    Attributes:
        states: empty for every state.
        plate: part of a plate.
        captured_from, captured_to: aware; the end is excluded.
        is_mine: only what the person has claimed.
    """

    states: tuple[CaseStatus, ...] = REVIEW
    rule: str | None = None
    camera: str | None = None
    district: str | None = None
    plate: str | None = None
    grade: Grade | None = None
    captured_from: datetime | None = None
    captured_to: datetime | None = None
    is_mine: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue.

    Attributes:
        captured_at: aware; None where the clip has no absolute time.
        place: of the camera; its id where the place has no name.
        plate: as corrected, else as read; None where none was.
        rules: names of those that were broken, in the order in which they were judged.
        confidence: of the surest finding, 0 to 1.
        due_at: by when the centre should take the next step; None where it has none to take.
        claimed_by: name of the person who reviews it now; None for nobody.
        is_mine: that person is the one who asks.
    """

    case_id: str
    status: CaseStatus
    captured_at: datetime | None
    place: str
    district: str
    plate: str | None
    grade: Grade
    rules: tuple[str, ...]
    confidence: float
    due_at: datetime | None
    claimed_by: str | None
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and when."""

    visitor: Visitor
    now: datetime


def find_queue(engine: Engine, asker: Asker, wanted: QueueFilter, clocks: Clocks, limit: int = PAGE) -> list[Waiting]:
    """The first lines of the queue.

    Raises:
        StorageError: the database cannot be read.
    """
    with read_session(engine) as session:
        ids = _find_ids(session, asker, wanted, clocks, limit)
        claims = {
            case_id: (account, name)
            for case_id, account, name in session.execute(
                select(ClaimRow.case_id, ClaimRow.account, ClaimRow.name).where(
                    ClaimRow.case_id.in_(ids), ClaimRow.until > asker.now
                )
            )
        }
        rules = defaultdict(list)
        for case_id, rule in session.execute(
            select(FindingRow.case_id, FindingRow.rule)
            .where(FindingRow.case_id.in_(ids))
            .order_by(FindingRow.case_id, FindingRow.position)
        ):
            rules[case_id].append(rule)
        rows = {row.case_id: row for row in session.execute(select(*SHOWN).where(CaseRow.case_id.in_(ids)))}
        found = []
        for case_id in ids:
            row = rows[case_id]
            status, (holder, name) = CaseStatus(row.status), claims.get(case_id, (None, None))
            step = STEP_OF.get(status)
            since = row.created_at if status in REVIEW else row.updated_at
            is_known = TimeBasis(TimeSource(row.time_source), row.uncertainty_ms).is_absolute
            found.append(
                Waiting(
                    case_id, status, row.captured_at if is_known else None, row.place or row.camera_id, row.district,
                    row.officer_plate or row.plate_text, Grade(row.grade), tuple(rules[case_id]), row.confidence,
                    clocks.due(step, since) if step else None, name, holder == asker.visitor.account.account,
                )
            )  # fmt: skip
        return found


def find_free(engine: Engine, asker: Asker, wanted: QueueFilter, clocks: Clocks, limit: int = 20) -> list[str]:
    """Ids of cases that wait for review and that nobody else is reviewing, the first in the queue first."""
    held = exists().where(
        ClaimRow.case_id == CaseRow.case_id, ClaimRow.until > asker.now,
        ClaimRow.account != asker.visitor.account.account,
    )  # fmt: skip
    with read_session(engine) as session:
        return _find_ids(session, asker, replace(wanted, states=REVIEW), clocks, limit, ~held)


def find_for_law(engine: Engine, asker: Asker, wanted: QueueFilter, skip: str) -> str | None:
    """The longest waiting case for the second review that the person did not confirm and no colleague looks at.

    There are no claims in the second review: whoever opened a case lately has it on the screen.
    """
    own = asker.visitor.account.account
    confirmed = exists().where(
        AuditRow.case_id == CaseRow.case_id, AuditRow.action == Action.CONFIRM.value, AuditRow.account == own
    )
    on_screen = exists().where(
        AuditRow.case_id == CaseRow.case_id, AuditRow.action == "view_evidence", AuditRow.account != own,
        AuditRow.reason == "legal_review", AuditRow.at > asker.now - ON_SCREEN,
    )  # fmt: skip
    narrowed = replace(wanted, states=(S.TECHNICALLY_CONFIRMED,), is_mine=False)
    with read_session(engine) as session:
        condition = and_(visible_to(asker.visitor), *_conditions(session, narrowed), ~confirmed, ~on_screen)
        return session.scalar(
            select(CaseRow.case_id)
            .where(CaseRow.status == S.TECHNICALLY_CONFIRMED.value, CaseRow.case_id != skip, condition)
            .order_by(CaseRow.updated_at)
            .limit(1)
        )


def count_states(engine: Engine, visitor: Visitor) -> dict[CaseStatus, int]:
    """How many cases of those that a person sees are in each state."""
    counted = select(CaseRow.status, func.count()).where(visible_to(visitor)).group_by(CaseRow.status)
    with read_session(engine) as session:
        return {CaseStatus(status): count for status, count in session.execute(counted)}


def last_change(engine: Engine, asker: Asker) -> str:
    """A mark that changes whenever anything that a queue shows does."""
    with read_session(engine) as session:
        changed = session.scalar(select(func.max(CaseRow.updated_at)))
        claims = session.execute(select(func.count(), func.max(ClaimRow.until)).where(ClaimRow.until > asker.now)).one()
    return f"{changed and changed.timestamp():.6f}-{claims[0]}-{claims[1]}" if changed else "-"


def _find_ids(
    session: Session, asker: Asker, wanted: QueueFilter, clocks: Clocks, limit: int, *extra: ColumnElement[bool]
) -> list[str]:
    condition = and_(visible_to(asker.visitor), *_conditions(session, wanted), *extra)
    if not wanted.states and not wanted.is_mine:
        latest = select(CaseRow.case_id).where(condition).order_by(CaseRow.captured_at.desc(), CaseRow.case_id)
        return list(session.scalars(latest.limit(limit)))
    if wanted.is_mine:
        return _own_ids(session, asker, condition, wanted.states)
    late, soon = (_begun_before(clocks, asker.now + ahead) for ahead in (timedelta(0), SOON))
    found: list[tuple[tuple[float, ...], str]] = []
    for status in wanted.states:
        own = and_(CaseRow.status == status.value, condition)
        if status in REVIEW:
            for rows in (_overdue(own, late, limit), _in_time(own, late, soon, limit)):
                for case_id, band, confidence, at in session.execute(rows):
                    found.append(((band, -confidence, -at.timestamp()), case_id))
        else:
            order = CaseRow.updated_at if status in WAITING else CaseRow.updated_at.desc()
            for case_id, at in session.execute(
                select(CaseRow.case_id, CaseRow.updated_at).where(own).order_by(order).limit(limit)
            ):
                found.append(((3.0, at.timestamp() if status in WAITING else -at.timestamp()), case_id))
    return [case_id for _, case_id in sorted(found)[:limit]]


def _overdue(own: ColumnElement[bool], late: datetime, limit: int) -> "Select[str, float, float, datetime]":
    """The surest of those whose clock has run out.

    The date is asked for in a form that no index serves: databases would follow the index of dates, and sort
    everything that is late, instead of reading the first lines of the index of this order.
    """
    chosen = select(CaseRow.case_id, literal(0.0), CaseRow.confidence, CaseRow.captured_at)
    is_late = func.coalesce(CaseRow.created_at, CaseRow.created_at) <= late
    return chosen.where(own, is_late).order_by(CaseRow.confidence.desc(), CaseRow.captured_at.desc()).limit(limit)


def _in_time(own: ColumnElement[bool], late: datetime, soon: datetime, limit: int) -> Select[Any]:
    """Those that are in time, which are few: read by their date, then those that are due soon first."""
    recent = (
        select(CaseRow.case_id, CaseRow.created_at, CaseRow.confidence, CaseRow.captured_at)
        .where(own, CaseRow.created_at > late)
        .order_by(CaseRow.created_at)
        .limit(IN_TIME_MOST)
        .subquery()
    )
    band = case((recent.c.created_at <= soon, 1.0), else_=2.0)
    chosen = select(recent.c.case_id, band, recent.c.confidence, recent.c.captured_at)
    return chosen.order_by(band, recent.c.confidence.desc(), recent.c.captured_at.desc()).limit(limit)


def _own_ids(session: Session, asker: Asker, condition: ColumnElement[bool], states: Sequence[CaseStatus]) -> list[str]:
    """What the person has claimed, the surest first; a handful."""
    claimed = select(CaseRow.case_id, CaseRow.confidence, CaseRow.status).join(
        ClaimRow, ClaimRow.case_id == CaseRow.case_id
    )
    mine = claimed.where(ClaimRow.account == asker.visitor.account.account, ClaimRow.until > asker.now, condition)
    found = [
        (-confidence, case_id)
        for case_id, confidence, status in session.execute(mine)
        if not states or status in states
    ]
    return [case_id for _, case_id in sorted(found)]


def _conditions(session: Session, wanted: QueueFilter) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.rule is not None:
        found.append(_breaks(session, wanted.rule))
    if wanted.camera is not None:
        found.append(CaseRow.camera_id == wanted.camera)
    if wanted.district is not None:
        found.append(CaseRow.district == wanted.district)
    if wanted.plate is not None:
        text = wanted.plate
        found.append(
            or_(
                CaseRow.plate_text.contains(text, autoescape=True),
                CaseRow.officer_plate.contains(text, autoescape=True),
            )
        )
    if wanted.grade is not None:
        found.append(CaseRow.grade == wanted.grade.value)
    if wanted.captured_from is not None:
        found.append(CaseRow.captured_at >= wanted.captured_from)
    if wanted.captured_to is not None:
        found.append(CaseRow.captured_at < wanted.captured_to)
    return found


def _breaks(session: Session, rule: str) -> ColumnElement[bool]:
    """That a case breaks a rule: cases of a rare one are listed first, those of a common one soon met in order."""
    some = select(FindingRow.case_id).where(FindingRow.rule == rule)
    is_rare = (session.scalar(select(func.count()).select_from(some.limit(RARE).subquery())) or 0) < RARE
    if is_rare:
        return CaseRow.case_id.in_(some)
    return exists().where(FindingRow.case_id == CaseRow.case_id, FindingRow.rule == rule)


def _begun_before(clocks: Clocks, now: datetime) -> datetime:
    """The latest instant at which a review must have begun to be due by now, to the second."""
    early, late = now - LONGEST_CLOCK, now
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        early, late = (middle, late) if clocks.due("review", middle) <= now else (early, middle)
    return early

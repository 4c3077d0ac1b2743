"""The audit log as auditors read it: filtered, the latest lines first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from detector.cases.audit import to_event
from detector.database.sessions import read_session
from detector.database.tables import AuditRow
from detector.entities import CaseEvent

LINES = 100


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines are wanted; None: whatever.

    Attributes:
        since, until: aware; the end is excluded.
        before: only lines with a smaller number, for the next page.
    """

    account: str | None = None
    action: str | None = None
    case_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def read_log(engine: Engine, wanted: LogFilter) -> list[CaseEvent]:
    """The latest lines that fit, at most `LINES`.

    Raises:
        StorageError: the database cannot be read.
    """
    lines = select(AuditRow).order_by(AuditRow.event_id.desc()).limit(LINES)
    if wanted.account:
        lines = lines.where(AuditRow.account == wanted.account)
    if wanted.action:
        lines = lines.where(AuditRow.action == wanted.action)
    if wanted.case_id:
        lines = lines.where(AuditRow.case_id == wanted.case_id)
    if wanted.since:
        lines = lines.where(AuditRow.at >= wanted.since)
    if wanted.until:
        lines = lines.where(AuditRow.at < wanted.until)
    if wanted.before:
        lines = lines.where(AuditRow.event_id < wanted.before)
    with read_session(engine) as session:
        return [to_event(row) for row in session.scalars(lines)]


def find_actions(engine: Engine) -> Sequence[str]:
    """Every kind of line that there is.

    Raises:
        StorageError: the database cannot be read.
    """
    with read_session(engine) as session:
        return sorted(session.scalars(select(AuditRow.action).distinct()))

"""Tables of the life of cases: audit log, claims, departments' parts, links, units, and the guard of states."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class AuditRow(Base):
    """One line of the audit log; triggers refuse to change one, or to remove one that is not behind the anchor."""

    __tablename__ = "audit_log"

    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_id: Mapped[str | None] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(index=True)
    before: Mapped[str | None]
    after: Mapped[str | None]
    account: Mapped[str]
    name: Mapped[str]
    unit: Mapped[str]
    certificate: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(index=True)
    reason: Mapped[str | None]
    note: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    previous: Mapped[str]
    digest: Mapped[str]


class AuditHeadRow(Base):
    """One row: the last line of the log, so that a removed end is seen; it is also the lock of all writers."""

    __tablename__ = "audit_head"

    head_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[int]
    digest: Mapped[str]


class AuditAnchorRow(Base):
    """Up to this line the log was deleted, its lifetime being over; the chain goes on from this digest."""

    __tablename__ = "audit_anchors"

    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str]
    cut_at: Mapped[datetime]


class TransitionRow(Base):
    """A change of state that a trigger lets pass; all others are refused."""

    __tablename__ = "case_transitions"

    before: Mapped[str] = mapped_column(primary_key=True)
    after: Mapped[str] = mapped_column(primary_key=True)


class ClaimRow(Base):
    """Who is reviewing a case, and until when nobody else may."""

    __tablename__ = "case_claims"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    until: Mapped[datetime]


class AssignmentRow(Base):
    """One department's part of a case; each dispatch of a case is a round of its own."""

    __tablename__ = "assignments"

    assignment_id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id", ondelete="CASCADE"), index=True)
    unit: Mapped[str] = mapped_column(index=True)
    round: Mapped[int]
    is_main: Mapped[bool]
    status: Mapped[str] = mapped_column(index=True)
    assigned_at: Mapped[datetime]
    accept_due_at: Mapped[datetime]
    feedback_due_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    escalated_to: Mapped[str | None]


class CaseLinkRow(Base):
    """Two cases that belong together (one truck, one trip), with the reason; the earlier id stands first."""

    __tablename__ = "case_links"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True)
    other_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True, index=True)
    reason: Mapped[str]


class UnitRow(Base):
    """A department."""

    __tablename__ = "units"

    unit_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    level: Mapped[str]
    parent: Mapped[str | None] = mapped_column(index=True)

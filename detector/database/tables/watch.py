"""Tables of the watch list: entries with the consent of two accounts, and interceptions."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class WatchEntryRow(Base):
    """One listed plate. The database itself refuses an approver who is the applicant."""

    __tablename__ = "watch_entries"
    __table_args__ = (
        CheckConstraint("approver IS NULL OR approver <> applicant", name="two_persons"),
        CheckConstraint("(approver IS NULL) = (approved_at IS NULL)", name="approval_whole"),
    )

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    plate_text: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    applicant: Mapped[str]
    applied_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    approver: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    revoke_reason: Mapped[str | None]
    plate_colour: Mapped[str | None]
    vehicle_type: Mapped[str | None]
    lead_id: Mapped[str | None]


class InterceptionRow(Base):
    """One hit. `next_cameras` and `later` are lists of objects, only ever read whole."""

    __tablename__ = "interceptions"

    interception_id: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[str] = mapped_column(ForeignKey("watch_entries.entry_id"), index=True)
    plate_text: Mapped[str]
    plate_seen: Mapped[str]
    camera_id: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    alerted_at: Mapped[datetime]
    looks: Mapped[int]
    next_cameras: Mapped[list[Any]]
    later: Mapped[list[Any]]
    plate_colour: Mapped[str | None]
    vehicle_type: Mapped[str | None]
    colour_agrees: Mapped[bool | None]
    vehicle_agrees: Mapped[bool | None]
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    outcome_by: Mapped[str | None]
    outcome_at: Mapped[datetime | None]

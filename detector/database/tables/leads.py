"""Table of leads: one row a suspicion, with its reasons, timeline and outcome."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class LeadRow(Base):
    """One lead. `outcome*` are None together until officers have reported."""

    __tablename__ = "leads"

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    plate_text: Mapped[str] = mapped_column(index=True)
    score: Mapped[float]
    window_from: Mapped[datetime]
    window_to: Mapped[datetime] = mapped_column(index=True)
    reasons: Mapped[list[Any]]
    timeline: Mapped[list[Any]]
    unchecked: Mapped[list[Any]]
    scanned_by: Mapped[str]
    created_at: Mapped[datetime]
    outcome: Mapped[str | None]
    outcome_by: Mapped[str | None]
    outcome_at: Mapped[datetime | None]

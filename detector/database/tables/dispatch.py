"""Tables of dispatch: messages on their way out, and what has come back."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class OutboxRow(Base):
    """One message to one receiver, written in the transaction of what it tells; `message_id` is its idempotency key."""

    __tablename__ = "outbox"

    message_id: Mapped[str] = mapped_column(primary_key=True)
    destination: Mapped[str] = mapped_column(index=True)
    case_id: Mapped[str] = mapped_column(index=True)
    sequence: Mapped[int]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    next_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
    leased_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class DispositionRow(Base):
    """One request of another system to watch for a plate, and the entry that was proposed for it."""

    __tablename__ = "dispositions"

    peer: Mapped[str] = mapped_column(primary_key=True)
    disposition_id: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime]
    content: Mapped[dict[str, Any]]


class FeedbackRow(Base):
    """One answer of a receiver that was acted on, so that its repetition is not."""

    __tablename__ = "feedback_inbox"

    destination: Mapped[str] = mapped_column(primary_key=True)
    feedback_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    answer: Mapped[dict[str, Any]]

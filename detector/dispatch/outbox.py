"""The transactional outbox: messages are stored with what they tell, and leave later, at least once, in order.

A message waits while an earlier one of the same case to the same receiver is not through. Whoever sends takes a lease:
several processes never send one message at the same time, and that of a killed one is sent again when the lease ends.
"""

import hashlib
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from detector.database.sessions import read_session, write_session
from detector.database.tables import OutboxRow
from detector.entities import Message, MessageState
from detector.errors import StorageError

LEASE = timedelta(seconds=60)
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 600.0
LONGEST_ERROR = 300


class Outbox:
    """The messages of a database; safe to use from several processes."""

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        """Use a database that `open_database` has opened; `rng` spreads the waits."""
        self._engine = engine
        self._now = now
        self._rng = rng or random.Random()

    def enqueue(
        self, session: Session, key: tuple[str, str, int], kind: str, payload: Mapping[str, Any], part: str = ""
    ) -> str:
        """Put a message into the caller's transaction; the same key and part again change nothing.

        Args:
            session: of the transaction of what is told.
            key: receiver, case, and place of the message in the case's order.
            kind: what happened.
            payload: what is told; plain values.
            part: tells messages of one key apart, as a receiver gets one for each unit that it serves.

        Returns:
            The message's id.
        """
        destination, case_id, sequence = key
        message_id = hashlib.sha256(f"{destination}|{case_id}|{sequence}|{kind}|{part}".encode()).hexdigest()[:32]
        if session.get(OutboxRow, message_id) is None:
            now = self._now()
            session.add(
                OutboxRow(
                    message_id=message_id, destination=destination, case_id=case_id, sequence=sequence, kind=kind,
                    payload=dict(payload), created_at=now, next_at=now, attempts=0, state=MessageState.PENDING.value,
                )
            )  # fmt: skip
        return message_id

    def take(self, limit: int = 20, *, only: str | None = None, but: Collection[str] = ()) -> list[Message]:
        """Lease messages that may leave now: due, not leased, and nothing before them.

        Args:
            limit: at most so many.
            only: of this receiver; None for all.
            but: of none of these receivers.

        Raises:
            StorageError: the database cannot be written.
        """
        now = self._now()
        due = _due(now).where(OutboxRow.destination.not_in(but)).limit(limit)
        if only is not None:
            due = due.where(OutboxRow.destination == only)
        with read_session(self._engine) as session:
            if session.scalars(due.limit(1)).first() is None:
                return []  # an idle courier asks twice a second, and must not keep others from writing
        with write_session(self._engine) as session:
            rows = session.scalars(due.with_for_update(skip_locked=True)).all()
            for row in rows:
                row.leased_until = now + LEASE
            return [to_message(row) for row in rows]

    def succeed(self, message_id: str) -> None:
        """The receiver has it."""
        self._settle(message_id, MessageState.SENT, None)

    def give_up(self, message_id: str, why: str) -> None:
        """The receiver will never take it; it and everything after it to the same receiver waits for a person."""
        self._settle(message_id, MessageState.DEAD, why)

    def put_off(self, message_id: str, why: str) -> None:
        """Try again later: the wait doubles up to ten minutes, with jitter, for ever."""
        with write_session(self._engine) as session:
            row = session.get(OutboxRow, message_id, with_for_update=True)
            if row is None or row.state != MessageState.PENDING:
                return
            row.attempts += 1
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(row.attempts - 1, 20)) * self._rng.uniform(0.5, 1.0)
            row.next_at, row.leased_until = self._now() + timedelta(seconds=wait_s), None
            row.last_error = why[:LONGEST_ERROR]

    def resend(self, message_id: str) -> Message:
        """Send a message again by hand, whatever became of it.

        Raises:
            StorageError: there is no such message.
        """
        with write_session(self._engine) as session:
            row = session.get(OutboxRow, message_id, with_for_update=True)
            if row is None:
                raise StorageError(f"no message {message_id}; `roadwarden dispatch list` shows what there is")
            row.state, row.next_at, row.leased_until = MessageState.PENDING.value, self._now(), None
            return to_message(row)

    def list(self, limit: int = 100, state: MessageState | None = None) -> Sequence[Message]:
        """Messages, the newest first; None for every state."""
        wanted = select(OutboxRow).order_by(OutboxRow.created_at.desc(), OutboxRow.message_id).limit(limit)
        if state is not None:
            wanted = wanted.where(OutboxRow.state == state.value)
        with read_session(self._engine) as session:
            return [to_message(row) for row in session.scalars(wanted)]

    def count(self) -> dict[MessageState, int]:
        """Messages by state."""
        with read_session(self._engine) as session:
            rows = session.execute(select(OutboxRow.state, func.count()).group_by(OutboxRow.state)).all()
        return dict.fromkeys(MessageState, 0) | {MessageState(state): count for state, count in rows}

    def _settle(self, message_id: str, state: MessageState, why: str | None) -> None:
        with write_session(self._engine) as session:
            row = session.get(OutboxRow, message_id, with_for_update=True)
            if row is None:
                return
            row.attempts += 1
            row.state, row.leased_until, row.last_error = state.value, None, why[:LONGEST_ERROR] if why else None
            row.sent_at = self._now() if state is MessageState.SENT else None


def _due(now: datetime) -> Select[OutboxRow]:
    """Messages that may leave, the longest waiting first."""
    earlier = aliased(OutboxRow)
    blocked = exists().where(
        and_(
            earlier.case_id == OutboxRow.case_id,
            earlier.destination == OutboxRow.destination,
            earlier.sequence < OutboxRow.sequence,
            earlier.state != MessageState.SENT.value,
        )
    )
    is_free = or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until <= now)
    wanted = select(OutboxRow).where(
        OutboxRow.state == MessageState.PENDING.value, OutboxRow.next_at <= now, is_free, ~blocked
    )
    return wanted.order_by(OutboxRow.next_at, OutboxRow.sequence)


def to_message(row: OutboxRow) -> Message:
    """The message that a row holds."""
    return Message(
        row.message_id, row.destination, row.case_id, row.sequence, row.kind, row.payload, row.created_at, row.next_at,
        row.attempts, MessageState(row.state), row.last_error,
    )  # fmt: skip

"""What leaves the house: messages to departments and other systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class MessageState(StrEnum):
    """Where a message is. DEAD: the receiver will never take it as it is; a person must look."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one receiver.

    Attributes:
        message_id: idempotency key; the same for every attempt.
        case_id: case or interception that it tells of; messages of one to one receiver keep their order.
        sequence: place in that order.
        kind: what happened, for instance `dispatched`.
        payload: what is told; every receiver gets it in its own form.
        attempts: so far.
        last_error: why the last attempt failed; None when none did. Holds no secret.
    """

    message_id: str
    destination: str
    case_id: str
    sequence: int
    kind: str
    payload: Mapping[str, Any]
    created_at: datetime
    next_at: datetime
    attempts: int
    state: MessageState
    last_error: str | None = None

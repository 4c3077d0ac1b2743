"""What comes back: signed answers of departments' own systems become steps of the case, each once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from detector.cases.life_cycle import LifeCycle
from detector.database.sessions import read_session, write_session
from detector.database.tables import FeedbackRow
from detector.dispatch.signing import FRESH_FOR, is_genuine
from detector.documents import read_json
from detector.entities import Action, Actor, CaseEvent, Role
from detector.errors import AccessDenied, LifeCycleError, SourceError, StorageError, UnknownCase

ACTIONS = (Action.ACCEPT, Action.RETURN, Action.GIVE_FEEDBACK)
MAX_BYTES = 64 * 1024
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Peer:
    """A system that may answer.

    Attributes:
        units: for which it speaks.
    """

    name: str
    units: frozenset[str]
    secret: str = field(repr=False)


class FeedbackDesk:
    """Takes answers; safe to use from several threads and processes."""

    def __init__(
        self,
        engine: Engine,
        life: LifeCycle,
        peers: Mapping[str, Peer],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take collaborators; `peers` by name."""
        self._engine, self._life, self._peers, self._now = engine, life, peers, now

    def take(
        self, peer_name: str, timestamp: str, signature: str, body: bytes, fresh_for: timedelta = FRESH_FOR
    ) -> dict[str, Any]:
        """Act on one answer: `{"id", "case_id", "unit", "action", "reason"}`; the same id again gives the same reply.

        Args:
            peer_name: which system says it is.
            timestamp, signature: as in `signing.py`, made with the secret of that system.
            body: JSON as it was signed.
            fresh_for: how old it may be; a broker may have kept it while we were away, and an id is taken once anyway.

        Returns:
            What was done: the case and its state.

        Raises:
            AccessDenied: unknown system, wrong or old signature, or a unit for which it does not speak.
            SourceError: the body is no such answer.
            LifeCycleError, StorageError: the case cannot take the step, or there is none.
        """
        peer = self._peers.get(peer_name)
        if peer is None or not is_genuine(peer.secret, timestamp, body, signature, self._now(), fresh_for):
            raise AccessDenied("unknown system, or wrong or old signature")
        said = _parse(body)
        known = self._answered(peer.name, said["id"])
        if known is not None:
            return known
        if said["unit"] not in peer.units:
            raise AccessDenied(f"{peer.name} does not speak for unit {said['unit']}")
        account = f"peer:{peer.name}"
        actor = Actor(account, peer.name, said["unit"], frozenset({Role.DEPARTMENT}))
        try:
            event = self._life.perform(
                said["case_id"], Action(said["action"]), actor, reason=said["reason"] or None,
                details={"feedback_id": said["id"]},
            )  # fmt: skip
        except LifeCycleError:
            done = self._find_event(said["case_id"], account, said["id"])
            if done is None:
                raise
            event = done  # acted on before, by another process or by one that ended before it could write it down
        answer = {"case_id": said["case_id"], "status": event.after.value if event.after else None}
        try:
            with write_session(self._engine) as session:
                row = FeedbackRow(destination=peer.name, feedback_id=said["id"], received_at=self._now(), answer=answer)
                session.add(row)
        except IntegrityError:
            pass  # answered at the same time by another process; the step itself was taken once
        return answer

    def _answered(self, peer: str, feedback_id: str) -> dict[str, Any] | None:
        with read_session(self._engine) as session:
            row = session.get(FeedbackRow, (peer, feedback_id))
            return dict(row.answer) if row is not None else None

    def _find_event(self, case_id: str, account: str, feedback_id: str) -> CaseEvent | None:
        events = self._life.history(case_id)
        return next((e for e in events if e.account == account and e.details.get("feedback_id") == feedback_id), None)


def _parse(body: bytes) -> dict[str, str]:
    """The answer as texts.

    Raises:
        SourceError: it is none; says what is wrong.
    """
    if len(body) > MAX_BYTES:
        raise SourceError(f"feedback: more than {MAX_BYTES} bytes")
    try:
        said = read_json(body)
    except ValueError as error:
        raise SourceError("feedback: is no JSON") from error
    if not isinstance(said, dict):
        raise SourceError("feedback: is no JSON object")
    found = {}
    for name in ("id", "case_id", "unit", "action", "reason"):
        value = said.get(name, "")
        if not isinstance(value, str) or len(value) > LONGEST or (not value and name != "reason"):
            raise SourceError(f"feedback: {name} is missing, no text, or longer than {LONGEST}")
        if "\0" in value:  # PostgreSQL keeps none, and what it refuses would be taken for a database that is away
            raise SourceError(f"feedback: {name} holds a zero character")
        found[name] = value
    if found["action"] not in ACTIONS:
        raise SourceError(f"feedback: action must be one of {', '.join(ACTIONS)}")
    return found


STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (AccessDenied, 403),
    (SourceError, 400),
    (LifeCycleError, 409),
    (UnknownCase, 404),
    (StorageError, 503),
)
"""HTTP status of each refusal."""

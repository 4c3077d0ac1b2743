"""GA/T 1400 Dispositions (布控): another system asks to watch for a plate; a person must approve the entry.

Nothing matches by asking alone. The entry carries who asks, why and until when; withdrawing revokes it at once.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from detector.database.sessions import read_session, write_session
from detector.database.tables import DispositionRow
from detector.entities import BEIJING, WatchRequest
from detector.errors import SourceError, StorageError

OK, INVALID_OPERATION, INVALID_CONTENT = "0", "4", "6"
"""StatusCode of a ResponseStatusObject."""

LONGEST = 500
MOST = 100
KEPT = (
    "Title",
    "DispositionCategory",
    "PriorityLevel",
    "ApplicantName",
    "ApplicantOrg",
    "Reason",
    "BeginTime",
    "EndTime",
)
WITHDRAW = "1"
"""OperateType: 0 watch, 1 withdraw."""


class Proposals(Protocol):
    """The door of the watch list."""

    def propose(self, entry_id: str, request: WatchRequest, applicant: str) -> None:
        """Put an entry there that waits for approval; one that is there already stays as it is."""
        ...

    def withdraw(self, entry_id: str, by: str, reason: str) -> None:
        """Take an entry back; one that has ended already stays as it is."""
        ...


class DispositionDesk:
    """Takes requests of peers; safe to use from several threads and processes."""

    def __init__(
        self,
        engine: Engine,
        proposals: Proposals,
        is_plate: Callable[[str], bool],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take collaborators; `is_plate` says whether a text is a complete plate."""
        self._engine, self._proposals, self._is_plate, self._now = engine, proposals, is_plate, now

    def take(self, peer: str, body: Any) -> list[dict[str, str]]:
        """Act on a list of Dispositions; the same id again changes nothing.

        Args:
            peer: which system asks, authenticated.
            body: `{"DispositionListObject": {"DispositionObject": […]}}` or `{"DispositionObject": {…}}`, parsed.

        Returns:
            Id and outcome of each: `{"Id", "StatusCode", "StatusString"}`.

        Raises:
            SourceError: the body is no such list.
            StorageError: the database cannot be written.
        """
        return [self._take_one(peer, item) for item in _objects(body)]

    def _take_one(self, peer: str, said: Mapping[str, Any]) -> dict[str, str]:
        disposition_id = ""
        try:
            disposition_id = _text(said, "DispositionID")
            if not disposition_id:
                raise SourceError("DispositionID is missing")
            if str(said.get("OperateType", "0")) == WITHDRAW:
                self._withdraw(peer, disposition_id, said)
                return _status(disposition_id, OK, "revoked")
            self._propose(peer, disposition_id, said)
        except SourceError as error:
            return _status(disposition_id, INVALID_CONTENT, str(error))
        return _status(disposition_id, OK, "waits for approval")

    def _propose(self, peer: str, disposition_id: str, said: Mapping[str, Any]) -> None:
        request, applicant = self._read(peer, said)
        with read_session(self._engine) as session:
            row = session.get(DispositionRow, (peer, disposition_id))
            entry_id = row.entry_id if row is not None else None
        if entry_id is None:
            entry_id = f"WL-{peer}-{hashlib.sha256(disposition_id.encode()).hexdigest()[:10].upper()}"
            content = {name: _text(said, name) for name in KEPT}
            try:
                with write_session(self._engine) as session:
                    session.add(
                        DispositionRow(
                            peer=peer, disposition_id=disposition_id, entry_id=entry_id, received_at=self._now(),
                            content=content,
                        )
                    )  # fmt: skip
            except IntegrityError:
                pass  # taken by another process at the same time, under the same name
        # After the row, so that a process that ends in between proposes when it is asked again.
        try:
            self._proposals.propose(entry_id, request, applicant)
        except StorageError as error:
            raise SourceError(str(error)) from error

    def _withdraw(self, peer: str, disposition_id: str, said: Mapping[str, Any]) -> None:
        with read_session(self._engine) as session:
            row = session.get(DispositionRow, (peer, disposition_id))
            entry_id = row.entry_id if row is not None else None
        if entry_id is None:
            raise SourceError("there is no such disposition")
        by = _text(said, "DispositionRemovePerson") or _text(said, "DispositionRemoveOrg") or peer
        reason = _text(said, "DispositionRemoveReason") or "withdrawn by its applicant"
        self._proposals.withdraw(entry_id, f"{peer}:{by}", reason)

    def _read(self, peer: str, said: Mapping[str, Any]) -> tuple[WatchRequest, str]:
        """The request and who asks.

        Raises:
            SourceError: something is missing or wrong; says what.
        """
        plate = _text(said, "TargetFeature").upper()
        if not self._is_plate(plate):
            raise SourceError("TargetFeature is no complete plate")
        name, reason = _text(said, "ApplicantName"), _text(said, "Reason")
        if not name or not reason:
            raise SourceError("ApplicantName and Reason are needed")
        try:
            ends_at = datetime.strptime(_text(said, "EndTime"), "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
        except ValueError:
            raise SourceError("EndTime must be yyyyMMddHHmmss") from None
        return WatchRequest(plate, reason, ends_at), f"{peer}:{name}"


def _objects(body: Any) -> list[Mapping[str, Any]]:
    inner = body.get("DispositionListObject", body) if isinstance(body, dict) else None
    found = inner.get("DispositionObject") if isinstance(inner, dict) else None
    given = found if isinstance(found, list) else [found]
    items: list[Mapping[str, Any]] = [item for item in given if isinstance(item, dict)]
    if len(given) > MOST or len(items) < len(given):
        raise SourceError(f"body: DispositionObject must be an object or a list of at most {MOST}")
    return items


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    text = str(value).strip() if isinstance(value, str | int) else ""
    if "\0" in text:  # PostgreSQL keeps none, and what it refuses would be taken for a database that is away
        raise SourceError(f"{name} holds a zero character")
    return text[:LONGEST]


def _status(disposition_id: str, code: str, words: str) -> dict[str, str]:
    return {"Id": disposition_id, "StatusCode": code, "StatusString": words}

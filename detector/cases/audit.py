"""The audit log: one chain of hashes over everything that anybody did, in the order in which it was stored.

A line's digest covers its content and the digest before it; `audit_head` holds the last one, so that a line that was
edited, removed (also from the end) or put elsewhere is found and named. Writers queue at the head's row.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from detector.database.sessions import read_session
from detector.database.tables import AuditAnchorRow, AuditHeadRow, AuditRow
from detector.entities import Actor, CaseEvent, CaseStatus

GENESIS = "0" * 64
HEAD_ID = 1
READ_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down.

    Attributes:
        case_id: None for what concerns no single case.
        change: state before and after, for a step of a case; else None.
    """

    actor: Actor
    action: str
    at: datetime
    case_id: str | None = None
    change: tuple[CaseStatus, CaseStatus] | None = None
    reason: str | None = None
    note: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a walk along the chain found.

    Attributes:
        lines: read.
        faults: one sentence each, naming the line; empty when the chain is whole.
    """

    lines: int
    faults: tuple[str, ...]


def append(session: Session, entry: Entry) -> CaseEvent:
    """Write a line at the end of the chain, in the caller's transaction."""
    head = session.get(AuditHeadRow, HEAD_ID, with_for_update=True)
    if head is None:
        raise LookupError("audit_head is empty: the database was not made by its migrations")
    actor, (before, after) = entry.actor, entry.change or (None, None)
    row = AuditRow(
        event_id=head.event_id + 1,
        case_id=entry.case_id,
        action=entry.action,
        before=before.value if before else None,
        after=after.value if after else None,
        account=actor.account,
        name=actor.name,
        unit=actor.unit,
        certificate=actor.certificate,
        at=entry.at,
        reason=entry.reason,
        note=entry.note,
        details=json.loads(_canonical(entry.details)),
        previous=head.digest,
    )
    row.digest = digest(row)
    session.add(row)
    head.event_id, head.digest = row.event_id, row.digest
    session.flush()
    return to_event(row)


def digest(row: AuditRow) -> str:
    """SHA-256 over the canonical JSON of a line, `previous` included."""
    content = {
        name: getattr(row, name)
        for name in (
            "event_id", "case_id", "action", "before", "after", "account", "name", "unit", "certificate", "reason",
            "note", "details", "previous",
        )
    }  # fmt: skip
    content["at"] = row.at.isoformat(timespec="microseconds")
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def verify(engine: Engine) -> AuditReport:
    """Walk the whole chain.

    Raises:
        StorageError: the database cannot be read.
    """
    faults: list[str] = []
    lines = 0
    with read_session(engine) as session:
        anchor = session.scalar(select(AuditAnchorRow).order_by(AuditAnchorRow.event_id.desc()).limit(1))
        last_id, last_digest = (anchor.event_id, anchor.digest) if anchor else (0, GENESIS)
        for row in _walk(session, last_id):
            lines += 1
            if row.event_id != last_id + 1:
                gone = f"line {last_id + 1}" + (f" to {row.event_id - 1}" if row.event_id > last_id + 2 else "")
                faults.append(f"{gone} removed")
            elif row.previous != last_digest:
                faults.append(
                    f"line {row.event_id} does not follow line {last_id}: one of them was put there or altered"
                )
            if digest(row) != row.digest:
                faults.append(f"line {row.event_id} altered ({row.action} of case {row.case_id or '-'})")
            last_id, last_digest = row.event_id, row.digest
        head = session.get(AuditHeadRow, HEAD_ID)
        if head is None:
            faults.append("the head of the log is gone")
        elif head.event_id > last_id:
            faults.append(f"line {last_id + 1} to {head.event_id} removed from the end")
        elif (head.event_id, head.digest) != (last_id, last_digest):
            faults.append(f"the head of the log says line {head.event_id}, the log ends with line {last_id}")
    return AuditReport(lines, tuple(faults))


def history(session: Session, case_id: str) -> list[CaseEvent]:
    """Everything about one case, oldest first."""
    rows = session.scalars(select(AuditRow).where(AuditRow.case_id == case_id).order_by(AuditRow.event_id))
    return [to_event(row) for row in rows]


def to_event(row: AuditRow) -> CaseEvent:
    """The line that a row holds."""
    plain = ("event_id", "case_id", "action", "account", "name", "unit", "certificate", "at", "reason", "note",
             "details", "previous", "digest")  # fmt: skip
    values: dict[str, Any] = {name: getattr(row, name) for name in plain}
    states = {name: CaseStatus(value) if (value := getattr(row, name)) else None for name in ("before", "after")}
    return CaseEvent(**(values | states))


def _walk(session: Session, after: int) -> Iterator[AuditRow]:
    """Lines after one, in order, in bounded memory."""
    while True:
        rows = session.scalars(
            select(AuditRow).where(AuditRow.event_id > after).order_by(AuditRow.event_id).limit(READ_AT_ONCE)
        ).all()
        if not rows:
            return
        yield from rows
        after = rows[-1].event_id
        session.expunge_all()


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

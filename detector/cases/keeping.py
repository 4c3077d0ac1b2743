"""How long cases are kept, and how they are deleted: by kind, logged, never while somebody may still need them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, delete, func, select

from detector.cases import audit
from detector.database.sessions import delete_rows, read_session, write_session
from detector.database.tables import AuditAnchorRow, AuditRow, CaseRow, OutboxRow
from detector.entities import Actor, CaseStatus
from detector.errors import RoadwardenError

REJECTED = (CaseStatus.REJECTED, CaseStatus.AUTO_DROPPED, CaseStatus.MERGED, CaseStatus.REVOKED)
ENDED = (CaseStatus.CLOSED, CaseStatus.TRANSFERRED, CaseStatus.ARCHIVED)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Days after which what has served its purpose is deleted (domain.md 1.8).

    Attributes:
        rejected_days: after the rejection.
        ended_days: after the case was closed; 60 days to ask for reconsideration and six months to sue are within it.
        audit_days: lines of the audit log.
    """

    rejected_days: int = 30
    ended_days: int = 214
    audit_days: int = 1096


@dataclass(frozen=True, slots=True)
class Deletion:
    """One case that was, or would be, deleted."""

    case_id: str
    status: CaseStatus
    since: datetime
    folder: str | None
    manifest_sha256: str | None


def find_expired(engine: Engine, lifetimes: Lifetimes, now: datetime) -> list[Deletion]:
    """Cases whose time is over; open, suspended and appealed ones never are. Archiving prolongs and shortens nothing.

    Raises:
        StorageError: the database cannot be read.
    """
    with read_session(engine) as session:
        last = (
            select(func.max(AuditRow.event_id))
            .where(AuditRow.before != AuditRow.after, AuditRow.after != CaseStatus.ARCHIVED.value)
            .group_by(AuditRow.case_id)
        )
        rows = session.execute(
            select(CaseRow, AuditRow.at, AuditRow.after)
            .outerjoin(AuditRow, and_(AuditRow.case_id == CaseRow.case_id, AuditRow.event_id.in_(last)))
            .where(CaseRow.status.in_([*REJECTED, *ENDED]))
            .order_by(CaseRow.case_id)
        )
        found = []
        for case, at, after in rows:
            status, since = CaseStatus(case.status), at or case.created_at
            days = lifetimes.rejected_days if (after or status) in REJECTED else lifetimes.ended_days
            if since + timedelta(days=days) < now:
                evidence = case.evidence
                folder, sha256 = (evidence.folder, evidence.manifest_sha256) if evidence else (None, None)
                found.append(Deletion(case.case_id, status, since, folder, sha256))
        return found


def delete_expired(
    engine: Engine, expired: Sequence[Deletion], by: Actor, now: datetime, remove: Callable[[Deletion], None]
) -> tuple[int, list[str]]:
    """Delete cases with their packages and messages; each leaves a line in the log with the hash of its manifest.

    The package goes first, inside the transaction of the line and the rows: what breaks off leaves a case whose time is
    over, which the next run finds again, and never a package that nobody knows of any more.

    Args:
        engine: the database.
        expired: what `find_expired` found.
        by: who deletes.
        now: aware.
        remove: deletes the package and whatever else is kept of a case; what is gone already is no fault.

    Returns:
        How many were deleted, and a line for each that could not be; a case that was reopened in the meantime stays.
    """
    count, faults = 0, []
    for item in expired:
        try:
            with write_session(engine) as session:
                case = session.get(CaseRow, item.case_id, with_for_update=True)
                if case is None or case.status != item.status:
                    continue
                remove(item)
                told = {"status": item.status.value, "manifest_sha256": item.manifest_sha256}
                audit.append(session, audit.Entry(by, "case_delete", now, item.case_id, details=told))
                session.execute(delete(OutboxRow).where(OutboxRow.case_id == item.case_id))
                session.delete(case)
        except RoadwardenError as error:
            faults.append(f"case {item.case_id} cannot be deleted: {error}")
        else:
            count += 1
    return count, faults


def cut_audit(engine: Engine, lifetimes: Lifetimes, by: Actor, now: datetime) -> int:
    """Delete lines of the audit log whose lifetime is over; the chain goes on from an anchor.

    Lines of cases that are still there stay, and with them everything after the first of them.

    Returns:
        How many lines were deleted.
    """
    with write_session(engine) as session:
        limit = now - timedelta(days=lifetimes.audit_days)
        kept = select(func.min(AuditRow.event_id)).where(
            (AuditRow.at >= limit) | AuditRow.case_id.in_(select(CaseRow.case_id))
        )
        first_kept = session.scalar(kept)
        last = session.scalar(
            select(AuditRow).where(AuditRow.event_id < (first_kept or 0)).order_by(AuditRow.event_id.desc()).limit(1)
        )
        if last is None:
            return 0
        session.add(AuditAnchorRow(event_id=last.event_id, digest=last.digest, cut_at=now))
        session.flush()
        gone = delete_rows(session, delete(AuditRow).where(AuditRow.event_id <= last.event_id))
        audit.append(session, audit.Entry(by, "audit_cut", now, details={"up_to": last.event_id, "lines": gone}))
        return gone

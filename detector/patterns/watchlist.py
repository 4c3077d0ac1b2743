"""The watch list: entries that hold only with the consent of a second person.

A person is an account of the desk that has been authenticated; whether it exists, is not disabled, and has the role is
read from the database in the very transaction that applies, approves or revokes. The database itself refuses an
approver who is the applicant, whatever program writes it.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, or_, select
from sqlalchemy.orm import Session

from detector.database.sessions import delete_rows, read_session, write_session
from detector.database.tables import AccountRow, DispositionRow, InterceptionRow, OutboxRow, WatchEntryRow
from detector.entities import Actor, Role, WatchEntry, WatchRequest, WatchStatus
from detector.errors import AccessDenied, Overtaken, StorageError

LONGEST_DAYS = 180
"""For which an entry may stand; a longer need is applied for again."""

APPLY = frozenset({Role.REVIEWER, Role.LEGAL, Role.DISPATCHER, Role.SUPERVISOR})
APPROVE = frozenset({Role.LEGAL, Role.SUPERVISOR})
REVOKE = APPLY
"""Roles that may. Who makes accounts (administrator) may neither."""

Record = Callable[[Session, Actor, str, Mapping[str, Any]], None]
"""Writes down who did what to which entry, in the transaction of the act: the audit log of the cases."""


class WatchList:
    """Keeps entries; safe to use from several processes."""

    def __init__(self, engine: Engine, record: Record | None = None) -> None:
        """Use a database that `open_database` has opened.

        Args:
            engine: of the database.
            record: told of every act; None where nobody acts (matching), or where the entry's own fields are enough.
        """
        self._engine = engine
        self._record = record

    def apply(self, request: WatchRequest, applicant: Actor) -> WatchEntry:
        """Ask for a plate to be listed; it matches nothing until somebody else approves.

        Args:
            request: what is asked; it ends in the future, at most `LONGEST_DAYS` away.
            applicant: authenticated.

        Raises:
            AccessDenied: the account is unknown, disabled, or lacks the role.
            StorageError: something is missing.
        """
        now = datetime.now(UTC)
        _check(request, now)
        with write_session(self._engine) as session:
            row = WatchEntryRow(
                entry_id=f"WL-{now:%Y%m%d}-{secrets.token_hex(4).upper()}",
                plate_text=request.plate_text,
                reason=request.reason.strip(),
                applicant=_prove(session, applicant, APPLY).account,
                applied_at=now,
                expires_at=request.expires_at,
                plate_colour=request.plate_colour,
                vehicle_type=request.vehicle_type,
                lead_id=request.lead_id,
            )
            session.add(row)
            self._note(session, applicant, "watch_apply", row)
            return to_entry(row)

    def propose(self, entry_id: str, request: WatchRequest, applicant: str) -> None:
        """Put an entry there that another system asks for; it matches nothing until a person approves.

        Args:
            entry_id: fixed by what was asked, so that asking twice makes one entry.
            request: as of `apply`.
            applicant: system and person that ask; no account of the desk.

        Raises:
            StorageError: something is missing.
        """
        now = datetime.now(UTC)
        with write_session(self._engine) as session:
            if session.get(WatchEntryRow, entry_id) is not None:
                return
            _check(request, now)
            row = WatchEntryRow(
                entry_id=entry_id, plate_text=request.plate_text, reason=request.reason.strip(), applicant=applicant,
                applied_at=now, expires_at=request.expires_at, plate_colour=request.plate_colour,
                vehicle_type=request.vehicle_type, lead_id=request.lead_id,
            )  # fmt: skip
            session.add(row)
            self._note(session, _outsider(applicant), "watch_apply", row)

    def withdraw(self, entry_id: str, by: str, reason: str) -> None:
        """Take an entry back for the system that asked for it; one that has ended or is gone stays as it is."""
        with write_session(self._engine) as session:
            row = session.get(WatchEntryRow, entry_id, with_for_update=True)
            if row is not None and row.revoked_at is None:
                row.revoked_by, row.revoked_at, row.revoke_reason = by, datetime.now(UTC), reason
                self._note(session, _outsider(by), "watch_revoke", row)

    def approve(self, entry_id: str, approver: Actor) -> WatchEntry:
        """Consent to an entry, as a second person.

        Raises:
            AccessDenied: the account is unknown, disabled, lacks the role, or is the applicant's.
            StorageError: the entry cannot be approved any more.
        """
        with write_session(self._engine) as session:
            second = _prove(session, approver, APPROVE)
            row = _get(session, entry_id)
            status = to_entry(row).status(datetime.now(UTC))
            if status is not WatchStatus.REQUESTED:
                raise Overtaken(f"watch-list entry {entry_id} is {status.value}, not waiting for approval")
            if _is_one_person(session, second, row.applicant):
                raise AccessDenied(
                    f"watch-list entry {entry_id} was applied for by {row.applicant}; another person must approve"
                )
            row.approver, row.approved_at = second.account, datetime.now(UTC)
            self._note(session, approver, "watch_approve", row)
            return to_entry(row)

    def revoke(self, entry_id: str, person: Actor, reason: str) -> WatchEntry:
        """Take an entry back, at once and for good.

        Raises:
            AccessDenied: the account is unknown, disabled, or lacks the role.
            StorageError: no reason is given, or the entry is revoked already.
        """
        if not reason.strip():
            raise StorageError("revoking a watch-list entry needs a reason")
        with write_session(self._engine) as session:
            name = _prove(session, person, REVOKE).account
            row = _get(session, entry_id)
            if row.revoked_at is not None:
                raise Overtaken(f"watch-list entry {entry_id} is revoked already")
            row.revoked_by, row.revoked_at, row.revoke_reason = name, datetime.now(UTC), reason.strip()
            self._note(session, person, "watch_revoke", row)
            return to_entry(row)

    def get(self, entry_id: str) -> WatchEntry:
        """One entry.

        Raises:
            StorageError: there is no such entry.
        """
        with read_session(self._engine) as session:
            return to_entry(_get(session, entry_id, locked=False))

    def list(self) -> Sequence[WatchEntry]:
        """Every entry, the newest first."""
        with read_session(self._engine) as session:
            rows = session.scalars(select(WatchEntryRow).order_by(WatchEntryRow.applied_at.desc()))
            return [to_entry(row) for row in rows]

    def active(self, now: datetime) -> Sequence[WatchEntry]:
        """The entries that match at an instant."""
        standing = WatchEntryRow.approved_at.is_not(None) & WatchEntryRow.revoked_at.is_(None)
        with read_session(self._engine) as session:
            rows = session.scalars(select(WatchEntryRow).where(standing, WatchEntryRow.expires_at > now))
            return [entry for entry in map(to_entry, rows) if entry.status(now) is WatchStatus.ACTIVE]

    def purge(self, now: datetime, lifetime_days: int) -> int:
        """Delete entries that ended, and interceptions that were opened, longer ago than their lifetime.

        Returns:
            How many entries and interceptions were deleted; an entry stays while an interception of it does. Requests
            of peers and messages about hits go with them.
        """
        oldest = now - timedelta(days=lifetime_days)
        with write_session(self._engine) as session:
            hits = delete_rows(session, delete(InterceptionRow).where(InterceptionRow.seen_at < oldest))
            ended = or_(WatchEntryRow.expires_at < oldest, WatchEntryRow.revoked_at < oldest)
            kept = select(InterceptionRow.entry_id)
            gone = delete(WatchEntryRow).where(ended, WatchEntryRow.entry_id.not_in(kept))
            count = hits + delete_rows(session, gone)
            orphan = DispositionRow.entry_id.not_in(select(WatchEntryRow.entry_id))
            session.execute(delete(DispositionRow).where(orphan, DispositionRow.received_at < oldest))
            alerts = OutboxRow.kind.in_(("watch_hit", "watch_sighting"))
            session.execute(delete(OutboxRow).where(alerts, OutboxRow.created_at < oldest))
            return count

    def _note(self, session: Session, actor: Actor, action: str, row: WatchEntryRow) -> None:
        """Tell the record; the plate stays out of it, because the record is kept longer than the entry."""
        if self._record is not None:
            self._record(session, actor, action, {"entry_id": row.entry_id})


def to_entry(row: WatchEntryRow) -> WatchEntry:
    """The entry that a row holds."""
    return WatchEntry(**{name: getattr(row, name) for name in WatchEntry.__dataclass_fields__})


def _check(request: WatchRequest, now: datetime) -> None:
    """That a request has a reason and an end."""
    if not request.reason.strip():
        raise StorageError("a watch-list entry needs a reason")
    if not now < request.expires_at <= now + timedelta(days=LONGEST_DAYS):
        raise StorageError(f"a watch-list entry must expire in the future, within {LONGEST_DAYS} days")


def _outsider(name: str) -> Actor:
    """Somebody of another system, as the log names them."""
    return Actor(name, name, "", frozenset())


def _prove(session: Session, actor: Actor, roles: frozenset[Role]) -> AccountRow:
    """The account of somebody who acts, as the database knows it now."""
    row = session.get(AccountRow, actor.account)
    if row is None or row.is_disabled:
        raise AccessDenied(f"no account {actor.account} that may act; `roadwarden accounts add` makes one")
    if row.must_change:
        raise AccessDenied(f"account {row.account} must first change the password that somebody else has set")
    if not roles & {Role(role) for role in row.roles}:
        raise AccessDenied(f"account {row.account} needs one of the roles {', '.join(sorted(roles))}")
    return row


def _is_one_person(session: Session, approver: AccountRow, applicant: str) -> bool:
    """Whether two accounts are one, or belong to the holder of one certificate."""
    other = session.get(AccountRow, applicant)
    same_certificate = other is not None and other.certificate and other.certificate == approver.certificate
    return approver.account == applicant or bool(same_certificate)


def _get(session: Session, entry_id: str, *, locked: bool = True) -> WatchEntryRow:
    row = session.get(WatchEntryRow, entry_id, with_for_update=locked)
    if row is None:
        raise Overtaken(f"no watch-list entry {entry_id}; `roadwarden watch list` shows what there is")
    return row

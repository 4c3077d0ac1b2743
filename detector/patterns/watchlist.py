"""The watch list: who may list plates, and entries that hold only with the consent of a second person.

A person is a name with a passphrase, kept as salted scrypt. Applying, approving and revoking each prove the person, so
that one account cannot play two; the database refuses an approver who is the applicant, whatever program writes it.
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from detector.database.sessions import read_session, write_session
from detector.database.tables import WatchEntryRow, WatchPersonRow
from detector.entities import WatchEntry, WatchStatus
from detector.errors import StorageError

LONGEST_DAYS = 180
"""For which an entry may stand; a longer need is applied for again."""
MIN_PASSPHRASE = 8
SCRYPT_COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


class WatchList:
    """Enrols people, and keeps entries; safe to use from several processes."""

    def __init__(self, engine: Engine) -> None:
        """Use a database that `open_database` has opened."""
        self._engine = engine

    def enrol(self, name: str, passphrase: str, enrolled_by: str) -> str:
        """Make a person known; an administrator's act, and written down as that.

        Returns:
            The name as it is kept: without surrounding blanks, in lower case.

        Raises:
            StorageError: the name is empty or taken, or the passphrase is too short.
        """
        name = _canonical(name)
        if not name:
            raise StorageError("a person needs a name")
        if len(passphrase) < MIN_PASSPHRASE:
            raise StorageError(f"the passphrase of {name} must have {MIN_PASSPHRASE} characters or more")
        salt = secrets.token_hex(16)
        row = WatchPersonRow(name=name, salt=salt, scrypt=_derive(passphrase, salt), enrolled_by=enrolled_by)
        row.enrolled_at = datetime.now(UTC)
        try:
            with write_session(self._engine) as session:
                if session.get(WatchPersonRow, name) is not None:
                    raise StorageError(f"person {name} is enrolled already")
                session.add(row)
        except IntegrityError as error:
            raise StorageError(f"person {name} is enrolled already") from error
        return name

    def apply(self, plate_text: str, reason: str, expires_at: datetime, applicant: tuple[str, str]) -> WatchEntry:
        """Ask for a plate to be listed; it matches nothing until somebody else approves.

        Args:
            plate_text: complete.
            reason: in words.
            expires_at: aware, in the future, at most `LONGEST_DAYS` away.
            applicant: name and passphrase.

        Raises:
            StorageError: the person is not known, or something is missing.
        """
        now = datetime.now(UTC)
        if not reason.strip():
            raise StorageError("a watch-list entry needs a reason")
        if not now < expires_at <= now + timedelta(days=LONGEST_DAYS):
            raise StorageError(f"a watch-list entry must expire in the future, within {LONGEST_DAYS} days")
        with write_session(self._engine) as session:
            name = _prove(session, *applicant)
            row = WatchEntryRow(
                entry_id=f"WL-{now:%Y%m%d}-{secrets.token_hex(4).upper()}",
                plate_text=plate_text,
                reason=reason.strip(),
                applicant=name,
                applied_at=now,
                expires_at=expires_at,
            )
            session.add(row)
            return to_entry(row)

    def approve(self, entry_id: str, approver: tuple[str, str]) -> WatchEntry:
        """Consent to an entry, as a second person.

        Raises:
            StorageError: the person is not known or is the applicant, or the entry cannot be approved any more.
        """
        with write_session(self._engine) as session:
            name = _prove(session, *approver)
            row = _get(session, entry_id)
            status = to_entry(row).status(datetime.now(UTC))
            if status is not WatchStatus.REQUESTED:
                raise StorageError(f"watch-list entry {entry_id} is {status.value}, not waiting for approval")
            if name == row.applicant:
                raise StorageError(
                    f"watch-list entry {entry_id} was applied for by {name}; another person must approve"
                )
            row.approver, row.approved_at = name, datetime.now(UTC)
            return to_entry(row)

    def revoke(self, entry_id: str, person: tuple[str, str], reason: str) -> WatchEntry:
        """Take an entry back, at once and for good; any enrolled person may.

        Raises:
            StorageError: the person is not known, no reason is given, or the entry is revoked already.
        """
        if not reason.strip():
            raise StorageError("revoking a watch-list entry needs a reason")
        with write_session(self._engine) as session:
            name = _prove(session, *person)
            row = _get(session, entry_id)
            if row.revoked_at is not None:
                raise StorageError(f"watch-list entry {entry_id} is revoked already")
            row.revoked_by, row.revoked_at, row.revoke_reason = name, datetime.now(UTC), reason.strip()
            return to_entry(row)

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


def to_entry(row: WatchEntryRow) -> WatchEntry:
    """The entry that a row holds."""
    return WatchEntry(**{name: getattr(row, name) for name in WatchEntry.__dataclass_fields__})


def _canonical(name: str) -> str:
    """One spelling of a name, so that one person cannot be two by capital letters."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _derive(passphrase: str, salt: str) -> str:
    return hashlib.scrypt(passphrase.encode(), salt=bytes.fromhex(salt), **SCRYPT_COST).hex()


def _prove(session: Session, name: str, passphrase: str) -> str:
    """The canonical name of somebody who knows their passphrase."""
    row = session.get(WatchPersonRow, _canonical(name))
    expected, salt = (row.scrypt, row.salt) if row else ("", "00")
    if not hmac.compare_digest(_derive(passphrase, salt), expected) or row is None:
        raise StorageError("unknown person or wrong passphrase; `roadwarden watch enrol` makes a person known")
    return row.name


def _get(session: Session, entry_id: str) -> WatchEntryRow:
    row = session.get(WatchEntryRow, entry_id, with_for_update=True)
    if row is None:
        raise StorageError(f"no watch-list entry {entry_id}; `roadwarden watch list` shows what there is")
    return row

"""Tables of the officers' accounts and their sessions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class AccountRow(Base):
    """One person who may sign in; accounts are disabled, never removed, because the audit log names them.

    `totp_sealed` is the secret of an authenticator, sealed by a key outside the database; `totp_step` the last time
    step whose code was used, so that none is used twice.
    """

    __tablename__ = "accounts"

    account: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    unit: Mapped[str]
    roles: Mapped[list[Any]]
    districts: Mapped[list[Any]]
    certificate: Mapped[str | None]
    password: Mapped[str]
    must_change: Mapped[bool]
    is_disabled: Mapped[bool]
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    totp_sealed: Mapped[str | None]
    totp_step: Mapped[int | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class SessionRow(Base):
    """One signed-in browser: SHA-256 of its token, so that a stolen database opens no session."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.account", ondelete="CASCADE"), index=True)
    csrf: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)


class EvidenceOpeningRow(Base):
    """For what purpose a person may look at the originals of a case, and until when."""

    __tablename__ = "evidence_openings"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.account", ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[str]
    until: Mapped[datetime]

"""Sessions of signed-in browsers, kept in the database: random, short-lived, ended at once when an account is."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select, update

from detector.cases import audit
from detector.database.sessions import read_session, write_session
from detector.database.tables import AccountRow, SessionRow
from detector.entities import Actor, Role
from detector.review.accounts import EVERYWHERE, Account, to_account

TOUCH_EVERY = timedelta(minutes=1)
"""`seen_at` is written no more often, so that reading a page is no write."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in.

    Attributes:
        csrf: what every form of this session must carry.
        session_id: names the session in the database; not the token.
    """

    account: Account
    csrf: str
    session_id: str

    @property
    def actor(self) -> Actor:
        """The person as the one who acts."""
        return self.account.actor

    @property
    def roles(self) -> frozenset[Role]:
        """What the person may do."""
        return self.account.roles

    @property
    def districts(self) -> frozenset[str] | None:
        """Districts whose cases the person sees; None: all."""
        return None if EVERYWHERE in self.account.districts else frozenset(self.account.districts)

    @property
    def only_unit(self) -> str | None:
        """The unit whose own cases are all that the person sees; None for people of the centre."""
        return self.account.unit if self.roles <= {Role.DEPARTMENT} else None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """When a session ends by itself."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)


class SessionStore:
    """Opens, finds and closes sessions."""

    def __init__(
        self,
        engine: Engine,
        timeouts: Timeouts | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use a database that `open_database` has opened."""
        self._engine = engine
        self._timeouts = timeouts or Timeouts()
        self._now = now

    def open(self, account: Account) -> str:
        """A new session; old ones whose time is over are removed.

        Returns:
            The token for the cookie; the database holds only its SHA-256.
        """
        token, now = secrets.token_urlsafe(32), self._now()
        with write_session(self._engine) as session:
            session.execute(
                delete(SessionRow).where(
                    (SessionRow.seen_at < now - self._timeouts.idle)
                    | (SessionRow.created_at < now - self._timeouts.absolute)
                )
            )
            session.add(
                SessionRow(
                    token_sha256=_digest(token), account=account.account, csrf=secrets.token_urlsafe(32),
                    created_at=now, seen_at=now,
                )
            )  # fmt: skip
        return token

    def find(self, token: str, is_used: bool = True) -> Visitor | None:
        """Who holds a token; None when it is unknown, its time is over, or the account was disabled.

        Args:
            token: of the cookie.
            is_used: somebody is there; False where an open page asks by itself.
        """
        now = self._now()
        with read_session(self._engine) as session:
            found = session.execute(
                select(SessionRow, AccountRow)
                .join(AccountRow, AccountRow.account == SessionRow.account)
                .where(SessionRow.token_sha256 == _digest(token))
            ).one_or_none()
        if found is None:
            return None
        row, account_row = found
        is_over = row.seen_at < now - self._timeouts.idle or row.created_at < now - self._timeouts.absolute
        if is_over or account_row.is_disabled:
            return None
        if is_used and now - row.seen_at > TOUCH_EVERY:
            with write_session(self._engine) as session:
                session.execute(
                    update(SessionRow).where(SessionRow.token_sha256 == row.token_sha256).values(seen_at=now)
                )
        return Visitor(to_account(account_row), row.csrf, row.token_sha256)

    def close(self, visitor: Visitor) -> None:
        """End one session."""
        with write_session(self._engine) as session:
            session.execute(delete(SessionRow).where(SessionRow.token_sha256 == visitor.session_id))
            audit.append(session, audit.Entry(visitor.actor, "sign_out", self._now()))

    def close_others(self, visitor: Visitor) -> None:
        """End every other session of the account, after its password changed."""
        with write_session(self._engine) as session:
            session.execute(
                delete(SessionRow)
                .where(SessionRow.account == visitor.account.account)
                .where(SessionRow.token_sha256 != visitor.session_id)
            )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

"""Accounts of officers: Argon2 passwords, lock-out, roles, districts; what they do is in the audit log."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlalchemy import Engine, select

from detector.cases import audit
from detector.database.sessions import read_session, write_session
from detector.database.tables import AccountRow
from detector.entities import BEIJING, Actor, Role
from detector.errors import AccessDenied, StorageError

MIN_PASSWORD = 10
FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
EVERYWHERE = "*"
"""A district list of this alone means every district."""

NO_HASH = PasswordHasher().hash(secrets.token_hex(16))
"""Checked for accounts that do not exist, so that the time of an answer does not tell which do."""


@dataclass(frozen=True, slots=True)
class Account:
    """One person who may sign in.

    Attributes:
        unit: id of the unit for which the person acts.
        districts: ids of the districts whose cases the person sees; `("*",)`: all.
        certificate: number of the enforcement certificate; None for people without one.
        must_change: the password was set by somebody else.
    """

    account: str
    name: str
    unit: str
    roles: frozenset[Role]
    districts: tuple[str, ...]
    certificate: str | None = None
    must_change: bool = False
    is_disabled: bool = False

    @property
    def actor(self) -> Actor:
        """The person as the one who acts."""
        return Actor(self.account, self.name, self.unit, self.roles, self.certificate)

    def sees(self, district: str) -> bool:
        """Whether cases of a district ("" for none) are shown to the person."""
        return EVERYWHERE in self.districts or district in self.districts


class AccountStore:
    """Makes, changes and checks accounts; safe to use from several processes."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Use a database that `open_database` has opened."""
        self._engine = engine
        self._now = now
        self._hasher = PasswordHasher()

    def add(self, account: Account, password: str, by: Actor) -> Account:
        """Make an account; the person changes the password at the first sign-in.

        Raises:
            StorageError: the account is there already, or something in it or the password will not do.
        """
        name = account.account.strip().lower()
        if not name or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise StorageError("an account is named by letters, digits, - _ and .")
        if not account.roles or Role.SYSTEM in account.roles:
            raise StorageError(f"account {name}: roles are missing, or hold `system`, which is the program itself")
        self._check_password(password)
        with write_session(self._engine) as session:
            if session.get(AccountRow, name) is not None:
                raise StorageError(f"account {name} is there already")
            row = AccountRow(
                account=name, name=account.name.strip() or name, unit=account.unit,
                roles=sorted(role.value for role in account.roles), districts=list(account.districts),
                certificate=account.certificate, password=self._hasher.hash(password), must_change=account.must_change,
                is_disabled=False, failures=0, locked_until=None, created_by=by.account, created_at=self._now(),
            )  # fmt: skip
            session.add(row)
            told = {"account": name, "roles": row.roles, "districts": row.districts, "unit": row.unit}
            audit.append(session, audit.Entry(by, "account_add", self._now(), details=told))
            return to_account(row)

    def authenticate(self, name: str, password: str) -> Account:
        """The account of a person who proves to be that.

        Raises:
            AccessDenied: wrong name or password, disabled, or locked after too many attempts; the first three are
                told alike.
        """
        wrong = AccessDenied("wrong account or password")
        with write_session(self._engine) as session:
            row = session.get(AccountRow, name.strip().lower(), with_for_update=True)
            now = self._now()
            if row is not None and row.locked_until is not None and row.locked_until > now:
                until = row.locked_until.astimezone(BEIJING)
                raise AccessDenied(f"too many attempts; try again after {until:%H:%M}")
            right = self._matches(row.password if row else NO_HASH, password)
            found = to_account(row) if row is not None and right and not row.is_disabled else None
            if row is not None:
                row.failures = 0 if right else row.failures + 1
                row.locked_until = now + LOCKED_FOR if row.failures >= FAILURES_ALLOWED else None
                if right and self._hasher.check_needs_rehash(row.password):
                    row.password = self._hasher.hash(password)
            if found is not None:
                audit.append(session, audit.Entry(found.actor, "sign_in", now))
        if found is None:
            raise wrong
        return found

    def set_password(self, name: str, password: str, by: Actor) -> None:
        """Give an account a new password; somebody else's choice must be changed at the next sign-in.

        Raises:
            StorageError: there is no such account, or the password will not do.
        """
        self._check_password(password)
        with write_session(self._engine) as session:
            row = session.get(AccountRow, name, with_for_update=True)
            if row is None:
                raise StorageError(f"no account {name}")
            row.password, row.must_change = self._hasher.hash(password), by.account != name
            row.failures, row.locked_until = 0, None
            audit.append(session, audit.Entry(by, "account_password", self._now(), details={"account": name}))

    def set_disabled(self, name: str, disabled: bool, by: Actor) -> None:
        """Shut an account out, or let it in again.

        Raises:
            StorageError: there is no such account.
        """
        with write_session(self._engine) as session:
            row = session.get(AccountRow, name, with_for_update=True)
            if row is None:
                raise StorageError(f"no account {name}")
            row.is_disabled = disabled
            action = "account_disable" if disabled else "account_enable"
            audit.append(session, audit.Entry(by, action, self._now(), details={"account": name}))

    def get(self, name: str) -> Account | None:
        """One account; None where there is none."""
        with read_session(self._engine) as session:
            row = session.get(AccountRow, name)
            return to_account(row) if row is not None else None

    def list(self) -> Sequence[Account]:
        """Every account, by name."""
        with read_session(self._engine) as session:
            return [to_account(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.account))]

    def make_first(self) -> str | None:
        """An administrator for an empty desk.

        Returns:
            Its password, which is kept nowhere in clear; None when there are accounts already.
        """
        if self.list():
            return None
        password = secrets.token_urlsafe(12)
        first = Account("admin", "admin", "", frozenset({Role.ADMINISTRATOR}), (EVERYWHERE,), must_change=True)
        self.add(first, password, Actor("system", "system", "", frozenset({Role.SYSTEM})))
        return password

    def _check_password(self, password: str) -> None:
        if len(password) < MIN_PASSWORD:
            raise StorageError(f"a password has {MIN_PASSWORD} characters or more")

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def to_account(row: AccountRow) -> Account:
    """The account that a row holds."""
    return Account(
        row.account, row.name, row.unit, frozenset(Role(r) for r in row.roles), tuple(row.districts), row.certificate,
        row.must_change, row.is_disabled,
    )  # fmt: skip

"""Accounts of officers: Argon2 passwords, lock-out, roles, districts; what they do is in the audit log."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from detector.cases import audit
from detector.database.sessions import read_session, write_session
from detector.database.tables import AccountRow
from detector.entities import BEIJING, Actor, Role
from detector.errors import AccessDenied, StorageError
from detector.review import passwords
from detector.review.second_factor import SecondFactor

MIN_PASSWORD = 10
FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
EVERYWHERE = "*"
"""A district list of this alone means every district."""


@dataclass(frozen=True, slots=True)
class Account:
    """One person who may sign in.

    Attributes:
        unit: id of the unit for which the person acts.
        districts: ids of the districts whose cases the person sees; `("*",)`: all.
        certificate: number of the enforcement certificate; None for people without one.
        must_change: the password was set by somebody else.
        has_second_factor: signing in takes a one-time code too.
    """

    account: str
    name: str
    unit: str
    roles: frozenset[Role]
    districts: tuple[str, ...]
    certificate: str | None = None
    must_change: bool = False
    is_disabled: bool = False
    has_second_factor: bool = False

    @property
    def actor(self) -> Actor:
        """The person as the one who acts."""
        return Actor(self.account, self.name, self.unit, self.roles, self.certificate)

    def sees(self, district: str) -> bool:
        """Whether cases of a district ("" for none) are shown to the person."""
        return EVERYWHERE in self.districts or district in self.districts


class Locked(AccessDenied):
    """Too many failures; the account opens again by itself.

    Attributes:
        minutes: until then, at least one.
    """

    def __init__(self, until: datetime, now: datetime) -> None:
        """Name the instant at which it opens."""
        super().__init__(f"too many attempts; try again after {until.astimezone(BEIJING):%H:%M}")
        self.minutes = max(1, -int((now - until).total_seconds() // 60))


class AccountStore:
    """Makes, changes and checks accounts; safe to use from several processes."""

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        codes: SecondFactor | None = None,
    ) -> None:
        """Use a database that `open_database` has opened.

        Args:
            engine: of the case database.
            now: aware.
            codes: checks one-time codes; None where no key opens their secrets: accounts that need one stay shut.
        """
        self._engine = engine
        self._now = now
        self._codes = codes or SecondFactor(None)

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
        hashed = passwords.hash_password(password)
        with write_session(self._engine) as session:
            if session.get(AccountRow, name) is not None:
                raise StorageError(f"account {name} is there already")
            row = AccountRow(
                account=name, name=account.name.strip() or name, unit=account.unit,
                roles=sorted(role.value for role in account.roles), districts=list(account.districts),
                certificate=account.certificate, password=hashed, must_change=account.must_change,
                is_disabled=False, failures=0, locked_until=None, created_by=by.account, created_at=self._now(),
            )  # fmt: skip
            session.add(row)
            told = {"account": name, "roles": row.roles, "districts": row.districts, "unit": row.unit}
            audit.append(session, audit.Entry(by, "account_add", self._now(), details=told))
            return to_account(row)

    def authenticate(self, name: str, password: str, code: str | None = None) -> Account:
        """The account of a person who proves to be that.

        Args:
            name: of the account.
            password: as typed.
            code: of the person's authenticator; None when none was typed.

        Raises:
            Locked: after too many attempts.
            AccessDenied: wrong name, password or code, or disabled; all told alike.
        """
        name = name.strip().lower()
        proven = self._prove(name, password)
        renewed = passwords.hash_password(password) if proven is not None and passwords.is_outdated(proven) else None
        with write_session(self._engine) as session:
            row = session.get(AccountRow, name, with_for_update=True)
            found, now = None, self._now()
            if row is not None:
                self._refuse_locked(row, now)
                right = row.password == proven and self._codes.check(row, code, now)
                self._count(row, right, now)
                if right and not row.is_disabled:
                    row.password, found = renewed or row.password, to_account(row)
                    audit.append(session, audit.Entry(found.actor, "sign_in", now))
        if found is None:
            raise AccessDenied("wrong account or password")
        return found

    def enter(self, name: str, vouched_by: str) -> Account:
        """The account of a person whom a sign-in provider vouches for.

        A password that somebody else chose is replaced by one that nobody knows: the provider is the way in.

        Raises:
            AccessDenied: there is no such account, or it is disabled.
        """
        nobodys = passwords.nobodys_hash()
        with write_session(self._engine) as session:
            row = session.get(AccountRow, name.strip().lower(), with_for_update=True)
            if row is None or row.is_disabled:
                raise AccessDenied("no such account")
            if row.must_change:
                row.password, row.must_change = nobodys, False
            person = to_account(row)
            audit.append(session, audit.Entry(person.actor, "sign_in", self._now(), details={"by": vouched_by}))
            return person

    def check_password(self, name: str, password: str) -> None:
        """That somebody who is signed in knows the password; failures count as at signing in.

        Raises:
            AccessDenied: wrong, or too many attempts.
        """
        proven = self._prove(name, password)
        with write_session(self._engine) as session:
            row = session.get(AccountRow, name, with_for_update=True)
            right, now = row is not None and row.password == proven, self._now()
            if row is not None:
                self._refuse_locked(row, now)
                self._count(row, right, now)
        if not right:
            raise AccessDenied("wrong password")

    def start_second_factor(self, name: str) -> tuple[str, str]:
        """A new secret for an authenticator; it counts only once `confirm_second_factor` has seen a code of it.

        Returns:
            The secret in Base32, and the address that authenticators read from a QR code.

        Raises:
            StorageError: there is no key that seals secrets.
        """
        return self._codes.new_secret(name)

    def confirm_second_factor(self, name: str, secret: str, code: str) -> None:
        """From now on the account needs a code, if this one is right.

        Raises:
            AccessDenied: the code is wrong, or there is an authenticator, which takes the password to be removed.
            StorageError: there is no such account, or no key that seals secrets.
        """
        with write_session(self._engine) as session:
            row = self._row(session, name)
            if row.totp_sealed is not None:
                raise AccessDenied("there is an authenticator; remove it first")
            self._codes.enrol(row, secret, code, self._now())
            audit.append(session, audit.Entry(to_account(row).actor, "second_factor_on", self._now()))

    def remove_second_factor(self, name: str, by: Actor) -> None:
        """Let an account in without a code again.

        Raises:
            StorageError: there is no such account.
        """
        with write_session(self._engine) as session:
            row = self._row(session, name)
            row.totp_sealed = row.totp_step = None
            audit.append(session, audit.Entry(by, "second_factor_off", self._now(), details={"account": name}))

    def set_password(self, name: str, password: str, by: Actor) -> None:
        """Give an account a new password; somebody else's choice must be changed at the next sign-in.

        Raises:
            StorageError: there is no such account, or the password will not do.
        """
        self._check_password(password)
        hashed = passwords.hash_password(password)
        with write_session(self._engine) as session:
            row = self._row(session, name)
            row.password, row.must_change = hashed, by.account != name
            row.failures, row.locked_until = 0, None
            audit.append(session, audit.Entry(by, "account_password", self._now(), details={"account": name}))

    def set_disabled(self, name: str, disabled: bool, by: Actor) -> None:
        """Shut an account out, or let it in again.

        Raises:
            StorageError: there is no such account, or nobody would be left to administer.
        """
        with write_session(self._engine) as session:
            row = self._row(session, name)
            could_administer = _administers(row)
            row.is_disabled = disabled
            self._keep_an_administrator(session, could_administer)
            action = "account_disable" if disabled else "account_enable"
            audit.append(session, audit.Entry(by, action, self._now(), details={"account": name}))

    def change(self, account: Account, by: Actor) -> Account:
        """Change what an account may do and for whom its person acts; the password stays.

        Args:
            account: as it shall be.
            by: the administrator.

        Raises:
            StorageError: there is no such account, it would have no role, or nobody would be left to administer.
        """
        with write_session(self._engine) as session:
            row = self._row(session, account.account)
            if not account.roles or Role.SYSTEM in account.roles:
                raise StorageError(f"account {row.account}: roles are missing, or hold `system`, which is the program")
            could_administer = _administers(row)
            before = {"roles": row.roles, "districts": row.districts, "unit": row.unit, "certificate": row.certificate}
            row.name, row.unit, row.certificate = account.name.strip() or row.account, account.unit, account.certificate
            row.roles, row.districts = sorted(role.value for role in account.roles), list(account.districts)
            self._keep_an_administrator(session, could_administer)
            after = {"roles": row.roles, "districts": row.districts, "unit": row.unit, "certificate": row.certificate}
            told = {"account": row.account, "before": before, "after": after}
            audit.append(session, audit.Entry(by, "account_change", self._now(), details=told))
            return to_account(row)

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
        """An administrator for an empty desk, who also sees cases: a newcomer finds more than a list of accounts.

        Returns:
            Its password, which is kept nowhere in clear; None when there are accounts already.
        """
        if self.list():
            return None
        password = secrets.token_urlsafe(12)
        roles = frozenset({Role.ADMINISTRATOR, Role.SUPERVISOR})
        first = Account("admin", "admin", "", roles, (EVERYWHERE,), must_change=True)
        self.add(first, password, Actor("system", "system", "", frozenset({Role.SYSTEM})))
        return password

    def _check_password(self, password: str) -> None:
        if len(password) < MIN_PASSWORD:
            raise StorageError(f"a password has {MIN_PASSWORD} characters or more")

    def _row(self, session: Session, name: str) -> AccountRow:
        row = session.get(AccountRow, name, with_for_update=True)
        if row is None:
            raise StorageError(f"no account {name}")
        return row

    def _keep_an_administrator(self, session: Session, there_was_one: bool) -> None:
        if there_was_one and not any(map(_administers, session.scalars(select(AccountRow)))):
            raise StorageError("nobody would be left to administer; make another administrator first")

    def _prove(self, name: str, password: str) -> str | None:
        """The stored hash, if a password matches it; None: it does not, or there is no such account.

        Raises:
            Locked: nothing was tried.
        """
        with read_session(self._engine) as session:
            row = session.get(AccountRow, name)
            if row is not None:
                self._refuse_locked(row, self._now())
            stored = row.password if row is not None else None
        return stored if passwords.matches(stored, password) else None

    def _refuse_locked(self, row: AccountRow, now: datetime) -> None:
        if row.locked_until is not None and row.locked_until > now:
            raise Locked(row.locked_until, now)

    def _count(self, row: AccountRow, right: bool, now: datetime) -> None:
        row.failures = 0 if right else row.failures + 1
        row.locked_until = now + LOCKED_FOR if row.failures >= FAILURES_ALLOWED else None


def _administers(row: AccountRow) -> bool:
    return Role.ADMINISTRATOR.value in row.roles and not row.is_disabled


def to_account(row: AccountRow) -> Account:
    """The account that a row holds."""
    return Account(
        row.account, row.name, row.unit, frozenset(Role(r) for r in row.roles), tuple(row.districts), row.certificate,
        row.must_change, row.is_disabled, row.totp_sealed is not None,
    )  # fmt: skip

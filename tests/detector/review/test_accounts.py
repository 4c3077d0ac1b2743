"""Accounts: who gets in, who does not, and what is written down."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select

from detector.cases import audit
from detector.database.engine import open_database
from detector.database.sessions import read_session, write_session
from detector.database.tables import AccountRow, AuditRow
from detector.entities import Actor, Role
from detector.errors import AccessDenied, StorageError
from detector.review import passwords
from detector.review.accounts import Account, AccountStore

ADMIN = Actor("admin", "admin", "", frozenset({Role.ADMINISTRATOR}))
LI = Account("li", "李", "centre", frozenset({Role.REVIEWER}), ("jlp",), "A1")
PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)


class Clock:
    """Stands still until it is moved."""

    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(engine: Engine, clock: Clock) -> AccountStore:
    store = AccountStore(engine, clock)
    store.add(LI, PASSWORD, ADMIN)
    return store


def test_a_person_signs_in_and_acts_as_what_the_account_says(accounts: AccountStore) -> None:
    """Names are taken without case; the actor carries unit, roles and certificate."""
    assert accounts.authenticate(" LI ", PASSWORD) == LI
    assert LI.actor == Actor("li", "李", "centre", frozenset({Role.REVIEWER}), "A1")
    assert (LI.sees("jlp"), LI.sees("ba"), LI.sees("")) == (True, False, False)


def test_wrong_names_wrong_passwords_and_disabled_accounts_are_told_alike(accounts: AccountStore) -> None:
    """Nobody learns which accounts there are."""
    said = set()
    for name, password in (("li", "x" * 12), ("nobody", PASSWORD)):
        with pytest.raises(AccessDenied) as caught:
            accounts.authenticate(name, password)
        said.add(str(caught.value))
    accounts.set_disabled("li", True, ADMIN)
    with pytest.raises(AccessDenied) as caught:
        accounts.authenticate("li", PASSWORD)
    assert said | {str(caught.value)} == {"wrong account or password"}


def test_five_failures_lock_for_a_quarter_of_an_hour(accounts: AccountStore, clock: Clock) -> None:
    """Then not even the right password helps; after that it does."""
    for _ in range(5):
        with pytest.raises(AccessDenied, match="wrong"):
            accounts.authenticate("li", "x" * 12)
    with pytest.raises(AccessDenied, match="too many attempts; try again after 12:15"):
        accounts.authenticate("li", PASSWORD)
    clock.at += timedelta(minutes=16)
    assert accounts.authenticate("li", PASSWORD) == LI


def test_guesses_made_at_the_same_time_are_counted_like_others(accounts: AccountStore, clock: Clock) -> None:
    """A guess that was being hashed when the account was locked gets no answer, even if it is the right one."""
    guess = accounts._prove

    def lock_meanwhile(name: str, password: str) -> str | None:
        proven = guess(name, password)
        accounts._prove = guess
        for _ in range(5):
            with pytest.raises(AccessDenied, match="wrong"):
                accounts.authenticate("li", "x" * 12)
        return proven

    accounts._prove = lock_meanwhile
    with pytest.raises(AccessDenied, match="too many attempts"):
        accounts.authenticate("li", PASSWORD)


def test_a_password_changed_meanwhile_opens_nothing(accounts: AccountStore) -> None:
    """The old one was right when it was hashed; what counts is what is stored when the door opens."""
    guess = accounts._prove

    def change_meanwhile(name: str, password: str) -> str | None:
        proven = guess(name, password)
        accounts.set_password("li", "another password", ADMIN)
        return proven

    accounts._prove = change_meanwhile
    with pytest.raises(AccessDenied, match="wrong"):
        accounts.authenticate("li", PASSWORD)
    with pytest.raises(AccessDenied, match="wrong"):
        accounts.check_password("li", PASSWORD)


def test_nobody_waits_for_a_hash(accounts: AccountStore, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a password is hashed, the database can be written: a flood of guesses must not keep cases out."""
    written = []

    def write_meanwhile(stored: str | None, password: str) -> bool:
        with write_session(engine) as session:
            audit.append(session, audit.Entry(ADMIN, "case_saved", NOW))
        written.append(stored)
        return False

    monkeypatch.setattr(passwords, "matches", write_meanwhile)
    with pytest.raises(AccessDenied, match="wrong"):
        accounts.authenticate("li", PASSWORD)
    with pytest.raises(AccessDenied, match="wrong"):
        accounts.check_password("li", PASSWORD)
    assert len(written) == 2


def test_few_hashes_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB; twenty people who sign in at the same time take no more than two do."""
    running, most, lock = 0, 0, threading.Lock()

    class Slow:
        def hash(self, password: str) -> str:
            nonlocal running, most
            with lock:
                running, most = running + 1, max(most, running + 1)
            time.sleep(0.01)
            with lock:
                running -= 1
            return password

    monkeypatch.setattr(passwords, "HASHER", Slow())
    with ThreadPoolExecutor(20) as people:
        assert len(list(people.map(passwords.hash_password, ["p"] * 20))) == 20
    assert most == 2


def test_the_strength_that_is_shipped(shipped_hasher: PasswordHasher) -> None:
    """OWASP's least for Argon2id is 19 MiB and two passes."""
    assert shipped_hasher.memory_cost >= 19 * 1024
    assert shipped_hasher.time_cost >= 2
    assert passwords.is_outdated(shipped_hasher.hash(PASSWORD))


def test_a_hash_of_another_strength_is_replaced(accounts: AccountStore, engine: Engine) -> None:
    """At the next sign-in, when the password is at hand."""
    with write_session(engine) as session:
        session.get(AccountRow, "li").password = PasswordHasher(time_cost=2, memory_cost=64).hash(PASSWORD)
    accounts.authenticate("li", PASSWORD)
    with read_session(engine) as session:
        assert not passwords.is_outdated(session.get(AccountRow, "li").password)


def test_passwords_are_hashed_and_nowhere_else(accounts: AccountStore, engine: Engine) -> None:
    """Argon2 in the row; neither the log nor the representation of an account knows it."""
    with read_session(engine) as session:
        assert session.get(AccountRow, "li").password.startswith("$argon2id$")
        log = [(row.action, str(row.details)) for row in session.scalars(select(AuditRow))]
    assert log[0][0] == "account_add"
    assert PASSWORD not in f"{log} {accounts.list()!r}"
    assert audit.verify(engine).faults == ()


def test_a_password_set_by_somebody_else_must_be_changed(accounts: AccountStore) -> None:
    """One's own choice stays."""
    accounts.set_password("li", "another password", ADMIN)
    assert accounts.authenticate("li", "another password").must_change
    accounts.set_password("li", "one of my own", LI.actor)
    assert not accounts.authenticate("li", "one of my own").must_change


def test_the_first_start_makes_one_administrator(engine: Engine) -> None:
    """Once, with a password that nobody else has."""
    store = AccountStore(engine)
    password = store.make_first()
    assert store.authenticate("admin", password or "").must_change
    assert store.make_first() is None
    assert AccountStore(open_database("sqlite://")).make_first() != password


@pytest.mark.parametrize(
    ("account", "password", "said"),
    [
        (LI, PASSWORD, "li is there already"),
        (Account("", "x", "", frozenset({Role.LEGAL}), ()), PASSWORD, "letters, digits"),
        (Account("a/b", "x", "", frozenset({Role.LEGAL}), ()), PASSWORD, "letters, digits"),
        (Account("x", "x", "", frozenset(), ()), PASSWORD, "roles are missing"),
        (Account("x", "x", "", frozenset({Role.SYSTEM}), ()), PASSWORD, "the program itself"),
        (Account("x", "x", "", frozenset({Role.LEGAL}), ()), "short", "10 characters"),
    ],
)
def test_what_will_not_do(accounts: AccountStore, account: Account, password: str, said: str) -> None:
    """One line each; nothing is made."""
    with pytest.raises(StorageError, match=said):
        accounts.add(account, password, ADMIN)
    assert len(accounts.list()) == 1

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.database.tables import WatchEntryRow, WatchPersonRow
from detector.entities import WatchStatus
from detector.errors import StorageError
from detector.patterns.watchlist import WatchList

LI, WANG = ("li", "correct horse"), ("wang", "battery staple")
PLATE = "渝A12345"


def soon(days=5):
    return datetime.now(UTC) + timedelta(days=days)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    is_sqlite = request.param == "sqlite"
    engine = open_database(f"sqlite:///{tmp_path / 'w.db'}" if is_sqlite else request.getfixturevalue("postgresql_url"))
    yield engine
    engine.dispose()


@pytest.fixture
def watch(engine):
    watch = WatchList(engine)
    for name, passphrase in (LI, WANG):
        watch.enrol(name, passphrase, "root")
    return watch


def active(watch):
    return [entry.plate_text for entry in watch.active(datetime.now(UTC))]


def test_an_entry_holds_with_the_consent_of_a_second_person(watch):
    """Asked for by one, it matches nothing; approved by another, it is active and says who did what."""
    entry = watch.apply(PLATE, "complaint 12", soon(), LI)
    assert active(watch) == []
    approved = watch.approve(entry.entry_id, WANG)
    assert active(watch) == [PLATE]
    assert (approved.applicant, approved.approver, approved.reason) == ("li", "wang", "complaint 12")


@pytest.mark.parametrize("name", ["li", "LI", "  Li ", "ｌｉ"])
def test_one_account_cannot_approve_its_own_entry(watch, name):
    """Not by capital letters, blanks or wide letters either."""
    entry = watch.apply(PLATE, "r", soon(), LI)
    with pytest.raises(StorageError, match="another person must approve"):
        watch.approve(entry.entry_id, (name, LI[1]))
    assert active(watch) == []


def test_one_account_cannot_play_another(watch):
    """Knowing a colleague's name is not enough, nor is enrolling it again."""
    entry = watch.apply(PLATE, "r", soon(), LI)
    for person in (("wang", LI[1]), ("wang", ""), ("nobody", "")):
        with pytest.raises(StorageError, match="unknown person or wrong passphrase"):
            watch.approve(entry.entry_id, person)
    with pytest.raises(StorageError, match="enrolled already"):
        watch.enrol("Wang", "another one", "root")
    assert active(watch) == []


def test_the_database_itself_refuses_one_person_for_both(watch, engine):
    """Also a program that goes past this module, by insert or by update."""
    entry = watch.apply(PLATE, "r", soon(), LI)
    change = update(WatchEntryRow).where(WatchEntryRow.entry_id == entry.entry_id)
    with pytest.raises(IntegrityError), write_session(engine) as session:
        session.execute(change.values(approver="li", approved_at=datetime.now(UTC)))
    row = {
        "entry_id": "x",
        "plate_text": PLATE,
        "reason": "r",
        "applicant": "a",
        "applied_at": soon(),
        "expires_at": soon(),
    }
    with pytest.raises(IntegrityError), write_session(engine) as session:
        session.execute(insert(WatchEntryRow).values(**row, approver="a", approved_at=datetime.now(UTC)))


def test_expired_and_revoked_entries_are_not_active(watch):
    """Expiry needs no act; revoking is at once and for good."""
    entry = watch.apply(PLATE, "r", soon(1), LI)
    watch.approve(entry.entry_id, WANG)
    assert [e.plate_text for e in watch.active(soon(0.9))] == [PLATE]
    assert watch.active(soon(1.1)) == []
    revoked = watch.revoke(entry.entry_id, LI, "found")
    assert (revoked.status(datetime.now(UTC)), revoked.revoke_reason) == (WatchStatus.REVOKED, "found")
    assert active(watch) == []
    with pytest.raises(StorageError, match="revoked, not waiting"):
        watch.approve(entry.entry_id, WANG)
    with pytest.raises(StorageError, match="revoked already"):
        watch.revoke(entry.entry_id, LI, "again")


@pytest.mark.parametrize(("reason", "days"), [("", 5), ("r", -1), ("r", 400)])
def test_reason_and_an_end_are_needed(watch, reason, days):
    with pytest.raises(StorageError):
        watch.apply(PLATE, reason, soon(days), LI)
    assert list(watch.list()) == []


def test_passphrases_are_not_kept(watch, engine):
    """Only salted scrypt is stored, and two people with one passphrase do not look alike."""
    watch.enrol("zhao", LI[1], "root")
    with write_session(engine) as session:
        rows = {row.name: row for row in session.query(WatchPersonRow)}
    assert LI[1] not in rows["li"].scrypt
    assert rows["li"].scrypt != rows["zhao"].scrypt


@pytest.mark.parametrize(("name", "passphrase"), [(" ", "long enough"), ("x", "short")])
def test_a_person_needs_a_name_and_a_passphrase(watch, name, passphrase):
    with pytest.raises(StorageError):
        watch.enrol(name, passphrase, "root")

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from detector.cases import audit
from detector.database.engine import open_database
from detector.database.sessions import read_session, write_session
from detector.database.tables import AuditRow, WatchEntryRow
from detector.entities import Actor, Role, WatchRequest, WatchStatus
from detector.errors import AccessDenied, StorageError
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.matching import Hit, Look
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from detector.review.accounts import AccountStore
from pipelines.build_sightings import open_watch_list
from tests.databases import DATABASES
from tests.sighting_files import make_person

PLATE = "渝A12345"


def soon(days=5):
    return datetime.now(UTC) + timedelta(days=days)


def wanted(reason="complaint 12", days=5.0, **known):
    return WatchRequest(PLATE, reason, soon(days), **known)


@pytest.fixture(params=DATABASES)
def engine(request, tmp_path):
    is_sqlite = request.param == "sqlite"
    engine = open_database(f"sqlite:///{tmp_path / 'w.db'}" if is_sqlite else request.getfixturevalue("postgresql_url"))
    yield engine
    engine.dispose()


@pytest.fixture
def watch(engine):
    return WatchList(engine)


@pytest.fixture
def li(engine):
    return make_person(engine, "li", certificate="渝执0001")


@pytest.fixture
def wang(engine):
    return make_person(engine, "wang", Role.SUPERVISOR)


def active(watch):
    return [entry.plate_text for entry in watch.active(datetime.now(UTC))]


def test_an_entry_holds_with_the_consent_of_a_second_person(watch, li, wang):
    """Asked for by one, it matches nothing; approved by another, it is active and says who did what."""
    entry = watch.apply(wanted(plate_colour="blue", vehicle_type="car", lead_id="RL-1"), li)
    assert active(watch) == []
    approved = watch.approve(entry.entry_id, wang)
    assert active(watch) == [PLATE]
    assert (approved.applicant, approved.approver, approved.reason) == ("li", "wang", "complaint 12")
    assert (approved.plate_colour, approved.vehicle_type, approved.lead_id) == ("blue", "car", "RL-1")
    assert watch.get(entry.entry_id) == approved


def test_one_account_cannot_approve_its_own_entry(watch, li):
    entry = watch.apply(wanted(), li)
    with pytest.raises(AccessDenied, match="another person must approve"):
        watch.approve(entry.entry_id, li)
    assert active(watch) == []


def test_two_accounts_of_one_certificate_are_one_person(watch, li, engine):
    entry = watch.apply(wanted(), li)
    with pytest.raises(AccessDenied, match="another person must approve"):
        watch.approve(entry.entry_id, make_person(engine, "li2", certificate="渝执0001"))


def test_an_actor_counts_for_no_more_than_the_database_says(watch, li, wang, engine):
    """Made up, disabled, with roles that the account lacks, or with a password that somebody else has set."""
    entry = watch.apply(wanted(), li)
    accounts = AccountStore(engine)
    made_up = Actor("zhao", "zhao", "", frozenset({Role.SUPERVISOR}))
    reviewer = make_person(engine, "qian", Role.REVIEWER)
    administrator = make_person(engine, "sun", Role.ADMINISTRATOR)
    for person in (made_up, replace(reviewer, roles=frozenset({Role.SUPERVISOR})), administrator):
        with pytest.raises(AccessDenied):
            watch.approve(entry.entry_id, person)
    accounts.set_password("wang", "known to the administrator", administrator)
    with pytest.raises(AccessDenied, match="must first change the password"):
        watch.approve(entry.entry_id, wang)
    accounts.set_password("wang", "known to wang alone", wang)
    accounts.set_disabled("wang", True, administrator)
    with pytest.raises(AccessDenied, match="no account wang"):
        watch.approve(entry.entry_id, wang)
    with pytest.raises(AccessDenied, match="needs one of the roles"):
        watch.apply(wanted(), administrator)
    assert active(watch) == []


def test_the_database_itself_refuses_one_person_for_both(watch, engine, li):
    """Also a program that goes past this module, by insert or by update."""
    entry = watch.apply(wanted(), li)
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


def test_expired_and_revoked_entries_are_not_active(watch, li, wang):
    """Expiry needs no act; revoking is at once and for good."""
    entry = watch.apply(wanted(days=1), li)
    watch.approve(entry.entry_id, wang)
    assert [e.plate_text for e in watch.active(soon(0.9))] == [PLATE]
    assert watch.active(soon(1.1)) == []
    revoked = watch.revoke(entry.entry_id, li, "found")
    assert (revoked.status(datetime.now(UTC)), revoked.revoke_reason) == (WatchStatus.REVOKED, "found")
    assert active(watch) == []
    with pytest.raises(StorageError, match="revoked, not waiting"):
        watch.approve(entry.entry_id, wang)
    with pytest.raises(StorageError, match="revoked already"):
        watch.revoke(entry.entry_id, li, "again")


@pytest.mark.parametrize(("reason", "days"), [("", 5), ("r", -1), ("r", 400)])
def test_reason_and_an_end_are_needed(watch, li, reason, days):
    with pytest.raises(StorageError):
        watch.apply(wanted(reason, days), li)
    assert list(watch.list()) == []


def test_every_act_stands_in_the_audit_log_without_the_plate(engine, li, wang):
    watch = open_watch_list(engine)
    entry = watch.apply(wanted(), li)
    watch.approve(entry.entry_id, wang)
    watch.revoke(entry.entry_id, wang, "done")
    wrote = select(AuditRow).where(AuditRow.action.startswith("watch_")).order_by(AuditRow.event_id)
    with read_session(engine) as session:
        lines = list(session.scalars(wrote))
    assert audit.verify(engine).faults == ()
    assert [(line.account, line.action) for line in lines] == [
        ("li", "watch_apply"), ("wang", "watch_approve"), ("wang", "watch_revoke"),
    ]  # fmt: skip
    assert all(line.details == {"entry_id": entry.entry_id} for line in lines)


def test_what_ended_long_ago_is_deleted_and_what_stands_is_kept(watch, engine, li, wang):
    """Entries by their end, interceptions by their hit; an entry stays as long as an interception of it."""
    old, new = (watch.approve(watch.apply(wanted(days=days), li).entry_id, wang) for days in (1, 100))
    hits = InterceptionStore(engine, RoadGraph(()))
    hits.open(Hit(old, Look("p", "gate", PLATE, soon(0.5)), 2), soon(0.5))
    hits.open(Hit(new, Look("q", "gate", PLATE, soon(50)), 2), soon(50))
    assert watch.purge(soon(30), 30) == 0
    assert watch.purge(soon(32), 30) == 2
    assert [entry.entry_id for entry in watch.list()] == [new.entry_id]
    assert watch.purge(soon(70), 30) == 0
    assert [hit.entry_id for hit in hits.list(9)] == [new.entry_id]

"""Leases of cameras on a real PostgreSQL server: one owner at most, whatever workers and clocks do."""

import random
import threading
from collections.abc import Iterator
from time import monotonic

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from detector.database.engine import open_database
from detector.database.leases import Lease, LeaseBook, LeaseStore
from detector.database.sessions import read_session, write_session
from detector.errors import ConfigurationError

pytestmark = pytest.mark.long

CAMERAS = ("bridge", "gate", "toll")
WORKERS = ("a", "b", "c")


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    engine = open_database(postgresql_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> LeaseStore:
    return LeaseStore(engine)


def let_time_pass(engine: Engine) -> None:
    """The time of every lease is over."""
    with write_session(engine) as session:
        session.execute(text("UPDATE camera_leases SET expires_at = clock_timestamp() - interval '1 second'"))


def holds(engine: Engine, lease: Lease) -> bool:
    with write_session(engine) as session:
        return lease.check(session)


def test_a_camera_goes_to_the_wanted_worker_and_to_nobody_else(store: LeaseStore, engine: Engine) -> None:
    """The dispatcher's word decides who may take a free camera."""
    store.want({"gate": "a", "bridge": "b"})
    assert [lease.camera_id for lease in store.acquire("a#1", "a")] == ["gate"]
    assert store.acquire("c#1", "c") == []
    assert [(s.camera_id, s.wanted, s.owner) for s in store.leases()] == [("bridge", "b", None), ("gate", "a", "a#1")]


def test_a_living_owner_is_never_displaced(store: LeaseStore) -> None:
    """A camera that shall move stays with its owner, who is told, until it is given back."""
    store.want({"gate": "a"})
    (lease,) = store.acquire("a#1", "a")
    store.want({"gate": "b"})
    assert store.acquire("b#1", "b") == []
    assert [(held.token, held.is_wanted) for held in store.renew("a#1", "a")] == [(lease.token, False)]
    store.release(lease)
    assert [taken.token for taken in store.acquire("b#1", "b")] == [lease.token + 1]


def test_a_lease_that_ran_out_is_still_its_owners_until_it_is_taken(store: LeaseStore, engine: Engine) -> None:
    """When the database was away, its owner goes on; when somebody took the camera, it is refused for ever."""
    store.want({"gate": "a"})
    (lease,) = store.acquire("a#1", "a")
    let_time_pass(engine)
    assert holds(engine, lease)
    assert [held.token for held in store.renew("a#1", "a")] == [lease.token]
    let_time_pass(engine)
    (taken,) = store.acquire("a#2", "a")  # the same worker, started anew
    assert store.renew("a#1", "a") == []
    assert (holds(engine, lease), holds(engine, taken)) == (False, True)
    store.release(lease)
    assert holds(engine, taken)


def test_what_was_given_back_is_not_written_any_more(store: LeaseStore, engine: Engine) -> None:
    """A late write after the handover is refused though nobody has taken the camera yet."""
    store.want({"gate": "a"})
    (lease,) = store.acquire("a#1", "a")
    store.release(lease)
    assert not holds(engine, lease)


def test_nobody_takes_a_camera_while_its_owner_writes(store: LeaseStore, engine: Engine) -> None:
    """Between the check and the commit of a write the owner cannot change, however late the commit comes."""
    store.want({"gate": "a"})
    (lease,) = store.acquire("a#1", "a")
    let_time_pass(engine)
    store.want({"gate": "b"})
    book = LeaseBook()
    book.put(lease)
    with write_session(engine) as session:
        assert book.may_write(session, "gate")
        assert not book.may_write(session, "bridge")
        assert store.acquire("b#1", "b") == []
    assert [taken.token for taken in store.acquire("b#1", "b")] == [lease.token + 1]


def test_cameras_that_are_not_named_are_wanted_by_nobody(store: LeaseStore) -> None:
    """A camera that left the configuration is given back; its token stays, so that it never goes down."""
    store.want({"gate": "a", "bridge": "a"})
    store.acquire("a#1", "a")
    store.want({"gate": "a"})
    assert {held.camera_id: held.is_wanted for held in store.renew("a#1", "a")} == {"gate": True, "bridge": False}


def test_workers_that_fell_silent_are_not_told(store: LeaseStore, engine: Engine) -> None:
    """Life is judged by the database's clock."""
    store.show_life("a", "node-1", 0.25)
    store.show_life("b", "node-2", 0.5)
    with write_session(engine) as session:
        session.execute(text("UPDATE fleet_workers SET seen_at = seen_at - interval '1 minute' WHERE worker_id = 'b'"))
    assert [(w.worker_id, w.node, w.busy) for w in store.workers()] == [("a", "node-1", 0.25)]
    assert [w.worker_id for w in store.workers(within_s=3600)] == ["a", "b"]
    store.forget("b")
    assert [w.worker_id for w in store.workers(within_s=3600)] == ["a"]


def test_a_fleet_does_not_meet_in_sqlite() -> None:
    """One line that says what to give instead."""
    with pytest.raises(ConfigurationError, match=r"PostgreSQL; give --database"):
        LeaseStore(open_database("sqlite://"))


class Fleet(RuleBasedStateMachine):
    """Any order of assignments, renewals, outages, crashes and handovers; processes never learn of each other."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        with write_session(self.engine) as session:
            session.execute(text("DELETE FROM camera_leases"))
        self.store = LeaseStore(self.engine)
        self.lives = dict.fromkeys(WORKERS, 0)
        self.given: list[Lease] = []
        """Every lease that was ever handed out: zombies keep theirs."""
        self.tokens: dict[tuple[str, int], str] = {}

    def owner(self, worker: str) -> str:
        return f"{worker}#{self.lives[worker]}"

    @rule(assignment=st.dictionaries(st.sampled_from(CAMERAS), st.none() | st.sampled_from(WORKERS)))
    def want(self, assignment: dict[str, str | None]) -> None:
        self.store.want(assignment)

    @rule(worker=st.sampled_from(WORKERS))
    def acquire(self, worker: str) -> None:
        before = {s.camera_id: s.token for s in self.store.leases()}
        for lease in self.store.acquire(self.owner(worker), worker):
            assert lease.token == before[lease.camera_id] + 1
            assert self.tokens.setdefault((lease.camera_id, lease.token), lease.owner) == lease.owner
            self.given.append(lease)

    @rule(worker=st.sampled_from(WORKERS))
    def renew(self, worker: str) -> None:
        for lease in self.store.renew(self.owner(worker), worker):
            assert self.tokens[lease.camera_id, lease.token] == lease.owner

    @rule(worker=st.sampled_from(WORKERS))
    def crash_and_restart(self, worker: str) -> None:
        self.lives[worker] += 1

    @rule()
    def long_silence(self) -> None:
        let_time_pass(self.engine)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.given:
            self.store.release(data.draw(st.sampled_from(self.given)))

    @invariant()
    def at_most_one_lease_a_camera_lets_write_and_it_is_the_newest(self) -> None:
        with read_session(self.engine) as session:
            able = [lease for lease in self.given if lease.check(session)]
        assert len({lease.camera_id for lease in able}) == len(able)
        for lease in able:
            assert lease.token == max(g.token for g in self.given if g.camera_id == lease.camera_id)


def test_no_camera_ever_has_two_owners(engine: Engine) -> None:
    """Whatever the order of events: of all leases ever given, at most one a camera lets its holder write."""
    machine = type("BoundFleet", (Fleet,), {"engine": engine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_writes_of_racing_workers_never_interleave(engine: Engine, postgresql_url: str) -> None:
    """Four workers fight with leases of 20 ms and pause where it hurts: tokens of stored writes only grow.

    A write is stored in the transaction of its check. Were a late one let through, it would stand behind one with a
    greater token.
    """
    with write_session(engine) as session:
        session.execute(text("CREATE TABLE written (id bigserial PRIMARY KEY, token bigint, owner text)"))
    LeaseStore(engine).want({"gate": "a"})
    until = monotonic() + 3.0
    refused = []

    def fight(number: int) -> None:
        own, rng, owner = open_database(postgresql_url), random.Random(number), f"a#{number}"
        store, book, pause = LeaseStore(own, lease_s=0.02), LeaseBook(), threading.Event()
        while monotonic() < until:
            for lease in store.acquire(owner, "a"):
                book.put(lease)
            pause.wait(rng.choice((0.0, 0.0, 0.01, 0.06)))
            with write_session(own) as session:
                lease = book.get("gate")
                if lease is None or not book.may_write(session, "gate"):
                    refused.append(lease)
                    continue
                pause.wait(rng.choice((0.0, 0.03)))
                session.execute(
                    text("INSERT INTO written (token, owner) VALUES (:token, :owner)"),
                    {"token": lease.token, "owner": owner},
                )
        own.dispose()

    threads = [threading.Thread(target=fight, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with read_session(engine) as session:
        rows = session.execute(text("SELECT token, owner FROM written ORDER BY id")).all()
    tokens = [token for token, _ in rows]
    assert tokens == sorted(tokens)
    assert len({token for token, _ in rows}) == len(set(rows))
    assert len({owner for _, owner in rows}) > 1
    assert any(lease is not None for lease in refused)

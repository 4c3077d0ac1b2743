"""A worker's leases on a real PostgreSQL server; the watchman only notes what it is told."""

from collections.abc import Collection, Iterator

import pytest
from sqlalchemy import Engine, text

from detector.database.engine import open_database
from detector.database.leases import LeaseBook, LeaseStore
from detector.database.sessions import write_session
from pipelines.fleet import keeper
from pipelines.fleet.keeper import LeaseKeeper

pytestmark = pytest.mark.long


class Watchman:
    """Watches what it is told, ends at once unless it is told to linger."""

    def __init__(self) -> None:
        self.chosen: set[str] = set()
        self.lingering: set[str] = set()
        self.with_vehicles: set[str] = set()

    def choose(self, camera_ids: Collection[str]) -> None:
        self.chosen = set(camera_ids)

    def is_watching(self, camera_id: str) -> bool:
        return camera_id in self.chosen | self.lingering

    def measure_load(self) -> float:
        return 0.25

    def is_quiet(self, camera_id: str) -> bool:
        return camera_id not in self.with_vehicles


class Worker:
    """A keeper with its watchman and book."""

    def __init__(self, engine: Engine, worker_id: str, life: int = 1) -> None:
        self.book, self.watchman = LeaseBook(), Watchman()
        self.keeper = LeaseKeeper(LeaseStore(engine), self.book, worker_id, f"{worker_id}#{life}")

    def tick(self) -> set[str]:
        self.keeper.tick(self.watchman, "node")
        return self.watchman.chosen


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    engine = open_database(postgresql_url)
    yield engine
    engine.dispose()


def owners(engine: Engine) -> dict[str, str | None]:
    return {state.camera_id: state.owner for state in LeaseStore(engine).leases()}


def test_a_worker_watches_what_it_is_wanted_to_watch(engine: Engine) -> None:
    """Two workers share the cameras, and each shows how busy it is."""
    a, b = Worker(engine, "a"), Worker(engine, "b")
    LeaseStore(engine).want({"gate": "a", "bridge": "b", "toll": "b"})
    assert (a.tick(), b.tick()) == ({"gate"}, {"bridge", "toll"})
    assert owners(engine) == {"gate": "a#1", "bridge": "b#1", "toll": "b#1"}
    assert [(w.worker_id, w.busy) for w in LeaseStore(engine).workers()] == [("a", 0.25), ("b", 0.25)]


def test_a_camera_moves_when_its_road_is_empty_and_its_watch_has_ended(engine: Engine) -> None:
    """The new worker waits for the old one; between them nobody watches, and never both."""
    a, b = Worker(engine, "a"), Worker(engine, "b")
    LeaseStore(engine).want({"gate": "a"})
    a.tick()
    LeaseStore(engine).want({"gate": "b"})
    a.watchman.with_vehicles = {"gate"}
    assert (a.tick(), b.tick()) == ({"gate"}, set())
    a.watchman.with_vehicles, a.watchman.lingering = set(), {"gate"}
    assert (a.tick(), b.tick()) == (set(), set())
    assert owners(engine) == {"gate": "a#1"}
    a.tick()
    assert owners(engine) == {"gate": "a#1"}
    a.watchman.lingering = set()
    assert (a.tick(), b.tick()) == (set(), {"gate"})
    assert a.book.held() == []


def test_a_road_that_is_never_empty_does_not_hold_up_the_move(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute the camera goes all the same."""
    a = Worker(engine, "a")
    LeaseStore(engine).want({"gate": "a"})
    a.tick()
    LeaseStore(engine).want({})
    a.watchman.with_vehicles = {"gate"}
    assert a.tick() == {"gate"}
    monkeypatch.setattr(keeper, "QUIET_WAIT_S", 0.0)
    assert [a.tick(), a.tick()] == [set(), set()]
    assert owners(engine) == {"gate": None}


def test_a_worker_that_was_taken_for_dead_stops_watching(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """It learns of its loss with its next round, and says so."""
    a, b = Worker(engine, "a"), Worker(engine, "b")
    LeaseStore(engine).want({"gate": "a"})
    a.tick()
    with write_session(engine) as session:
        session.execute(text("UPDATE camera_leases SET expires_at = clock_timestamp() - interval '1 second'"))
    LeaseStore(engine).want({"gate": "b"})
    assert b.tick() == {"gate"}
    assert a.tick() == set()
    assert a.book.held() == []
    assert "camera gate: its lease is lost" in caplog.text


def test_a_database_that_is_away_stops_no_watch(
    engine: Engine, postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is chosen anew and nothing is forgotten; when it is back, the leases are still there."""
    own = open_database(postgresql_url)
    a = Worker(own, "a")
    LeaseStore(engine).want({"gate": "a"})
    a.tick()
    with write_session(engine) as session:
        session.execute(text("ALTER TABLE camera_leases RENAME TO away"))
    assert a.tick() == {"gate"}
    assert "cameras are watched on" in caplog.text
    with write_session(engine) as session:
        session.execute(text("ALTER TABLE away RENAME TO camera_leases"))
    assert a.tick() == {"gate"}
    assert len(a.book.held()) == 1
    own.dispose()


def test_a_worker_that_ends_gives_everything_back(engine: Engine) -> None:
    """Others need not wait for its leases to run out, and nobody waits for its signs of life."""
    a = Worker(engine, "a")
    LeaseStore(engine).want({"gate": "a", "bridge": "a"})
    a.tick()
    a.keeper.give_all_back()
    assert owners(engine) == {"gate": None, "bridge": None}
    assert LeaseStore(engine).workers() == []

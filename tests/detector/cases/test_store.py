from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.database.leases import LeaseBook, LeaseStore
from detector.database.sessions import read_session, write_session
from detector.database.tables import CaseRow, EvidenceRow, FindingRow
from detector.entities import (
    Action,
    Actor,
    Case,
    CaseStatus,
    Cover,
    Evidence,
    Fill,
    Finding,
    Grade,
    LoadState,
    Plate,
    PlateColour,
    PlateType,
    Role,
    TimeBasis,
    TimeSource,
    VehicleType,
)
from detector.errors import LeaseLost, StorageError
from tests.processes import PROCESSES

UNCOVERED = Finding("uncovered_load", {"cover": "open", "looks": 5}, {"looks": 3}, 0.93, (8, 16, 24))
HEAPED = Finding("heaped_load", {"fill": "above_edge", "share": 0.125}, {"share": 0.05}, 0.81, (16, 24))
PLATE = Plate("渝D1234-", (0.99, 0.98, 0.97, 0.99, 0.99, 0.95, 0.31), PlateType.UNKNOWN, PlateColour.YELLOW, 7)
LOAD = LoadState(Cover.OPEN, 0.94, Fill.ABOVE_EDGE, 0.88, 0.99, (10.5, 20.25, 300.0, 200.0))
SEALED = Evidence("RW-1", "ab" * 32, 3.0, 21.5)
CASE = Case(
    "RW-1", "gate", "巴南区渝南大道", VehicleType.TRUCK, CaseStatus.CANDIDATE, Grade.LEAD, ("no_legal_record",),
    (UNCOVERED, HEAPED), PLATE, LOAD, datetime(2024, 3, 5, 10, 35, 12, 300000, tzinfo=UTC),
    TimeBasis(TimeSource.OPERATOR, 500.0), SEALED,
)  # fmt: skip


def contents(engine):
    """Every row of every table, dates included."""
    with read_session(engine) as session:
        return [session.execute(select(row.__table__)).all() for row in (CaseRow, FindingRow, EvidenceRow)]


def move_on(engine):
    """What the officers' half of the program does."""
    officer = Actor("li", "李", "centre", frozenset({Role.REVIEWER}), "A1")
    LifeCycle(engine).perform("RW-1", Action.CLAIM, officer)


def save_often(url, start, queue):
    try:
        store = CaseStore(open_database(url))
        start.wait()
        queue.put(sum(store.save(replace(CASE, case_id=f"RW-{number}")) for number in range(40)))
    except Exception as error:
        queue.put(repr(error))


class TestSaving:
    def test_what_is_saved_comes_back_equal(self, engine):
        """No field of a case is lost or rounded by the database."""
        store = CaseStore(engine)
        bare = replace(CASE, case_id="RW-2", plate=None, load=None, evidence=None, findings=(),
                       time=TimeBasis(TimeSource.RELATIVE, None), grade=Grade.EVIDENCE, grade_reasons=())  # fmt: skip
        unlocated = replace(CASE, case_id="RW-3", load=replace(LOAD, bed_xyxy=None))
        for case in (CASE, bare, unlocated):
            assert store.save(case) is True
            assert store.get(case.case_id) == case

    def test_saving_again_changes_no_row(self, engine):
        """Replaying a clip leaves every row as it was, dates included."""
        store = CaseStore(engine)
        store.save(CASE)
        before = contents(engine)
        assert store.save(CASE) is False
        assert contents(engine) == before

    def test_a_candidate_without_evidence_takes_the_newer_judgement(self, engine):
        """An open pass is saved early; what it turns out to be later replaces it, and evidence completes it."""
        store = CaseStore(engine)
        early = replace(CASE, findings=(HEAPED,), plate=None, grade_reasons=("evidence_pending",), evidence=None)
        assert store.save(early) is True
        assert store.save(CASE) is False
        assert store.get("RW-1") == CASE

    def test_a_sealed_case_says_what_its_package_says(self, engine):
        """After sealing, a run with other models changes nothing: package and database must not disagree."""
        store = CaseStore(engine)
        store.save(CASE)
        other = replace(CASE, findings=(UNCOVERED,), plate=None, evidence=replace(SEALED, manifest_sha256="cd" * 32))
        assert store.save(other) is False
        assert store.get("RW-1") == CASE

    @pytest.mark.parametrize("again", [CASE, replace(CASE, evidence=None)])
    def test_officers_work_is_never_undone(self, engine, again):
        """A case that has moved on keeps its status, whatever is replayed."""
        store = CaseStore(engine)
        store.save(CASE)
        move_on(engine)
        before = contents(engine)
        store.save(again)
        assert contents(engine) == before

    def test_evidence_reaches_a_case_that_moved_on_before_it_was_sealed(self, engine):
        """An officer may act on the early alert; the package that follows is attached, the judgement stays."""
        store = CaseStore(engine)
        store.save(replace(CASE, evidence=None, grade_reasons=("evidence_pending",), findings=(HEAPED,)))
        move_on(engine)
        store.save(CASE)
        with read_session(engine) as session:
            row = session.scalars(select(CaseRow)).one()
            assert (row.status, row.evidence.folder, row.grade_reasons) == ("in_review", "RW-1", ["no_legal_record"])
            assert [finding.rule for finding in row.findings] == ["heaped_load"]

    def test_numbers_of_numpy_are_stored_as_numbers(self, engine):
        """Rules measure with numpy; its scalars and arrays become plain JSON."""
        measured = {"share": np.float32(0.5), "rows": np.int64(3), "box": np.array([1, 2])}
        store = CaseStore(engine)
        store.save(replace(CASE, findings=(replace(UNCOVERED, measured=measured),)))
        assert store.get("RW-1").findings[0].measured == {"share": 0.5, "rows": 3, "box": [1, 2]}

    def test_two_processes_saving_the_same_cases_make_each_once(self, engine):
        """Of two processes that save the same forty cases at once, each case is new to exactly one."""
        start, queue = PROCESSES.Event(), PROCESSES.Queue()
        url = engine.url.render_as_string(hide_password=False)
        processes = [PROCESSES.Process(target=save_often, args=(url, start, queue)) for _ in range(2)]
        for process in processes:
            process.start()
        start.set()
        assert sum(queue.get(timeout=60) for _ in processes) == 40
        for process in processes:
            process.join()
        with read_session(engine) as session:
            counts = [session.scalar(select(func.count()).select_from(t)) for t in (CaseRow, FindingRow, EvidenceRow)]
        assert counts == [40, 80, 40]


class TestFinding:
    @pytest.fixture
    def store(self, engine):
        store = CaseStore(engine)
        for number in range(6):
            store.save(
                replace(
                    CASE,
                    case_id=f"RW-{number}",
                    camera_id="gate" if number % 2 else "bridge",
                    findings=(UNCOVERED,) if number < 3 else (HEAPED, UNCOVERED),
                    plate=replace(PLATE, text=f"渝D{number}_%00") if number else None,
                    captured_at=CASE.captured_at + timedelta(minutes=number),
                )
            )
        return store

    @pytest.mark.parametrize(
        ("conditions", "expected"),
        [
            ({}, "543210"),
            ({"limit": 2}, "54"),
            ({"limit": None}, "543210"),
            ({"camera_id": "gate"}, "531"),
            ({"rule": "heaped_load"}, "543"),
            ({"rule": "uncovered_load"}, "543210"),
            ({"plate": "D4"}, "4"),
            ({"plate": "d4"}, "4"),
            ({"plate": "_%"}, "54321"),
            ({"plate": "__"}, ""),
            ({"status": CaseStatus.CANDIDATE}, "543210"),
            ({"camera_id": "gate", "rule": "heaped_load", "limit": 1}, "5"),
            ({"camera_id": "nowhere"}, ""),
        ],
    )
    def test_latest_first_and_every_condition_holds(self, store, conditions, expected):
        """Conditions are joined with "and"; signs that mean something to SQL mean themselves in a plate."""
        assert "".join(case.case_id[-1] for case in store.list(**conditions)) == expected

    @pytest.mark.parametrize("plate", ["DX4", "dx4", "D4"])
    def test_a_corrected_plate_is_found_by_either_text(self, store, engine, plate):
        """As in the desk's queue: who has the machine's reading finds the case as well."""
        with write_session(engine) as session:
            session.get(CaseRow, "RW-4").officer_plate = "渝DX4"
        assert [case.case_id for case in store.list(plate=plate)] == ["RW-4"]

    def test_unknown_case_is_one_clear_line(self, engine):
        with pytest.raises(StorageError, match="no case RW-404"):
            CaseStore(engine).get("RW-404")


class TestFaults:
    def test_database_that_turns_read_only_names_the_file(self, tmp_path):
        """Saving into a database that cannot be written any more is one line that names it; nothing is half-stored."""
        from sqlalchemy import event

        engine = open_database(f"sqlite:///{tmp_path / 'cases.db'}")

        @event.listens_for(engine, "checkout")
        def _read_only(connection, _record, _proxy):
            connection.execute("PRAGMA query_only = ON")

        with pytest.raises(StorageError, match=r"cases\.db cannot be written; check the rights"):
            CaseStore(engine).save(CASE)
        assert not any(contents(engine))

    def test_database_deleted_behind_our_back(self, tmp_path):
        """A file whose tables have gone is an error with a line, not a traceback."""
        path = tmp_path / "cases.db"
        engine = open_database(f"sqlite:///{path}")
        engine.dispose()
        for left in tmp_path.glob("cases.db*"):
            left.unlink()
        with pytest.raises(StorageError, match=str(path)):
            CaseStore(engine).save(CASE)
        with pytest.raises(StorageError, match=str(path)):
            CaseStore(engine).list()


numbers = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@pytest.fixture(scope="module")
def memory_store():
    engine = open_database("sqlite://")
    yield CaseStore(engine)
    engine.dispose()


@settings(deadline=None)
@given(
    measured=st.dictionaries(names, st.one_of(numbers, names, st.booleans(), st.none()), max_size=4),
    characters=st.lists(shares, max_size=8),
    captured_at=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    uncertainty_ms=st.none() | numbers,
)
def test_any_case_survives_the_database(memory_store, measured, characters, captured_at, uncertainty_ms):
    """Whatever a rule measures and whenever it happens, the case that comes back equals the one that went in."""
    case = replace(
        CASE, findings=(replace(UNCOVERED, measured=measured),), captured_at=captured_at, case_id=str(uuid4()),
        plate=replace(PLATE, characters=tuple(characters)), time=TimeBasis(TimeSource.CONTAINER, uncertainty_ms),
    )  # fmt: skip
    memory_store.save(case)
    assert memory_store.get(case.case_id) == case


@pytest.mark.long
class TestLeases:
    """In a fleet the camera's owner alone makes its cases."""

    @pytest.fixture
    def fleet(self, postgresql_url):
        """Two workers' stores: the first one has lost the lease to the second one."""
        engine = open_database(postgresql_url)
        leases = LeaseStore(engine)
        leases.want({"gate": "a"})
        books = [LeaseBook(), LeaseBook()]
        for number, book in enumerate(books):
            with write_session(engine) as session:
                session.execute(text("UPDATE camera_leases SET expires_at = clock_timestamp() - interval '1 second'"))
            for lease in leases.acquire(f"a#{number}", "a"):
                book.put(lease)
        yield [CaseStore(engine, book) for book in books]
        engine.dispose()

    def test_a_worker_that_lost_its_lease_makes_no_case(self, fleet):
        """The late worker is refused and stores nothing; the owner is not."""
        late, owner = fleet
        with pytest.raises(LeaseLost, match="camera gate: another worker"):
            late.save(CASE)
        assert late.list() == []
        assert owner.save(CASE) is True
        with pytest.raises(LeaseLost):
            CaseStore(late._engine, LeaseBook()).save(replace(CASE, case_id="RW-2"))

    def test_a_worker_that_lost_its_lease_judges_no_case_anew(self, fleet):
        """What the owner has stored stands."""
        late, owner = fleet
        alert = replace(CASE, evidence=None, grade_reasons=("evidence_pending",))
        owner.save(alert)
        with pytest.raises(LeaseLost):
            late.save(replace(alert, findings=(UNCOVERED,)))
        assert owner.get("RW-1") == alert

    def test_a_case_gets_its_package_from_the_worker_that_saw_it(self, fleet):
        """Nobody else has the packets: a package that comes after the lease was lost is still attached, once."""
        late, owner = fleet
        owner.save(replace(CASE, evidence=None, grade_reasons=("evidence_pending",)))
        late.save(CASE)
        assert owner.get("RW-1") == CASE
        late.save(replace(CASE, evidence=replace(SEALED, manifest_sha256="cd" * 32)))
        assert owner.get("RW-1") == CASE

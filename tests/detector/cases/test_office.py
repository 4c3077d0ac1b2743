"""Clocks, lateness, measures, the law table, the tree of units, and how long things are kept."""

import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from detector.cases import audit
from detector.cases.clocks import Calendar, load_clocks
from detector.cases.keeping import Deletion, Lifetimes, cut_audit, delete_expired, find_expired
from detector.cases.lateness import SYSTEM, escalate, find_late
from detector.cases.law import load_law
from detector.cases.life_cycle import LifeCycle
from detector.cases.measures import By, measure
from detector.cases.store import CaseStore
from detector.cases.units import UnitStore
from detector.database.sessions import read_session
from detector.database.tables import AssignmentRow
from detector.entities import BEIJING, Action, CaseStatus, Evidence
from detector.errors import ConfigurationError, IllegalTransition, SourceError, StorageError
from tests.detector.cases.case_files import (
    CONFIRMED,
    DISPATCHED,
    HOUSING,
    LEGAL,
    NOON,
    REVIEWER,
    SECOND_LEGAL,
    SUPERVISOR,
    UNITS,
    URBAN,
    Clock,
    do,
    make_case,
    prepare,
)

ANSWERED = tuple((Action.GIVE_FEEDBACK, unit, {"reason": "已处理"}) for unit in (URBAN, HOUSING))


def remove_folder(item: Deletion) -> None:
    """What the program does with a package."""
    if item.folder is not None:
        shutil.rmtree(item.folder)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def life(engine: Engine, clock: Clock) -> LifeCycle:
    prepare(engine)
    return LifeCycle(engine, now=clock)


def beijing(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


class TestClocks:
    CALENDAR = Calendar(holidays=frozenset({date(2026, 10, 1)}), workdays=frozenset({date(2026, 10, 10)}))

    @pytest.mark.parametrize(
        ("begin", "minutes", "end"),
        [
            ("2026-11-23T10:00", 15, "2026-11-23T10:15"),
            ("2026-11-23T07:00", 15, "2026-11-23T09:15"),
            ("2026-11-23T17:50", 15, "2026-11-24T09:05"),
            ("2026-11-23T17:45", 15, "2026-11-23T18:00"),
            ("2026-11-20T17:50", 15, "2026-11-23T09:05"),
            ("2026-09-30T17:50", 15, "2026-10-02T09:05"),
            ("2026-10-09T17:50", 15, "2026-10-10T09:05"),
            ("2026-11-23T09:00", 3 * 540 + 1, "2026-11-26T09:01"),
        ],
    )
    def test_working_time_skips_nights_weekends_and_holidays(self, begin: str, minutes: float, end: str) -> None:
        """And counts weekend days that are worked."""
        assert self.CALENDAR.after(beijing(begin), minutes) == beijing(end)

    def test_own_files_change_what_they_name(self, tmp_path: Path) -> None:
        """The rest is as published; a unit may have its own times."""
        path = tmp_path / "clocks.toml"
        own = 'version = "own"\n[steps.accept]\nminutes = 30\n[units.jlp.accept]\nminutes = 5\n'
        path.write_text(own, encoding="utf-8")
        clocks = load_clocks(path)
        assert (clocks.due("accept", NOON) - NOON, clocks.due("accept", NOON, "jlp") - NOON) == (
            timedelta(minutes=30), timedelta(minutes=5),
        )  # fmt: skip
        assert clocks.due("feedback", NOON) == load_clocks().due("feedback", NOON)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[steps.sleep]\nminutes = 1", "unknown step 'sleep'"),
            ("[steps.accept]\nminutes = 0", "above 0"),
            ("[hours]\nstart = '18:00'\nend = '09:00'", "end before they start"),
            ("[nonsense]", "unknown table 'nonsense'"),
            ("= 1", "is no TOML"),
        ],
    )
    def test_wrong_files_are_one_line(self, tmp_path: Path, text: str, said: str) -> None:
        """What, where."""
        path = tmp_path / "clocks.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=rf"clocks .*clocks\.toml: .*{said}"):
            load_clocks(path)


class TestLateness:
    def test_departments_that_do_not_answer_are_told_upward(
        self, engine: Engine, life: LifeCycle, clock: Clock
    ) -> None:
        """Step by step to the top, each with a new clock; who answers is late no more."""
        do(life, *DISPATCHED)
        clocks = load_clocks()
        clock.at += timedelta(minutes=16)
        late = find_late(engine, clocks, clock.at)
        assert {(i.case_id, i.step, i.unit) for i in late} == {
            ("RW-1", "accept", "jlp-cg"),
            ("RW-1", "accept", "jlp-zj"),
        }
        do(life, (Action.ACCEPT, HOUSING))
        assert [i.unit for i in escalate(life, engine, late)] == ["jlp-cg"]
        assert find_late(engine, clocks, clock.at) == []
        for told in ("jlp", "cq"):
            clock.at += timedelta(minutes=16)
            (item,) = find_late(engine, clocks, clock.at)
            assert (item.unit, item.escalated_to) == ("jlp-cg", told)
            escalate(life, engine, [item])
        clock.at += timedelta(minutes=16)
        assert escalate(life, engine, find_late(engine, clocks, clock.at)) == []

    def test_of_two_runs_at_once_one_tells_the_unit_above(self, engine: Engine, life: LifeCycle, clock: Clock) -> None:
        """The other finds it told, and does not go one level higher."""
        do(life, *DISPATCHED)
        clock.at += timedelta(minutes=16)
        one, two = (find_late(engine, load_clocks(), clock.at) for _ in range(2))
        assert [len(escalate(life, engine, late)) for late in (one, two)] == [2, 0]
        told = [event.details["to"] for event in life.history("RW-1") if event.action == Action.ESCALATE]
        assert told == ["jlp", "jlp"]

    def test_the_centre_has_clocks_too(self, engine: Engine, life: LifeCycle, clock: Clock) -> None:
        """A candidate that nobody looked at, a confirmed case that nobody sent out."""
        do(life, *CONFIRMED)
        later = clock.at + timedelta(days=4)
        assert [(i.step, i.unit) for i in find_late(engine, load_clocks(), later)] == [("dispatch", None)]
        do(life, (Action.SUSPEND, SUPERVISOR, {"reason": "待鉴定"}))
        assert find_late(engine, load_clocks(), later) == []


class TestMeasures:
    PERIOD = beijing("2024-03-05"), beijing("2024-03-06")

    def test_a_disposed_a_rejected_and_a_waiting_case(self, engine: Engine, life: LifeCycle, clock: Clock) -> None:
        """Yield, disposal and times of one day, by everything that people ask for."""
        store = CaseStore(engine)
        store.save(make_case("RW-2"))
        store.save(make_case("RW-3"))
        do(life, *DISPATCHED, (Action.ACCEPT, URBAN), (Action.ACCEPT, HOUSING))
        clock.at += timedelta(hours=6)
        do(life, ANSWERED[0])
        clock.at += timedelta(hours=30)
        do(life, ANSWERED[1], (Action.VERIFY, SUPERVISOR), (Action.APPEAL, LEGAL, {"reason": "申诉"}))
        do(life, (Action.REVOKE, SECOND_LEGAL, {"reason": "车牌套用"}))
        life.perform("RW-2", Action.CLAIM, REVIEWER)
        life.perform("RW-2", Action.REJECT, REVIEWER, reason="empty")
        found = measure(engine, self.PERIOD)["all"]
        assert (found.cases, found.waiting, found.rejected, found.valid, found.dispatched, found.disposed) == (
            3,
            1,
            1,
            1,
            1,
            1,
        )
        assert (found.precision, found.disposal_rate, found.on_time_rate) == (0.5, 1.0, 0.5)
        assert (found.hours_at(0.5), found.hours_at(0.9)) == (36.0, 36.0)
        assert (found.appealed, found.appeals_upheld, dict(found.reject_reasons)) == (1, 1, {"empty": 1})
        by_unit = measure(engine, self.PERIOD, By.DEPARTMENT)
        assert {name: m.on_time_rate for name, m in by_unit.items()} == {"jlp-cg": 1.0, "jlp-zj": 0.0}
        assert {by: list(measure(engine, self.PERIOD, by)) for by in (By.CAMERA, By.RULE, By.DISTRICT, By.WEEK)} == {
            By.CAMERA: ["gate"], By.RULE: ["heaped_load"], By.DISTRICT: ["-"], By.WEEK: ["2024-W10"],
        }  # fmt: skip
        assert measure(engine, (beijing("2024-03-06"), beijing("2024-03-07"))) == {}

    def test_what_is_undone_does_not_count(self, engine: Engine, life: LifeCycle) -> None:
        """Neither a rejection nor a confirmation that was taken back."""
        do(life, (Action.CLAIM, REVIEWER), (Action.REJECT, REVIEWER, {"reason": "empty"}), (Action.UNDO, REVIEWER))
        do(life, (Action.CONFIRM, REVIEWER), (Action.LEGAL_CONFIRM, LEGAL), (Action.UNDO, LEGAL))
        found = measure(engine, self.PERIOD)["all"]
        assert (found.rejected, found.valid, dict(found.reject_reasons), found.waiting) == (0, 0, {}, 1)

    def test_what_is_undone_makes_no_case_valid_and_no_valid_case_less(self, engine: Engine, life: LifeCycle) -> None:
        """A candidate that was merged by mistake was never confirmed; a confirmed case that was suspended still is."""
        CaseStore(engine).save(make_case("RW-2"))
        do(life, *CONFIRMED, (Action.SUSPEND, SUPERVISOR, {"reason": "待鉴定"}), (Action.UNDO, SUPERVISOR))
        life.perform("RW-2", Action.MERGE, REVIEWER, details={"parent": "RW-1"})
        life.perform("RW-2", Action.UNDO, REVIEWER)
        found = measure(engine, self.PERIOD)["all"]
        assert (found.valid, found.waiting) == (1, 1)


class TestLaw:
    def test_bases_are_offered_by_rule_and_day(self) -> None:
        """Never preset: several are offered, and an officer names one."""
        law = load_law()
        day = date(2026, 11, 24)
        assert {"urban-heaped", "mps-1111", "lead-only"} <= {b.basis_id for b in law.offered(["heaped_load"], day)}
        assert "urban-heaped" not in {b.basis_id for b in law.offered(["no_permit"], day)}
        assert law.choose("urban-heaped", day)["version"] == law.version
        with pytest.raises(IllegalTransition, match="no basis 'mps-1344' in force on 2000"):
            law.choose("mps-1344", date(2000, 1, 2))

    @pytest.mark.parametrize(
        ("text", "said"), [("", "version is missing"), ('version="1"\n[[basis]]\nid="x"', "number 1: title")]
    )
    def test_wrong_tables_are_one_line(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "law.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=said):
            load_law(path)


class TestUnits:
    def test_a_tree_replaces_the_tree(self, engine: Engine, tmp_path: Path) -> None:
        """All of it at once."""
        path = tmp_path / "units.csv"
        rows = [",".join(cell or "" for cell in row) for row in (("unit_id", "name", "level", "parent"), *UNITS)]
        path.write_text("\n".join(rows), encoding="utf-8")
        store = UnitStore(engine)
        assert (store.import_file(path), len(store.list())) == (5, 5)

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ("a,A,city,b\n", "line 2: there is no unit 'b' above a"),
            ("a,A,city,b\nb,B,city,a\n", "stands above itself"),
            ("a,A,village,\n", "line 2: level must be one of"),
            ("a,A,city,\na,A,city,\n", "line 3: unit_id is empty or stands twice"),
            ("", "holds no unit"),
        ],
    )
    def test_what_is_no_tree_is_refused_whole(self, engine: Engine, tmp_path: Path, rows: str, said: str) -> None:
        path = tmp_path / "units.csv"
        path.write_text(f"unit_id,name,level,parent\n{rows}", encoding="utf-8")
        with pytest.raises(SourceError, match=said):
            UnitStore(engine).import_file(path)
        assert UnitStore(engine).list() == []


class TestKeeping:
    def test_what_has_served_its_purpose_goes_and_the_rest_stays(
        self, engine: Engine, life: LifeCycle, clock: Clock, tmp_path: Path
    ) -> None:
        """A rejected case after 30 days with its package; open and suspended ones never; the log tells of it."""
        folder = tmp_path / "RW-2"
        folder.mkdir()
        store = CaseStore(engine)
        sealed = make_case("RW-2")
        store.save(replace(sealed, evidence=Evidence(str(folder), "ab" * 32, 0.0, 1.0)))
        store.save(make_case("RW-3"))
        life.perform("RW-2", Action.CLAIM, REVIEWER)
        life.perform("RW-2", Action.REJECT, REVIEWER, reason="empty")
        life.perform("RW-3", Action.CLAIM, REVIEWER)
        life.perform("RW-3", Action.SUSPEND, REVIEWER, reason="待鉴定")
        later = clock.at + timedelta(days=4000)
        assert find_expired(engine, Lifetimes(), clock.at + timedelta(days=29)) == []
        expired = find_expired(engine, Lifetimes(), later)
        assert [(d.case_id, d.status) for d in expired] == [("RW-2", CaseStatus.REJECTED)]
        assert delete_expired(engine, expired, SYSTEM, later, remove_folder) == (1, [])
        assert not folder.exists()
        assert {case.case_id for case in store.list()} == {"RW-1", "RW-3"}
        last = life.history("RW-2")[-1]
        assert (last.action, last.details["manifest_sha256"]) == ("case_delete", "ab" * 32)

    def test_archiving_prolongs_nothing(self, engine: Engine, life: LifeCycle, clock: Clock) -> None:
        """A rejected case goes after its thirty days, whether somebody put it out of the lists or not."""
        do(life, (Action.CLAIM, REVIEWER), (Action.REJECT, REVIEWER, {"reason": "empty"}))
        rejected_at = clock.at
        clock.at += timedelta(days=20)
        do(life, (Action.ARCHIVE, SUPERVISOR))
        assert find_expired(engine, Lifetimes(), rejected_at + timedelta(days=29)) == []
        (item,) = find_expired(engine, Lifetimes(), rejected_at + timedelta(days=31))
        assert (item.status, item.since) == (CaseStatus.ARCHIVED, rejected_at)
        assert delete_expired(engine, [item], SYSTEM, clock.at, remove_folder) == (1, [])

    def test_a_package_that_cannot_be_deleted_keeps_its_case_for_the_next_run(
        self, engine: Engine, life: LifeCycle, clock: Clock
    ) -> None:
        """The other cases go all the same, and nothing is left that nobody knows of."""
        CaseStore(engine).save(make_case("RW-2"))
        for case_id in ("RW-1", "RW-2"):
            life.perform(case_id, Action.CLAIM, REVIEWER)
            life.perform(case_id, Action.REJECT, REVIEWER, reason="empty")
        later = clock.at + timedelta(days=31)

        def remove(item: Deletion) -> None:
            if item.case_id == "RW-1":
                raise StorageError("evidence s3://b/p: no answer")

        faults = ["case RW-1 cannot be deleted: evidence s3://b/p: no answer"]
        expired = find_expired(engine, Lifetimes(), later)
        assert delete_expired(engine, expired, SYSTEM, later, remove) == (1, faults)
        assert [event.action for event in life.history("RW-1")] == ["claim", "reject"]
        left = find_expired(engine, Lifetimes(), later)
        assert [item.case_id for item in left] == ["RW-1"]
        assert delete_expired(engine, left, SYSTEM, later, remove_folder) == (1, [])

    def test_a_case_reopened_in_the_meantime_stays(self, engine: Engine, life: LifeCycle, clock: Clock) -> None:
        """What was found to be over is looked at again when it is deleted."""
        do(
            life,
            *DISPATCHED,
            (Action.ACCEPT, URBAN),
            (Action.ACCEPT, HOUSING),
            *ANSWERED,
            (Action.VERIFY, SUPERVISOR),
        )
        do(life, (Action.CLOSE, SUPERVISOR, {"reason": "办结"}))
        later = clock.at + timedelta(days=300)
        expired = find_expired(engine, Lifetimes(), later)
        assert [d.case_id for d in expired] == ["RW-1"]
        do(life, (Action.REOPEN, SUPERVISOR, {"reason": "新证据"}))
        assert delete_expired(engine, expired, SYSTEM, later, remove_folder) == (0, [])
        assert CaseStore(engine).get("RW-1").status is CaseStatus.REOPENED

    def test_the_log_is_cut_at_its_lifetime_and_stays_whole(
        self, engine: Engine, life: LifeCycle, clock: Clock
    ) -> None:
        """The chain goes on from an anchor; lines of cases that are still there stay."""
        do(life, (Action.CLAIM, REVIEWER), (Action.REJECT, REVIEWER, {"reason": "empty"}))
        later = clock.at + timedelta(days=1200)
        assert cut_audit(engine, Lifetimes(), SYSTEM, later) == 0
        delete_expired(engine, find_expired(engine, Lifetimes(), later), SYSTEM, later, remove_folder)
        assert cut_audit(engine, Lifetimes(), SYSTEM, later) == 2
        assert audit.verify(engine) == audit.AuditReport(2, ())


def test_assignments_come_with_their_clocks(engine: Engine, life: LifeCycle) -> None:
    """A quarter of an hour to accept, a day to answer."""
    do(life, *DISPATCHED)
    with read_session(engine) as session:
        rows = session.scalars(select(AssignmentRow)).all()
    assert {(row.accept_due_at - NOON, row.feedback_due_at - NOON) for row in rows} == {
        (timedelta(minutes=15), timedelta(days=1))
    }

"""The life of cases on both databases: what may happen, what may not, and who is told."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from detector.cases import audit
from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.cases.transitions import BY_ACTION, TRANSITIONS, pairs, possible
from detector.database.engine import open_database
from detector.database.sessions import read_session, write_session
from detector.database.tables import AssignmentRow, CaseRow
from detector.entities import Action, Actor, CaseStatus, Role
from detector.errors import Conflict, IllegalTransition, LifeCycleError, StorageError
from tests.databases import DATABASES
from tests.detector.cases.case_files import (
    BASIS,
    BOTH_UNITS,
    CONFIRMED,
    DISPATCHED,
    DISPATCHER,
    HOUSING,
    LEGAL,
    NOON,
    REVIEWER,
    SECOND_LEGAL,
    SECOND_REVIEWER,
    SUPERVISOR,
    SYSTEM,
    URBAN,
    Clock,
    do,
    make_case,
    prepare,
)
from tests.processes import PROCESSES


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def life(engine: Engine, clock: Clock) -> LifeCycle:
    prepare(engine)
    return LifeCycle(engine, now=clock)


def status(engine: Engine) -> CaseStatus:
    return CaseStore(engine).get("RW-1").status


def test_a_case_from_candidate_to_archive(engine: Engine, life: LifeCycle) -> None:
    """Two reviewers, two departments, verification: each state in its turn, each step in the log, the chain whole."""
    seen = []
    steps = (
        *DISPATCHED,
        (Action.ACCEPT, URBAN),
        (Action.ACCEPT, HOUSING),
        (Action.GIVE_FEEDBACK, URBAN, {"reason": "现场核实，罚款"}),
        (Action.GIVE_FEEDBACK, HOUSING, {"reason": "已约谈工地"}),
        (Action.NOTICE, LEGAL, {"reason": "告知书已送达"}),
        (Action.STATEMENT, LEGAL, {"reason": "当事人无异议"}),
        (Action.VERIFY, DISPATCHER),
        (Action.CLOSE, SUPERVISOR, {"reason": "办结"}),
        (Action.ARCHIVE, SUPERVISOR),
    )
    for step in steps:
        do(life, step)
        seen.append(status(engine).value)
    assert seen == [
        "in_review", "technically_confirmed", "confirmed", "filed", "dispatched", "in_handling", "in_handling",
        "in_handling", "feedback", "feedback", "feedback", "verified", "closed", "archived",
    ]  # fmt: skip
    past = life.history("RW-1")
    assert [event.action for event in past] == [step[0].value for step in steps]
    assert {event.certificate for event in past if event.action in ("confirm", "legal_confirm")} == {"A1", "B1"}
    assert audit.verify(engine) == audit.AuditReport(len(steps), ())
    assert CaseStore(engine).get("RW-1").basis == BASIS["basis"]


class TestWho:
    def test_the_second_step_takes_a_second_person(self, life: LifeCycle) -> None:
        """Neither the same account nor the same certificate may confirm twice."""
        do(life, *CONFIRMED[:2])
        both = Actor("li", "李", "centre", frozenset({Role.REVIEWER, Role.LEGAL}), "A9")
        twin = Actor("li-2", "李", "centre", frozenset({Role.LEGAL}), "A1")
        for actor in (both, twin):
            with pytest.raises(IllegalTransition, match="another person"):
                life.perform("RW-1", Action.LEGAL_CONFIRM, actor)
        life.perform("RW-1", Action.LEGAL_CONFIRM, LEGAL)

    def test_roles_and_certificates(self, engine: Engine, life: LifeCycle) -> None:
        """Who may not, and who has no certificate, is told so; nothing changes."""
        for action, actor, said in (
            (Action.CLAIM, LEGAL, "may not claim; it takes: reviewer"),
            (Action.DISPATCH, REVIEWER, "may not dispatch"),
        ):
            with pytest.raises(IllegalTransition, match=said):
                life.perform("RW-1", action, actor)
        bare = Actor("xu", "徐", "centre", frozenset({Role.REVIEWER}))
        life.perform("RW-1", Action.CLAIM, bare)
        with pytest.raises(IllegalTransition, match="enforcement certificate"):
            life.perform("RW-1", Action.CONFIRM, bare)
        assert status(engine) is CaseStatus.IN_REVIEW

    def test_what_is_possible_is_told(self, life: LifeCycle) -> None:
        """An illegal step says where the case is, who brought it there, and what is possible."""
        do(life, *CONFIRMED)
        with pytest.raises(IllegalTransition, match=r"RW-1 is confirmed, since 王 did legal_confirm; close is not"):
            life.perform("RW-1", Action.CLOSE, SUPERVISOR, reason="x")
        assert life.possible("RW-1", DISPATCHER) == [
            Action.FILE, Action.SUSPEND, Action.TRANSFER, Action.NOTICE, Action.VIEWING, Action.STATEMENT, Action.NOTE,
            Action.LINK, Action.SOURCE_SITE,
        ]  # fmt: skip

    def test_a_rejection_needs_a_reason_of_the_list(self, life: LifeCycle) -> None:
        """Free text is no reason that can be counted."""
        do(life, (Action.CLAIM, REVIEWER))
        for reason in (None, "", "bad"):
            with pytest.raises(IllegalTransition, match="not_slag_truck"):
                life.perform("RW-1", Action.REJECT, REVIEWER, reason=reason)

    def test_no_such_case(self, life: LifeCycle) -> None:
        """One line that says where to look."""
        for call in (lambda: life.perform("RW-0", Action.CLAIM, REVIEWER), lambda: life.possible("RW-0", REVIEWER)):
            with pytest.raises(StorageError, match="no case RW-0"):
                call()


class TestClaims:
    def test_a_claimed_case_is_nobody_elses_until_time_runs_out(self, life: LifeCycle, clock: Clock) -> None:
        """The second reviewer is told who has it; after a quarter of an hour it is free."""
        life.perform("RW-1", Action.CLAIM, REVIEWER)
        for action in (Action.CLAIM, Action.CONFIRM):
            with pytest.raises(Conflict, match="being reviewed by 李 until 12:15:00"):
                life.perform("RW-1", action, SECOND_REVIEWER)
        clock.at += timedelta(minutes=16)
        life.perform("RW-1", Action.CLAIM, SECOND_REVIEWER)
        with pytest.raises(Conflict, match="赵"):
            life.perform("RW-1", Action.CONFIRM, REVIEWER)

    def test_handing_over(self, life: LifeCycle) -> None:
        """The other one has it now, and the first no more."""
        life.perform("RW-1", Action.CLAIM, REVIEWER)
        life.perform("RW-1", Action.HAND_OVER, REVIEWER, details={"account": "zhao", "name": "赵"})
        with pytest.raises(Conflict, match="赵"):
            life.perform("RW-1", Action.CONFIRM, REVIEWER)
        life.perform("RW-1", Action.CONFIRM, SECOND_REVIEWER)

    def test_who_looked_before_somebody_else_acted_is_told(self, life: LifeCycle) -> None:
        """The page that an officer has before him may be old."""
        seen = life.perform("RW-1", Action.CLAIM, REVIEWER).event_id
        life.perform("RW-1", Action.NOTE, LEGAL, reason="等放大号")
        with pytest.raises(Conflict, match="王 was faster: note at 2026-11-23 12:00:00"):
            life.perform("RW-1", Action.CONFIRM, REVIEWER, expected=seen)
        life.perform("RW-1", Action.CONFIRM, REVIEWER, expected=life.history("RW-1")[-1].event_id)


class TestUndo:
    @pytest.mark.parametrize(
        ("action", "given"),
        [
            (Action.CONFIRM, {}),
            (Action.REJECT, {"reason": "empty"}),
            (Action.MERGE, {"details": {"parent": "RW-2"}}),
            (Action.SUSPEND, {"reason": "等待"}),
        ],
    )
    def test_a_decision_is_taken_back_within_a_minute(
        self, engine: Engine, life: LifeCycle, clock: Clock, action: Action, given: dict
    ) -> None:
        """The case is where it was and the reviewer has it; the log holds both steps."""
        CaseStore(engine).save(make_case("RW-2"))
        do(life, (Action.CLAIM, REVIEWER), (action, REVIEWER, given))
        clock.at += timedelta(seconds=59)
        life.perform("RW-1", Action.UNDO, REVIEWER)
        case = CaseStore(engine).get("RW-1")
        assert (case.status, case.parent_case_id) == (CaseStatus.IN_REVIEW, None)
        with pytest.raises(Conflict):
            life.perform("RW-1", Action.CONFIRM, SECOND_REVIEWER)
        assert [e.action for e in life.history("RW-1")] == ["claim", action.value, "undo"]

    def test_not_later_not_by_others_and_not_twice(self, life: LifeCycle, clock: Clock) -> None:
        """Each refusal says why."""
        do(life, *CONFIRMED[:2])
        with pytest.raises(IllegalTransition, match="only 李 can undo"):
            life.perform("RW-1", Action.UNDO, SECOND_REVIEWER)
        clock.at += timedelta(seconds=61)
        with pytest.raises(IllegalTransition, match="within 60 s only"):
            life.perform("RW-1", Action.UNDO, REVIEWER)
        do(life, (Action.LEGAL_CONFIRM, LEGAL), (Action.UNDO, LEGAL))
        with pytest.raises(IllegalTransition, match="none that can be undone"):
            life.perform("RW-1", Action.UNDO, LEGAL)


class TestDepartments:
    def test_the_case_follows_its_departments(self, engine: Engine, life: LifeCycle) -> None:
        """Returned by all, sent out anew, waived for one, done by the other."""
        do(life, *DISPATCHED, (Action.RETURN, URBAN, {"reason": "不属本局"}))
        assert status(engine) is CaseStatus.DISPATCHED
        do(life, (Action.RETURN, HOUSING, {"reason": "不属本委"}))
        assert status(engine) is CaseStatus.RETURNED
        do(life, (Action.DISPATCH, DISPATCHER, {"details": {"units": ["jlp-cg"]}}), (Action.ACCEPT, URBAN))
        do(life, (Action.ADD_UNIT, DISPATCHER, {"details": {"units": [{"unit": "jlp-zj"}]}}))
        do(life, (Action.GIVE_FEEDBACK, URBAN, {"reason": "已处理"}))
        assert status(engine) is CaseStatus.IN_HANDLING
        do(life, (Action.WAIVE, DISPATCHER, {"reason": "无需", "details": {"unit": "jlp-zj"}}))
        assert status(engine) is CaseStatus.FEEDBACK
        with read_session(engine) as session:
            rows = session.scalars(select(AssignmentRow).order_by(AssignmentRow.assignment_id)).all()
            found = [(row.unit, row.round, row.is_main, row.status) for row in rows]
        assert found == [
            ("jlp-cg", 1, True, "returned"), ("jlp-zj", 1, False, "returned"),
            ("jlp-cg", 2, True, "done"), ("jlp-zj", 2, False, "waived"),
        ]  # fmt: skip

    def test_rework_sends_the_answer_back(self, engine: Engine, life: LifeCycle) -> None:
        """The department has its part again, with a new clock."""
        do(life, *DISPATCHED, (Action.ACCEPT, URBAN), (Action.RETURN, HOUSING, {"reason": "x"}))
        do(life, (Action.GIVE_FEEDBACK, URBAN, {"reason": "已处理"}), (Action.REWORK, DISPATCHER, {"reason": "缺照片"}))
        assert status(engine) is CaseStatus.IN_HANDLING
        do(life, (Action.GIVE_FEEDBACK, URBAN, {"reason": "照片补齐"}))
        assert status(engine) is CaseStatus.FEEDBACK

    @pytest.mark.parametrize(
        ("units", "said"),
        [
            (["jlp-cg", "jlp-cg"], "named twice"),
            (["nowhere"], "no unit 'nowhere'"),
            ([{"unit": "jlp-cg", "main": True}, {"unit": "jlp-zj", "main": True}], "only one department"),
            ([], "needs units"),
        ],
    )
    def test_units_that_do_not_fit(self, life: LifeCycle, units: list, said: str) -> None:
        """Nobody is asked twice, nobody is invented, one is responsible."""
        do(life, *DISPATCHED[:-1])
        with pytest.raises(IllegalTransition, match=said):
            life.perform("RW-1", Action.DISPATCH, DISPATCHER, details={"units": units})

    def test_a_department_acts_for_its_own_part_only(self, life: LifeCycle) -> None:
        """A unit without a part has nothing to accept; a part is accepted once."""
        do(life, *DISPATCHED, (Action.ACCEPT, URBAN))
        stranger = Actor("he", "何", "jlp-sqp", frozenset({Role.DEPARTMENT}))
        with pytest.raises(IllegalTransition, match="unit jlp-sqp has no part"):
            life.perform("RW-1", Action.ACCEPT, stranger)
        with pytest.raises(IllegalTransition, match="part of unit jlp-cg is accepted"):
            life.perform("RW-1", Action.ACCEPT, URBAN)

    def test_escalation_tells_the_unit_above_which_may_act(self, engine: Engine, life: LifeCycle, clock: Clock) -> None:
        """A quarter of an hour without an answer: the district is asked, and its answer counts."""
        do(life, *DISPATCHED)
        with read_session(engine) as session:
            assert session.scalars(select(AssignmentRow)).first().accept_due_at == NOON + timedelta(minutes=15)
        clock.at += timedelta(minutes=20)
        life.perform("RW-1", Action.ESCALATE, SYSTEM, details={"unit": "jlp-cg"})
        above = Actor("jiang", "蒋", "jlp", frozenset({Role.DEPARTMENT}))
        event = life.perform("RW-1", Action.ACCEPT, above)
        assert event.details["unit"] == "jlp-cg"
        assert status(engine) is CaseStatus.IN_HANDLING


class TestAsides:
    def test_suspended_and_resumed_where_it_was(self, engine: Engine, life: LifeCycle) -> None:
        """Whatever the state was."""
        do(life, *DISPATCHED, (Action.ACCEPT, URBAN), (Action.SUSPEND, SUPERVISOR, {"reason": "待鉴定"}))
        assert status(engine) is CaseStatus.SUSPENDED
        do(life, (Action.RESUME, SUPERVISOR))
        assert status(engine) is CaseStatus.IN_HANDLING

    @pytest.mark.parametrize(
        ("action", "then", "end"),
        [
            (Action.UPHOLD, Action.RESUME, CaseStatus.CLOSED),
            (Action.AMEND, Action.CLOSE, CaseStatus.CLOSED),
            (Action.REVOKE, Action.ARCHIVE, CaseStatus.ARCHIVED),
        ],
    )
    def test_appeals_are_decided_by_somebody_else(
        self, engine: Engine, life: LifeCycle, action: Action, then: Action, end: CaseStatus
    ) -> None:
        """Neither of those who confirmed the case decides on the appeal."""
        do(life, *DISPATCHED, (Action.RETURN, HOUSING, {"reason": "x"}), (Action.ACCEPT, URBAN))
        do(life, (Action.GIVE_FEEDBACK, URBAN, {"reason": "y"}), (Action.VERIFY, DISPATCHER))
        do(life, (Action.CLOSE, SUPERVISOR, {"reason": "办结"}), (Action.APPEAL, LEGAL, {"reason": "当事人申诉"}))
        with pytest.raises(IllegalTransition, match="another person than 王"):
            life.perform("RW-1", action, LEGAL, reason="z")
        do(life, (action, SECOND_LEGAL, {"reason": "复核意见"}), (then, SUPERVISOR, {"reason": "结"}))
        assert status(engine) is end

    def test_the_officers_plate_stands_beside_the_machines(self, engine: Engine, life: LifeCycle) -> None:
        """What was read is kept, what counts is the officer's, and the log says what it was."""
        do(life, (Action.CLAIM, REVIEWER))
        event = life.perform("RW-1", Action.CORRECT_PLATE, REVIEWER, details={"plate": "渝dc6128"})
        case = CaseStore(engine).get("RW-1")
        assert (case.plate.text, case.plate_text, event.details["was"]) == ("渝DC6123", "渝DC6128", "渝DC6123")
        with pytest.raises(IllegalTransition, match="complete"):
            life.perform("RW-1", Action.CORRECT_PLATE, REVIEWER, details={"plate": "渝D-6128"})

    def test_merging_linking_and_the_site(self, engine: Engine, life: LifeCycle) -> None:
        """Into a case that exists and still counts; links hold both ways."""
        CaseStore(engine).save(make_case("RW-2"))
        do(life, (Action.LINK, REVIEWER, {"reason": "同车同趟", "details": {"parent": "RW-2"}}))
        do(life, (Action.SOURCE_SITE, REVIEWER, {"reason": "出场记录", "details": {"site": "站东路工地"}}))
        for parent in ("RW-1", "RW-9"):
            with pytest.raises(IllegalTransition, match="another case that exists"):
                life.perform("RW-1", Action.MERGE, REVIEWER, details={"parent": parent})
        do(life, (Action.MERGE, REVIEWER, {"details": {"parent": "RW-2"}}))
        with pytest.raises(IllegalTransition, match="takes no other"):
            life.perform("RW-2", Action.MERGE, REVIEWER, details={"parent": "RW-1"})
        store = CaseStore(engine)
        assert (store.get("RW-1").source_site, store.get("RW-1").parent_case_id) == ("站东路工地", "RW-2")
        assert (store.linked("RW-1"), store.linked("RW-2")) == (["RW-2"], ["RW-1"])


@pytest.mark.long
def test_a_merge_waits_for_who_is_at_the_other_case(postgresql_url: str) -> None:
    """Else two that are merged crosswise at the same time would be gone into each other; here it gives up at once."""
    engine = open_database(postgresql_url)
    hasty = open_database(f"{postgresql_url}?options=-c%20lock_timeout%3D1")
    prepare(engine)
    CaseStore(engine).save(make_case("RW-2"))
    crosswise: dict = {"details": {"parent": "RW-2"}}
    with write_session(engine) as session:
        session.get(CaseRow, "RW-2", with_for_update=True)
        with pytest.raises(StorageError, match="lock timeout"):
            do(LifeCycle(hasty), (Action.MERGE, REVIEWER, crosswise))
    LifeCycle(engine).perform("RW-2", Action.MERGE, SECOND_REVIEWER, details={"parent": "RW-1"})
    with pytest.raises(IllegalTransition, match="case RW-2 is merged and takes no other"):
        do(LifeCycle(hasty), (Action.MERGE, REVIEWER, crosswise))
    for each in (engine, hasty):
        each.dispose()


def test_a_listener_that_fails_undoes_the_step(engine: Engine) -> None:
    """What is told and what happened stand or fall together."""
    prepare(engine)

    def fail(*_: object) -> None:
        raise StorageError("outbox is full")

    with pytest.raises(StorageError, match="outbox"):
        LifeCycle(engine, listeners=[fail]).perform("RW-1", Action.CLAIM, REVIEWER)
    assert status(engine) is CaseStatus.CANDIDATE
    assert audit.verify(engine) == audit.AuditReport(0, ())


EVERYBODY = [
    Actor(name, name, unit, frozenset(Role), name.upper())
    for name, unit in (("one", "jlp-cg"), ("two", "jlp-zj"), ("three", "jlp"))
]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Action), st.sampled_from(EVERYBODY), st.integers(0, 120), st.booleans()), max_size=40
    )
)
def test_whatever_people_try(tries: list[tuple[Action, Actor, int, bool]]) -> None:
    """Any sequence of steps: a step does what the table says or nothing at all, and the chain stays whole."""
    engine, clock = open_database("sqlite://"), Clock()
    prepare(engine)
    CaseStore(engine).save(make_case("RW-2"))
    life = LifeCycle(engine, now=clock)
    details = {
        **BASIS,
        **BOTH_UNITS,
        "unit": "jlp-cg",
        "plate": "渝A12345",
        "parent": "RW-2",
        "site": "s",
        "account": "two",
    }
    done = 0
    for action, actor, seconds, rejects in tries:
        clock.at += timedelta(seconds=seconds)
        before = status(engine)
        try:
            event = life.perform("RW-1", action, actor, reason="empty" if rejects else "because", details=details)
        except LifeCycleError:
            assert status(engine) is before
            continue
        done += 1
        assert action in possible(before)
        assert (event.before, event.after) == (before, status(engine))
        assert before is event.after or (before, event.after) in pairs()
        assert BY_ACTION[action].roles & actor.roles
    assert audit.verify(engine) == audit.AuditReport(done, ())
    engine.dispose()


def test_every_action_has_one_row() -> None:
    """The table is complete, and every state but the last can be left."""
    assert [row.action for row in TRANSITIONS] == list(dict.fromkeys(row.action for row in TRANSITIONS))
    assert set(BY_ACTION) == set(Action)
    assert {before for before, _ in pairs()} == set(CaseStatus) - {CaseStatus.ARCHIVED}
    assert {after for _, after in pairs()} == set(CaseStatus)


def _decide(url: str, account: str, start: object, answers: object) -> None:
    engine = open_database(url)
    actor = Actor(account, account, "centre", frozenset({Role.REVIEWER}), account)
    start.wait()
    try:
        LifeCycle(engine).perform("RW-1", Action.CLAIM, actor)
        LifeCycle(engine).perform("RW-1", Action.REJECT, actor, reason="empty")
        answers.put("won")
    except LifeCycleError as error:
        answers.put(str(error))
    except Exception as error:
        answers.put(f"defect: {error!r}")
    engine.dispose()


@pytest.mark.parametrize("kind", DATABASES)
def test_of_several_processes_one_decides(kind: str, tmp_path, request: pytest.FixtureRequest) -> None:
    """One wins, the others are told who has it."""
    url = f"sqlite:///{tmp_path / 'c.db'}" if kind == "sqlite" else request.getfixturevalue("postgresql_url")
    engine = open_database(url)
    prepare(engine)
    start, answers = PROCESSES.Barrier(4), PROCESSES.Queue()
    people = [PROCESSES.Process(target=_decide, args=(url, f"p{i}", start, answers)) for i in range(4)]
    for process in people:
        process.start()
    said = sorted(answers.get(timeout=60) for _ in people)
    for process in people:
        process.join()
    assert said.count("won") == 1
    assert all(
        "p" in line and ("being reviewed by" in line or "is rejected, since" in line) for line in said if line != "won"
    )
    assert [e.action for e in LifeCycle(engine).history("RW-1")] == ["claim", "reject"]
    assert audit.verify(engine).faults == ()
    engine.dispose()

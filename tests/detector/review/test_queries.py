"""The queue's order and what narrows it, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from detector.cases.clocks import load_clocks
from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.database.tables import CaseRow
from detector.entities import Action, CaseStatus
from detector.review.accounts import AccountStore
from detector.review.app import make_app
from detector.review.queries.choices import find_choices
from detector.review.queries.queue import Asker, QueueFilter, count_states, find_for_law, find_free, find_queue
from detector.review.visitors import Visitor
from tests.databases import DATABASES
from tests.detector.cases.case_files import HEAPED, make_case
from tests.detector.review.desk import NOON, Clock, DeskClient, add_people, open_desk

CLOCKS = load_clocks()
LATE, SOON, LATER = NOON - timedelta(minutes=40), NOON - timedelta(minutes=12), NOON - timedelta(minutes=3)
"""Noon in Beijing on a Monday: a review is due 15 minutes of working time after the case was stored."""

CASES = {
    "later-sure": (LATER, 0.99), "later": (LATER, 0.85), "soon-sure": (SOON, 0.95), "soon": (SOON, 0.82),
    "late-sure": (LATE, 0.9), "late": (LATE, 0.81), "elsewhere": (LATE, 0.99),
}  # fmt: skip
IN_ORDER = ["late-sure", "late", "soon-sure", "soon", "later-sure", "later"]


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """People and candidates of different age and confidence."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'c.db'}" if is_sqlite else request.getfixturevalue("postgresql_url")
    engine = open_database(url)
    add_people(engine)
    store = CaseStore(engine)
    for name, (created_at, confidence) in CASES.items():
        finding = replace(HEAPED, confidence=confidence)
        district = "bn" if name == "elsewhere" else "jlp"
        store.save(replace(make_case(name), findings=(finding,), district=district, camera_id=f"cam-{name}"))
        with write_session(engine) as session:
            session.execute(update(CaseRow).where(CaseRow.case_id == name).values(created_at=created_at))
    yield engine
    engine.dispose()


def asker(engine: Engine, account: str = "reviewer") -> Asker:
    return Asker(Visitor(AccountStore(engine).get(account), "", ""), NOON)


def test_overdue_first_then_soon_due_then_the_rest_each_by_confidence(engine: Engine) -> None:
    """However few are asked for; other districts are not there."""
    for limit in (1, 2, 3, 5, 50):
        found = find_queue(engine, asker(engine), QueueFilter(), CLOCKS, limit)
        assert [line.case_id for line in found] == IN_ORDER[:limit]


def test_free_cases_are_those_that_nobody_else_holds(engine: Engine) -> None:
    """A claim takes a case out for others until its time is over, and puts it under "mine"."""
    reviewer = AccountStore(engine).get("reviewer").actor
    LifeCycle(engine, now=Clock()).perform("late-sure", Action.CLAIM, reviewer)
    assert find_free(engine, asker(engine, "reviewer2"), QueueFilter(), CLOCKS) == IN_ORDER[1:]
    assert find_free(engine, asker(engine), QueueFilter(), CLOCKS) == IN_ORDER
    mine = find_queue(engine, asker(engine), QueueFilter(is_mine=True), CLOCKS)
    assert [line.case_id for line in mine] == ["late-sure"]
    later = replace(asker(engine, "reviewer2"), now=NOON + timedelta(minutes=16))
    assert "late-sure" in find_free(engine, later, QueueFilter(), CLOCKS)


def test_the_second_review_gets_the_longest_waiting_that_nobody_looks_at(engine: Engine) -> None:
    """Not the person's own, not the one that a colleague has just opened."""
    clock = Clock()
    desk = open_desk(engine, Path("nowhere"), clock)
    reviewer = desk.accounts.get("reviewer").actor
    for name in ("late", "soon"):
        desk.life.perform(name, Action.CLAIM, reviewer)
        desk.life.perform(name, Action.CONFIRM, reviewer)
        clock.move(seconds=10)
    legal = asker(engine, "legal")
    assert find_for_law(engine, legal, QueueFilter(), "") == "late"
    assert find_for_law(engine, legal, QueueFilter(), "late") == "soon"
    assert find_for_law(engine, asker(engine), QueueFilter(), "") is None
    assert count_states(engine, legal.visitor)[CaseStatus.TECHNICALLY_CONFIRMED] == 2


def test_choices_are_what_occurs_in_the_own_districts(engine: Engine) -> None:
    """Cameras with their place, districts by name, rules."""
    found = find_choices(engine, asker(engine).visitor)
    assert [camera for camera, _ in found.cameras] == sorted(f"cam-{name}" for name in IN_ORDER)
    assert found.districts == (("jlp", "九龙坡区"),)
    assert found.rules == ("heaped_load",)


def test_pages_work_on_both_databases(engine: Engine) -> None:
    """Queue, filters, next case, page, decision."""
    client = DeskClient(make_app(open_desk(engine, Path("nowhere"), Clock())), "reviewer")
    for query in ("", "plate=D61", "plate=渝DC6123", "group=all", "group=ended", "rule=heaped_load&from=2024-03-05"):
        assert client.get(f"/queue?{query}").status_code == 200
    assert client.post("/queue/next").headers["Location"].startswith("/cases/late-sure")
    page = client.get("/cases/late-sure")
    assert "证据包尚未生成" in page.text
    data = {"action": "reject", "reason": "empty", "seen": "1", "queue": ""}
    answer = client.post("/cases/late-sure/steps", data, headers={"HX-Request": "true"})
    assert 'data-case="late"' in answer.text

"""The dashboard: its numbers are those of the report, and each leads to the cases that it counts."""

import csv
import io
import re
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from detector.database.sessions import read_session
from detector.database.tables import CaseRow
from detector.entities import Action, CaseStatus, Role
from detector.review.charts import Bar, draw_bars
from detector.review.desk import Desk
from tests.detector.review.desk import OTHER_CASE, OWN_CASE, Clock, DeskClient, confirm

CAPTURED = "from=2024-01-01&to=2024-12-31"


@pytest.fixture
def busy(desk: Desk, clock: Clock) -> Desk:
    """One case dispatched, one rejected as empty."""
    confirm(desk, OWN_CASE)
    bare = next(case.case_id for case in desk.cases.list(10) if case.case_id not in (OWN_CASE, OTHER_CASE))
    reviewer = desk.accounts.get("reviewer").actor
    desk.life.perform(bare, Action.CLAIM, reviewer)
    desk.life.perform(bare, Action.REJECT, reviewer, reason="empty")
    clock.move(hours=3)
    return desk


def links(html: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(r'href="(/dashboard/cases[^"]*)"', html)]


def test_numbers_and_their_cases_agree(app: FastAPI, busy: Desk) -> None:
    """Every number that is a link shows exactly so many cases."""
    client = DeskClient(app, Role.SUPERVISOR.value)
    page = client.get(f"/dashboard?{CAPTURED}&by=camera").text
    found = re.findall(r'<dd><a href="(/dashboard/cases[^"]*)">(\d+)</a>', page)
    assert len(found) == 10
    for link, number in found:
        behind = client.get(link.replace("&amp;", "&")).text
        assert len(re.findall(r'href="/cases/RW-', behind)) == int(number), link
    numbers = {re.search(r"counted=(\w+)", link).group(1): int(n) for link, n in found}
    assert (numbers["cases"], numbers["rejected"], numbers["valid"], numbers["dispatched"]) == (2, 1, 1, 1)


def test_a_reason_of_rejection_leads_to_its_case(app: FastAPI, busy: Desk) -> None:
    """The bar of a reason is a link; other cases are not behind it."""
    client = DeskClient(app, Role.SUPERVISOR.value)
    (link,) = [link for link in links(client.get(f"/dashboard?{CAPTURED}").text) if "reason=empty" in link]
    behind = client.get(link).text
    assert OWN_CASE not in behind and "空车" in behind


def test_other_districts_do_not_count(app: FastAPI, busy: Desk) -> None:
    """What a person may not see is in no number."""
    page = DeskClient(app, Role.SUPERVISOR.value).get(f"/dashboard?{CAPTURED}&by=district").text
    assert '<th scope="row">九龙坡区</th>' in page and "巴南区" not in page
    assert OTHER_CASE not in DeskClient(app, Role.SUPERVISOR.value).get(f"/dashboard/cases?{CAPTURED}").text


def test_the_table_can_be_saved_for_a_spreadsheet(app: FastAPI, busy: Desk) -> None:
    """The same numbers, and no cell that a spreadsheet would run."""
    response = DeskClient(app, Role.AUDITOR.value).get(f"/dashboard/table.csv?{CAPTURED}&by=department")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [(row["department"], row["dispatched"], row["disposed"]) for row in rows] == [("jlp-cg", "1", "0")]
    assert "attachment" in response.headers["Content-Disposition"]


def test_what_waits_is_counted_by_age(app: FastAPI, desk: Desk, clock: Clock) -> None:
    """A candidate grows older on the board without anybody touching it."""
    with read_session(desk.engine) as session:
        clock.at = session.scalar(select(func.max(CaseRow.created_at))) + timedelta(days=6)
    assert 'class="number late">2<' in DeskClient(app, Role.SUPERVISOR.value).get("/dashboard").text


@pytest.mark.parametrize(
    "query",
    ["from=x&to=y", "from=2026-12-01&to=2026-01-01", "from=0001-01-01", "by=nothing&counted=none", "name=%00&reason=x"],
)
def test_nonsense_in_the_address_shows_a_page_all_the_same(app: FastAPI, busy: Desk, query: str) -> None:
    """Addresses are typed, kept and shortened by people."""
    client = DeskClient(app, Role.SUPERVISOR.value)
    assert client.get(f"/dashboard?{query}").status_code == 200
    assert client.get(f"/dashboard/cases?{query}").status_code == 200


def test_charts_escape_what_cameras_are_called() -> None:
    """A place with markup in it is a place with markup in it."""
    chart = draw_bars("<b>", [Bar("<script>", 1.0, "1 & 2", '/x?a="b"'), Bar("none", None, "–")])
    assert "<script>" not in chart and "<b>" not in chart and '"b"' not in chart


def test_an_empty_period_says_so(app: FastAPI, desk: Desk) -> None:
    """No chart without data, and no division by nothing."""
    page = DeskClient(app, Role.SUPERVISOR.value).get("/dashboard?from=2020-01-01&to=2020-01-02").text
    assert "没有案件" in page and "<svg xmlns" not in page.split("<main", 1)[1]


def test_states_that_count_are_those_of_the_life_of_cases() -> None:
    """A state that somebody owes a step in is on the board."""
    from detector.cases.lateness import STEP_OF
    from detector.review.queries.dashboard import WAITING

    assert set(STEP_OF) - {CaseStatus.REVOKED} <= set(WAITING)

"""Leads and the watch list: what is shown, who may do what, and that one person alone lists no plate."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from detector.database.sessions import read_session
from detector.database.tables import AuditRow
from detector.entities import LeadOutcome, TimelineEntry, WatchStatus
from detector.review.app import make_app
from detector.review.desk import Desk
from detector.review.pages.leads import mask_plate
from detector.review.visit_chart import draw_visits
from tests.detector.review.browser import Open, press, tab_to
from tests.detector.review.desk import DeskClient, copy_desk
from tests.detector.review.fillings import CLONED, FAR, NOW, SUSPECT, add_leads, lead_of


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Desk:
    """On the real clock, as the watch list is, with leads."""
    desk = copy_desk(template, tmp_path / "desk")
    add_leads(desk)
    return desk


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return make_app(desk)


def actions(desk: Desk) -> list[tuple[str, str]]:
    with read_session(desk.engine) as session:
        return [(line.action, line.account) for line in session.scalars(select(AuditRow).order_by(AuditRow.event_id))]


def test_the_list_ranks_and_masks(app: FastAPI, desk: Desk) -> None:
    """The best first, with its main reason as a sentence; no plate in clear; other districts' leads are not there."""
    page = DeskClient(app, "reviewer").get("/leads").text
    assert SUSPECT not in page
    assert mask_plate(SUSPECT) == "川A····5"
    assert page.index(mask_plate(SUSPECT)) < page.index(mask_plate(CLONED))
    assert mask_plate(FAR) not in page
    assert "12天内到达枢纽24次" in page
    assert "1 项未核对" in page
    only = DeskClient(app, "reviewer").get("/leads?kind=cloned_plate").text
    assert mask_plate(SUSPECT) not in only
    assert mask_plate(CLONED) in only


def test_opening_a_lead_shows_what_it_rests_on_and_is_written_down(app: FastAPI, desk: Desk) -> None:
    """Reasons, chart, what could not be checked; in both languages."""
    client = DeskClient(app, "reviewer")
    lead_id = lead_of(desk, SUSPECT)
    page = client.get(f"/leads/{lead_id}").text
    for words in (
        SUSPECT,
        "12天内到达枢纽24次",
        "外地号牌",
        "未能排除持证车辆",
        "31.5 分",
        "<svg xmlns",
        "送客后接客，停留25分钟",
    ):
        assert words in page
    assert actions(desk)[-1] == ("view_lead", "reviewer")
    client.post("/preferences", {"language": "en"})
    assert "came to hubs 24 times on 12 days" in client.get(f"/leads/{lead_id}").text


def test_a_cloned_plate_shows_the_journey_that_cannot_be(app: FastAPI, desk: Desk) -> None:
    """From where to where, how far, in how short a time."""
    page = DeskClient(app, "reviewer").get(f"/leads/{lead_of(desk, CLONED)}").text
    assert "至少 23.0 公里，仅 7.0 分钟" in page
    assert page.index("九龙坡区杨家坪环道") < page.index("巴南区渝南大道")


def test_leads_of_other_districts_are_not_there(app: FastAPI, desk: Desk) -> None:
    """Neither to read, nor to act on; nor are leads that never were."""
    client, lead_id = DeskClient(app, "reviewer"), lead_of(desk, FAR)
    assert client.get(f"/leads/{lead_id}").status_code == 404
    assert client.post(f"/leads/{lead_id}/watch", {"reason": "xx", "days": "7"}).status_code == 404
    assert client.post(f"/leads/{lead_id}/outcome", {"outcome": "lawful"}).status_code == 404
    assert client.get("/leads/RL-0").status_code == 409


def test_two_persons_list_a_plate(app: FastAPI, desk: Desk) -> None:
    """Who applied cannot consent, whatever is sent; who consents is another person with the role."""
    applicant, lead_id = DeskClient(app, "supervisor"), lead_of(desk, SUSPECT)
    assert applicant.post(f"/leads/{lead_id}/watch", {"reason": "频繁揽客", "days": "14"}).status_code == 303
    entry = desk.watch.list()[0]
    assert (entry.plate_text, entry.lead_id, entry.status(NOW)) == (SUSPECT, lead_id, WatchStatus.REQUESTED)
    assert timedelta(days=13) < entry.expires_at - NOW < timedelta(days=15)
    page = applicant.get("/watch").text
    assert "须由他人同意" in page
    assert "/approve" not in page
    assert applicant.post(f"/watch/{entry.entry_id}/approve").status_code == 403
    assert DeskClient(app, "reviewer").post(f"/watch/{entry.entry_id}/approve").status_code == 403
    second = DeskClient(app, "legal")
    assert "/approve" in second.get("/watch").text
    assert second.post(f"/watch/{entry.entry_id}/approve").status_code == 303
    assert [e.plate_text for e in desk.watch.active(datetime.now(UTC))] == [SUSPECT]
    assert second.post(f"/watch/{entry.entry_id}/approve").status_code == 409
    assert "布控中" in applicant.get(f"/leads/{lead_id}").text
    assert ("watch_apply", "supervisor") in actions(desk)
    assert ("watch_approve", "legal") in actions(desk)


def test_revoking_takes_a_reason_and_is_at_once(app: FastAPI, desk: Desk) -> None:
    """For entries that stand and for applications."""
    client = DeskClient(app, "reviewer")
    given = {"plate": "渝a 12345", "reason": "举报", "days": "30", "colour": "blue", "vehicle": "car"}
    assert client.post("/watch", given).status_code == 303
    entry = desk.watch.list()[0]
    assert (entry.plate_text, entry.plate_colour, entry.vehicle_type) == ("渝A12345", "blue", "car")
    assert client.post(f"/watch/{entry.entry_id}/revoke", {"reason": ""}).status_code == 400
    assert client.post(f"/watch/{entry.entry_id}/revoke", {"reason": "车主已改正"}).status_code == 303
    assert "车主已改正" in client.get("/watch").text
    assert client.post(f"/watch/{entry.entry_id}/revoke", {"reason": "again"}).status_code == 409


@pytest.mark.parametrize("wrong", [
    {"plate": "渝A1234"}, {"plate": "' OR 1=1"}, {"days": "181"}, {"days": "0"}, {"reason": ""}, {"colour": "pink"},
    {"vehicle": "tank"},
])  # fmt: skip
def test_an_application_is_checked(app: FastAPI, desk: Desk, wrong: dict[str, str]) -> None:
    """Complete plates, an end within 180 days, a reason."""
    given = {"plate": "渝A12345", "reason": "举报", "days": "30"} | wrong
    assert DeskClient(app, "reviewer").post("/watch", given).status_code == 400
    assert desk.watch.list() == []


def test_an_auditor_reads_and_does_nothing(app: FastAPI, desk: Desk) -> None:
    """No form is shown, none is taken."""
    client, lead_id = DeskClient(app, "auditor"), lead_of(desk, SUSPECT)
    for page in (client.get(f"/leads/{lead_id}").text, client.get("/watch").text):
        assert 'name="reason"' not in page
        assert 'name="outcome"' not in page
    assert client.post(f"/leads/{lead_id}/outcome", {"outcome": "lawful"}).status_code == 403


def test_an_outcome_closes_a_lead_once(app: FastAPI, desk: Desk) -> None:
    """And is there for the next scan."""
    client, lead_id = DeskClient(app, "reviewer"), lead_of(desk, SUSPECT)
    assert client.post(f"/leads/{lead_id}/outcome", {"outcome": "arrested"}).status_code == 400
    assert client.post(f"/leads/{lead_id}/outcome", {"outcome": "confirmed"}).status_code == 303
    assert client.post(f"/leads/{lead_id}/outcome", {"outcome": "lawful"}).status_code == 409
    assert desk.leads.outcomes()[SUSPECT][0] is LeadOutcome.CONFIRMED
    assert "李明" in client.get(f"/leads/{lead_id}").text
    assert mask_plate(SUSPECT) not in client.get("/leads").text
    assert mask_plate(SUSPECT) in client.get("/leads?state=closed").text


def test_the_chart_places_visits_by_day_and_hour() -> None:
    """One row a day also where nothing was, in Beijing time, as long as the stay; names are never markup."""
    visits = [TimelineEntry(datetime(2026, 5, day, 16, 30, tzinfo=UTC), "c", "p", "loop 60") for day in (1, 4)]
    chart = draw_visits(visits, "<chart>", lambda entry: "<b>")
    assert [day in chart for day in (">05-02<", ">05-03<", ">05-04<", ">05-05<")] == [True] * 4
    assert 'x="101.0" y="28" width="34.0"' in chart
    assert "<b>" not in chart
    assert "&lt;chart&gt;" in chart


@pytest.mark.long
def test_from_lead_to_watch_list_by_keyboard_alone(open_page: Open, served: tuple[Desk, str]) -> None:
    """One applies, another consents; on a phone nothing is wider than the screen."""
    desk, _ = served
    add_leads(desk)
    page = open_page("reviewer", "/leads", viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    press(page, "n")
    page.wait_for_selector("svg.visits")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tab_to(page, "textarea[name=reason]")
    page.keyboard.type("多日往返揽客")
    tab_to(page, "form[action$=watch] button")
    press(page, "Enter")
    page.wait_for_selector("#said .said")
    second = open_page("legal", "/watch")
    tab_to(second, "form[action$=approve] button")
    press(second, "Enter")
    second.wait_for_selector("tr:has-text('布控中')")
    assert [entry.plate_text for entry in desk.watch.active(datetime.now(UTC))] == [SUSPECT]

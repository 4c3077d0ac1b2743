"""Search: never without a purpose, always written down, only what the person may see."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from detector.cases import audit
from detector.database.sessions import read_session
from detector.database.tables import AuditRow
from detector.entities import Sighting
from detector.errors import StorageError
from detector.review.desk import Desk
from tests.detector.review.browser import Open, press, tab_to
from tests.detector.review.desk import BARE_CASE, NOON, OTHER_CASE, OWN_CASE, DeskClient

PLATE = "渝D12345"
ASKED = {"purpose": "supervision", "words": "投诉 17 号", "plate": PLATE, "from": "2020-01-01T00:00",
         "to": "2026-11-24T00:00"}  # fmt: skip


@pytest.fixture
def seen(desk: Desk) -> Desk:
    """A desk whose sightings know the plate here and elsewhere, and another plate."""
    places = (("gate", PLATE, 3), ("far", PLATE, 2), ("ring", PLATE, 1), ("gate", "渝B67890", 1))
    desk.sightings.add([Sighting(plate, camera, NOON - timedelta(hours=h)) for camera, plate, h in places])
    return desk


def lines(desk: Desk) -> list[AuditRow]:
    with read_session(desk.engine) as session:
        return list(session.scalars(select(AuditRow).order_by(AuditRow.event_id)))


def test_a_complete_plate_finds_cases_and_sightings_of_the_own_districts(app: FastAPI, seen: Desk) -> None:
    """What lies elsewhere is not there."""
    page = DeskClient(app, "reviewer").post("/search", ASKED).text
    assert f"/cases/{OWN_CASE}" in page
    assert f"/cases/{BARE_CASE}" in page
    assert OTHER_CASE not in page
    assert "2026-11-23 09:00:00" in page
    assert "2026-11-23 11:00:00" in page
    assert "2026-11-23 10:00:00" not in page


def test_who_looked_for_what_and_why_is_written_down_first(app: FastAPI, seen: Desk) -> None:
    """In the audit log, and in the log of opened plates."""
    DeskClient(app, "reviewer").post("/search", ASKED)
    line = lines(seen)[-1]
    assert (line.action, line.account, line.reason) == ("search", "reviewer", "supervision: 投诉 17 号")
    assert line.details["plate"] == PLATE
    opening = seen.sightings.openings()[0]
    assert (opening["person"], opening["reason"]) == ("reviewer", "supervision: 投诉 17 号")
    assert audit.verify(seen.engine).faults == ()


@pytest.mark.parametrize("wrong", [
    {"purpose": ""}, {"purpose": "curiosity"}, {"words": ""}, {"words": "   "}, {"plate": "渝"}, {"plate": ""},
    {"from": "2027-01-01T00:00"}, {"from": "yesterday"}, {"from": "0001-01-01T00:00"}, {"to": "9999-12-31T23:59Z"},
])  # fmt: skip
def test_nothing_is_found_without_purpose_and_bounds(app: FastAPI, seen: Desk, wrong: dict[str, str]) -> None:
    """And nothing was opened."""
    answer = DeskClient(app, "reviewer").post("/search", ASKED | wrong)
    assert answer.status_code == 400
    assert OWN_CASE not in answer.text
    assert seen.sightings.openings() == []
    assert lines(seen) == []


def test_part_of_a_plate_or_a_place_finds_cases_alone(app: FastAPI, seen: Desk) -> None:
    """Sightings are found by complete plates only; special characters are no wildcards."""
    client = DeskClient(app, "reviewer")
    page = client.post("/search", ASKED | {"plate": "D123"}).text
    assert OWN_CASE in page
    assert "须填写完整号牌" in page
    assert OWN_CASE not in client.post("/search", ASKED | {"plate": "%%%"}).text
    camera = seen.cases.get(OWN_CASE).camera_id
    assert OWN_CASE in client.post("/search", ASKED | {"plate": "", "camera": camera}).text
    assert OWN_CASE not in client.post("/search", ASKED | {"plate": "", "camera": "gate"}).text
    assert seen.sightings.openings() == []


def test_sightings_whose_keys_are_gone_leave_the_cases(
    app: FastAPI, seen: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The officer is told, and sees the cases all the same."""

    def refuse(*asked: object) -> list[Sighting]:
        raise StorageError("the keys of that window are destroyed")

    monkeypatch.setattr(type(seen.sightings), "find_plate", refuse)
    answer = DeskClient(app, "reviewer").post("/search", ASKED)
    assert answer.status_code == 200
    assert "过车记录不可用" in answer.text
    assert f"/cases/{OWN_CASE}" in answer.text


def test_searching_is_limited(app: FastAPI, seen: Desk) -> None:
    """Twenty plates a minute, not a register."""
    client = DeskClient(app, "reviewer")
    statuses = [client.post("/search", ASKED | {"words": ""}).status_code for _ in range(22)]
    assert statuses.count(429) == 2


@pytest.mark.long
def test_a_search_by_keyboard_alone_leaves_no_plate_in_the_address(open_page: Open, served: tuple[Desk, str]) -> None:
    """From the form to the case; on a phone nothing is wider than the screen."""
    page = open_page("supervisor", "/search", viewport={"width": 390, "height": 800})
    tab_to(page, "select[name=purpose]")
    press(page, "ArrowDown", "ArrowDown")
    tab_to(page, "input[name=words]")
    page.keyboard.type("投诉 17 号")
    tab_to(page, "input[name=plate]")
    page.keyboard.type("渝D12345")
    page.fill("input[name=from]", "2020-01-01T00:00")
    tab_to(page, "form.find button")
    press(page, "Enter")
    page.wait_for_selector(f'a[href="/cases/{OWN_CASE}"]')
    assert page.url.endswith("/search")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

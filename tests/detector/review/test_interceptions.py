"""The interception board: who sees which hit, what follows it, and a board that is live by itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from detector.database.sessions import read_session, write_session
from detector.database.tables import AuditRow, CaseRow
from detector.review.app import make_app
from detector.review.desk import Desk
from tests.detector.review.browser import Open, press, tab_to
from tests.detector.review.desk import OWN_CASE, DeskClient, copy_desk
from tests.detector.review.fillings import WANTED, hit, list_plate


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Desk:
    """On the real clock, as hits and entries are."""
    return copy_desk(template, tmp_path / "desk")


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return make_app(desk)


def test_a_hit_shows_timer_place_reading_and_where_it_goes_next(app: FastAPI, desk: Desk) -> None:
    """The timer runs from the deciding frame; the next cameras come with their times."""
    list_plate(desk)
    found = hit(desk)
    hit(desk, "ring", 5)
    page = DeskClient(app, "dispatcher").get("/interceptions").text
    assert f'data-since="{found.seen_at.timestamp()}"' in page
    assert 'data-limit="240"' in page
    assert "石桥铺立交" in page
    assert "行踪" in page
    assert "无图像" in page
    assert "号牌颜色相符" in page
    assert WANTED not in DeskClient(app, "dispatcher").get("/queue?state=closed").text


def test_the_likely_next_cameras_have_their_times(app: FastAPI, desk: Desk) -> None:
    """From the configured roads; where there are none, that is said."""
    list_plate(desk)
    found = hit(desk)
    page = DeskClient(app, "dispatcher").get("/interceptions").text
    ring, tunnel = page.index("石桥铺立交"), page.index("巴南区渝南大道")
    assert ring < tunnel
    assert f'data-until="{(found.seen_at + timedelta(seconds=120)).timestamp()}"' in page
    hit(desk, "ring", 5)
    hit_without_roads = DeskClient(app, "dispatcher")
    assert "3.0 km" in hit_without_roads.get("/interceptions").text


def test_a_picture_is_shown_where_a_case_keeps_one(app: FastAPI, desk: Desk) -> None:
    """The masked one, of the case of the same pass; for nobody who may not see that case."""
    list_plate(desk)
    with write_session(desk.engine) as session:
        row = session.get(CaseRow, OWN_CASE)
        row.camera_id, row.captured_at = "gate", datetime.now(UTC) - timedelta(seconds=30)
    hit(desk)
    picture = f"/cases/{OWN_CASE}/files/vehicle.masked.jpg"
    dispatcher = DeskClient(app, "dispatcher")
    assert picture in dispatcher.get("/interceptions").text
    assert dispatcher.get(picture).headers["Content-Type"] == "image/jpeg"
    assert picture not in DeskClient(app, "department").get("/interceptions").text


def test_hits_concern_the_districts_where_they_are_or_go(app: FastAPI, desk: Desk) -> None:
    """Seen there, or likely there next; everything else is not there, for no page and no act."""
    list_plate(desk)
    list_plate(desk, "渝B67890")
    near, far = hit(desk, "gate"), hit(desk, "far", 20, "渝B67890")
    client = DeskClient(app, "dispatcher")
    page = client.get("/interceptions").text
    assert near.interception_id in page
    assert far.interception_id not in page
    for act, data in (("acknowledge", {}), ("outcome", {"outcome": "lawful"})):
        assert client.post(f"/interceptions/{far.interception_id}/{act}", data).status_code == 404
    assert desk.interceptions.get(far.interception_id).acknowledged_by is None


def test_taking_and_closing_a_hit(app: FastAPI, desk: Desk) -> None:
    """Each once, by somebody who acts; written down without the plate."""
    list_plate(desk)
    address = f"/interceptions/{hit(desk).interception_id}"
    client = DeskClient(app, "department")
    assert DeskClient(app, "auditor").post(f"{address}/acknowledge").status_code == 403
    assert client.post(f"{address}/acknowledge").status_code == 303
    taken = client.get("/interceptions").text
    assert "周强 已接警" in taken
    again = client.post(f"{address}/acknowledge")
    assert again.status_code == 409
    assert "已被他人处理" in again.text
    assert client.post(f"{address}/outcome", {"outcome": "shot"}).status_code == 400
    assert client.post(f"{address}/outcome", {"outcome": "confirmed"}).status_code == 303
    page = client.get("/interceptions").text
    assert "目前没有布控车辆出现" in page
    assert "查实" in page
    with read_session(desk.engine) as session:
        lines = session.scalars(select(AuditRow).where(AuditRow.action.startswith("interception_"))).all()
        assert [(line.action, line.account) for line in lines] == [
            ("interception_acknowledge", "department"), ("interception_outcome", "department"),
        ]  # fmt: skip
        assert all(WANTED not in str(line.details) for line in lines)


def test_an_open_board_is_sent_again_only_when_something_changed(app: FastAPI, desk: Desk) -> None:
    """A new hit, a later sighting, somebody taking it."""
    list_plate(desk)
    client = DeskClient(app, "dispatcher")

    def refresh() -> str:
        page = client.get("/interceptions").text
        address = page.split('hx-get="', 1)[1].split('"', 1)[0]
        assert client.get(address).status_code == 204
        return address

    address = refresh()
    found = hit(desk)
    assert client.get(address).status_code == 200
    address = refresh()
    hit(desk, "ring", 5)
    assert client.get(address).status_code == 200
    address = refresh()
    desk.interceptions.acknowledge(found.interception_id, "dispatcher")
    assert client.get(address).status_code == 200


@pytest.mark.long
def test_a_hit_appears_calls_and_is_closed_by_keyboard_alone(open_page: Open, served: tuple[Desk, str]) -> None:
    """Without reloading; silent until the sound is switched on; the title flashes until somebody has taken it."""
    desk, _ = served
    list_plate(desk)
    count = (
        "window.tones = 0; const make = AudioContext.prototype.createOscillator;"
        "AudioContext.prototype.createOscillator = function () { window.tones += 1; return make.call(this); };"
    )
    page = open_page("dispatcher", "/interceptions", script=count)
    hit(desk)
    page.wait_for_selector("[data-new]")
    page.wait_for_function("() => document.title.includes('新警情')")
    assert page.evaluate("window.tones") == 0
    press(page, "m")
    page.wait_for_function("() => window.tones > 0")
    before = page.evaluate("window.tones")
    page.wait_for_function("() => document.querySelector('time[data-since]').textContent.match(/^00:[3-9]\\d$/)")
    list_plate(desk, "渝B67890")
    hit(desk, "gate", 10, "渝B67890")
    page.wait_for_function("before => window.tones > before", arg=before)
    press(page, "a")
    page.wait_for_function("() => document.querySelectorAll('[data-new]').length === 1")
    press(page, "a")
    page.wait_for_function("() => document.querySelectorAll('[data-new]').length === 0")
    page.wait_for_function("() => !document.title.includes('新警情')")
    tab_to(page, "details[id^=end-] summary")
    press(page, "Enter")
    tab_to(page, "button[name=outcome][value=lawful]")
    press(page, "Enter")
    page.wait_for_selector("td:has-text('合法')")


@pytest.mark.long
def test_a_hit_that_comes_does_not_close_what_is_open(open_page: Open, served: tuple[Desk, str]) -> None:
    """Nor does it take the focus away."""
    desk, _ = served
    list_plate(desk)
    list_plate(desk, "渝B67890")
    first = hit(desk)
    page = open_page("dispatcher", "/interceptions", viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    end = f"#end-{first.interception_id}"
    page.focus(f"{end} summary")
    press(page, "Enter")
    hit(desk, "gate", 10, "渝B67890")
    page.wait_for_function("() => document.querySelectorAll('[data-hit]').length === 2")
    assert page.eval_on_selector(end, "details => details.open")
    assert page.eval_on_selector(f"{end} summary", "summary => summary === document.activeElement")

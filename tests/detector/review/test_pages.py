"""The pages as officers use them, without a browser: signing in, the queue, a case, its files."""

import re
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from detector.cases import audit
from detector.database.sessions import read_session, write_session
from detector.database.tables import AuditRow, EvidenceRow
from detector.entities import Action, CaseStatus
from detector.evidence.package import write_package
from detector.review.accounts import AccountStore
from detector.review.app import make_app
from detector.review.desk import Desk, DeskSettings
from detector.review.guard import FORM_COOKIE, SESSION_COOKIE
from detector.review.second_factor import SecondFactor
from tests.detector.evidence.makers import CAMERA, make_request
from tests.detector.review.desk import (
    BARE_CASE,
    KEY,
    OTHER_CASE,
    OWN_CASE,
    PASSWORD,
    Clock,
    DeskClient,
    confirm,
    copy_desk,
    look_at,
)

HTMX = {"HX-Request": "true"}


def seen(client: DeskClient, case_id: str) -> str:
    """Id of the last event of a case, as its page holds it."""
    return re.search(r'name="seen" value="(\d+)"', client.get(f"/cases/{case_id}").text).group(1)


def step(client: DeskClient, case_id: str, action: str, **given: object) -> tuple[int, str]:
    """Take a step as the page does; status and text of the answer."""
    data = {"action": action, "seen": str(len_events(client, case_id)), "queue": ""} | given
    response = client.post(f"/cases/{case_id}/steps", data, headers=HTMX)
    return response.status_code, response.text


def len_events(client: DeskClient, case_id: str) -> int:
    return max((event.event_id for event in client.desk.life.history(case_id)), default=0)


def actions(desk: Desk, case_id: str) -> list[str]:
    return [event.action for event in desk.life.history(case_id)]


def sign_in(client: DeskClient, account: str, password: str = PASSWORD, **more: str):
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text).group(1)
    return client.send("POST", "/sign-in", data={"account": account, "password": password, "csrf": token} | more)


def test_signing_in_makes_a_session_of_its_own(app: FastAPI, desk: Desk) -> None:
    """A token that the browser brought, even a valid one, is not the one that is used afterwards."""
    client = DeskClient(app)
    client.cookies[SESSION_COOKIE] = "planted"
    answer = sign_in(client, "reviewer")
    assert answer.headers["Location"] == "/"
    cookie = next(c for c in answer.headers.get_list("Set-Cookie") if c.startswith(SESSION_COOKIE))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.cookies[SESSION_COOKIE] != "planted"
    assert desk.sessions.find("planted") is None
    first = client.cookies[SESSION_COOKIE]
    again = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text).group(1)
    client.send("POST", "/sign-in", data={"account": "reviewer", "password": PASSWORD, "csrf": again})
    assert client.cookies[SESSION_COOKIE] != first
    assert desk.sessions.find(first) is None


def test_signing_in_needs_the_form_that_this_browser_was_given(app: FastAPI) -> None:
    """Nobody is signed in to somebody else's account by another site."""
    client = DeskClient(app)
    assert client.send("POST", "/sign-in", data={"account": "reviewer", "password": PASSWORD}).status_code == 403
    client.cookies[FORM_COOKIE] = "a"
    data = {"account": "reviewer", "password": PASSWORD, "csrf": "b"}
    assert client.send("POST", "/sign-in", data=data).status_code == 403


def test_five_failures_lock_the_account(app: FastAPI, desk: Desk) -> None:
    """Then the right password does not help either; wrong names look like wrong passwords."""
    client = DeskClient(app)
    wrong = [sign_in(client, "legal", "no") for _ in range(5)]
    assert {answer.status_code for answer in wrong} == {403}
    assert sign_in(client, "legal").status_code == 429
    assert sign_in(client, "nobody", "no").status_code == 403
    assert SESSION_COOKIE not in client.cookies


def test_sessions_end(app: FastAPI, clock: Clock) -> None:
    """After half an hour without a click, and after twelve hours with clicks."""
    client = DeskClient(app, "reviewer")
    clock.move(minutes=29)
    assert client.get("/queue").status_code == 200
    clock.move(minutes=31)
    assert client.get("/queue").status_code == 303
    client = DeskClient(app, "reviewer")
    for _ in range(12 * 3):
        assert client.get("/queue").status_code == 200
        clock.move(minutes=20)
    clock.move(minutes=1)
    assert client.get("/queue").status_code == 303


def test_a_list_that_is_left_open_keeps_no_session_alive(app: FastAPI, clock: Clock) -> None:
    """It asks for news by itself; a board of interceptions is watched without a click."""
    client = DeskClient(app, "reviewer")
    for _ in range(6):
        assert client.get("/queue/rows", headers=HTMX).status_code == 200
        clock.move(minutes=5)
    clock.move(minutes=1)
    assert client.get("/queue/rows", headers=HTMX).headers["HX-Redirect"] == "/sign-in"
    client = DeskClient(app, "reviewer")
    for _ in range(12):
        assert client.get("/interceptions/rows", headers=HTMX).status_code == 200
        clock.move(minutes=5)


def test_signing_out_ends_the_session(app: FastAPI, desk: Desk) -> None:
    """On the server, not only in the browser."""
    client = DeskClient(app, "reviewer")
    token = client.cookies[SESSION_COOKIE]
    assert client.post("/sign-out").headers["Clear-Site-Data"] == '"cache"'
    assert desk.sessions.find(token) is None


def test_a_new_password_ends_all_other_sessions(app: FastAPI, desk: Desk) -> None:
    """The old one is asked for."""
    client, other = DeskClient(app, "reviewer"), DeskClient(app, "reviewer")
    new = {"new": "another long password", "again": "another long password"}
    assert client.post("/account/password", {"old": "wrong", **new}).status_code == 400
    assert client.post("/account/password", {"old": PASSWORD, **new}).status_code == 303
    assert client.get("/queue").status_code == 200
    assert other.get("/queue").status_code == 303
    assert desk.accounts.authenticate("reviewer", "another long password")


def test_the_queue_narrows_by_everything(app: FastAPI) -> None:
    """Each filter alone finds the case, or does not."""
    client = DeskClient(app, "reviewer")
    day = "2024-03-05"
    for query, is_there in (
        ("", True), ("plate=D123", True), ("plate=%25", False), ("rule=heaped_load", True), ("rule=no_permit", False),
        ("camera=cq-bn-017", True), ("camera=x", False), ("district=jlp", True), ("district=bn", False),
        ("grade=evidence", True), ("grade=lead", False), (f"from={day}&to={day}", True), ("from=2024-03-06", False),
        ("mine=1", False), ("group=legal", False), ("group=all", True), ("state=in_review", False),
        ("from=garbage&show=99999999999&state=x&group=y", True),
    ):  # fmt: skip
        page = client.get(f"/queue?{query}")
        assert page.status_code == 200
        assert (f"/cases/{OWN_CASE}" in page.text) is is_there, query
        assert OTHER_CASE not in page.text


def test_the_queue_is_fetched_again_only_when_something_changed(app: FastAPI, desk: Desk) -> None:
    """A page that is open costs nothing while nothing happens."""
    client = DeskClient(app, "supervisor")
    refresh = re.search(r'hx-get="([^"]+)"', client.get("/queue").text).group(1).replace("&amp;", "&")
    assert client.get(refresh, headers=HTMX).status_code == 204
    desk.life.perform(OWN_CASE, Action.CLAIM, desk.accounts.get("reviewer").actor)
    changed = client.get(refresh, headers=HTMX)
    assert changed.status_code == 200
    assert "李明" in changed.text


def test_two_reviewers_never_get_the_same_case(app: FastAPI, clock: Clock) -> None:
    """Not by taking the next one, not by looking ahead; after the claim's time is over, the case is free again."""
    first, second = DeskClient(app, "reviewer"), DeskClient(app, "reviewer2")
    got = first.post("/queue/next").headers["Location"].split("?")[0]
    other = second.post("/queue/next").headers["Location"].split("?")[0]
    assert {got, other} == {f"/cases/{OWN_CASE}", f"/cases/{BARE_CASE}"}
    assert second.post(f"{other}/ahead", {"queue": ""}).json()["case"] is None
    clock.move(minutes=16)
    assert second.post(f"{other}/ahead", {"queue": ""}).json()["case"] == got.removeprefix("/cases/")


def test_one_key_decides_and_brings_the_next_case(app: FastAPI, desk: Desk) -> None:
    """The answer to a decision is the next case, with its undo."""
    client = DeskClient(app, "reviewer")
    case_id = client.post("/queue/next").headers["Location"].split("?")[0].removeprefix("/cases/")
    client.post(f"/cases/{case_id}/ahead", {"queue": ""})
    status, text = step(client, case_id, "confirm")
    following = BARE_CASE if case_id == OWN_CASE else OWN_CASE
    assert status == 200
    assert f'data-case="{following}"' in text
    assert f'hx-post="/cases/{case_id}/steps"' in text
    assert desk.cases.get(case_id).status is CaseStatus.TECHNICALLY_CONFIRMED
    assert desk.cases.get(following).status is CaseStatus.IN_REVIEW
    status, text = step(client, case_id, "undo")
    assert f'data-case="{case_id}"' in text
    assert desk.cases.get(case_id).status is CaseStatus.IN_REVIEW


def test_a_decision_about_what_has_changed_is_refused(app: FastAPI, desk: Desk) -> None:
    """Whoever decides on an old page is told; what others only looked at is no change."""
    client = DeskClient(app, "reviewer")
    client.post(f"/cases/{OWN_CASE}/steps", {"action": "claim", "seen": "0"}, headers=HTMX)
    old = seen(client, OWN_CASE)
    auditor = DeskClient(app, "auditor")
    auditor.post(f"/cases/{OWN_CASE}/originals", {"purpose": "audit"})
    desk.life.perform(OWN_CASE, Action.NOTE, desk.accounts.get("supervisor").actor, reason="看一下")
    answer = client.post(f"/cases/{OWN_CASE}/steps", {"action": "confirm", "seen": old}, headers=HTMX)
    assert answer.status_code == 409
    assert "案件已被他人处理" in answer.text
    assert step(client, OWN_CASE, "confirm")[0] == 200


def test_the_second_review_takes_another_person_and_law_is_never_preset(app: FastAPI, desk: Desk) -> None:
    """From the first look to the department's answer, by the people whose work it is."""
    confirm(desk, OWN_CASE, CaseStatus.TECHNICALLY_CONFIRMED)
    legal, dispatcher, department = (DeskClient(app, name) for name in ("legal", "dispatcher", "department"))
    assert step(DeskClient(app, "reviewer"), OWN_CASE, "legal_confirm")[0] == 409
    assert step(legal, OWN_CASE, "legal_confirm")[0] in (200, 204)
    page = legal.get(f"/cases/{OWN_CASE}").text
    assert 'value="urban-heaped" required' in page
    assert not re.search(r'name="basis"[^>]*checked', page)
    assert step(legal, OWN_CASE, "file", basis="made-up")[0] == 409
    assert step(legal, OWN_CASE, "file")[0] == 400
    assert step(legal, OWN_CASE, "file", basis="urban-heaped")[0] == 200
    assert desk.cases.get(OWN_CASE).basis["title"] == "运输建筑垃圾车辆冒装"
    assert department.get(f"/cases/{OWN_CASE}").status_code == 404
    page = dispatcher.get(f"/cases/{OWN_CASE}").text
    assert not re.search(r'name="units"[^>]*checked', page)
    assert step(dispatcher, OWN_CASE, "dispatch", units=["jlp-cg", "jlp-zj"], main="jlp-cg")[0] == 200
    assert step(department, OWN_CASE, "accept")[0] == 200
    assert step(department, OWN_CASE, "give_feedback", reason="已处理")[0] == 200


@pytest.mark.parametrize(("given", "status"), [
    ({"action": "correct_plate", "plate": "渝D1234"}, 400), ({"action": "correct_plate", "plate": "渝B12345"}, 200),
    ({"action": "merge", "parent": OTHER_CASE}, 404), ({"action": "merge", "parent": BARE_CASE}, 200),
    ({"action": "hand_over", "account": "legal"}, 400), ({"action": "hand_over", "account": "reviewer2"}, 200),
    ({"action": "reject"}, 409), ({"action": "reject", "reason": "empty"}, 200), ({"action": "suspend"}, 409),
    ({"action": "explode"}, 400), ({"action": "confirm", "seen": "-1"}, 400),
    ({"action": "confirm", "seen": "9" * 5000}, 400), ({"action": "note", "reason": "x" * 600}, 400),
])  # fmt: skip
def test_what_is_given_with_a_step_is_checked(app: FastAPI, desk: Desk, given: dict, status: int) -> None:
    """Plates by the grammar, cases and colleagues by the district, reasons by the list."""
    client = DeskClient(app, "reviewer")
    desk.life.perform(OWN_CASE, Action.CLAIM, desk.accounts.get("reviewer").actor)
    before = actions(desk, OWN_CASE)
    found, _ = step(client, OWN_CASE, **given)
    assert found == status
    assert (actions(desk, OWN_CASE) == before) is (status != 200)


def test_text_of_officers_is_never_markup(app: FastAPI, desk: Desk) -> None:
    """Neither in notes, nor in what an address carries."""
    attack = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    desk.life.perform(OWN_CASE, Action.NOTE, desk.accounts.get("supervisor").actor, reason=attack, note=attack)
    client = DeskClient(app, "supervisor")
    for path in (f"/cases/{OWN_CASE}?queue={attack}", f"/queue?plate={attack}&rule={attack}", f"/nowhere/{attack}"):
        page = client.get(path)
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_whoever_holds_a_case_sees_its_originals_and_that_is_written_down(app: FastAPI, desk: Desk) -> None:
    """Once for the task, and once for every download."""
    client = DeskClient(app, "reviewer")
    assert client.get(f"/cases/{OWN_CASE}/files/scene_1.jpg").status_code == 403
    step(client, OWN_CASE, "claim")
    assert client.get(f"/cases/{OWN_CASE}/files/scene_1.jpg").headers["Content-Type"] == "image/jpeg"
    client.get(f"/cases/{OWN_CASE}")
    client.get(f"/cases/{OWN_CASE}/files/clip.mp4?download=1")
    with read_session(desk.engine) as session:
        lines = session.scalars(select(AuditRow).where(AuditRow.case_id == OWN_CASE).order_by(AuditRow.event_id)).all()
    assert [(line.action, line.reason) for line in lines] == [
        ("claim", None), ("view_evidence", "review"), ("download_evidence", "review"),
    ]  # fmt: skip
    assert lines[-1].details == {"file": "clip.mp4"}
    assert audit.verify(desk.engine).faults == ()


def test_everybody_else_states_a_purpose_and_it_ends(app: FastAPI, clock: Clock) -> None:
    """An auditor sees no original without one, and none an hour later."""
    client = DeskClient(app, "auditor")
    page = client.get(f"/cases/{OWN_CASE}")
    assert "<video" not in page.text
    assert 'name="purpose"' in page.text
    last = app.state.desk.life.history(OWN_CASE)[-1]
    assert (last.action, last.account) == ("view_masked", "auditor")
    original = f"/cases/{OWN_CASE}/files/clip.mp4"
    assert client.post(f"/cases/{OWN_CASE}/originals", {"purpose": "curiosity"}).status_code == 400
    assert client.get(original).status_code == 403
    assert client.post(f"/cases/{OWN_CASE}/originals", {"purpose": "audit", "words": "抽查"}).status_code == 303
    assert client.get(original).status_code == 200
    clock.move(minutes=29)
    client.get("/queue")
    clock.move(minutes=29)
    client.get("/queue")
    clock.move(minutes=3)
    assert client.get(original).status_code == 403


def test_files_come_in_ranges(app: FastAPI) -> None:
    """As players ask for them; a range beyond the end is refused."""
    client = DeskClient(app, "reviewer")
    step(client, OWN_CASE, "claim")
    path = f"/cases/{OWN_CASE}/files/clip.mp4"
    whole = client.get(path)
    part = client.get(path, headers={"Range": "bytes=100-199"})
    assert whole.headers["Content-Type"] == "video/mp4"
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.content)}"
    assert client.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416


@pytest.mark.parametrize("name", [
    "..%2fmanifest.json", "..%2F..%2Fdesk.db", "%2e%2e/desk.db", "../../desk.db", "....//desk.db", "%2fetc%2fpasswd",
    "clip.mp4%00.jpg", "..%5c..%5cdesk.db", "chain.jsonl", "seal.json%20", "CLIP.MP4",
])  # fmt: skip
def test_no_path_leaves_the_package(app: FastAPI, name: str) -> None:
    """Only files that the manifest names are sent, under exactly their names."""
    client = DeskClient(app, "reviewer")
    step(client, OWN_CASE, "claim")
    answer = client.get(f"/cases/{OWN_CASE}/files/{name}")
    assert answer.status_code in (303, 404)
    assert b"SQLite" not in answer.content


@pytest.mark.parametrize("folder", ["..", "/etc", "../..", ".", "", "missing"])
def test_no_row_of_the_database_leads_out_of_the_evidence_folder(app: FastAPI, desk: Desk, folder: str) -> None:
    """Also when somebody altered the database."""
    with write_session(desk.engine) as session:
        session.get(EvidenceRow, OWN_CASE).folder = folder
    client = DeskClient(app, "reviewer")
    step(client, OWN_CASE, "claim")
    assert client.get(f"/cases/{OWN_CASE}").status_code == 200
    assert client.get(f"/cases/{OWN_CASE}/files/passwd").status_code == 404


def test_a_link_in_a_package_is_not_followed(app: FastAPI, desk: Desk) -> None:
    """A file that stands elsewhere is not evidence."""
    scene = desk.shelf.root / OWN_CASE / "scene_1.jpg"
    scene.unlink()
    scene.symlink_to(desk.shelf.root.parent / "desk.db")
    client = DeskClient(app, "reviewer")
    step(client, OWN_CASE, "claim")
    assert client.get(f"/cases/{OWN_CASE}/files/scene_1.jpg").status_code == 404


def test_an_altered_manifest_is_told(app: FastAPI, desk: Desk) -> None:
    """The officer is told to stop; the database knows what was sealed."""
    client = DeskClient(app, "reviewer")
    step(client, OWN_CASE, "claim")
    assert "可能被改动" not in client.get(f"/cases/{OWN_CASE}").text
    manifest = desk.shelf.root / OWN_CASE / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("渝D12345", "渝D12346"), encoding="utf-8")
    shown = client.get(f"/cases/{OWN_CASE}").text
    assert "可能被改动" in shown
    assert "渝D12346" not in shown
    for content in (b"{}", b"[" * 100_000, b'{"files":[1]}', b""):
        manifest.write_bytes(content)
        assert "可能被改动" in client.get(f"/cases/{OWN_CASE}").text
    assert client.get(f"/cases/{OWN_CASE}/files/scene_1.jpg").status_code == 404


def test_an_altered_picture_is_told_and_not_shown(app: FastAPI, desk: Desk) -> None:
    """It is named, and what is as it was sealed is shown beside it."""
    client = DeskClient(app, "reviewer")
    step(client, OWN_CASE, "claim")
    scene = desk.shelf.root / OWN_CASE / "scene_1.jpg"
    content = bytearray(scene.read_bytes())
    content[-10] ^= 1
    scene.write_bytes(content)
    shown = client.get(f"/cases/{OWN_CASE}").text
    assert "可能被改动：scene_1.jpg。" in shown
    assert client.get(f"/cases/{OWN_CASE}/files/scene_1.jpg").status_code == 404
    assert client.get(f"/cases/{OWN_CASE}/files/scene_2.jpg").status_code == 200


def test_a_lead_whose_clip_was_spared_is_shown(app: FastAPI, desk: Desk) -> None:
    """A disk that was nearly full costs the clip, and not the page."""
    request = make_request(camera=replace(CAMERA, legal=None), spares_clip=True, look=look_at)
    request = replace(request, facts=replace(request.facts, case_id=BARE_CASE))
    evidence = write_package(request, desk.shelf.root).evidence
    with write_session(desk.engine) as session:
        session.add(
            EvidenceRow(
                case_id=BARE_CASE, folder=evidence.folder, manifest_sha256=evidence.manifest_sha256, clip_start_s=0.0,
                clip_end_s=0.0, sealed_at=desk.now(),
            )
        )  # fmt: skip
    client = DeskClient(app, "reviewer")
    step(client, BARE_CASE, "claim")
    shown = client.get(f"/cases/{BARE_CASE}")
    assert shown.status_code == 200
    assert "未保存视频" in shown.text and "scene_1.jpg" in shown.text and "<video" not in shown.text


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "99999-01-01", "2026-02-30"])
def test_days_that_nobody_can_mean_bound_nothing(app: FastAPI, day: str) -> None:
    """An address that somebody typed is no fault of the program."""
    client = DeskClient(app, "reviewer")
    for path in ("/queue", "/queue/rows"):
        shown = client.get(f"{path}?from={day}&to={day}")
        assert shown.status_code == 200
        assert OWN_CASE in shown.text


def test_a_queue_in_an_address_comes_back_as_it_was(app: FastAPI, desk: Desk) -> None:
    """Also with a plate that was typed without being quoted."""
    client = DeskClient(app, "reviewer")
    step(client, OWN_CASE, "claim")
    step(client, BARE_CASE, "claim")
    for case_id in (OWN_CASE, BARE_CASE):
        status, _ = step(client, case_id, "release", queue="plate=渝ZZZ")
        assert status in (200, 204)


def test_a_plate_is_checked_for_all_who_may_name_one(app: FastAPI) -> None:
    """Reviewers correct it; these and others apply for the watch list."""
    for role in ("reviewer", "legal", "dispatcher", "supervisor"):
        assert DeskClient(app, role).get("/plates/check?plate=渝D12345").status_code == 200
    assert DeskClient(app, "department").get("/plates/check?plate=渝D12345").status_code == 403


def test_earlier_cases_of_a_plate_take_a_purpose(app: FastAPI, desk: Desk) -> None:
    """It is written down with the plate."""
    client = DeskClient(app, "supervisor")
    assert client.post(f"/cases/{OWN_CASE}/earlier", {"purpose": ""}).status_code == 400
    found = client.post(f"/cases/{OWN_CASE}/earlier", {"purpose": "supervision"})
    assert f"/cases/{BARE_CASE}" in found.text
    last = desk.life.history(OWN_CASE)[-1]
    assert (last.action, last.reason, last.details) == ("view_plate_history", "supervision", {"plate": "渝D12345"})


def test_pages_speak_both_languages(app: FastAPI) -> None:
    """Chinese unless somebody chose English; the choice comes back to the same page, and to no other site."""
    client = DeskClient(app, "reviewer")
    assert "案件队列" in client.get("/queue").text
    back = client.post("/preferences", {"language": "en", "back": "/queue?plate=1"})
    assert back.headers["Location"] == "/queue?plate=1"
    assert "Take the next case" in client.get("/queue").text
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert client.post("/preferences", {"theme": "dark", "back": elsewhere}).headers["Location"] == "/"


def test_secure_cookies_over_tls(template, tmp_path) -> None:
    """Behind TLS cookies never travel in clear, and browsers are told to stay with TLS."""
    desk = copy_desk(template, tmp_path / "tls", settings=DeskSettings(is_secure=True))
    client = DeskClient(make_app(desk))
    answer = client.get("/sign-in")
    assert "Strict-Transport-Security" in answer.headers
    assert all("Secure" in cookie and cookie.startswith("__Host-") for cookie in answer.headers.get_list("Set-Cookie"))
    desk.engine.dispose()


def test_an_authenticator_is_not_replaced_without_the_password(app: FastAPI, desk: Desk, clock: Clock) -> None:
    """Whoever finds a desk unattended can neither take it over nor lock its owner out."""
    secret, _ = desk.accounts.start_second_factor("legal")
    desk.accounts.confirm_second_factor("legal", secret, pyotp.TOTP(secret).at(clock.at))
    client, other = DeskClient(app, "legal"), pyotp.random_base32()
    assert client.post("/account/second-factor/start").status_code == 400
    code = pyotp.TOTP(other).at(clock.at)
    assert client.post("/account/second-factor", {"secret": other, "code": code}).status_code == 400
    clock.move(seconds=30)
    assert sign_in(DeskClient(app), "legal", code=pyotp.TOTP(secret).at(clock.at)).status_code == 303


def test_one_time_codes(app: FastAPI, desk: Desk, clock: Clock) -> None:
    """Once enrolled, a password alone is not enough; a code works once; another key opens no secret."""
    secret, _ = desk.accounts.start_second_factor("legal")
    code = pyotp.TOTP(secret).at(clock.at)
    desk.accounts.confirm_second_factor("legal", secret, code)
    client = DeskClient(app)
    assert sign_in(client, "legal").status_code == 403
    assert sign_in(client, "legal", code=code).status_code == 403  # it was used to enrol
    clock.move(seconds=30)
    fresh = pyotp.TOTP(secret).at(clock.at)
    assert sign_in(client, "legal", code=fresh).status_code == 303
    assert sign_in(DeskClient(app), "legal", code=fresh).status_code == 403
    clock.at += timedelta(seconds=30)
    other = AccountStore(desk.engine, clock, SecondFactor(KEY.replace(b"0", b"A")))
    with pytest.raises(Exception, match="wrong"):
        other.authenticate("legal", PASSWORD, pyotp.TOTP(secret).at(clock.at))

"""What departments do: see what is theirs, take it or send it back, and answer with photos."""

import io

import pytest
from fastapi import FastAPI
from PIL import Image

from detector.cases import audit
from detector.cases.keeping import Lifetimes, delete_expired, find_expired
from detector.entities import Action, CaseStatus
from detector.review.desk import Desk
from detector.review.photos import LONGEST_SIDE_PX, PHOTO_BYTES, PHOTOS_MOST, from_details
from tests.detector.review.browser import Open, press, tab_to
from tests.detector.review.desk import OTHER_CASE, OWN_CASE, SYSTEM, Clock, DeskClient, confirm

GPS, ORIENTATION, MAKER, RESOLUTION = 0x8825, 0x0112, 0x010F, 0x011A


def make_photo(size: tuple[int, int] = (640, 480), form: str = "JPEG", turned: int = 1) -> bytes:
    """A photo as a phone makes it: with position, device and how it was held."""
    image = Image.new("RGB", size, (40, 120, 60))
    exif = Image.Exif()
    exif[MAKER], exif[ORIENTATION] = "Secret Phone", turned
    exif.get_ifd(GPS)[1] = "N"
    written = io.BytesIO()
    image.save(written, form, exif=exif)
    return written.getvalue()


def answer(client: DeskClient, *photos: bytes, case_id: str = OWN_CASE):
    files = [("photos", (f"../../{n}.php", photo, "image/jpeg")) for n, photo in enumerate(photos)]
    return client.post(f"/department/{case_id}/feedback", {"reason": "已冲洗路面"}, files=files or None)


@pytest.fixture
def department(app: FastAPI, desk: Desk) -> DeskClient:
    """The department of a case that it has accepted."""
    confirm(desk, OWN_CASE)
    desk.life.perform(OWN_CASE, Action.ACCEPT, desk.accounts.get("department").actor)
    return DeskClient(app, "department")


def test_a_department_sees_its_own_parts_with_the_time_that_is_left(app: FastAPI, desk: Desk, clock: Clock) -> None:
    """Only what was dispatched to it; what is late is marked."""
    client = DeskClient(app, "department")
    assert "没有待办案件" in client.get("/department").text
    confirm(desk, OWN_CASE)
    page = client.get("/department").text
    assert "渝D12345" in page
    assert "渝B67890" not in page
    assert f"/cases/{OWN_CASE}/files/vehicle.masked.jpg" in page
    assert 'class="task sheet"' in page
    clock.move(days=3)
    assert 'class="task sheet late"' in DeskClient(app, "department").get("/department").text


def test_accepting_and_returning(app: FastAPI, desk: Desk) -> None:
    """A part is taken, or sent back with a reason; without one nothing happens."""
    confirm(desk, OWN_CASE)
    client = DeskClient(app, "department")
    assert client.post(f"/department/{OWN_CASE}/accept").status_code == 303
    assert desk.cases.get(OWN_CASE).status is CaseStatus.IN_HANDLING
    assert client.post(f"/department/{OWN_CASE}/return", {"reason": ""}).status_code == 400
    assert client.post(f"/department/{OWN_CASE}/return", {"reason": "不属本辖区"}).status_code == 303
    assert desk.cases.get(OWN_CASE).status is CaseStatus.RETURNED
    page = client.get("/department").text
    assert "没有待办案件" in page
    assert "已退回" in page


def test_what_the_centre_asks_for_again_is_told(department: DeskClient, desk: Desk) -> None:
    """The reason of a rework stands on the card."""
    answer(department)
    desk.life.perform(OWN_CASE, Action.REWORK, desk.accounts.get("dispatcher").actor, reason="请补拍车厢")
    assert "请补拍车厢" in department.get("/department").text


def test_photos_are_made_anew_without_what_they_carried(department: DeskClient, desk: Desk, app: FastAPI) -> None:
    """No position, no device, no name; upright, no larger than needed; named with their hashes in the chain."""
    given = [make_photo((4000, 1000), turned=6), make_photo(form="PNG"), make_photo(form="WEBP")]
    assert answer(department, *given).status_code == 303
    event = desk.life.history(OWN_CASE)[-1]
    photos = from_details(event.details)
    assert (event.action, event.reason, len(photos)) == ("give_feedback", "已冲洗路面", 3)
    assert (photos[0].width, photos[0].height) == (LONGEST_SIDE_PX // 4, LONGEST_SIDE_PX)
    for photo in photos:
        sent = department.get(f"/cases/{OWN_CASE}/photos/{photo.name}")
        assert sent.headers["Content-Type"] == "image/jpeg"
        assert b"Secret Phone" not in sent.content
        with Image.open(io.BytesIO(sent.content)) as image:
            assert image.format == "JPEG"
            assert dict(image.getexif()) == {}
    assert sorted(p.name for p in (desk.photos.root / OWN_CASE).iterdir()) == sorted(p.name for p in photos)
    assert audit.verify(desk.engine).faults == ()
    for reader in ("dispatcher", "auditor", "supervisor"):
        page = DeskClient(app, reader).get(f"/cases/{OWN_CASE}").text
        assert f"/cases/{OWN_CASE}/photos/{photos[0].name}" in page


def test_a_photo_with_a_broken_note_in_it_is_a_photo(department: DeskClient, desk: Desk) -> None:
    """Phones and editors write EXIF of any type; only how it was held is asked for."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[RESOLUTION] = 6, 72.0
    as_ratio, as_text = b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x02"
    assert exif.tobytes().count(as_ratio) == 1
    written = io.BytesIO()
    Image.new("RGB", (64, 32)).save(written, "JPEG", exif=exif.tobytes().replace(as_ratio, as_text))
    assert answer(department, written.getvalue()).status_code == 303
    photo = from_details(desk.life.history(OWN_CASE)[-1].details)[0]
    assert (photo.width, photo.height) == (32, 64)


def test_photos_lie_outside_of_the_sealed_package(department: DeskClient, desk: Desk) -> None:
    """The package is what it was when it was sealed."""
    before = {path: path.read_bytes() for path in desk.shelf.root.rglob("*") if path.is_file()}
    answer(department, make_photo())
    assert {path: path.read_bytes() for path in desk.shelf.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("content", "status"), [
    (b"<?php system($_GET[0]);", 400), (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 400),
    (b"GIF89a" + b"\0" * 50, 400), (make_photo()[:400], 400), (b"\xff\xd8\xff\xe0" + b"\0" * 100, 400),
    (b"\xff\xd8" + b"\0" * PHOTO_BYTES, 413),
])  # fmt: skip
def test_only_photos_are_taken(department: DeskClient, desk: Desk, content: bytes, status: int) -> None:
    """Judged by content, whatever the name says; one that is none refuses the whole answer, and nothing is kept."""
    assert answer(department, make_photo(), content).status_code == status
    assert desk.cases.get(OWN_CASE).status is CaseStatus.IN_HANDLING
    assert not desk.photos.root.exists()


def test_too_many_pixels_are_not_decoded(department: DeskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may hold a picture that fills the memory."""
    monkeypatch.setattr("detector.review.photos.PIXELS_MOST", 1000)
    assert answer(department, make_photo()).status_code == 413


def test_more_photos_than_allowed_are_refused(department: DeskClient, desk: Desk) -> None:
    """And nothing is kept of them."""
    assert answer(department, *[make_photo()] * (PHOTOS_MOST + 1)).status_code == 400
    assert not desk.photos.root.exists()


def test_photos_of_an_answer_that_is_refused_are_not_kept(app: FastAPI, desk: Desk) -> None:
    """A part that was not accepted cannot be answered."""
    confirm(desk, OWN_CASE)
    assert answer(DeskClient(app, "department"), make_photo()).status_code == 409
    assert list(desk.photos.root.rglob("*.jpg")) == []


def test_photos_are_sent_to_nobody_else(department: DeskClient, desk: Desk, app: FastAPI) -> None:
    """Neither for another case, nor under another name, nor when somebody put something else there."""
    answer(department, make_photo())
    photo = from_details(desk.life.history(OWN_CASE)[-1].details)[0]
    assert DeskClient(app, "reviewer").get(f"/cases/{OTHER_CASE}/photos/{photo.name}").status_code == 404
    assert DeskClient(app).get(f"/cases/{OWN_CASE}/photos/{photo.name}").status_code == 303
    for name in ("../../desk.db", "..%2f..%2fdesk.db", "x.jpg", f"{photo.name}%00"):
        assert department.get(f"/cases/{OWN_CASE}/photos/{name}").status_code in (303, 404)
    path = desk.photos.root / OWN_CASE / photo.name
    path.unlink()
    path.symlink_to(desk.shelf.root.parent / "desk.db")
    assert department.get(f"/cases/{OWN_CASE}/photos/{photo.name}").status_code == 404
    path.unlink()
    path.write_bytes(make_photo())
    assert department.get(f"/cases/{OWN_CASE}/photos/{photo.name}").status_code == 404


def test_photos_go_with_their_case(department: DeskClient, desk: Desk, clock: Clock) -> None:
    """When the case has served its purpose."""
    answer(department, make_photo())
    dispatcher = desk.accounts.get("dispatcher").actor
    desk.life.perform(OWN_CASE, Action.VERIFY, dispatcher)
    desk.life.perform(OWN_CASE, Action.CLOSE, dispatcher, reason="已整改")
    clock.move(days=300)
    expired = find_expired(desk.engine, Lifetimes(), clock())
    assert [item.case_id for item in expired] == [OWN_CASE]
    delete_expired(desk.engine, expired, SYSTEM, clock(), lambda item: desk.photos.remove_case(item.case_id))
    assert not (desk.photos.root / OWN_CASE).exists()


@pytest.mark.long
def test_an_officer_answers_with_a_photo_on_a_phone_by_keyboard(
    open_page: Open, served: tuple[Desk, str], tmp_path
) -> None:
    """Accept, write, attach, send; nothing is wider than the phone, and the photo stands on the case's page."""
    desk, _ = served
    confirm(desk, OWN_CASE)
    page = open_page("department", "/department", viewport={"width": 390, "height": 800})
    page.wait_for_function("() => document.querySelector('time[data-until]').textContent.startsWith('剩')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    press(page, "y")
    page.wait_for_selector("input[type=file]")
    tab_to(page, "textarea[name=reason]")
    page.keyboard.type("已清运并冲洗")
    photo = tmp_path / "site.jpg"
    photo.write_bytes(make_photo((1200, 900)))
    page.set_input_files("input[type=file]", photo)
    tab_to(page, "form[action$=feedback] button")
    press(page, "Enter")
    page.wait_for_selector(".ended")
    assert desk.cases.get(OWN_CASE).status is CaseStatus.FEEDBACK
    page.goto(f"/cases/{OWN_CASE}")
    assert (
        page.wait_for_selector("#feedback img").evaluate("image => image.decode().then(() => image.naturalWidth)")
        == 1200
    )

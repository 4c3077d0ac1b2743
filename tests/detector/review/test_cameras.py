"""Cameras on the desk: who sees them, what they show, and geometry that becomes a checked version."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from detector.entities import Camera, LegalRecord, Role
from detector.errors import Conflict
from detector.review.app import make_app
from detector.review.desk import Desk
from detector.review.guard import SESSION_COOKIE
from detector.review.queries.cameras import missing_of_record
from pipelines.configuration_store import ConfigurationStore
from pipelines.desk_cameras import CurrentCameras, DeskConfiguration
from tests.detector.review.desk import DeskClient, copy_desk, serve
from tests.detector.review.fillings import TOML, FakeWorkers

GEOMETRY = {"zone": [[0, 0], [1, 0], [1, 1], [0, 0.98765]], "lines": {"stop": [[0, 0.5], [1, 0.5]]}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cameras.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


@pytest.fixture
def app(desk: Desk, file: Path) -> FastAPI:
    store = ConfigurationStore(desk.engine, file)
    cameras = CurrentCameras(store, {})
    return make_app(
        replace(desk, configuration=DeskConfiguration(store, cameras), cameras=cameras, workers=FakeWorkers())
    )


def save(client: DeskClient, geometry: object = GEOMETRY, **changes: str) -> Any:
    fields = {"geometry": json.dumps(geometry), "note": "围栏移位", **changes}
    return client.post("/cameras/gate-03/geometry", fields)


def test_cameras_of_other_districts_are_not_there(app: FastAPI) -> None:
    """Neither in the list nor by their address, picture and form included."""
    client = DeskClient(app, Role.ADMINISTRATOR.value)
    assert "三号门" in client.get("/cameras").text and "bridge" not in client.get("/cameras").text
    for path in ("/cameras/bridge", "/cameras/bridge/picture", "/cameras/none"):
        assert client.get(path).status_code == 404
    assert client.post("/cameras/bridge/geometry", {"geometry": json.dumps(GEOMETRY), "note": "x y"}).status_code == 404


def test_a_camera_names_its_district(app: FastAPI) -> None:
    """As people call it, not as the configuration does."""
    assert "<dd>九龙坡区</dd>" in DeskClient(app, Role.REVIEWER.value).get("/cameras/gate-03").text


def test_health_and_picture_of_now_come_from_the_worker(app: FastAPI) -> None:
    """The worst state is shown in words, and the picture is the worker's."""
    client = DeskClient(app, Role.REVIEWER.value)
    page = client.get("/cameras/gate-03").text
    assert "画面冻结" in page and "长时间无车" in page and "± 40 ms" in page
    assert client.get("/cameras/gate-03/picture").content == b"\xff\xd8now"


def test_without_a_worker_the_last_masked_scene_is_shown(desk: Desk) -> None:
    """Never an original: nobody has stated a purpose."""
    (camera_id,) = {case.camera_id for case in desk.cases.list(10)}
    alone = make_app(replace(desk, cameras={camera_id: Camera(camera_id, district="jlp")}))
    shown = DeskClient(alone, Role.REVIEWER.value).get(f"/cameras/{camera_id}/picture").content
    scenes = {path.name: path.read_bytes() for path in desk.shelf.root.rglob("scene_*.jpg")}
    assert shown in [content for name, content in scenes.items() if ".masked." in name]
    assert shown not in [content for name, content in scenes.items() if ".masked." not in name]


def test_drawn_geometry_is_a_new_version_and_the_file_keeps_its_comments(app: FastAPI, file: Path) -> None:
    """What is saved is in force at once; the history tells who and why."""
    client = DeskClient(app, Role.SUPERVISOR.value)
    assert save(client).status_code == 303
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Gates of the district.") and "0.9877" in text and "stop" in text
    page = client.get("/cameras/gate-03").text
    assert "围栏移位" in page and "0.9877" in page
    assert save(client, {"zone": None, "lines": {}}).status_code == 303
    assert "0.9877" not in file.read_text(encoding="utf-8")


def test_an_older_version_comes_back(app: FastAPI, file: Path) -> None:
    """Undo is a version of its own; only administrators take back the whole configuration."""
    save(DeskClient(app, Role.SUPERVISOR.value))
    refused = DeskClient(app, Role.SUPERVISOR.value).post("/cameras/gate-03/restore", {"number": "1"})
    assert refused.status_code == 403
    assert (
        DeskClient(app, Role.ADMINISTRATOR.value).post("/cameras/gate-03/restore", {"number": "1"}).status_code == 303
    )
    assert file.read_text(encoding="utf-8") == TOML


def test_two_editors_do_not_overwrite_each_other(app: FastAPI, file: Path) -> None:
    """The second one is told, and nothing of the first one's work is lost."""
    client = DeskClient(app, Role.SUPERVISOR.value)
    stale = app.state.desk.configuration.fingerprint()
    assert save(client, based_on=stale).status_code == 303
    before = file.read_text(encoding="utf-8")
    answer = save(client, {"zone": None, "lines": {}}, based_on=stale)
    assert answer.status_code == 409 and file.read_text(encoding="utf-8") == before
    with pytest.raises(Conflict):
        ConfigurationStore(app.state.desk.engine, file).save(TOML, "x", "y", based_on=stale)


@pytest.mark.parametrize(
    "geometry",
    [
        [], {}, {"zone": 3, "lines": {}}, {"zone": [[1, 2, 3]], "lines": {}}, {"zone": [[0, 0]] * 41, "lines": {}},
        {"zone": None, "lines": {"a": [[0, 0]]}}, {"zone": [[0, 0], [2, 0], [0, 1]], "lines": {}},
        {"zone": [[0, 0], [1, 1]], "lines": {}}, {"zone": [[None, 0]] * 3, "lines": {}},
        {"zone": [[10**400, 0]] * 3, "lines": {}},
    ],
)  # fmt: skip
def test_wrong_geometry_changes_nothing(app: FastAPI, file: Path, geometry: object) -> None:
    """Whatever a browser sends, the file stays as it is."""
    assert save(DeskClient(app, Role.SUPERVISOR.value), geometry).status_code == 400
    assert file.read_text(encoding="utf-8") == TOML


def test_geometry_without_an_end_changes_nothing(app: FastAPI, file: Path) -> None:
    """Nested deeper than anything can be read."""
    fields = {"geometry": "[" * 20_000, "note": "围栏移位"}
    client = DeskClient(app, Role.SUPERVISOR.value)
    assert client.post("/cameras/gate-03/geometry", fields).status_code == 400
    assert file.read_text(encoding="utf-8") == TOML


def test_a_wrong_file_leaves_the_last_right_cameras(app: FastAPI, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody edits by hand and makes a mistake: the desk goes on."""
    cameras = app.state.desk.cameras
    assert set(cameras) == {"gate-03", "bridge"}
    monkeypatch.setattr("pipelines.desk_cameras.LOOK_EVERY_S", -1.0)
    file.write_text("[[camera]]\nid = 3", encoding="utf-8")
    assert set(cameras) == {"gate-03", "bridge"}
    file.write_text('[[camera]]\nid = "new"\n', encoding="utf-8")
    assert set(cameras) == {"new"}


def test_what_a_record_lacks_is_listed() -> None:
    """Each missing part, and a record whose time is over."""
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert missing_of_record(Camera("a"), now) == ("record",)
    record = LegalRecord("t", "l", "u", "s", now - timedelta(days=1))
    assert missing_of_record(Camera("a", legal=record), now) == ("authority", "expired")


@pytest.mark.long
def test_a_zone_is_drawn_by_keyboard(template: Path, tmp_path: Path, file: Path, chromium: Any) -> None:
    """Tab to a corner, arrow keys move it, the form saves it; no mouse."""
    desk = copy_desk(template, tmp_path / "served")
    store = ConfigurationStore(desk.engine, file)
    cameras = CurrentCameras(store, {})
    with serve(replace(desk, configuration=DeskConfiguration(store, cameras), cameras=cameras)) as address:
        context = chromium.new_context(base_url=address)
        token = desk.sessions.open(desk.accounts.get(Role.SUPERVISOR.value))
        context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": address}])
        page = context.new_page()
        page.goto("/cameras/gate-03")
        page.locator(".handle").first.focus()
        page.keyboard.press("Shift+ArrowRight")
        page.locator("input[name=note]").focus()
        page.keyboard.type("对准大门")
        page.keyboard.press("Enter")
        page.wait_for_selector(".said.good")
        context.close()
    assert store.current().cameras.by_id["gate-03"].zone[0] == pytest.approx((0.15, 0.1))

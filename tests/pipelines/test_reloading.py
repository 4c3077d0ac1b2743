"""A configuration that changes while cameras are watched."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.errors import ConfigurationError, StorageError
from detector.evidence.manifest import ModelRecord, Provenance
from detector.evidence.verify import read_manifest, verify_package
from detector.tracking import ByteTracker
from detector.video.stream_settings import StreamSettings
from pipelines.camera_watch import CameraPlan
from pipelines.config import Cameras
from pipelines.configuration_store import Configuration, ConfigurationStore
from pipelines.live import CaseDesk, LiveRunner
from pipelines.package_maker import PackageMaker
from pipelines.reloading import Reloader
from pipelines.violation_pipeline import ViolationPipeline
from tests.live_watch import RecordingIntake
from tests.scripted_truck import CAMERA, make_models, write_truck

ONE = '[[camera]]\nid = "gate"\n'
TWO = f'{ONE}\n[[camera]]\nid = "kerb"\n'


@pytest.mark.long
def test_cameras_come_and_go_and_an_unchanged_one_notices_nothing(
    tmp_path: Path, serve_rtsp: Callable[..., str]
) -> None:
    """One added, one removed while its evidence is in progress, one changed; the fourth loses no frame by it."""
    url = serve_rtsp(f"gate={write_truck(tmp_path / 'gate.mp4')}")
    stream = StreamSettings(f"{url}/gate")
    stays, goes, comes, changes = (
        CameraPlan(replace(CAMERA, camera_id=name), stream) for name in ("stays", "goes", "comes", "changes")
    )
    store = CaseStore(open_database(f"sqlite:///{tmp_path / 'cases.db'}"))
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), "0" * 64, "test")
    packages = PackageMaker(tmp_path / "evidence", provenance)
    desk = CaseDesk(ViolationPipeline(make_models(), ByteTracker), packages, store, None)
    intake, stop = RecordingIntake(), threading.Event()
    runner = LiveRunner([stays, goes, changes], desk, tmp_path / "ring", intake)
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    wait_for(lambda: any(case.camera_id == "goes" for case in store.list()))
    before = len(intake.sent["goes"])
    changed = CameraPlan(replace(changes.camera, place="new"), stream)
    runner.set_plans([stays, comes, changed], "1" * 64)
    wait_for(
        lambda: (
            any(c.camera_id == "changes" and c.place == "new" for c in store.list())
            and any(c.camera_id == "comes" for c in store.list())
        )
    )
    gap_s = intake.longest_gap_s("stays")  # before the stop, which may cut between pictures that rest on each other
    stop.set()
    thread.join(60)
    assert 0 < before < len(intake.sent["stays"])
    assert gap_s < 1 / 8 + 0.09  # a picture each 0.08 s on a grid of 8 a second
    ends = {case.camera_id: case for case in store.list()}
    assert verify_package(Path(ends["goes"].evidence.folder)).is_intact
    manifest, _ = read_manifest(Path(ends["comes"].evidence.folder) / "manifest.json")
    assert manifest["configuration_sha256"] == "1" * 64


class Applied(list[Cameras]):
    """Takes what is put in force; refuses what has no camera named kerb when asked to."""

    refusing = False

    def __call__(self, cameras: Cameras) -> None:
        if self.refusing:
            raise ConfigurationError("camera 'kerb': stream.password_env: KERB is not in the environment")
        self.append(cameras)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cameras.toml"
    path.write_text(ONE, encoding="utf-8")
    return path


def make_reloader(file: Path | None, applied: Applied) -> tuple[ConfigurationStore, Reloader]:
    store = ConfigurationStore(open_database("sqlite://"), file)
    if file is None:
        store.save(ONE, "wang", "")
    return store, Reloader(store, store.current().cameras, applied)


def test_a_changed_file_is_taken_up_when_it_has_settled(file: Path) -> None:
    """Seen the same twice, so that a half-written file is never taken; once, and not again."""
    applied = Applied()
    _, reloader = make_reloader(file, applied)
    reloader.look()
    file.write_text(TWO, encoding="utf-8")
    reloader.look()
    assert applied == []
    for _ in range(3):
        reloader.look()
    assert [list(cameras.by_id) for cameras in applied] == [["gate", "kerb"]]


def test_a_new_version_in_the_database_is_taken_up() -> None:
    """Also an undo."""
    applied = Applied()
    store, reloader = make_reloader(None, applied)
    for act in (lambda: store.save(TWO, "li", ""), lambda: store.restore(1, "li")):
        act()
        reloader.look()
        reloader.look()
    assert [list(cameras.by_id) for cameras in applied] == [["gate", "kerb"], ["gate"]]


def test_a_wrong_or_missing_file_is_told_once_and_the_old_configuration_stays(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Then a right one is taken up all the same."""
    caplog.set_level(logging.INFO)
    applied = Applied()
    _, reloader = make_reloader(file, applied)
    file.write_text(f"{ONE}zon = 1\n", encoding="utf-8")
    for _ in range(4):
        reloader.look()
    assert caplog.text.count("camera 'gate': zon: unknown key; the configuration in force stays") == 1
    file.unlink()
    for _ in range(4):
        reloader.look()
    assert caplog.text.count("No such file or directory; the configuration in force stays") == 1
    assert applied == []
    file.write_text(TWO, encoding="utf-8")
    for _ in range(3):
        reloader.look()
    assert len(applied) == 1


def test_what_cannot_be_put_in_force_is_refused(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A right text whose password is not here changes nothing either."""
    applied = Applied()
    applied.refusing = True
    _, reloader = make_reloader(file, applied)
    file.write_text(TWO, encoding="utf-8")
    for _ in range(3):
        reloader.look()
    assert "KERB is not in the environment; the configuration in force stays" in caplog.text
    assert applied == []


def test_a_new_password_in_a_file_is_taken_up(file: Path, tmp_path: Path) -> None:
    """Cameras get new passwords now and then, and the configuration stays the same."""
    secret = tmp_path / "secret"
    secret.write_text("old", encoding="utf-8")
    stream = f'[camera.stream]\nurl = "rtsp://a/b"\nusername = "u"\npassword_file = "{secret}"\n'
    file.write_text(ONE + stream, encoding="utf-8")
    applied = Applied()
    _, reloader = make_reloader(file, applied)
    reloader.look()
    assert applied == []
    secret.write_text("new", encoding="utf-8")
    for _ in range(4):
        reloader.look()
    assert [cameras.find_streams()["gate"].password for cameras in applied] == ["new"]


class AwayStore(ConfigurationStore):
    """A database that is away when the new version is to be read."""

    is_away = False

    def current(self) -> Configuration | None:
        if self.is_away:
            raise StorageError("database is away")
        return super().current()


def test_a_version_that_the_database_kept_back_is_taken_up_when_it_answers(caplog: pytest.LogCaptureFixture) -> None:
    """A change that could not be read is not forgotten."""
    store, applied = AwayStore(open_database("sqlite://")), Applied()
    store.save(ONE, "wang", "")
    reloader = Reloader(store, store.current().cameras, applied)
    store.save(TWO, "li", "")
    store.is_away = True
    for _ in range(4):
        reloader.look()
    assert caplog.text.count("database is away; the configuration in force stays") == 1
    store.is_away = False
    reloader.look()
    assert [list(cameras.by_id) for cameras in applied] == [["gate", "kerb"]]


def wait_for(condition: Callable[[], bool]) -> None:
    """A minute and a half at most."""
    clock = threading.Event()
    for _ in range(900):
        if condition():
            return
        clock.wait(0.1)
    pytest.fail("waited in vain")

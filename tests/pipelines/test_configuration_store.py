"""Versions of the configuration, on SQLite and on a real PostgreSQL server."""

import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from detector.database.engine import open_database
from detector.errors import ConfigurationError, Conflict, StorageError
from pipelines.cli import app
from pipelines.configuration_store import BY_HAND, ConfigurationStore, edit_camera, load_configuration

ONE = '# the gate\n[[camera]]\nid = "gate"   # stable\nplace = "三号门"\n'
TWO = f'{ONE}\n[[camera]]\nid = "kerb"\n'
WRONG = '[[camera]]\nid = "gate"\nzon = []\n'


@pytest.fixture
def engine() -> Engine:
    return open_database("sqlite://")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROADWARDEN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_versions_are_kept_with_who_and_why_and_an_older_one_comes_back(engine: Engine) -> None:
    """The newest is in force; restoring adds a version and takes none away; the same text twice is one version."""
    store = ConfigurationStore(engine)
    assert (store.current(), store.fingerprint()) == (None, None)
    store.save(ONE, "wang", "first")
    store.save(TWO, "li", "kerb added")
    assert store.save(TWO, "li", "again").number == 2
    assert store.fingerprint() == store.current().cameras.sha256
    assert store.restore(1, "wang", "kerb is down").number == 3
    assert store.current().content == ONE
    assert [(v.number, v.saved_by, v.note) for v in store.history()] == [
        (3, "wang", "version 1 again: kerb is down"),
        (2, "li", "kerb added"),
        (1, "wang", "first"),
    ]


def test_a_wrong_text_is_refused_and_changes_nothing(engine: Engine) -> None:
    """Checked before it is stored; the message names camera and key."""
    store = ConfigurationStore(engine)
    store.save(ONE, "wang", "")
    with pytest.raises(ConfigurationError, match="camera 'gate': zon: unknown key"):
        store.save(WRONG, "wang", "")
    with pytest.raises(ConfigurationError, match="no version 9"):
        store.restore(9, "wang")
    assert len(store.history()) == 1


def test_two_who_edit_the_same_version_do_not_overwrite_each_other(engine: Engine) -> None:
    """The slower one is told who was faster."""
    store = ConfigurationStore(engine)
    store.save(ONE, "wang", "")
    seen = store.fingerprint()
    store.save(TWO, "li", "", based_on=seen)
    with pytest.raises(Conflict, match="by li"):
        store.save(ONE + "# mine\n", "wang", "", based_on=seen)
    assert store.current().content == TWO


@pytest.mark.long
def test_a_race_on_a_server_has_one_winner(postgresql_url: str) -> None:
    """Of eight who edit the same version at once one wins, seven are told, and nothing is lost or doubled."""
    engine = open_database(postgresql_url)
    store = ConfigurationStore(engine)
    store.save(ONE, "wang", "")
    seen, told, gate = store.fingerprint(), [], threading.Barrier(8)

    def save(number: int) -> None:
        gate.wait()
        try:
            store.save(f"{ONE}# {number}\n", str(number), "", based_on=seen)
        except Conflict as error:
            told.append(str(error))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 7
    assert [v.number for v in store.history()] == [2, 1]
    engine.dispose()


def test_saving_a_machines_file_replaces_it_whole_and_keeps_what_was_there(engine: Engine, tmp_path: Path) -> None:
    """Also what was edited by hand becomes a version, so that it can be taken back; rights of the file stay."""
    path = tmp_path / "cameras.toml"
    path.write_text(ONE, encoding="utf-8")
    path.chmod(0o640)
    store = ConfigurationStore(engine, path)
    assert store.current().version is None
    store.save(TWO, "li", "kerb added", based_on=store.fingerprint())
    assert path.read_text(encoding="utf-8") == TWO
    assert path.stat().st_mode & 0o777 == 0o640
    assert [(v.number, v.saved_by, v.note) for v in store.history()] == [(2, "li", "kerb added"), (1, "", BY_HAND)]
    path.write_text(TWO + "# by hand\n", encoding="utf-8")
    store.restore(1, "wang")
    assert path.read_text(encoding="utf-8") == ONE
    assert [v.note for v in store.history()] == ["version 1 again", BY_HAND, "kerb added", BY_HAND]
    assert [p.name for p in tmp_path.iterdir()] == ["cameras.toml"]
    assert ConfigurationStore(engine).history() == []


def test_a_file_that_cannot_be_written_leaves_no_version(engine: Engine, tmp_path: Path) -> None:
    """Database and file change together or not at all."""
    store = ConfigurationStore(engine, tmp_path / "gone" / "cameras.toml")
    with pytest.raises(StorageError, match="cannot be written"):
        store.save(ONE, "wang", "")
    assert store.history() == []


def test_an_edit_touches_one_camera_and_no_comment() -> None:
    """A zone drawn by mouse: everything else stays as people wrote it; None takes a key away."""
    text = f'{TWO}\n[camera.stream]   # sub-table of kerb\nurl = "rtsp://10.0.0.2/1"\n'
    zone = [[0.1, 0.2], [0.9, 0.2], [0.9, 1.0]]
    edited = edit_camera(text, "kerb", {"zone": zone})
    assert edited.replace('id = "kerb"\nzone = [[0.1, 0.2], [0.9, 0.2], [0.9, 1.0]]\n', 'id = "kerb"\n') == text
    store = ConfigurationStore(open_database("sqlite://"))
    store.save(edited, "li", "")
    cameras = store.current().cameras.by_id
    assert cameras["kerb"].zone == ((0.1, 0.2), (0.9, 0.2), (0.9, 1.0))
    assert cameras["gate"].zone is None
    assert edit_camera(edited, "kerb", {"zone": None}) == text
    with pytest.raises(ConfigurationError, match="no camera 'x'"):
        edit_camera(text, "x", {})


def test_the_desk_may_use_it(tmp_path: Path) -> None:
    """Neither the store nor what it imports needs the vision stack."""
    import subprocess

    code = "import sys, pipelines.configuration_store; print(sorted({'cv2', 'av', 'onnxruntime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_push_pull_history_and_undo_as_commands(home: Path, tmp_path: Path) -> None:
    """What was pushed comes back to the byte; `--version` pushes an older one again; a wrong file is one line."""
    run = CliRunner().invoke
    file, wrong, back = tmp_path / "a.toml", tmp_path / "wrong.toml", tmp_path / "back.toml"
    file.write_bytes(ONE.replace("\n", "\r\n").encode())
    wrong.write_text(WRONG, encoding="utf-8")
    assert run(app, ["cameras", "push", str(file), "--note", "first", "--person", "wang"]).exit_code == 0
    file.write_text(TWO, encoding="utf-8")
    assert "version 2" in run(app, ["cameras", "push", str(file), "--person", "li"]).stdout
    assert isinstance(run(app, ["cameras", "push", str(wrong)]).exception, ConfigurationError)
    assert "version 3" in run(app, ["cameras", "push", "--version", "1", "--person", "wang"]).stdout
    listed = run(app, ["cameras", "history"]).stdout
    assert "version 1 again" in listed and "first" in listed and "li" in listed
    assert run(app, ["cameras", "pull", str(back)]).exit_code == 0
    assert back.read_bytes() == ONE.replace("\n", "\r\n").encode()
    refused = run(app, ["cameras", "pull", str(back), "--version", "2"])
    assert "--force replaces it" in str(refused.exception)
    assert run(app, ["cameras", "pull", str(back), "--version", "2", "--force"]).exit_code == 0
    assert back.read_text(encoding="utf-8") == TWO


def test_a_command_uses_the_file_before_the_database(home: Path) -> None:
    """The home folder's file, else the newest version in the database, else one built-in camera."""
    assert list(load_configuration(None, None).by_id) == ["camera"]
    with pytest.raises(ConfigurationError, match="cameras push FILE"):
        load_configuration(Path("database"), None)
    store = ConfigurationStore(open_database(f"sqlite:///{home / 'roadwarden.db'}"))
    store.save(TWO, "li", "")
    assert list(load_configuration(None, None).by_id) == ["gate", "kerb"]
    (home / "cameras.toml").write_text(ONE, encoding="utf-8")
    assert list(load_configuration(None, None).by_id) == ["gate"]
    assert list(load_configuration(Path("database"), None).by_id) == ["gate", "kerb"]

"""Configuration: every mistake in `cameras.toml` is one line that names file, camera and key."""

from pathlib import Path

import pytest

from detector.errors import ConfigurationError
from detector.rules import RULES
from pipelines.config import load_cameras, resolve_home

ROOT = Path(__file__).resolve().parents[2]

WRONG_FILES = {
    "syntax": ('[[camera]]\nid = "a"\nplace = \n', r"line 3"),
    "not text": (b'[[camera]]\nid = "\xff"\n', r"line 2 is not UTF-8"),
    "empty": ("", r"camera: Field required"),
    "camera is no table": ("camera = 3\n", r"camera: .*list"),
    "unknown top key": ('colour = 1\n[[camera]]\nid = "a"\n', r"colour: unknown key"),
    "id missing": ('[[camera]]\nplace = "x"\n', r"camera number 1: id: Field required"),
    "id with a slash": ('[[camera]]\nid = "../a"\n', r"id: .*pattern"),
    "id twice": ('[[camera]]\nid = "a"\n[[camera]]\nid = "a"\n', r"camera 'a': id is used twice"),
    "unknown key": ('[[camera]]\nid = "a"\nfps = 8\n', r"camera 'a': fps: unknown key"),
    "wrong type": ('[[camera]]\nid = "a"\nsees_into_box = "perhaps"\n', r"camera 'a': sees_into_box: .*boolean"),
    "rate of zero": ('[[camera]]\nid = "a"\nanalysis_fps = 0\n', r"camera 'a': analysis_fps: .*greater than 0"),
    "zone outside": (
        '[[camera]]\nid = "a"\nzone = [[0,0],[1,2],[1,1]]\n',
        r"camera 'a': zone\.1\.1: .*less than or equal",
    ),
    "zone of two": ('[[camera]]\nid = "a"\nzone = [[0,0],[1,1]]\n', r"camera 'a': zone: .*at least 3"),
    "unknown rule": ('[[camera]]\nid = "a"\n[camera.rules.overload]\n', r"camera 'a': rules: unknown rule 'overload'"),
    "unknown parameter": (
        '[[camera]]\nid = "a"\n[camera.rules.heaped_load]\nlooks = 3\n',
        r"camera 'a': rules: rule heaped_load: unknown parameter 'looks'",
    ),
    "parameter of a wrong type": (
        '[[camera]]\nid = "a"\n[camera.rules.heaped_load]\nmin_looks = "3"\n',
        r"rule heaped_load: min_looks must be a number",
    ),
    "enabled is no boolean": (
        '[[camera]]\nid = "a"\n[camera.rules.heaped_load]\nenabled = 1\n',
        r"rule heaped_load: enabled must be true or false",
    ),
    "date without offset": (
        '[[camera]]\nid = "a"\n[camera.legal]\nvalid_to = 2027-01-01T00:00:00\n',
        r"camera 'a': legal\.valid_to: needs an offset",
    ),
}


@pytest.mark.parametrize("kind", WRONG_FILES)
def test_each_mistake_is_one_line_with_file_and_key(tmp_path: Path, kind: str) -> None:
    """The message starts with the file, names what is wrong, and has no second line."""
    content, expected = WRONG_FILES[kind]
    path = tmp_path / "cameras.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError, match=expected) as caught:
        load_cameras(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that does not exist is a configuration error, not a traceback."""
    with pytest.raises(ConfigurationError, match=r"none\.toml: No such file"):
        load_cameras(tmp_path / "none.toml")


def test_rules_are_in_force_unless_switched_off(tmp_path: Path) -> None:
    """A rule that the file does not name keeps its defaults; `enabled = false` takes it out."""
    path = tmp_path / "cameras.toml"
    path.write_text('[[camera]]\nid = "a"\n[camera.rules.heaped_load]\nenabled = false\n', encoding="utf-8")
    rules = load_cameras(path).by_id["a"].rules
    assert set(rules) == set(RULES) - {"heaped_load"}


def test_the_file_in_the_repository_is_right() -> None:
    """The example that ships is accepted."""
    cameras = load_cameras(ROOT / "cameras.toml")
    assert cameras.by_id["gate-03"].rules["uncovered_load"] == {"min_looks": 5, "min_confidence": 0.85}


def test_the_only_camera_needs_no_name(tmp_path: Path) -> None:
    """With one camera every clip is its; with several, one must be named."""
    path = tmp_path / "cameras.toml"
    path.write_text('[[camera]]\nid = "a"\n', encoding="utf-8")
    assert load_cameras(path).choose(None).camera_id == "a"
    path.write_text('[[camera]]\nid = "a"\n[[camera]]\nid = "b"\n', encoding="utf-8")
    assert load_cameras(path).choose(None, "b").camera_id == "b"
    assert load_cameras(path).choose("a", "b").camera_id == "a"
    with pytest.raises(ConfigurationError, match="--camera"):
        load_cameras(path).choose(None)


def test_an_unknown_camera_is_refused_with_the_known_ones() -> None:
    """Both the command line and a sidecar may be wrong."""
    cameras = load_cameras(ROOT / "cameras.toml")
    with pytest.raises(ConfigurationError, match="no camera 'x'; known: demo-gantry, gate-03"):
        cameras.choose("x")
    with pytest.raises(ConfigurationError, match="no camera 'y'"):
        cameras.choose(None, "y")


def test_without_a_file_there_is_one_camera_with_all_rules() -> None:
    """Footage can be replayed without any configuration; a sidecar may still name its camera."""
    cameras = load_cameras(None)
    assert set(cameras.choose(None).rules) == set(RULES)
    assert cameras.choose(None, "from-sidecar").camera_id == "from-sidecar"
    with pytest.raises(ConfigurationError, match="no camera 'typo'"):
        cameras.choose("typo")


def test_home_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Paths never depend on a later change of the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROADWARDEN_HOME", raising=False)
    assert resolve_home() == tmp_path / "var"
    monkeypatch.setenv("ROADWARDEN_HOME", "elsewhere")
    assert resolve_home() == tmp_path / "elsewhere"


def write_stream(folder: Path, stream: str) -> Path:
    path = folder / "cameras.toml"
    path.write_text(f'[[camera]]\nid = "gate"\n[camera.stream]\n{stream}\n', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ('url = "http://a/b"', "rtsp://"),
        ('url = "rtsp://user:hunter2@a/b"', "no credentials"),
        ('url = "rtsp://a/b"\nusername = "u"', "password_env or password_file"),
        ('url = "rtsp://a/b"\npassword_env = "X"', "password_env or password_file"),
        ('url = "rtsp://a/b"\ntransport = "pigeon"', "stream.transport"),
        ('url = "rtsp://a/b"\nring_s = 5', "stream.ring_s"),
        ('url = "rtsps://a/b"\ntransport = "udp"', "not be encrypted"),
        ("ring_mb = 32", "either url or gb28181"),
        ('url = "rtsp://a/b"\nanalysis_url = "rtsp://user:hunter2@a/c"', "no credentials"),
        ('gb28181 = {device = "1", channel = "2"}', "stream.gb28181.device"),
        ('url = "rtsp://a/user=u&password=hunter2&channel=1.sdp"', "write {password}"),
        ('url = "rtsp://a/b?Pwd=hunter2"', "write {password}"),
        ('url = "rtsp://a/b?pwd={password}"', "password_env or password_file"),
    ],
)
def test_a_wrong_stream_is_one_line_without_secrets(tmp_path: Path, stream: str, told: str) -> None:
    """File, camera and key are named; a password that was written into the URL is not repeated."""
    with pytest.raises(ConfigurationError, match="camera 'gate': stream") as caught:
        load_cameras(write_stream(tmp_path, stream))
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_passwords_come_from_environment_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read when a camera is to be watched, so that replay needs none, and stand in no representation."""
    (tmp_path / "secret").write_text("p@ss\n", encoding="utf-8")
    by_file = f'url = "rtsp://a/b"\nusername = "u"\npassword_file = "{tmp_path / "secret"}"'
    settings = load_cameras(write_stream(tmp_path, by_file)).find_streams()["gate"]
    assert (settings.password, settings.full_url()) == ("p@ss", "rtsp://u:p%40ss@a/b")
    assert "p@ss" not in repr(settings)
    cameras = load_cameras(write_stream(tmp_path, 'url = "rtsp://a/b"\nusername = "u"\npassword_env = "GATE_PASSWORD"'))
    with pytest.raises(ConfigurationError, match=r"camera 'gate': stream\.password_env: GATE_PASSWORD"):
        cameras.find_streams()
    monkeypatch.setenv("GATE_PASSWORD", "other")
    assert cameras.find_streams()["gate"].password == "other"


def test_a_password_may_belong_into_the_path(tmp_path: Path) -> None:
    """Some makers want it there; messages keep the place and not the word."""
    (tmp_path / "secret").write_text("p@ss&1\n", encoding="utf-8")
    stream = 'url = "rtsp://a/user={username}&password={password}&channel=1&stream=0.sdp?real_stream"'
    keys = f'username = "admin"\npassword_file = "{tmp_path / "secret"}"'
    settings = load_cameras(write_stream(tmp_path, f"{stream}\n{keys}")).find_streams()["gate"]
    assert settings.full_url() == "rtsp://a/user=admin&password=p%40ss%261&channel=1&stream=0.sdp?real_stream"
    assert settings.shown_url == "rtsp://a/user={username}&password={password}&channel=1&stream=0.sdp"
    assert "p@ss" not in repr(settings) and "p%40ss" not in repr(settings)


DEVICE, CHANNEL = "50010700001180000001", "50010700001310000002"


def test_a_gb28181_camera_is_reached_through_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's secret is read when a camera is to be watched; without a gateway the camera is named."""
    path = write_stream(tmp_path, f'gb28181 = {{device = "{DEVICE}", channel = "{CHANNEL}"}}')
    with pytest.raises(ConfigurationError, match=r"camera 'gate': stream\.gb28181: there is no \[gateway\] table"):
        load_cameras(path).find_streams()
    gateway = '[gateway]\nurl = "http://wvp:18080/"\napi_key_env = "WVP_KEY"\n'
    path.write_text(path.read_text(encoding="utf-8") + gateway, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"gateway\.api_key_env: WVP_KEY is not in the environment"):
        load_cameras(path).find_streams()
    monkeypatch.setenv("WVP_KEY", "hunter2")
    settings = load_cameras(path).find_streams()["gate"]
    assert (settings.channel.device, settings.channel.channel) == (DEVICE, CHANNEL)
    assert (settings.channel.gateway.url, settings.channel.gateway.api_key) == ("http://wvp:18080", "hunter2")
    assert settings.is_relayed
    assert "hunter2" not in repr(settings)


def test_authorities_that_are_not_there_are_told_before_anything_is_watched(tmp_path: Path) -> None:
    """Else every camera would seem to show a wrong certificate."""
    cameras = load_cameras(write_stream(tmp_path, f'url = "rtsps://a/b"\nca_file = "{tmp_path / "none.pem"}"'))
    with pytest.raises(ConfigurationError, match=r"camera 'gate': stream\.ca_file: .*none\.pem: No such file"):
        cameras.find_streams()


@pytest.mark.parametrize(
    "gateway", ['url = "http://u:hunter2@wvp"', 'url = "ftp://wvp"', 'url = "http://wvp"\nkey = 1']
)
def test_a_wrong_gateway_is_one_line_without_secrets(tmp_path: Path, gateway: str) -> None:
    """The table is named."""
    path = write_stream(tmp_path, f'url = "rtsp://a/b"\n[gateway]\n{gateway}')
    with pytest.raises(ConfigurationError, match="gateway") as caught:
        load_cameras(path)
    assert "hunter2" not in str(caught.value)


def test_without_any_stream_nothing_can_be_watched(tmp_path: Path) -> None:
    """The file is named, and what it lacks."""
    with pytest.raises(ConfigurationError, match=r"no camera has a \[camera.stream\] table"):
        load_cameras(None).find_streams()

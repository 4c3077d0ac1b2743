"""`roadwarden cameras check` and `draw`, against a real RTSP server."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from detector.entities import Camera
from detector.errors import ConfigurationError, SourceError, StorageError
from pipelines.camera_drawing import LINE, ZONE, draw_geometry
from pipelines.cli import app
from tests.footage import ClipSpec, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROADWARDEN_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_each_camera_is_tried_and_none_stands_in_anothers_way(
    home: Path, tmp_path: Path, serve_rtsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes is measured, what is wrong is said, passwords are in neither; exit code 1 tells of the failures."""
    h264 = write(tmp_path / "a.mp4", ClipSpec(frames=200, width=192, height=128))
    h265 = write(tmp_path / "b.hevc.mp4", ClipSpec(codec="libx265", frames=200, width=256, height=144))
    open_url = serve_rtsp(f"a={h264}", f"b={h265}")
    locked_url = serve_rtsp("--only", "user:right-word", f"a={h264}")
    (tmp_path / "word").write_text("wrong-word", encoding="utf-8")
    account = f'username = "user"\npassword_file = "{tmp_path / "word"}"'
    missing = 'username = "user"\npassword_env = "NOT_THERE"'
    streams = {
        "plain": f'url = "{open_url}/a"\ntransport = "udp"',
        "hevc": f'url = "{open_url}/b"\nanalysis_url = "{open_url}/a"',
        "locked": f'url = "{locked_url}/a"\n{account}',
        "known": f'url = "{locked_url}/a"\nusername = "user"\npassword_env = "GATE_WORD"',
        "secretless": f'url = "{open_url}/a"\n{missing}',
        "dead": 'url = "rtsp://127.0.0.1:1/a"',
    }
    monkeypatch.delenv("NOT_THERE", raising=False)
    monkeypatch.setenv("GATE_WORD", "right-word")
    tables = [f'[[camera]]\nid = "{name}"\n[camera.stream]\n{stream}\n' for name, stream in streams.items()]
    (home / "cameras.toml").write_text('[[camera]]\nid = "replay-only"\n' + "\n".join(tables), encoding="utf-8")
    done = CliRunner().invoke(app, ["cameras", "check", "--json"])
    assert done.exit_code == 1
    found = {report["camera_id"]: report for report in json.loads(done.stdout)["cameras"]}
    assert list(found) == ["plain", "hevc", "hevc (analysis)", "locked", "known", "secretless", "dead"]
    assert (found["hevc (analysis)"]["codec"], found["hevc (analysis)"]["remarks"]) == ("h264", [])
    for name, codec, wh in (("plain", "h264", (192, 128)), ("hevc", "hevc", (256, 144))):
        report = found[name]
        assert (report["problem"], report["codec"], (report["width"], report["height"])) == (None, codec, wh)
        assert abs(report["fps"] - 25) < 1
        assert report["time"] == "rtcp_sr"
        assert abs(report["clock_offset_s"]) < 5
        assert any("smaller than 1280x720" in remark for remark in report["remarks"])
    assert "401" in found["locked"]["problem"]
    assert found["known"]["problem"] is None
    assert "NOT_THERE is not in the environment" in found["secretless"]["problem"]
    assert "Connection refused" in found["dead"]["problem"]
    assert "wrong-word" not in done.output
    assert "right-word" not in done.output


def test_the_table_names_each_camera_and_its_problem(home: Path) -> None:
    """For people; a camera that is not there is refused before anything is tried."""
    stream = '[camera.stream]\nurl = "rtsp://127.0.0.1:1/a"\n'
    (home / "cameras.toml").write_text(f'[[camera]]\nid = "dead"\n{stream}', encoding="utf-8")
    run = CliRunner().invoke
    done = run(app, ["cameras", "check", "dead"])
    assert done.exit_code == 1
    assert "dead" in done.stdout and "Connection refused" in done.stdout
    assert isinstance(run(app, ["cameras", "check", "nobody"]).exception, ConfigurationError)


GEOMETRY = """[[camera]]
id = "gate"
place = "三号门"
zone = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
lines = {"出口" = [[0.0, 0.9], [1.0, 0.9]]}
"""


def test_zone_and_lines_are_drawn_on_a_picture_of_a_clip_or_of_the_camera(
    home: Path, tmp_path: Path, serve_rtsp: Callable[..., str]
) -> None:
    """Either way the same geometry; a place that cannot be written, or a moment that the clip lacks, is one line."""
    clip = write(tmp_path / "a.mp4", ClipSpec(frames=60, width=640, height=360))
    stream = f'[camera.stream]\nurl = "{serve_rtsp(f"a={clip}")}/a"\n'
    (home / "cameras.toml").write_text(GEOMETRY + stream, encoding="utf-8")
    run = CliRunner().invoke
    for name, more in (("clip.png", ["--clip", str(clip), "--at", "1"]), ("live.jpg", [])):
        path = tmp_path / name
        done = run(app, ["cameras", "draw", "gate", "--output", str(path), *more])
        assert done.exit_code == 0, done.exception
        picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
        assert picture.shape[1] == 640
        assert picture.shape[0] > 360
        assert np.abs(picture[90, 320] - ZONE).max() < 60
        assert np.abs(picture[324, 320] - LINE).max() < 60
        assert picture[200, 20].sum() < picture[180, 400].sum()  # outside is darker
    late = run(app, ["cameras", "draw", "gate", "--clip", str(clip), "--at", "99"])
    assert isinstance(late.exception, SourceError)
    refused = run(app, ["cameras", "draw", "gate", "--clip", str(clip), "--output", str(tmp_path / "a.xyz")])
    assert isinstance(refused.exception, StorageError)


def test_without_a_zone_the_whole_picture_is_judged_and_stays_bright() -> None:
    """The caption says so; nothing is drawn on the picture itself."""
    image = np.full((120, 200, 3), 90, np.uint8)
    drawn = np.asarray(draw_geometry(image, Camera("gate")))
    assert (drawn[:120] == 90).all()

"""The command as a user meets it: bad input is one clear line and a non-zero exit, and nothing is left behind."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT, Done, run
from tests.footage import ClipSpec, write, write_audio


def assert_one_clear_line(result: Done, *words: str) -> None:
    """Exit 1, exactly one line of complaint that holds every word, and no traceback."""
    assert result.returncode == 1, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clips") / "road.mp4", ClipSpec(frames=40, width=320, height=192))


def make_bad_footage(kind: str, folder: Path) -> Path:
    path = folder / "bad.mp4"
    if kind == "directory":
        path.mkdir()
    elif kind == "text":
        path.write_text("not a video\n" * 50, encoding="utf-8")
    elif kind == "empty":
        path.touch()
    elif kind == "audio":
        write_audio(path)
    return path


@pytest.mark.parametrize("kind", ["missing", "directory", "text", "empty", "audio"])
def test_footage_that_is_none_is_named_in_one_line(kind: str, tmp_path: Path) -> None:
    """Each kind of wrong file: the line names it, and no case, evidence or partial file appears."""
    path = make_bad_footage(kind, tmp_path)
    assert_one_clear_line(run("replay", path, home=tmp_path), "bad.mp4")
    assert [p for p in (tmp_path / "var").rglob("*") if "evidence" in p.parts] == []


def test_a_bad_clip_does_not_stop_the_good_one(clip: Path, tmp_path: Path) -> None:
    """JSON tells both; the exit code tells that something was wrong."""
    result = run("replay", tmp_path / "none.mp4", clip, "--json", home=tmp_path)
    assert_one_clear_line(result, "none.mp4")
    bad, good = json.loads(result.stdout)["clips"]
    assert "none.mp4" in bad["error"]
    assert good["error"] is None
    assert (good["frames"], good["passes"], good["cases"]) == (40, [], [])
    assert set(good) >= {"path", "video_s", "wall_s", "frames", "analysed", "passes", "cases", "error"}


def test_damage_in_the_middle_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    """A corrupted stretch costs its frames and the exit code, not the clip."""
    path = write(tmp_path / "road.mkv", ClipSpec(frames=100, width=320, height=192))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = random.Random(7).randbytes(3000)
    path.write_bytes(content)
    result = run("replay", path, "--json", home=tmp_path)
    assert_one_clear_line(result, "road.mkv", "corrupt")
    report = json.loads(result.stdout)["clips"][0]
    assert 40 < report["frames"] < 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--camera", "nowhere"], ["no camera 'nowhere'", "known: demo-gantry, gate-03"]),
        (["--camera", "demo-gantry", "--started-at", "yesterday"], ["--started-at", "yesterday"]),
        (["--camera", "demo-gantry", "--started-at", "2026-05-18T09:30:00"], ["--started-at", "offset"]),
        (["--camera", "demo-gantry", "--database", "oracle://x"], ["database URL"]),
        (["--camera", "demo-gantry", "--database", "sqlite:////proc/none/cases.db"], ["/proc/none/cases.db"]),
    ],
)
def test_wrong_options_are_named(clip: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    """Options are checked before the clip is touched."""
    assert_one_clear_line(run("replay", clip, "--cameras", ROOT / "cameras.toml", *arguments, home=tmp_path), *words)


def test_a_wrong_cameras_file_is_named(clip: Path, tmp_path: Path) -> None:
    """File, camera and key stand in the line."""
    path = tmp_path / "cameras.toml"
    path.write_text('[[camera]]\nid = "a"\nanalysis_fps = -1\n', encoding="utf-8")
    assert_one_clear_line(run("replay", clip, "--cameras", path, home=tmp_path), str(path), "'a'", "analysis_fps")


def test_missing_and_altered_weights_are_named(clip: Path, tmp_path: Path) -> None:
    """No model runs that is not the one named."""
    folder = tmp_path / "weights"
    folder.mkdir()
    assert_one_clear_line(run("replay", clip, home=tmp_path, ROADWARDEN_WEIGHTS=str(folder)), "manifest.toml")
    digest = hashlib.sha256(b"right").hexdigest()
    (folder / "manifest.toml").write_text(
        f'[vehicle_detector]\nfile = "vehicle_detector.onnx"\nsha256 = "{digest}"\n', encoding="utf-8"
    )
    result = run("replay", clip, home=tmp_path, ROADWARDEN_WEIGHTS=str(folder))
    assert_one_clear_line(result, "vehicle_detector.onnx", "No such file")
    (folder / "vehicle_detector.onnx").write_bytes(b"wrong")
    result = run("replay", clip, home=tmp_path, ROADWARDEN_WEIGHTS=str(folder))
    assert_one_clear_line(result, "vehicle_detector.onnx", "sha256", digest)


def test_a_device_that_is_none_is_named(clip: Path, tmp_path: Path) -> None:
    """The line says what there is to choose from."""
    result = run("replay", clip, home=tmp_path, ROADWARDEN_DEVICE="npu")
    assert_one_clear_line(result, "ROADWARDEN_DEVICE is 'npu'", "auto, cpu, openvino, cuda, tensorrt")


def test_an_evidence_folder_that_cannot_be_made_is_named_before_any_work(clip: Path, tmp_path: Path) -> None:
    """A file where the folder should be is found at the start, not after an hour of footage."""
    blocked = tmp_path / "blocked"
    blocked.touch()
    assert_one_clear_line(run("replay", clip, "--output", blocked / "evidence", home=tmp_path), "blocked")


def test_what_is_no_package_is_said(tmp_path: Path) -> None:
    """Verify refuses a folder without a manifest."""
    assert_one_clear_line(run("verify", tmp_path, home=tmp_path), str(tmp_path), "manifest.json")


def test_the_program_in_a_process_of_its_own_says_the_same(tmp_path: Path) -> None:
    """What the other tests of commands run in this process, a user starts: from any folder, with the same ending."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ROADWARDEN_HOME": str(tmp_path / "var")}
    command = [sys.executable, "-m", "pipelines", "cases", "show", "RW-1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    here = run("cases", "show", "RW-1", home=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (here.returncode, here.stdout, here.stderr)
    assert_one_clear_line(here, "RW-1")


def test_an_empty_database_lists_no_case(tmp_path: Path) -> None:
    """The first list makes the database and is empty, in both forms."""
    assert run("cases", "list", home=tmp_path).stdout == "no case\n"
    assert json.loads(run("cases", "list", "--json", home=tmp_path).stdout) == {"cases": []}


def test_unknown_options_are_usage_errors(tmp_path: Path) -> None:
    """The command line itself being wrong is exit code 2."""
    assert run("replay", "--speed", "9", home=tmp_path).returncode == 2
    assert run("replay", home=tmp_path).returncode == 2

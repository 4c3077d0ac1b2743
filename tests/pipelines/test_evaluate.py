"""`roadwarden evaluate …` as a user meets it, on frames of the demo clip, whose truth is known."""

import json
import shutil
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from detector.errors import SourceError
from pipelines.evaluation.passes import list_films
from pipelines.evaluation.pictures import read_picture, write_error
from tests import command_line
from tests.command_line import ROOT, Done

DEMO = ROOT / "demo" / "demo.mp4"
FRAMES = (42, 68, 100)


def run(*arguments: object) -> Done:
    with tempfile.TemporaryDirectory() as home:
        return command_line.run("evaluate", *arguments, home=Path(home))


def answer(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def refuse(*arguments: object) -> str:
    """The one line with which the command refuses."""
    result = run(*arguments)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture(scope="module")
def truth() -> list[dict[str, Any]]:
    """Vehicles of the demo clip."""
    return json.loads(DEMO.with_suffix(".truth.json").read_text(encoding="utf-8"))["vehicles"]


@pytest.fixture(scope="module")
def frames() -> dict[int, np.ndarray]:
    """Some frames of the demo clip by number."""
    with av.open(str(DEMO)) as container:
        return {
            index: frame.to_ndarray(format="bgr24")
            for index, frame in enumerate(container.decode(video=0))
            if index in FRAMES
        }


@pytest.fixture
def vehicle_set(tmp_path: Path, frames: dict[int, np.ndarray], truth: list[dict[str, Any]]) -> Path:
    """The frames with YOLO labels."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for index, image in frames.items():
        height, width = image.shape[:2]
        rows = []
        for vehicle in truth:
            for seen in (f for f in vehicle["frames"] if f["index"] == index):
                x1, y1, x2, y2 = seen["box_xyxy"]
                kind = 0 if vehicle["kind"] == "car" else 2
                box = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
                rows.append(f"{kind} {' '.join(f'{v:.6f}' for v in box)}")
        cv2.imwrite(str(tmp_path / "images" / f"{index}.png"), image)
        (tmp_path / "labels" / f"{index}.txt").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def test_vehicles(vehicle_set: Path) -> None:
    """Counts of the labels are kept, figures are shares, and rendered trucks are found."""
    labelled = sum(len(path.read_text().splitlines()) for path in (vehicle_set / "labels").iterdir())
    result = answer("vehicles", vehicle_set, "--errors", vehicle_set / "wrong")
    per_class = result["per_class"]
    assert result["n"] == 3 and sum(row["n"] for row in per_class.values()) == labelled > 4
    assert per_class["truck"]["n"] >= 3 and per_class["truck"]["recall"] > 0.5
    assert 0 < result["map50_95"] <= result["map50"] <= 1
    assert per_class["bus"]["ap50"] is None


def test_vehicle_errors_are_drawn(vehicle_set: Path) -> None:
    """A label where nothing is makes an error picture of its frame, and one less right."""
    label = next((vehicle_set / "labels").iterdir())
    label.write_text(label.read_text() + "\n1 0.03 0.97 0.05 0.05")
    result = answer("vehicles", vehicle_set, "--errors", vehicle_set / "wrong")
    assert result["per_class"]["bus"]["recall"] == 0.0
    assert cv2.imread(str(vehicle_set / "wrong" / f"{label.stem}.jpg")) is not None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: next((folder / "labels").iterdir()).unlink(), "no labels"),
        (lambda folder: next((folder / "labels").iterdir()).write_text("7 0.5 0.5 0.1 0.1"), "line 1"),
        (lambda folder: next((folder / "labels").iterdir()).write_text("2 0.5 0.5 nan 0.1"), "line 1"),
        (lambda folder: next((folder / "images").iterdir()).write_bytes(b"no picture"), "not a picture"),
        (lambda folder: shutil.rmtree(folder / "images"), "no such folder"),
    ],
)
def test_wrong_vehicle_sets_are_refused(vehicle_set: Path, spoil: Any, words: str) -> None:
    """One line that names the file, and what is wrong with it."""
    spoil(vehicle_set)
    line = refuse("vehicles", vehicle_set)
    assert words in line and str(vehicle_set) in line


def test_a_picture_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    """Some bytes may claim to be thirty thousand megapixels; the line names the file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 180_000, 180_000, 8, 2, 0, 0, 0))
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    with pytest.raises(SourceError, match=r"huge\.png: a picture that is too large"):
        read_picture(path)


def test_a_strip_of_a_picture_is_drawn(tmp_path: Path) -> None:
    """However narrow it is, a pixel of it is left when it is shrunk."""
    write_error(tmp_path, "strip", np.zeros((1, 4480, 3), np.uint8), [(0.0, 0.0, 9.0, 1.0)])
    assert read_picture(tmp_path / "strip.jpg").shape == (1, 1280, 3)


@pytest.fixture
def plate_set(tmp_path: Path, frames: dict[int, np.ndarray], truth: list[dict[str, Any]]) -> Path:
    """Plates of the demo clip, cut out upright where they are largest, named by their text."""
    for vehicle in truth:
        for seen in vehicle["frames"]:
            if seen["index"] in frames and seen["plate"]:
                corners = np.array(seen["plate"]["corners"], np.float32)
                size = (192, 60)
                flat = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
                warp = cv2.getPerspectiveTransform(corners, flat)
                crop = cv2.warpPerspective(frames[seen["index"]], warp, size)
                name = f"{seen['plate']['text']}_{seen['index']}.png"
                (tmp_path / name).write_bytes(cv2.imencode(".png", crop)[1].tobytes())
    return tmp_path


def test_plates(plate_set: Path) -> None:
    """Every crop is exactly one of exact, wrong and abstained, by type as well."""
    n = len(list(plate_set.iterdir()))
    result = answer("plates", plate_set, "--crops", "--errors", plate_set / "wrong")
    assert result["n"] == n >= 3 and result["found"] == n
    assert result["exact"] + result["wrong"] + result["abstained"] == n
    assert sum(row["n"] for row in result["by_type"].values()) == n
    assert len(result["errors"]) == n - result["exact"]
    assert result["exact"] >= 1
    drawn = list((plate_set / "wrong").iterdir()) if (plate_set / "wrong").exists() else []
    assert len(drawn) == len(result["errors"])


def test_picture_without_plate_in_its_name_is_refused(plate_set: Path) -> None:
    """The file is named before any model runs."""
    (plate_set / "IMG_0001.png").write_bytes(next(plate_set.iterdir()).read_bytes())
    assert "IMG_0001.png" in refuse("plates", plate_set, "--crops")


@pytest.fixture
def load_table(tmp_path: Path, frames: dict[int, np.ndarray], truth: list[dict[str, Any]]) -> Path:
    """The heaped and the empty truck of the demo clip as rows of a table."""
    rows = ["image,x1,y1,x2,y2,label"]
    for index, image in frames.items():
        cv2.imwrite(str(tmp_path / f"{index}.png"), image)
        height, width = image.shape[:2]
        for vehicle in truth:
            for seen in (f for f in vehicle["frames"] if f["index"] == index and f.get("cover") not in (None, "")):
                state = (seen["cover"], seen["fill"])
                label = {
                    ("open", "above_edge"): "heaped",
                    ("open", "empty"): "empty",
                    ("closed", "not_visible"): "covered",
                }.get(state, "not_visible")
                x1, y1, x2, y2 = seen["box_xyxy"]
                rows.append(f"{index}.png,{x1 / width},{y1 / height},{x2 / width},{y2 / height},{label}")
    table = tmp_path / "trucks.csv"
    table.write_text("\ufeff" + "\n".join(rows) + "\n", encoding="utf-8")
    return table


def test_load_state(load_table: Path) -> None:
    """Each row is counted once; the confusion holds them all; the heaped truck of the demo is seen as laden."""
    rows = len(load_table.read_text(encoding="utf-8").splitlines()) - 1
    result = answer("load-state", load_table)
    assert result["n"] == rows >= 3
    assert sum(sum(counts.values()) for counts in result["confusion"].values()) == rows
    assert result["empty_laden"]["n"] >= 1 and result["empty_laden"]["right"] >= 1
    assert result["confusion"]["heaped"].get("heaped", 0) >= 1


def test_a_picture_may_lie_elsewhere(load_table: Path) -> None:
    """A path that is absolute is one; errors name the picture as the table does."""
    path, table = load_table.with_name(f"{FRAMES[0]}.png"), load_table.parent / "tables" / "trucks.csv"
    table.parent.mkdir()
    table.write_text(f"image,x1,y1,x2,y2,label\n{path},0,0,0.02,0.02,heaped\n", encoding="utf-8")
    assert [error["picture"] for error in answer("load-state", table)["errors"]] == [str(path)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("42.png,0.1,0.1,0.5,0.5,full", "label 'full'"),
        ("42.png,0.5,0.1,0.1,0.5,empty", "line 2"),
        ("42.png,a,0.1,0.1,0.5,empty", "line 2"),
        ("gone.png,0.1,0.1,0.5,0.5,empty", "gone.png"),
    ],
)
def test_wrong_rows_are_refused(load_table: Path, line: str, words: str) -> None:
    """File and line are named."""
    load_table.write_text(f"image,x1,y1,x2,y2,label\n{line}\n", encoding="utf-8")
    assert words in refuse("load-state", load_table)


def test_table_without_columns_is_refused(load_table: Path) -> None:
    """The missing columns are named."""
    load_table.write_text("image,label\n42.png,empty\n", encoding="utf-8")
    assert "no column x1, y1, x2, y2" in refuse("load-state", load_table)


@pytest.mark.long
def test_passes(tmp_path: Path) -> None:
    """The demo clip: its heaped truck is found for both rules, nobody else is accused."""
    for suffix in (".mp4", ".json", ".truth.json"):
        shutil.copy(DEMO.with_suffix(suffix), tmp_path)
    result = answer("passes", tmp_path)
    assert result["clips"] == 1 and result["passes"] >= 6
    assert result["per_rule"] == {
        "heaped_load": {"true": 1, "found": 1, "false": 0},
        "uncovered_load": {"true": 1, "found": 1, "false": 0},
    }
    assert result["plates"]["n"] == 6 and result["plates"]["wrong"] == 0 and result["plates"]["exact"] >= 1
    assert result["false_per_hour"] == 0.0 and result["hours"] == pytest.approx(12.4 / 3600, rel=0.05)


@pytest.mark.long
def test_false_findings_have_a_picture_each(tmp_path: Path) -> None:
    """Also those that belong to no vehicle of the truth; two trucks in the film break a rule each."""
    (tmp_path / "films").mkdir()
    shutil.copy(ROOT / "tests" / "golden" / "rear.mp4", tmp_path / "films")
    (tmp_path / "films" / "rear.truth.json").write_text('{"vehicles": []}')
    result = answer("passes", tmp_path / "films", "--errors", tmp_path / "errors")
    assert [(error["vehicle"], error["error"]) for error in result["errors"]] == [(None, "false")] * 2
    assert len(list((tmp_path / "errors").iterdir())) == 2


def test_truth_without_film_is_refused(tmp_path: Path) -> None:
    """A folder in which a film is missing is not measured in part."""
    (tmp_path / "a.truth.json").write_text("{}")
    assert "no film a.mp4" in refuse("passes", tmp_path)


def test_each_film_has_the_truth_of_its_own_name(tmp_path: Path) -> None:
    """Neither the film of a day nor a picture is taken for the film whose name theirs begins with."""
    for name in ("gate", "gate.2026-05-19"):
        (tmp_path / f"{name}.truth.json").write_text('{"vehicles": []}')
        (tmp_path / f"{name}.mp4").touch()
    for name in ("gate.jpg", "gate.avi", "gate.json"):
        (tmp_path / name).touch()
    assert [film.name for film in list_films(tmp_path)] == ["gate.2026-05-19.mp4", "gate.mp4"]


def test_spoilt_truth_is_refused(tmp_path: Path) -> None:
    """A truth that is no truth is named."""
    shutil.copy(DEMO, tmp_path / "a.mp4")
    (tmp_path / "a.truth.json").write_text('{"vehicles": [{"kind": "car"}]}')
    assert "a.truth.json" in refuse("passes", tmp_path)


def test_people_see_counts_and_intervals(plate_set: Path) -> None:
    """The table for people gives n and a 95 % interval."""
    result = run("plates", plate_set, "--crops")
    assert result.returncode == 0, result.stderr
    n = len(list(plate_set.iterdir()))
    assert f"/{n} = " in result.stdout and "[" in result.stdout

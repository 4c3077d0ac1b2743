"""Labels of customers' tools become one form, in two parts that share nothing."""

import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from detector.entities import VehicleType
from detector.errors import SourceError
from pipelines.cli import app
from pipelines.evaluation.load_states import read_table
from pipelines.evaluation.vehicles import read_labels
from pipelines.labels import ClassMap, choose_part, read_coco, read_desk, read_yolo, unpacked, write_set


def draw(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((50, 100, 3), shade, np.uint8)).save(path)


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """An export with a tool's own class names."""
    folder = tmp_path / "export"
    for number in range(20):
        draw(folder / "images" / f"{number}.jpg", 10 * number)
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.2 0.4\n1 0.1 0.1 0.1 0.1\n")
    (folder / "data.yaml").write_text("names: [Lorry, bicycle]\n")
    return folder


MAP = ClassMap.parse(["lorry=truck", "bicycle=-"])


def test_yolo_classes_are_mapped_and_left_out(yolo: Path) -> None:
    """A tool's lorry is a truck; what is mapped to nothing is left out."""
    pictures = read_yolo(yolo, MAP)
    assert len(pictures) == 20
    ((kind, box),) = pictures[0].vehicles
    assert kind is VehicleType.TRUCK
    assert box == pytest.approx((0.4, 0.3, 0.6, 0.7))


def test_numbers_of_classes_are_those_that_the_export_writes(yolo: Path) -> None:
    """The order in which a tool lists its classes says nothing; a number without a name is no class."""
    (yolo / "data.yaml").write_text("names: {1: bicycle, 0: Lorry}\n")
    assert [kind for kind, _ in read_yolo(yolo, MAP)[0].vehicles] == [VehicleType.TRUCK]
    (yolo / "data.yaml").write_text("names: {1: Lorry, 7: bicycle}\n")
    with pytest.raises(SourceError, match=r"0\.txt, line 1"):
        read_yolo(yolo, MAP)


@pytest.mark.parametrize("names", ["{car: 0}", "5", "{[1]: car}"])
def test_names_that_are_none_are_refused(yolo: Path, names: str) -> None:
    """The file is named; no class is guessed."""
    (yolo / "data.yaml").write_text(f"names: {names}\n")
    with pytest.raises(SourceError, match=r"data\.yaml: no list of `names`"):
        read_yolo(yolo, MAP)


def test_an_unknown_class_is_named_with_what_to_do(yolo: Path) -> None:
    """Nothing is guessed from a name."""
    with pytest.raises(SourceError, match=r"'bicycle'.*--map bicycle=truck.*--map bicycle=-"):
        read_yolo(yolo, ClassMap.parse(["lorry=truck"]))


@pytest.mark.parametrize("line", ["2 0.5 0.5 0.1 0.1", "-1 0.5 0.5 0.1 0.1", "0 0.5 0.5 0 0.1", "0 x", "0 nan 0 nan 1"])
def test_a_wrong_line_is_named(yolo: Path, line: str) -> None:
    """File and line number, and nothing is taken."""
    (yolo / "labels" / "7.txt").write_text(f"0 0.5 0.5 0.2 0.4\n{line}\n")
    with pytest.raises(SourceError, match=r"7\.txt, line 2"):
        read_yolo(yolo, MAP)


def test_a_set_is_what_evaluation_reads(yolo: Path, tmp_path: Path) -> None:
    """Every picture stands in one part with labels that `evaluate vehicles` reads; importing again doubles none."""
    for _ in range(2):
        counts = write_set(read_yolo(yolo, MAP), tmp_path / "mine", 0.4)
    assert counts["train"]["pictures"] + counts["val"]["pictures"] == 20
    assert counts["train"]["pictures"] > 0 < counts["val"]["pictures"]
    for part, count in counts.items():
        images = sorted((tmp_path / "mine" / part / "images").iterdir())
        assert len(images) == count["pictures"] == count["truck"]
        truth = read_labels(tmp_path / "mine" / part / "labels" / f"{images[0].stem}.txt", 50, 100)
        assert truth.xyxy[0] == pytest.approx((40, 15, 60, 35))


def test_a_picture_stays_on_its_side(yolo: Path, tmp_path: Path) -> None:
    """Another share, another name of the file: what has been trained on is never measured on, nor the other way."""
    out = tmp_path / "mine"
    write_set(read_yolo(yolo, MAP), out, 0.4)
    before = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    for kind, suffix in (("images", ".jpg"), ("labels", ".txt")):
        for path in (yolo / kind).iterdir():
            path.rename(path.with_name(f"again-{path.stem}{suffix}"))
    for val_share in (0.0, 0.4, 1.0):
        write_set(read_yolo(yolo, MAP), out, val_share)
        assert sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file()) == before


def test_a_missing_picture_stops_before_anything_is_written(yolo: Path, tmp_path: Path) -> None:
    """Half an import would look like a whole one."""
    pictures = read_yolo(yolo, MAP)
    (yolo / "images" / "3.jpg").unlink()
    with pytest.raises(SourceError, match=r"3\.jpg"):
        write_set(pictures, tmp_path / "mine", 0.4)
    assert not (tmp_path / "mine").exists()


def test_coco_boxes_become_shares(tmp_path: Path) -> None:
    """Pixels of the top left corner and size, as COCO counts."""
    draw(tmp_path / "images" / "a.jpg", 9)
    data = {
        "images": [{"id": 5, "file_name": "a.jpg", "width": 100, "height": 50}],
        "categories": [{"id": 8, "name": "truck"}],
        "annotations": [{"image_id": 5, "category_id": 8, "bbox": [10, 5, 20, 25]}],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(data))
    (picture,) = read_coco(file, tmp_path / "images", MAP)
    assert picture.vehicles == ((VehicleType.TRUCK, pytest.approx((0.1, 0.1, 0.3, 0.6))),)
    data["images"][0]["width"] = 0
    file.write_text(json.dumps(data))
    with pytest.raises(SourceError, match=r"picture 5: no such picture, or no size"):
        read_coco(file, tmp_path / "images", MAP)
    data["images"][0] |= {"width": 100, "file_name": "../a.jpg"}
    file.write_text(json.dumps(data))
    with pytest.raises(SourceError, match="outside"):
        read_coco(file, tmp_path / "images", MAP)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_any_json_is_read_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    """No tool's file ends in a traceback."""
    file = tmp_path_factory.mktemp("coco") / "a.json"
    file.write_text(json.dumps({"images": value, "categories": value, "annotations": value}))
    try:
        assert read_coco(file, file.parent, MAP) == []
    except SourceError as error:
        assert str(file) in str(error) or "classes" in str(error)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The desk's export: two pictures of one case, one of another."""
    folder = tmp_path / "training"
    rows = [("a", "c1", "heaped"), ("b", "c1", "heaped"), ("c", "c2", "not_a_tipper")]
    for shade, (name, _, _) in enumerate(rows):
        draw(folder / "images" / f"{name}.jpg", 50 * shade)
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "x1", "y1", "x2", "y2", "label", "case_id", "decision"])
        writer.writerows([f"images/{name}.jpg", 0.1, 0.2, 0.8, 0.9, label, case, "x"] for name, case, label in rows)
    return folder


def test_the_desks_export_keeps_cases_whole(desk: Path, tmp_path: Path) -> None:
    """Pictures of one case stand on one side, in a table that `evaluate load-state` reads."""
    write_set(read_desk(desk), tmp_path / "mine", 0.5)
    sides = {case: choose_part(case, 0.5) for case in ("c1", "c2")}
    labels = {}
    for part in {*sides.values()}:
        labels[part] = sorted(v.label for v in read_table(tmp_path / "mine" / part / "load_state.csv"))
    merged = sorted(label for found in labels.values() for label in found)
    assert merged == ["heaped", "heaped", "not_a_tipper"]
    assert [part for part, found in labels.items() if found.count("heaped") == 1] == []


def test_a_second_import_replaces_its_own_rows_only(desk: Path, tmp_path: Path) -> None:
    """What is imported again is not there twice; what came from elsewhere stays."""
    for _ in range(2):
        write_set(read_desk(desk), tmp_path / "mine", 0.0)
    draw(desk / "images" / "a.jpg", 200)
    write_set(read_desk(desk), tmp_path / "mine", 0.0)
    assert len(read_table(tmp_path / "mine" / "train" / "load_state.csv")) == 4


def test_what_a_case_adds_later_joins_it(desk: Path, tmp_path: Path) -> None:
    """A case that was trained on is not measured on, whatever share the next import holds back."""
    write_set(read_desk(desk), tmp_path / "mine", 0.0)
    draw(desk / "images" / "a.jpg", 200)
    counts = write_set(read_desk(desk), tmp_path / "mine", 1.0)
    assert (counts["train"]["pictures"], counts["val"]["pictures"]) == (3, 0)


def test_beds_stand_apart_from_vehicles(yolo: Path, desk: Path, tmp_path: Path) -> None:
    """Every picture of `images` has labels: one that shows a bed alone does not say that no vehicle is on it."""
    out = tmp_path / "mine"
    write_set(read_yolo(yolo, MAP), out, 0.0)
    write_set(read_desk(desk), out, 0.0)
    stems = [sorted(path.stem for path in (out / "train" / kind).iterdir()) for kind in ("images", "labels")]
    assert stems[0] == stems[1] and len(stems[0]) == 20
    vehicles = read_table(out / "train" / "load_state.csv")
    assert sorted(v.image for v in vehicles) == sorted((out / "train" / "beds").iterdir())


def test_a_zip_is_as_good_as_its_folder(desk: Path, tmp_path: Path) -> None:
    """The desk hands out one file."""
    archive = tmp_path / "training.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in desk.rglob("*"):
            file.write(path, path.relative_to(desk))
    with unpacked(archive) as folder:
        assert len(read_desk(folder)) == 3
    archive.write_bytes(b"PK no")
    with pytest.raises(SourceError, match=r"training\.zip"), unpacked(archive):
        pass


def test_the_command_says_what_it_took(yolo: Path, tmp_path: Path) -> None:
    """A table of both parts; a wrong map is one line."""
    result = CliRunner().invoke(
        app, ["labels", "import", "yolo", str(yolo), str(tmp_path / "m"), "--map", "lorry=tank"]
    )
    assert isinstance(result.exception, SourceError)
    arguments = [
        "labels",
        "import",
        "yolo",
        str(yolo),
        str(tmp_path / "m"),
        "--map",
        "lorry=truck",
        "--map",
        "bicycle=-",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "train" in result.stdout and "truck" in result.stdout

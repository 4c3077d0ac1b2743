"""The whole product on clips that this project rendered: the right truck, the right plate, and nobody else."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import pytest

from detector.evidence.canonical import seal
from detector.evidence.chain import public_keys
from detector.evidence.verify import verify_package
from tests.command_line import ROOT, run

DEMO = ROOT / "demo" / "demo.mp4"


def replay(home: Path, clip: Path, **environment: str) -> dict[str, Any]:
    result = run("replay", clip, "--cameras", ROOT / "cameras.toml", "--json", home=home, **environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["clips"][0]


def read_truth(clip: Path) -> list[dict[str, Any]]:
    return json.loads(clip.with_suffix(".truth.json").read_text(encoding="utf-8"))["vehicles"]


def find_vehicle(text: str, truth: list[dict[str, Any]]) -> dict[str, Any]:
    """The one vehicle whose plate agrees in every sure character."""
    (vehicle,) = [
        v
        for v in truth
        if len(text) == len(v["plate"]) and all(a in ("-", b) for a, b in zip(text, v["plate"], strict=True))
    ]
    return vehicle


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def report(home: Path) -> dict[str, Any]:
    """The demo clip, replayed once."""
    return replay(home, DEMO)


@pytest.fixture
def package(report: dict[str, Any], tmp_path: Path) -> Path:
    """A copy of the demo's evidence package, to be spoiled."""
    return Path(shutil.copytree(report["cases"][0]["evidence"], tmp_path / "package"))


def test_exactly_the_violating_truck_becomes_a_case(report: dict[str, Any]) -> None:
    """Plate and findings are those of the truth; the covered truck, the empty one and the cars are left alone."""
    guilty = {v["plate"]: set(v["violations"]) for v in read_truth(DEMO) if v["violations"]}
    assert {case["plate"]: set(case["findings"]) for case in report["cases"]} == guilty
    assert len(report["cases"]) == len(guilty) == 1


def test_openvino_finds_the_same_case(report: dict[str, Any], tmp_path: Path) -> None:
    """Rounding to bfloat16 changes neither the case nor how many vehicles pass; the package says what computed it.

    Judged again by onnxruntime it is the same, and both engines are named.
    """
    other = replay(tmp_path, DEMO, ROADWARDEN_DEVICE="openvino")
    ours, theirs = ([(c["plate"], c["findings"]) for c in found["cases"]] for found in (report, other))
    assert ours == theirs
    assert len(other["passes"]) == len(report["passes"])
    package = Path(other["cases"][0]["evidence"])
    engine = json.loads((package / "manifest.json").read_text(encoding="utf-8"))["software"]["engine"]
    assert engine.startswith("OpenVINO 20")
    again = run("reproduce", package, home=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"computed by: recorded {engine}, reproduced onnxruntime " in again.stdout


def test_every_vehicle_is_one_pass_with_its_plate(report: dict[str, Any]) -> None:
    """No vehicle is missed, split or given another's plate; an unsure character is "-", never a wrong one."""
    truth = read_truth(DEMO)
    assert len(report["passes"]) == len(truth)
    assert all(find_vehicle(p["plate"]["text"], truth) for p in report["passes"])


def test_lawful_trucks_are_seen_for_what_they_are(report: dict[str, Any]) -> None:
    """The closed bed is covered and the open empty one is empty, or not visible: never loaded."""
    truth = read_truth(DEMO)
    states = {find_vehicle(p["plate"]["text"], truth)["track_id"]: p["load_state"] for p in report["passes"]}
    lawful = [v for v in truth if v["tipper"] and not v["violations"]]
    assert len(lawful) == 2
    assert all(states[v["track_id"]] in {"covered", "empty", "not_visible"} for v in lawful)


@pytest.mark.long
def test_trucks_driving_away_are_judged_too(tmp_path: Path) -> None:
    """Double-row plates, a load below the edge and a half covered one: both cases, and not the box truck or the car."""
    rear = ROOT / "tests" / "golden" / "rear.mp4"
    result = run("replay", rear, "--json", home=tmp_path)
    assert result.returncode == 0, result.stderr
    truth = read_truth(rear)
    found = {
        find_vehicle(c["plate"], truth)["plate"]: c["findings"] for c in json.loads(result.stdout)["clips"][0]["cases"]
    }
    assert found == {v["plate"]: v["violations"] for v in truth if v["violations"]}


@pytest.mark.long
def test_replaying_again_adds_nothing(report: dict[str, Any], home: Path) -> None:
    """Same cases, same evidence folder, same manifest."""
    folder = Path(report["cases"][0]["evidence"])
    before = (folder / "manifest.json").read_bytes()
    assert replay(home, DEMO)["cases"] == report["cases"]
    assert (folder / "manifest.json").read_bytes() == before
    listed = json.loads(run("cases", "list", "--json", home=home).stdout)["cases"]
    assert [case["case_id"] for case in listed] == [case["case_id"] for case in report["cases"]]


def test_an_untouched_package_is_intact(package: Path, home: Path) -> None:
    """Verify needs the folder alone, wherever it was copied."""
    result = run("verify", package, home=home)
    assert (result.returncode, result.stderr) == (0, "")


def test_one_flipped_byte_in_any_file_is_found_and_named(package: Path, home: Path) -> None:
    """Clip, stills, copies and manifest alike; the seal by its signature, which takes the public key."""
    keys = public_keys(list((home / "var" / "signing").glob("*.pub")))
    names = sorted(path.name for path in package.iterdir())
    assert len(names) == 14
    for name in names:
        path = package / name
        content = path.read_bytes()
        spoiled = bytearray(content)
        spoiled[len(spoiled) // 2] ^= 1
        path.write_bytes(bytes(spoiled))
        said = verify_package(package, keys=keys)
        assert (("seal.json",) if said.seal.faults and not said.altered else said.altered) == (name,)
        path.write_bytes(content)


def test_copies_for_publication_hide_who_is_not_the_subject(package: Path) -> None:
    """The neighbours' plates and all windscreens are covered, the truck's own plate is not; originals stay."""
    manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
    copies = {row["copy_of"]: row["name"] for row in manifest["files"] if row["role"] == "masked"}
    assert copies == {
        "scene_1.jpg": "scene_1.masked.jpg",
        "scene_2.jpg": "scene_2.masked.jpg",
        "vehicle.jpg": "vehicle.masked.jpg",
        "composite.jpg": "composite.masked.jpg",
    }
    moment = next(row for row in manifest["files"] if row["name"] == "scene_2.jpg")
    covered = next(row["covered"] for row in manifest["masks"] if row["pts"] == moment["pts"])
    assert {mask["kind"] for mask in covered} == {"windscreen", "plate"}
    shown = cv2.imread(str(package / "scene_2.masked.jpg"))
    original = cv2.imread(str(package / "scene_2.jpg"))
    assert shown.shape == original.shape
    for mask in covered:
        x, y = (int(sum(mask["xyxy"][axis::2]) / 2) for axis in (0, 1))
        assert abs(shown[y, x].astype(int) - 110).max() < 6


def test_the_manifest_tells_how_the_judgement_was_reached(package: Path) -> None:
    """Models with their hashes, and looks that decided, each with cover and fill and their confidences."""
    manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
    assert {m["name"] for m in manifest["models"]} == {
        "vehicle_detector",
        "bed_locator",
        "load_state",
        "plate_detector",
        "plate_reader",
    }
    assert all(len(m["sha256"]) == 64 for m in manifest["models"])
    decided = [o for o in manifest["observations"] if "heaped_load" in o["decided"]]
    assert len(decided) >= 3
    assert all(o["load"]["fill"] == "above_edge" and o["load"]["fill_confidence"] > 0.5 for o in decided)
    assert manifest["time"]["source"] == "file_sidecar"
    assert list(manifest)[-1] == "digest"


def test_the_list_shows_whole_ids_where_there_is_no_terminal(report: dict[str, Any], home: Path) -> None:
    """An id that is cut cannot be given to `cases show`."""
    case_id = report["cases"][0]["case_id"]
    assert case_id in run("cases", "list", home=home).stdout
    shown = run("cases", "show", case_id, home=home).stdout
    assert f"case_id: {case_id}" in shown
    assert "finding heaped_load" in shown


@pytest.mark.long
def test_the_judgement_is_reproduced_from_the_package_alone(package: Path, home: Path) -> None:
    """Same findings, plate and load."""
    done = run("reproduce", package, "--json", home=home)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["same"] and said["seen_again"]
    assert said["findings"] == {"recorded": "heaped_load, uncovered_load", "reproduced": "heaped_load, uncovered_load"}


@pytest.mark.long
def test_a_package_that_claims_another_plate_is_not_reproduced(package: Path, home: Path) -> None:
    """With a right digest: only looking again tells."""
    (package / "seal.json").unlink()
    manifest = json.loads((package / "manifest.json").read_bytes())
    del manifest["digest"]
    manifest["pass"]["plate"]["text"] = "渝A00001"
    (package / "manifest.json").write_bytes(seal(manifest)[0])
    done = run("reproduce", package, home=home)
    assert (done.returncode, "plate: recorded 渝A00001, reproduced 渝DC6123" in done.stdout) == (1, True)

import errno
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from detector.entities import Grade
from detector.errors import EvidenceError, StorageError
from detector.evidence.manifest import evidence_code
from detector.evidence.package import Outcome, write_package
from detector.evidence.texts import Language
from detector.evidence.verify import verify_package
from tests.detector.evidence.makers import (
    CAMERA,
    RELATIVE,
    FakeClip,
    make_observation,
    make_request,
    make_violation,
)

FILES = [
    "clip.mp4", "composite.jpg", "manifest.json", "plate.png", "scene_1.jpg", "scene_1.overlay.jpg", "scene_2.jpg",
    "scene_2.overlay.jpg", "vehicle.jpg",
]  # fmt: skip


def read(root, package):
    return json.loads((root / package.evidence.folder / "manifest.json").read_bytes())


def names(root):
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


class TestContents:
    def test_a_package_holds_everything_and_verifies(self, tmp_path):
        """Clip, stills, composite and manifest are there, the digest is the stored one, the grade is what it earns."""
        package = write_package(make_request(), tmp_path)
        folder = tmp_path / package.evidence.folder
        assert names(tmp_path) == ["RW-20240305-183512-0A1B2C3D"]
        assert names(folder) == FILES
        assert verify_package(folder, package.evidence.manifest_sha256).is_intact
        assert (package.grade, package.grade_reasons, package.outcome) == (Grade.EVIDENCE, (), Outcome.WRITTEN)
        assert (package.evidence.clip_start_s, package.evidence.clip_end_s) == (0.96, 18.4)

    def test_the_manifest_tells_what_led_to_the_judgement(self, tmp_path):
        """Every look at the vehicle, what was measured against which limits, and what made the judgement."""
        request = make_request()
        manifest = read(tmp_path, write_package(request, tmp_path))
        assert [o["frame_index"] for o in manifest["observations"]] == [100, 104, 108, 112, 116]
        first = manifest["observations"][0]
        assert first["decided"] == ["uncovered_load", "heaped_load"]
        assert (first["captured_at"], first["pts"], first["stream_s"]) == ("2024-03-05T10:35:12.340000Z", 540000, 6.0)
        assert (first["load"]["cover"], first["load"]["cover_confidence"]) == ("open", 0.95)
        assert (first["plate"]["text"], first["plate"]["characters"]) == ("渝D12345", [0.9] * 7)
        assert first["sharpness"] == 100.0
        assert manifest["findings"][0]["measured"] == {"looks": 5, "share": 0.25}
        assert manifest["findings"][0]["limits"] == {"looks": 3}
        assert [model["name"] for model in manifest["models"]] == ["plate_reader", "vehicle_detector"]
        assert manifest["configuration_sha256"] == "ef" * 32
        legal = manifest["camera"]["legal"]
        assert (legal["technical_review"], legal["authority"]["level"]) == ("技审〔2024〕1号", "law")
        assert len(manifest["zone_sha256"]) == 64
        assert manifest["time"] == {
            "source": "operator", "uncertainty_ms": 500.0, "host_offset_ms": None,
            "first_deciding_s": 6.0, "last_deciding_s": 8.0,
            "first_deciding_at": "2024-03-05T10:35:12.340000Z", "last_deciding_at": "2024-03-05T10:35:14.340000Z",
        }  # fmt: skip
        assert manifest["grade"] == {"grade": "evidence", "reasons": []}

    def test_stills_name_the_moment_that_they_show(self, tmp_path):
        """From the manifest alone one can find the very frame and packet of each still again."""
        manifest = read(tmp_path, write_package(make_request(), tmp_path))
        rows = {row["name"]: row for row in manifest["files"]}
        assert (rows["scene_1.jpg"]["frame_index"], rows["scene_1.jpg"]["packet_sha256"]) == (100, "0" * 64)
        assert rows["scene_2.jpg"]["pts"] == 720000
        assert rows["scene_1.jpg"]["crop_xyxy"] is None
        assert len(rows["plate.png"]["crop_xyxy"]) == 4

    def test_a_viewing_copy_is_marked_as_one(self, tmp_path):
        """Nobody may take the re-encoded copy for the original."""
        package = write_package(make_request(write_clip=FakeClip(viewing_copy=b"re-encoded")), tmp_path)
        roles = {row["name"]: row["role"] for row in read(tmp_path, package)["files"]}
        assert (roles["clip.mp4"], roles["clip.view.mp4"]) == ("original_clip", "viewing_copy")

    def test_relative_time_is_a_lead_and_shows_no_date(self, tmp_path):
        """Time that counts from 1970 appears nowhere as a date."""
        package = write_package(make_request(time=RELATIVE), tmp_path)
        assert (package.grade, package.grade_reasons) == (Grade.LEAD, ("time_relative",))
        manifest = read(tmp_path, package)
        assert manifest["time"]["first_deciding_at"] is None
        assert {o["captured_at"] for o in manifest["observations"]} == {None}

    def test_the_evidence_code_depends_on_the_originals_and_the_case_alone(self):
        """The code printed on the sheet can be recomputed from the manifest, and changes with any original."""
        rows = [{"name": "clip.mp4", "role": "original_clip", "sha256": "ab"}, {"name": "plate.png", "role": "plate",
                "sha256": "cd"}]  # fmt: skip
        code = evidence_code("RW-1", rows)
        sheet = {"name": "composite.jpg", "role": "composite", "sha256": "ef"}
        assert evidence_code("RW-1", [sheet, *reversed(rows)]) == code
        assert evidence_code("RW-2", rows) != code
        assert evidence_code("RW-1", [rows[0], rows[1] | {"sha256": "ce"}]) != code

    def test_small_pictures_and_a_single_moment_lower_the_grade(self, tmp_path):
        violation = make_violation([make_observation(0, (100.0, 100.0, 300.0, 300.0), plate_text="渝D12345")])
        request = make_request(violation)
        request = replace(request, images={pts: image[:480, :640] for pts, image in request.images.items()})
        package = write_package(request, tmp_path)
        assert package.grade_reasons == ("image_too_small", "scenes_too_few")
        assert names(tmp_path / package.evidence.folder) == [name for name in FILES if not name.startswith("scene_2")]

    def test_english_and_chinese_differ_in_what_people_read_alone(self, tmp_path):
        """The language is for people; the facts are the same."""
        chinese = write_package(make_request(), tmp_path / "zh")
        english = write_package(make_request(language=Language.EN), tmp_path / "en")
        one, other = read(tmp_path / "zh", chinese), read(tmp_path / "en", english)
        differing = [a["name"] for a, b in zip(one["files"], other["files"], strict=True) if a != b]
        assert differing == ["composite.jpg", "scene_1.overlay.jpg", "scene_2.overlay.jpg"]
        assert {key for key in one if one[key] != other[key]} == {"files", "digest"}


class TestRepetition:
    def test_the_same_input_gives_the_same_bytes_anywhere(self, tmp_path):
        """No clock, no path and no chance enters the package."""
        one, other = write_package(make_request(), tmp_path / "a"), write_package(make_request(), tmp_path / "b")
        assert one == other
        for name in FILES:
            a, b = ((tmp_path / side / one.evidence.folder / name).read_bytes() for side in "ab")
            assert a == b, name

    def test_writing_again_changes_nothing(self, tmp_path):
        first = write_package(make_request(), tmp_path)
        folder = tmp_path / first.evidence.folder
        before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
        again = write_package(make_request(), tmp_path)
        assert again == replace(first, outcome=Outcome.UNCHANGED)
        assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
        assert names(tmp_path) == [folder.name]

    def test_a_sealed_package_is_never_overwritten(self, tmp_path):
        """Another judgement of the same pass (new models, say) leaves the sealed package, and tells what that says."""
        first = write_package(make_request(), tmp_path)
        other = make_request(time=RELATIVE, write_clip=FakeClip(b"other packets"))
        assert write_package(other, tmp_path) == replace(first, outcome=Outcome.KEPT)
        assert verify_package(tmp_path / first.evidence.folder, first.evidence.manifest_sha256).is_intact

    def test_a_damaged_package_is_neither_repaired_nor_hidden(self, tmp_path):
        """Traces of tampering must not be wiped out by running the program again."""
        folder = tmp_path / write_package(make_request(), tmp_path).evidence.folder
        (folder / "plate.png").write_bytes(b"forged")
        with pytest.raises(EvidenceError, match=r"damaged \(plate\.png: altered\).*move it away"):
            write_package(make_request(), tmp_path)
        assert (folder / "plate.png").read_bytes() == b"forged"

    def test_two_writers_of_one_case_agree(self, tmp_path):
        """Both build, one publishes, the other finds the same package; both report it."""
        barrier, packages = threading.Barrier(2), []

        def write_clip(folder):
            barrier.wait(timeout=30)
            return FakeClip()(folder)

        def write():
            packages.append(write_package(make_request(write_clip=write_clip), tmp_path))

        threads = [threading.Thread(target=write) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {package.outcome for package in packages} == {Outcome.WRITTEN, Outcome.UNCHANGED}
        assert len({package.evidence for package in packages}) == 1
        assert len(names(tmp_path)) == 1


def full_disk(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def on_call(number, real):
    """A function that works until its call `number` (from 0) and then finds the disk full."""
    calls = iter(range(1000))
    return lambda *args, **kwargs: full_disk() if next(calls) == number else real(*args, **kwargs)


class TestFaults:
    @pytest.mark.parametrize(
        ("owner", "name", "number"),
        [*((Path, "write_bytes", n) for n in range(7)), *((os, "fsync", n) for n in (0, 3, 7)), (Path, "rename", 0),
         (Path, "mkdir", 0), (Path, "mkdir", 1)],
    )  # fmt: skip
    def test_a_full_disk_leaves_nothing_half_written(self, tmp_path, monkeypatch, owner, name, number):
        """Wherever the disk runs full, there is one line that names the place, and no folder of any kind."""
        root = tmp_path / "evidence"
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, on_call(number, getattr(owner, name)))
            with pytest.raises(StorageError, match="the disk is full") as caught:
                write_package(make_request(), root)
        assert str(root) in str(caught.value)
        assert names(root) == []
        assert write_package(make_request(), root).outcome is Outcome.WRITTEN

    @pytest.mark.parametrize(
        ("error", "expected"),
        [(OSError(errno.ENOSPC, "No space left on device"), StorageError), (StorageError("full"), StorageError),
         (EvidenceError("no key frame"), EvidenceError), (KeyboardInterrupt(), KeyboardInterrupt)],
    )  # fmt: skip
    def test_a_clip_that_cannot_be_written_leaves_nothing(self, tmp_path, error, expected):
        """Whatever stops the clip, also a person at the keyboard: all or nothing."""

        def write_clip(folder):
            (folder / "clip.mp4").write_bytes(b"half a clip")
            raise error

        with pytest.raises(expected):
            write_package(make_request(write_clip=write_clip), tmp_path)
        assert names(tmp_path) == []

    def test_no_decodable_picture_is_an_error_that_names_the_pass(self, tmp_path):
        with pytest.raises(EvidenceError, match="0123456789abcdef0123"):
            write_package(make_request(images={}), tmp_path)
        assert names(tmp_path) == []

    def test_a_measurement_that_is_no_number_is_refused(self, tmp_path):
        """NaN would make a manifest that other programs cannot read."""
        violation = make_violation()
        odd = replace(violation.findings[0], measured={"share": float("nan")})
        with pytest.raises(EvidenceError, match=r"findings\[0\]\.measured\.share"):
            write_package(make_request(replace(violation, findings=(odd,))), tmp_path)
        assert names(tmp_path) == []

    def test_a_foreign_folder_of_that_name_is_not_touched(self, tmp_path):
        request = make_request(camera=CAMERA)
        place = tmp_path / request.facts.case_id
        place.mkdir()
        (place / "notes.txt").write_text("mine")
        with pytest.raises(EvidenceError, match="no evidence package"):
            write_package(request, tmp_path)
        assert names(place) == ["notes.txt"]

import json
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.errors import EvidenceError
from detector.evidence.canonical import seal
from detector.evidence.package import write_package
from detector.evidence.texts import Language
from detector.evidence.verify import verify_package
from tests.detector.evidence.makers import FakeClip, make_request

FILES = ["clip.mp4", "clip.view.mp4", "composite.jpg", "manifest.json", "plate.png", "scene_1.jpg", "scene_2.jpg",
         "vehicle.jpg"]  # fmt: skip


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A package that no test may alter."""
    root = tmp_path_factory.mktemp("evidence")
    return root / write_package(make_request(write_clip=FakeClip(viewing_copy=b"copy")), root).evidence.folder


@pytest.fixture
def folder(sealed, tmp_path):
    """A copy of it to tamper with."""
    return shutil.copytree(sealed, tmp_path / "package")


def test_an_untouched_package_is_intact_wherever_it_was_copied(folder):
    """Verification needs the folder alone: neither its name nor its place matters."""
    report = verify_package(folder)
    assert report.is_intact
    assert (report.file_count, len(report.manifest_sha256)) == (9, 64)
    assert report.lines() == ["完整：9 个文件与清单一致"]
    assert report.lines(Language.EN) == ["intact: 9 files agree with the manifest"]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_byte_in_any_file_is_found_and_named(folder, name, data):
    """Whichever byte of whichever file changes, the report names that file."""
    path = folder / name
    original = path.read_bytes()
    altered = bytearray(original)
    altered[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(altered)
    try:
        report = verify_package(folder)
    finally:
        path.write_bytes(original)
    assert not report.is_intact
    assert report.altered[0] == name
    assert name == "manifest.json" or (report.altered, report.missing, report.added) == ((name,), (), ())


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_named(folder, name):
    os.truncate(folder / name, (folder / name).stat().st_size - 1)
    assert verify_package(folder).altered[0] == name


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    report = verify_package(folder)
    assert (report.altered, report.missing, report.added) == ((), (name,), ())
    assert report.lines() == [f"{name}：文件缺失"]


def test_whatever_was_added_is_named(folder):
    """Files, hidden files, empty folders and files in folders: nothing may be slipped in."""
    (folder / "extra.txt").write_text("x")
    (folder / ".hidden").write_text("x")
    (folder / "empty").mkdir()
    (folder / "deep").mkdir()
    (folder / "deep" / "clip.mp4").write_text("x")
    assert verify_package(folder).added == (".hidden", "deep", "deep/clip.mp4", "empty", "extra.txt")


def test_a_renamed_file_is_missing_here_and_added_there(folder):
    (folder / "plate.png").rename(folder / "plate2.png")
    report = verify_package(folder)
    assert (report.missing, report.added) == (("plate.png",), ("plate2.png",))


def test_two_swapped_files_are_both_named(folder):
    """Each picture is bound to its name, and with it to its moment."""
    (folder / "scene_1.jpg").rename(folder / "x")
    (folder / "scene_2.jpg").rename(folder / "scene_1.jpg")
    (folder / "x").rename(folder / "scene_2.jpg")
    assert verify_package(folder).altered == ("scene_1.jpg", "scene_2.jpg")


def test_a_link_or_a_folder_in_the_place_of_a_file_is_an_alteration(folder, tmp_path):
    """A link can be pointed elsewhere after verification: it is not the sealed file, even with the same content."""
    (folder / "plate.png").rename(tmp_path / "plate.png")
    (folder / "plate.png").symlink_to(tmp_path / "plate.png")
    (folder / "vehicle.jpg").unlink()
    (folder / "vehicle.jpg").mkdir()
    assert verify_package(folder).altered == ("plate.png", "vehicle.jpg")


def test_a_rewritten_package_is_exposed_by_the_digest_in_the_database(folder):
    """Someone who seals again makes a package that agrees with itself, but not with what was stored."""
    stored = verify_package(folder).manifest_sha256
    content = json.loads((folder / "manifest.json").read_bytes())
    del content["digest"]
    content["grade"]["grade"] = "lead"
    (folder / "manifest.json").write_bytes(seal(content)[0])
    assert verify_package(folder).is_intact
    assert verify_package(folder, stored).altered == ("manifest.json",)


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 100_000, b'{"format":"roadwarden-evidence/1","files":3}',
     b'{"format":"roadwarden-evidence/1","files":[null,{"name":7},{"name":"../../etc/passwd"},{"name":""}]}',
     b'{"format":"roadwarden-evidence/99","files":[{"name":"clip.mp4","size":1,"sha256":"x"}]}'],
)  # fmt: skip
def test_a_manifest_that_no_program_of_ours_wrote_is_named_and_does_no_harm(folder, manifest):
    """Whatever stands in the manifest, verification ends with a report and opens nothing outside the folder."""
    (folder / "manifest.json").write_bytes(manifest)
    report = verify_package(folder)
    assert (report.altered, report.missing, report.added) == (("manifest.json",), (), ())


def test_a_sealed_document_of_another_kind_is_no_intact_package(folder):
    """A correct digest over something else than a package's content proves nothing about the files."""
    (folder / "manifest.json").write_bytes(seal({"format": "something-else/1", "files": []})[0])
    assert verify_package(folder).altered == ("manifest.json",)


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "other"])
def test_what_is_no_package_is_an_error_that_names_it(tmp_path, kind):
    path = tmp_path / kind
    if kind == "file":
        path.write_text("x")
    elif kind != "missing":
        path.mkdir()
    if kind == "other":
        (path / "clip.mp4").write_text("x")
    with pytest.raises(EvidenceError, match=f"{path} is no evidence package"):
        verify_package(path)


def test_verification_needs_neither_opencv_nor_pyav_nor_pillow():
    """An archive or a court verifies on a machine that has no video software."""
    code = "import sys, detector.evidence.verify; print({'cv2', 'av', 'PIL', 'sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

"""Seals, the chain of a site, and the single file: every kind of tampering is found and named."""

import json
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector.errors import EvidenceError, StorageError
from detector.evidence.archive import opened, write_archive
from detector.evidence.canonical import canonical_json, seal
from detector.evidence.chain import CHAIN, SEAL, check_chain, public_keys, read_chain
from detector.evidence.keys import KeyFolder
from detector.evidence.package import Outcome, write_package
from detector.evidence.texts import Language
from detector.evidence.verify import verify_package
from tests.detector.evidence.makers import make_request
from tests.processes import PROCESSES


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "signing")


def request_of(case_id: str):
    request = make_request()
    return replace(request, facts=replace(request.facts, case_id=case_id))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four packages in a row, and the key that signed them: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    signer = KeyFolder(folder / "signing").signer()
    for number in range(1, 5):
        write_package(request_of(f"RW-{number}"), folder / "evidence", signer)
    return folder


@pytest.fixture
def site(tmp_path: Path, made: Path) -> Path:
    """Four packages in a row."""
    shutil.copytree(made / "signing", tmp_path / "signing")
    return shutil.copytree(made / "evidence", tmp_path / "evidence")


def public(keys: KeyFolder, key_id: str | None = None) -> dict:
    return public_keys([keys.folder / f"{key_id or keys.signer().key_id}.pub"])


class TestSeal:
    def test_a_package_is_signed_and_the_signature_holds(self, site: Path, keys: KeyFolder) -> None:
        """With the public key alone; without it the report says that the signature was not checked."""
        report = verify_package(site / "RW-1", keys=public(keys))
        assert (report.is_intact, report.seal.is_checked, report.seal.key_id) == (True, True, keys.signer().key_id)
        assert report.lines(Language.EN)[1] == f"signature valid (key {report.seal.key_id})"
        assert "not checked" in verify_package(site / "RW-1").lines(Language.EN)[1]

    def test_the_manifest_is_the_same_with_and_without_a_seal(self, site: Path, tmp_path: Path) -> None:
        """Clock, chain and signature are in the seal alone."""
        write_package(request_of("RW-1"), tmp_path / "plain")
        manifests = [(root / "RW-1" / "manifest.json").read_bytes() for root in (site, tmp_path / "plain")]
        assert manifests[0] == manifests[1]
        assert not (tmp_path / "plain" / "RW-1" / SEAL).exists()

    def test_the_private_key_is_nowhere_but_in_its_file(self, site: Path, keys: KeyFolder) -> None:
        """Mode 0600, not in a package, not in a representation."""
        (path,) = keys.folder.glob("*.key")
        assert path.stat().st_mode & 0o777 == 0o600
        secret = path.read_bytes().splitlines()[1]
        assert all(secret not in file.read_bytes() for file in site.rglob("*") if file.is_file())
        assert secret.decode() not in repr(keys.signer())
        path.chmod(0o644)
        with pytest.raises(StorageError, match="may be read by others"):
            keys.signer()

    @pytest.mark.parametrize(
        ("tamper", "said"),
        [
            ("flip", "clip.mp4: altered"),
            ("truncate", "clip.mp4: altered"),
            ("replace", "scene_1.jpg: altered"),
            ("add", "more.txt: does not belong to this package"),
            ("remove", "vehicle.jpg: missing"),
            ("unseal", "no seal (seal.json)"),
            ("rewrite", "the seal is not of this manifest"),
            ("resign", "signed with another key"),
            ("forge", "signature invalid: the seal was altered"),
            ("garbage", "the seal cannot be read"),
            ("double", "the seal cannot be read"),
        ],
    )
    def test_tampering_is_found_and_named(
        self, site: Path, keys: KeyFolder, tmp_path: Path, tamper: str, said: str
    ) -> None:
        """Also by somebody who rewrites the manifest to agree with itself, or signs with a key of his own."""
        folder, key = site / "RW-2", public(keys)
        TAMPERS[tamper](folder, tmp_path)
        report = verify_package(folder, keys=key)
        assert not report.is_intact
        assert [line for line in report.lines(Language.EN) if line.startswith(said)]

    def test_older_keys_still_prove_older_packages(self, site: Path, keys: KeyFolder) -> None:
        """After a rotation new packages carry the new key."""
        old = keys.signer().key_id
        new = keys.make()
        write_package(request_of("RW-5"), site, keys.signer())
        assert dict(keys.list()) == {old: False, new: True}
        assert verify_package(site / "RW-1", keys=public(keys, old)).is_intact
        assert verify_package(site / "RW-5", keys=public(keys, new)).is_intact
        assert verify_package(site / "RW-5", keys=public(keys, old)).seal.faults == ("seal.other_key",)


def rewrite(folder: Path, _: Path) -> None:
    """Alter what was judged, and make the manifest agree with itself again."""
    content = json.loads((folder / "manifest.json").read_bytes())
    del content["digest"]
    content["camera"]["place"] = "elsewhere"
    (folder / "manifest.json").write_bytes(seal(content)[0])


def resign(folder: Path, scratch: Path) -> None:
    """Rewrite, and seal with a key of one's own."""
    rewrite(folder, scratch)
    other = KeyFolder(scratch / "other").signer()
    root = scratch / "fake"
    root.mkdir()
    content = json.loads((folder / SEAL).read_bytes())
    del content["signature"]
    content |= {"key_id": other.key_id}
    (folder / SEAL).write_bytes(canonical_json(content | {"signature": other.sign(canonical_json(content))}))


def forge(folder: Path, _: Path) -> None:
    """Another time of sealing under the old signature."""
    content = json.loads((folder / SEAL).read_bytes())
    (folder / SEAL).write_bytes(canonical_json(content | {"sealed_at": "2020-01-01T00:00:00.000000Z"}))


def double(folder: Path, _: Path) -> None:
    """The signed seal with a key that stands in it already: readers take the first or the last of the two."""
    written = (folder / SEAL).read_bytes()
    (folder / SEAL).write_bytes(b'{"sealed_at":"1999-01-01T00:00:00.000000Z",' + written[1:])


def flip(folder: Path, _: Path) -> None:
    data = bytearray((folder / "clip.mp4").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "clip.mp4").write_bytes(data)


TAMPERS: dict[str, Callable[[Path, Path], object]] = {
    "flip": flip,
    "truncate": lambda folder, _: os.truncate(folder / "clip.mp4", 1),
    "replace": lambda folder, _: (folder / "scene_1.jpg").write_bytes((folder / "scene_2.jpg").read_bytes()),
    "add": lambda folder, _: (folder / "more.txt").write_text("x"),
    "remove": lambda folder, _: (folder / "vehicle.jpg").unlink(),
    "unseal": lambda folder, _: (folder / SEAL).unlink(),
    "rewrite": rewrite,
    "resign": resign,
    "forge": forge,
    "garbage": lambda folder, _: (folder / SEAL).write_bytes(b"[" * 9000),
    "double": double,
}


class TestChain:
    def test_packages_of_a_site_hang_together(self, site: Path) -> None:
        """Each seal names the one before; a second run adds nothing."""
        assert check_chain(site) == []
        assert [row["case_id"] for row in read_chain(site)] == ["RW-1", "RW-2", "RW-3", "RW-4"]

    def test_a_package_that_is_there_takes_no_second_place(self, site: Path, keys: KeyFolder) -> None:
        """Nor does its seal change."""
        before = (site / "RW-2" / SEAL).read_bytes()
        assert write_package(request_of("RW-2"), site, keys.signer()).outcome is Outcome.UNCHANGED
        assert (len(read_chain(site)), (site / "RW-2" / SEAL).read_bytes()) == (4, before)

    @pytest.mark.parametrize(
        ("tamper", "said"),
        [
            (lambda site: shutil.rmtree(site / "RW-2"), {("chain.gone", "RW-2")}),
            (lambda site: forge(site / "RW-2", site), {("chain.other_seal", "RW-2")}),
            (lambda site: shutil.copytree(site / "RW-2", site / "RW-9"), {("chain.unlisted", "RW-9")}),
            (lambda site: edit(site, lambda rows: rows[:1] + rows[2:]),
             {("chain.gap", "2"), ("chain.order", "RW-3"), ("chain.unlisted", "RW-2")}),
            (lambda site: edit(site, lambda rows: rows[:3]), {("chain.unlisted", "RW-4")}),
            (lambda site: edit(site, lambda rows: [rows[0], rows[2], rows[1], rows[3]]),
             {("chain.gap", "2"), ("chain.gap", "4"), ("chain.order", "RW-2"), ("chain.order", "RW-3"),
              ("chain.order", "RW-4")}),
        ],
    )  # fmt: skip
    def test_what_is_out_of_the_chain_is_named(self, site: Path, tamper: Callable, said: set) -> None:
        """Taken away, re-sealed, put in, cut off, changed in order."""
        tamper(site)
        assert said <= set(check_chain(site)) | {("chain.gap", "4")}
        assert check_chain(site) != []

    def test_a_torn_line_is_mended_by_the_next_package(self, site: Path, keys: KeyFolder) -> None:
        """What a crash leaves at the end of the list does not count."""
        with (site / CHAIN).open("a") as file:
            file.write('{"sequence": 5, "case')
        write_package(request_of("RW-5"), site, keys.signer())
        assert check_chain(site) == []

    def test_many_writers_share_one_chain(self, tmp_path: Path, keys: KeyFolder) -> None:
        """No place is taken twice."""
        signer, root = keys.signer(), tmp_path / "evidence"
        threads = [threading.Thread(target=write_package, args=(request_of(f"RW-{n}"), root, signer)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert check_chain(root) == []
        assert len(read_chain(root)) == 8

    @pytest.mark.long
    def test_killed_at_any_moment_the_chain_is_whole(self, tmp_path: Path, keys: KeyFolder) -> None:
        """Eight writers are killed while they seal; the next one finds nothing half done."""
        keys.make()
        root = tmp_path / "evidence"
        for number in range(8):
            process = PROCESSES.Process(target=seal_on_and_on, args=(number, root, keys.folder))
            process.start()
            give_up_at = time.monotonic() + 30
            while not list(root.glob(f"RW-{number}-*/{SEAL}")) and time.monotonic() < give_up_at:
                time.sleep(0.01)
            time.sleep(0.013 * number)
            process.kill()
            process.join()
        write_package(request_of("RW-last"), root, keys.signer())
        assert check_chain(root) == []
        assert len(read_chain(root)) == len(list(root.glob("RW-*")))


def seal_on_and_on(writer: int, root: Path, keys: Path) -> None:
    for number in range(1000):
        write_package(request_of(f"RW-{writer}-{number}"), root, KeyFolder(keys).signer())


def edit(site: Path, change: Callable) -> None:
    rows = (site / CHAIN).read_text("utf-8").splitlines(keepends=True)
    (site / CHAIN).write_text("".join(change(rows)), "utf-8")


class TestArchive:
    def test_one_file_says_what_the_folder_says(self, site: Path, keys: KeyFolder, tmp_path: Path) -> None:
        """And is the same to the byte for the same package."""
        for name in ("a.zip", "b.zip"):
            write_archive(site / "RW-1", tmp_path / name)
        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
        with opened(tmp_path / "a.zip") as folder:
            assert verify_package(folder, keys=public(keys)).is_intact
        assert not folder.exists()
        with pytest.raises(StorageError, match="there already"):
            write_archive(site / "RW-1", tmp_path / "a.zip")

    @pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", "..", "a\\b"])
    def test_names_that_lead_elsewhere_are_refused(self, tmp_path: Path, name: str) -> None:
        """Nothing is written outside."""
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(EvidenceError, match="no package has"), opened(tmp_path / "bad.zip"):
            pass

    def test_what_is_no_zip_is_one_line(self, tmp_path: Path) -> None:
        """Missing, empty, garbage."""
        (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04garbage")
        for path in (tmp_path / "none.zip", tmp_path / "bad.zip"):
            with pytest.raises(EvidenceError, match=f"{path.name}: is no package"), opened(path):
                pass

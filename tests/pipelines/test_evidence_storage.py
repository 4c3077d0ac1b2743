"""Evidence in S3-compatible storage: moto's server speaks the protocol, boto3 and everything of ours are real."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.errors import ConfigurationError, EvidenceError, StorageError
from detector.evidence.chain import check_chain
from detector.evidence.keys import KeyFolder
from detector.evidence.manifest import ModelRecord, Provenance
from detector.evidence.package import write_package
from detector.evidence.vault import Vault
from detector.evidence.verify import verify_package
from detector.review.shelf import EvidenceShelf
from detector.tracking import ByteTracker
from pipelines.cli import app
from pipelines.config import load_cameras
from pipelines.evidence_place import EvidencePlace, fetch_package, remove_package
from pipelines.package_maker import PackageMaker
from pipelines.progress import ReplayProgress
from pipelines.replay import Replayer, ReplayOptions
from pipelines.violation_pipeline import ViolationPipeline
from tests.conftest import require
from tests.detector.evidence.makers import make_request
from tests.scripted_truck import make_models, write_truck

URL = "s3://evidence/site-1"


@pytest.fixture(scope="module")
def storage_server() -> Iterator[str]:
    """Address of an S3 server on this machine."""
    require(
        find_spec("moto") is not None and find_spec("flask") is not None, "moto's server (pip install moto[server])"
    )
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def vault(storage_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Vault:
    """An empty bucket, found by the environment as in production."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": storage_server,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3").Bucket("evidence")
    bucket.create()
    bucket.objects.all().delete()
    return Vault(URL)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A sealed package on the disk."""
    request = make_request()
    request = replace(request, facts=replace(request.facts, case_id="RW-1"))
    write_package(request, tmp_path / "outbox", KeyFolder(tmp_path / "signing").signer())
    return tmp_path / "outbox" / "RW-1"


def test_a_package_moves_whole_with_its_chain(vault: Vault, package: Path, tmp_path: Path) -> None:
    """What comes back is intact and in its site's chain, and the disk is free again."""
    expected = {path.name: path.read_bytes() for path in package.iterdir()}
    assert vault.find("RW-1") is None
    vault.deposit(package, "node-1")
    assert not package.exists()
    assert vault.find("RW-1") == expected["manifest.json"]
    folder = vault.fetch("RW-1", tmp_path / "back")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected
    assert verify_package(folder).is_intact
    vault._client.download_file("evidence", "site-1/chains/node-1.jsonl", str(folder.parent / "chain.jsonl"))
    assert check_chain(folder.parent) == []


def test_a_package_that_stands_is_never_overwritten(vault: Vault, package: Path) -> None:
    """Another machine's package of the same case stays what it is."""
    copy = shutil.copytree(package, package.parent.parent / "other" / "RW-1")
    vault.deposit(package, "node-1")
    before = vault.find("RW-1")
    (copy / "manifest.json").write_text("{}", encoding="utf-8")
    vault.deposit(copy, "node-2")
    assert vault.find("RW-1") == before


def test_a_deposit_that_broke_off_is_no_package_and_is_made_good(
    vault: Vault, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its manifest nothing is there; the folder stays on the disk until everything has arrived."""
    put, done = vault._put, []

    def break_off(path: Path, key: str) -> None:
        if len(done) == 3:
            raise StorageError("away")
        done.append(put(path, key))

    monkeypatch.setattr(vault, "_put", break_off)
    with pytest.raises(StorageError, match="away"):
        vault.deposit(package, "node-1")
    assert vault.find("RW-1") is None
    with pytest.raises(EvidenceError, match=r"s3://evidence/site-1/RW-1: the package is not there"):
        vault.fetch("RW-1", tmp_path / "back")
    assert verify_package(package).is_intact
    monkeypatch.setattr(vault, "_put", put)
    vault.deposit(package, "node-1")
    assert verify_package(vault.fetch("RW-1", tmp_path / "back")).is_intact


def test_a_package_is_removed_as_if_it_had_never_been(vault: Vault, package: Path, tmp_path: Path) -> None:
    """No file of it is left, neither in the copy that the desk has fetched; removing it again is no fault."""
    vault.deposit(package, "node-1")
    copies = tmp_path / "desk"
    for case_id in ("RW-1", "RW-2"):
        shutil.copytree(vault.fetch("RW-1", tmp_path / "back"), copies / case_id)
    for _ in range(2):
        remove_package(f"{URL}/RW-1", copies)
    assert vault.find("RW-1") is None
    assert list(vault._keys("RW-1")) == []
    assert [path.name for path in copies.iterdir()] == ["RW-2"]


def test_a_storage_that_refuses_or_is_away_is_one_line(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the place and no credentials."""
    with pytest.raises(StorageError, match="evidence s3://nowhere: NoSuchBucket") as refused:
        Vault("s3://nowhere").check()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageError, match="evidence s3://evidence/site-1: ") as away:
        Vault(URL).check()
    for caught in (refused, away):
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://key:secret@bucket/x", "s3://bucket/x?y=1"])
def test_a_wrong_url_is_refused(url: str) -> None:
    """Credentials have no place in it."""
    with pytest.raises(ConfigurationError, match="write s3://BUCKET/PREFIX"):
        Vault(url)


def test_a_replay_into_storage_is_verified_exported_and_shown(vault: Vault, tmp_path: Path) -> None:
    """The case names the place in the storage; replaying adds nothing; commands and desk read it there."""
    clip, database = write_truck(tmp_path / "gate.mp4"), f"sqlite:///{tmp_path / 'cases.db'}"
    store = CaseStore(open_database(database))
    place = EvidencePlace(tmp_path / "outbox", URL)
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), load_cameras(None).sha256, "test")
    signer = KeyFolder(tmp_path / "signing").signer()
    packages = PackageMaker(place.root, provenance, signer, storage=place.open_storage())
    options = ReplayOptions(load_cameras(None), None, None, place.root, evidence_url=URL)
    for _ in range(2):
        replayer = Replayer(options, ViolationPipeline(make_models(), ByteTracker), packages, store)
        with ReplayProgress() as progress:
            ((case, shown),) = replayer.replay(clip, progress).cases
        assert case.evidence is not None
        assert case.evidence.folder == shown == f"{URL}/{case.case_id}"
        assert [path.name for path in place.root.iterdir() if path.is_dir()] == []
    assert len((place.root / "chain.jsonl").read_text(encoding="utf-8").splitlines()) == 1

    told = CliRunner().invoke(app, ["verify", shown, "--json"])
    assert (told.exit_code, json.loads(told.stdout)["intact"]) == (0, True)
    target = tmp_path / "case.zip"
    assert (
        CliRunner().invoke(app, ["export", case.case_id, "--output", str(target), "--database", database]).exit_code
        == 0
    )
    assert CliRunner().invoke(app, ["verify", str(target)]).exit_code == 0
    shelf = EvidenceShelf(tmp_path / "desk", fetch_package)
    assert shelf.find_altered(shelf.find(case.evidence)) == []
    fetched = CliRunner().invoke(app, ["verify", f"{URL}/RW-404"])
    assert isinstance(fetched.exception, EvidenceError)

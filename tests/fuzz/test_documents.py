"""Sidecars, labels, answers of other systems and packages: read, or refused with one line."""

import hashlib
import json
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.database.engine import open_database
from detector.dispatch import feedback, gat1400
from detector.dispatch.dispositions import DispositionDesk
from detector.documents import read_json
from detector.entities import WatchRequest
from detector.evidence.archive import opened
from detector.evidence.canonical import canonical_json, seal, unseal
from detector.evidence.chain import CHAIN, SEAL, check_chain
from detector.evidence.keys import KeyFolder
from detector.evidence.package import write_package
from detector.evidence.timestamp import TOKEN
from detector.evidence.verify import verify_package
from detector.video import gateway
from detector.video.time_basis import read_sidecar
from pipelines.backup import INDEX, restore_backup
from pipelines.labels import ClassMap, read_coco, read_desk, read_yolo
from tests.detector.evidence.makers import make_request
from tests.fuzz.hostile import answer_or_one_line, bounded, nearly, nearly_json

SIDECAR = {"started_at": "2026-03-01T22:15:04.250+08:00", "uncertainty_ms": 40, "camera_id": "gate-3"}
FEEDBACK = {"id": "1", "case_id": "RW-1", "unit": "jlp-cg", "action": "accept", "reason": "r"}
DISPOSITION = {
    "DispositionListObject": {
        "DispositionObject": [
            {
                "DispositionID": "1", "OperateType": "0", "TargetFeature": "渝A12345", "ApplicantName": "王",
                "Reason": "r", "EndTime": "20260630000000",
            }
        ]
    }
}  # fmt: skip
COCO = {
    "categories": [{"id": 1, "name": "truck"}],
    "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 20]}],
}
STATUSES = {"ResponseStatusListObject": {"ResponseStatusObject": [{"Id": "1", "StatusCode": "0"}]}}
WVP = {"code": 0, "msg": "ok", "data": {"rtsp": "rtsp://10.0.0.1/x", "accessToken": "t"}}
BACKUP = {"files": {"roadwarden.db": "0" * 64, "evidence/RW-1/manifest.json": "0" * 64}}


@bounded
@given(nearly_json(SIDECAR))
def test_whatever_is_called_json_is_read_or_no_value(content: bytes) -> None:
    """And what is read can be written again."""
    try:
        said = read_json(content)
    except ValueError:
        return
    json.dumps(said, ensure_ascii=False).encode()


def test_sidecars(tmp_path: Path) -> None:
    @bounded
    @given(nearly_json(SIDECAR))
    def attack(content: bytes) -> None:
        (tmp_path / "a.mp4.json").write_bytes(content)
        found = answer_or_one_line(lambda: read_sidecar(tmp_path / "a.mp4"))
        assert found is None or (found.started_at.tzinfo is UTC and found.uncertainty_ms >= 0)

    attack()


@bounded
@given(nearly_json(FEEDBACK))
def test_feedback(content: bytes) -> None:
    """Webhook and MQTT carry the same document."""
    found = answer_or_one_line(lambda: feedback._parse(content))
    assert found is None or all(isinstance(value, str) for value in found.values())


class Proposals:
    """Takes what is proposed."""

    def propose(self, entry_id: str, request: WatchRequest, applicant: str) -> None:
        assert request.expires_at.tzinfo is not None

    def withdraw(self, entry_id: str, by: str, reason: str) -> None:
        pass


def test_dispositions_of_ga_t_1400() -> None:
    engine = open_database("sqlite://")
    desk = DispositionDesk(
        engine, Proposals(), lambda text: text == "渝A12345", lambda: datetime(2026, 5, 1, tzinfo=UTC)
    )

    @bounded
    @given(nearly_json(DISPOSITION))
    def attack(content: bytes) -> None:
        try:
            said = read_json(content)
        except ValueError:
            return
        found = answer_or_one_line(lambda: desk.take("peer", said))
        assert found is None or all(row["StatusString"] for row in found)

    attack()
    engine.dispose()


@bounded
@given(nearly_json(STATUSES))
def test_answers_of_ga_t_1400(content: bytes) -> None:
    answer_or_one_line(lambda: gat1400._statuses(httpx.Response(200, content=content)))


@bounded
@given(nearly_json(WVP), st.sampled_from([200, 204, 401, 500]))
def test_answers_of_wvp(content: bytes, status: int) -> None:
    answer_or_one_line(lambda: gateway._read(httpx.Response(status, content=content), "gateway http://10.0.0.1"))


def test_exports_of_labelling_tools(tmp_path: Path) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    desk = b"image,x1,y1,x2,y2,label,case_id\na.jpg,0.1,0.1,0.5,0.5,empty,RW-1\n"

    @bounded
    @given(
        nearly_json(COCO),
        nearly(b"names: [truck, car]\n", b"names: {0: truck}\n"),
        nearly(b"0 0.5 0.5 0.2 0.2\n"),
        nearly(desk),
    )
    def attack(coco: bytes, names: bytes, labels: bytes, table: bytes) -> None:
        for path, content in (
            (tmp_path / "coco.json", coco),
            (tmp_path / "data.yaml", names),
            (tmp_path / "labels" / "a.txt", labels),
            (tmp_path / "labels.csv", table),
        ):
            path.write_bytes(content)
        classes = ClassMap.parse([])
        answer_or_one_line(lambda: read_coco(tmp_path / "coco.json", tmp_path / "images", classes))
        answer_or_one_line(lambda: read_yolo(tmp_path, classes))
        answer_or_one_line(lambda: read_desk(tmp_path))

    attack()


def test_backups(tmp_path: Path) -> None:
    """Nothing is restored from what is no backup."""
    home = tmp_path / "home"

    @bounded
    @given(nearly_json(BACKUP))
    def attack(content: bytes) -> None:
        (tmp_path / INDEX).write_bytes(content)
        answer_or_one_line(lambda: restore_backup(tmp_path, home))
        assert not home.exists()

    attack()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of evidence with one package."""
    root = tmp_path_factory.mktemp("site")
    write_package(make_request(), root / "evidence", KeyFolder(root / "signing").signer())
    return root / "evidence"


def test_packages(site: Path, tmp_path: Path) -> None:
    """Manifests, also with a right digest at their end, seals, tokens and chains of the site."""
    shutil.copytree(site, tmp_path / "evidence")
    (package,) = [path.parent for path in (tmp_path / "evidence").glob("*/manifest.json")]
    manifest, its_seal = (package / "manifest.json").read_bytes(), (package / SEAL).read_bytes()
    chain = tmp_path / "evidence" / CHAIN
    content, said = unseal(manifest)[0], chain.read_bytes()

    @bounded
    @given(
        st.one_of(nearly(manifest), nearly_json(content).map(_seal_anew)),
        nearly_json(json.loads(its_seal)), st.one_of(st.none(), st.binary(max_size=50)), nearly(said),
    )  # fmt: skip
    def attack(manifest: bytes, its_seal: bytes, token: bytes | None, lines: bytes) -> None:
        (package / "manifest.json").write_bytes(manifest)
        (package / SEAL).write_bytes(its_seal)
        (package / TOKEN).unlink(missing_ok=True)
        if token is not None:
            (package / TOKEN).write_bytes(token)
        chain.write_bytes(lines)
        report = answer_or_one_line(lambda: verify_package(package))
        assert report is None or report.lines()
        answer_or_one_line(lambda: check_chain(tmp_path / "evidence"))

    attack()


def _seal_anew(content: bytes) -> bytes:
    """As one who knows the format would."""
    try:
        return seal(json.loads(content))[0]
    except Exception:
        rest = content[:-1]
        digest = hashlib.sha256(rest + b"}").hexdigest().encode()
        return rest + b',"digest":"' + digest + b'"}'


def test_archives(site: Path, tmp_path: Path) -> None:
    (package,) = [path.parent for path in site.glob("*/manifest.json")]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.iterdir())[:3]:
            archive.writestr(path.name, path.read_bytes()[:300])
    right = (tmp_path / "a.zip").read_bytes()

    @bounded
    @given(nearly(right))
    def attack(content: bytes) -> None:
        (tmp_path / "a.zip").write_bytes(content)

        def read() -> None:
            with opened(tmp_path / "a.zip") as folder:
                verify_package(folder)

        answer_or_one_line(read)

    attack()


def test_canonical_json_is_what_was_said() -> None:
    """The helper above seals as the product does."""
    assert canonical_json({"b": 1, "a": "渝"}) == '{"a":"渝","b":1}'.encode()

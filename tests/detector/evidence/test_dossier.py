"""The printed dossier: everything is on the pages, and nothing is cut."""

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from detector.entities import Case, CaseEvent, CaseStatus, Evidence, VehicleType
from detector.errors import EvidenceError
from detector.evidence.composite import find_font
from detector.evidence.dossier import Printout, load_words, print_dossier
from detector.evidence.masks import SceneObjects
from detector.evidence.package import write_package
from detector.evidence.texts import Language
from tests.conftest import require
from tests.detector.evidence.makers import CAMERA, OPERATOR, make_request, make_violation

NOON = datetime(2024, 3, 6, 4, tzinfo=UTC)
LONG = "当事人对事实无异议，要求查看原始录像并书面陈述意见" * 40


def event(number: int, action: str, name: str, certificate: str | None = None, reason: str | None = None) -> CaseEvent:
    return CaseEvent(
        number, "RW-1", action, None, None, name, name, "九龙坡区城市管理局石桥铺街道执法大队", certificate,
        NOON.replace(minute=number), reason, None, {}, "", "",
    )  # fmt: skip


HISTORY = (
    event(1, "confirm", "李明", "渝执0123"),
    event(2, "legal_confirm", "王芳", "渝执0456"),
    event(3, "notice", "周强", None, LONG),
    event(4, "note", "周强", None, "内部备注"),
)


@pytest.fixture
def printout(tmp_path: Path) -> Printout:
    violation = make_violation()
    pass_ = violation.vehicle_pass

    def look(_: object) -> SceneObjects:
        return SceneObjects((), ((VehicleType.TRUCK, pass_.observations[0].xyxy),), ((),))

    package = write_package(make_request(violation, look=look), tmp_path)
    folder = tmp_path / package.evidence.folder
    case = Case(
        package.evidence.folder, CAMERA.camera_id, CAMERA.place, pass_.vehicle_type, CaseStatus.FILED, package.grade,
        package.grade_reasons, violation.findings, pass_.plate, pass_.load, NOON, OPERATOR,
        Evidence(str(folder), package.evidence.manifest_sha256, 0.0, 15.0), source_site="观音桥二期·工地𠀀",
        basis={"title": "运输建筑垃圾车辆冒装", "code": "1028", "body": "城市管理", "source": "条例", "version": "1"},
    )  # fmt: skip
    return Printout(folder, case, HISTORY, NOON)


def extract(document: bytes, tmp_path: Path, *options: str) -> str:
    """What poppler reads on the pages."""
    require(shutil.which("pdftotext") is not None, "pdftotext (Debian package poppler-utils)")
    path = tmp_path / "case.pdf"
    path.write_bytes(document)
    done = subprocess.run(["pdftotext", *options, str(path), "-"], capture_output=True, text=True, check=True)
    return done.stdout


def test_everything_is_on_the_pages(printout: Printout, tmp_path: Path) -> None:
    """Facts, basis, both reviews with certificates, party's steps, hashes; notes among officers are not."""
    said = "".join(extract(print_dossier(printout), tmp_path).split())
    manifest_sha256 = printout.case.evidence.manifest_sha256
    for words in (
        "车辆通行事实案卷", printout.case.case_id, "已立案", "渝D12345", "所载物料高出厢体上沿", "巴南区渝南大道",
        "运输建筑垃圾车辆冒装", "1028", "李明", "渝执0123", "王芳", "渝执0456", "告知当事人", "观音桥二期•工地〓",
        "道路交通安全法第一百一十四条", "技审〔2024〕1号", manifest_sha256, "clip.mp4", "scene_1.masked.jpg",
    ):  # fmt: skip
        assert words in said, words
    assert said.count("要求查看原始录像") == 40
    assert "内部备注" not in said


def test_nothing_is_cut(printout: Printout, tmp_path: Path) -> None:
    """Every word lies within the margins of its page."""
    page = extract(print_dossier(printout), tmp_path, "-bbox")
    words = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">', page)
    width, height = 595.28, 841.89
    assert len(words) > 100
    for word in words:
        x1, y1, x2, y2 = map(float, word)
        assert x1 >= 40 and y1 >= 30 and x2 <= width - 40 and y2 <= height - 20, word


def test_the_same_input_prints_the_same_bytes(printout: Printout) -> None:
    """No clock is read but the one that is given."""
    assert print_dossier(printout) == print_dossier(printout)


def test_english_and_a_candidate_that_nobody_reviewed(printout: Printout, tmp_path: Path) -> None:
    """What is missing is said to be missing."""
    case = replace(printout.case, status=CaseStatus.CANDIDATE, basis=None, source_site=None)
    said = extract(print_dossier(replace(printout, case=case, history=(), language=Language.EN)), tmp_path)
    assert "candidate" in said
    assert "not chosen yet" in said
    assert said.count("not done") == 3


def test_originals_are_printed_only_when_asked_for(printout: Printout, tmp_path: Path) -> None:
    """Then the page says so."""
    said = extract(print_dossier(replace(printout, masked=False)), tmp_path)
    assert "scene_1.jpg" in said
    assert "图像为原件" in said


def test_a_package_without_masked_copies_shows_no_picture(printout: Printout, tmp_path: Path) -> None:
    """Rather none than an uncovered one."""
    plain = write_package(make_request(), tmp_path / "plain")
    folder = tmp_path / "plain" / plain.evidence.folder
    document = print_dossier(replace(printout, folder=folder, case=replace(printout.case, evidence=plain.evidence)))
    assert "证据包中没有该图像" in extract(document, tmp_path)
    assert document.count(b"/Subtype /Image") == 2  # the QR code and the subject's plate


def test_an_altered_manifest_is_not_printed(printout: Printout) -> None:
    """One line that says so."""
    path = printout.folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"uncovered_load", b"uncovered_1oad"))
    with pytest.raises(EvidenceError, match="altered"):
        print_dossier(printout)


def test_an_altered_picture_is_not_printed(printout: Printout) -> None:
    """The hashes on the last page would not fit the pictures before it."""
    path = printout.folder / "composite.masked.jpg"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(EvidenceError, match=r"composite\.masked\.jpg: altered"):
        print_dossier(printout)


def test_another_package_than_the_database_knows_is_not_printed(printout: Printout) -> None:
    """Also one that agrees with itself."""
    sealed = replace(printout.case.evidence, manifest_sha256="0" * 64)
    with pytest.raises(EvidenceError, match=r"manifest\.json: altered"):
        print_dossier(replace(printout, case=replace(printout.case, evidence=sealed)))


def test_a_decision_that_was_taken_back_or_sent_back_is_no_review(printout: Printout, tmp_path: Path) -> None:
    """It stands among the steps, with what became of it; the review is not done, or done by the next."""
    undo = replace(event(2, "undo", "李明"), details={"undone": 1})
    confirmed = event(1, "confirm", "李明", "渝执0123")
    taken_back = replace(printout, history=(confirmed, undo), language=Language.EN)
    said = extract(print_dossier(taken_back), tmp_path, "-layout")
    assert said.count("not done") == 3
    assert "taken back" in said
    again = (confirmed, undo, event(3, "confirm", "何洁", "渝执0001"), event(4, "send_back", "王芳", None, "看不清"))
    said = extract(print_dossier(replace(printout, history=again, language=Language.EN)), tmp_path, "-layout")
    assert said.count("not done") == 3
    assert "sent back" in said
    legal = (*again, event(5, "confirm", "周强", "渝执0009"), event(6, "legal_confirm", "王芳", "渝执0456"))
    said = extract(print_dossier(replace(printout, history=legal, language=Language.EN)), tmp_path, "-layout")
    assert said.count("not done") == 1
    assert "渝执0009" in said and "渝执0456" in said
    assert "渝执0123" not in said and "渝执0001" not in said


def test_both_languages_have_the_same_words_and_the_font_shows_them() -> None:
    """Names that are measured may stay as they are in English."""
    tables = [load_words(language) for language in Language]
    assert tables[0].keys() == tables[1].keys()
    for name in ("statuses", "steps"):
        assert tables[0][name].keys() == tables[1][name].keys()
    assert set(tables[0]["statuses"]) == set(CaseStatus)
    known = TTFont(find_font()).getBestCmap()
    assert {c for table in tables for c in str(dict(table)) if ord(c) not in known} == set()

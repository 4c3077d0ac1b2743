"""The training export: what officers decided, masked, in the form that `roadwarden labels import desk` takes."""

import io
import zipfile

import pytest
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import select

from detector.database.sessions import read_session
from detector.database.tables import AuditRow
from detector.entities import Action, CaseStatus, Role
from detector.review.desk import Desk
from pipelines.labels import read_desk, unpacked
from tests.detector.review.desk import OTHER_CASE, OWN_CASE, DeskClient, confirm

PERIOD = "from=2024-01-01&to=2024-12-31"


def reject(desk: Desk, reason: str) -> None:
    reviewer = desk.accounts.get("reviewer").actor
    desk.life.perform(OWN_CASE, Action.CLAIM, reviewer)
    desk.life.perform(OWN_CASE, Action.REJECT, reviewer, reason=reason)


def export(app: FastAPI) -> zipfile.ZipFile:
    response = DeskClient(app, Role.SUPERVISOR.value).post(f"/training/export?{PERIOD}", {"purpose": "模型改进"})
    assert response.status_code == 200, response.text
    return zipfile.ZipFile(io.BytesIO(response.content))


@pytest.mark.parametrize(
    ("reason", "label"), [("empty", "empty"), ("covered", "covered"), ("not_slag_truck", "not_a_tipper")]
)
def test_a_wrong_detection_becomes_a_hard_negative(app: FastAPI, desk: Desk, tmp_path, reason: str, label: str) -> None:
    """The officer's reason is the label; the importer reads every picture of it."""
    reject(desk, reason)
    (tmp_path / "training.zip").write_bytes(export(app).fp.getvalue())
    with unpacked(tmp_path / "training.zip") as folder:
        pictures = read_desk(folder)
        assert {found for picture in pictures for found, _ in picture.beds} == {label}
        assert {picture.group for picture in pictures} == {OWN_CASE}
        for picture in pictures:
            with Image.open(picture.path) as image:
                assert min(image.size) > 20


def test_reasons_that_say_nothing_of_the_bed_teach_nothing(app: FastAPI, desk: Desk) -> None:
    """An unclear picture is no label."""
    reject(desk, "unclear")
    client = DeskClient(app, Role.SUPERVISOR.value)
    assert client.post(f"/training/export?{PERIOD}", {"purpose": "模型改进"}).status_code == 303
    assert "没有可用作标注" in client.get(f"/training?{PERIOD}").text


def test_confirmed_cases_are_positives_and_other_districts_stay_out(app: FastAPI, desk: Desk) -> None:
    """Only what the person may see leaves the house."""
    confirm(desk, OWN_CASE, CaseStatus.CONFIRMED)
    archive = export(app)
    table = archive.read("labels.csv").decode()
    assert OWN_CASE in table and OTHER_CASE not in table and ",confirmed," in table
    assert len([name for name in archive.namelist() if name.startswith("images/")]) >= 1


def test_the_export_is_logged_with_its_purpose(app: FastAPI, desk: Desk) -> None:
    """Who took how many pictures, and what for; without a purpose nothing is given out."""
    reject(desk, "empty")
    client = DeskClient(app, Role.SUPERVISOR.value)
    assert client.post(f"/training/export?{PERIOD}", {"purpose": ""}).status_code in (400, 422)
    export(app)
    with read_session(desk.engine) as session:
        (row,) = session.scalars(select(AuditRow).where(AuditRow.action == "training_export"))
        assert (row.account, row.reason, row.details["cases"]) == ("supervisor", "模型改进", 1)


def test_a_damaged_package_is_left_out_and_said(app: FastAPI, desk: Desk) -> None:
    """One missing file does not stop the export of the others."""
    reject(desk, "empty")
    for path in desk.shelf.root.rglob("*.masked.jpg"):
        path.unlink()
    assert export(app).namelist() == ["labels.csv"]
    with read_session(desk.engine) as session:
        (row,) = session.scalars(select(AuditRow).where(AuditRow.action == "training_export"))
        assert OWN_CASE in row.details["left_out"][0]

"""The life of a case through the commands, and a backup of it."""

import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.entities import Action, Evidence
from detector.errors import AccessDenied, ConfigurationError, IllegalTransition, StorageError
from pipelines.backup import make_backup, restore_backup
from pipelines.cli import app
from tests.detector.cases.case_files import REVIEWER, do, make_case

PASSWORD = "correct horse battery"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with one candidate, three people and two units."""
    monkeypatch.setenv("ROADWARDEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROADWARDEN_PASSWORD", PASSWORD)
    units = tmp_path / "units.csv"
    units.write_text(
        "unit_id,name,level,parent\njlp,九龙坡区,district,\njlp-cg,区城管局,district,jlp\n", encoding="utf-8"
    )
    engine = open_database(f"sqlite:///{tmp_path / 'home' / 'roadwarden.db'}")
    folder = tmp_path / "home" / "evidence" / "RW-1"
    folder.mkdir(parents=True)
    (folder / "clip.mp4").write_bytes(b"clip")
    case = make_case()
    CaseStore(engine).save(replace(case, evidence=Evidence(str(folder), "ab" * 32, 0.0, 1.0)))
    engine.dispose()
    run("units", "import", str(units))
    run("accounts", "add", "li", "--roles", "reviewer", "--certificate", "A1")
    run("accounts", "add", "wang", "--roles", "legal,dispatcher,supervisor", "--certificate", "B1")
    run("accounts", "add", "zhou", "--roles", "department", "--unit", "jlp-cg")
    return tmp_path / "home"


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def act(action: str, account: str, *more: str) -> None:
    assert run("cases", "act", "RW-1", action, "--as", account, *more).exit_code == 0


STEPS = (
    ("claim", "li"),
    ("correct_plate", "li", "--plate", "渝DC6128"),
    ("confirm", "li"),
    ("legal_confirm", "wang"),
    ("file", "wang", "--basis", "urban-heaped"),
    ("dispatch", "wang", "--units", "jlp-cg"),
    ("accept", "zhou"),
    ("give_feedback", "zhou", "--reason", "已处理"),
    ("verify", "wang"),
    ("close", "wang", "--reason", "办结"),
)


def test_a_case_from_candidate_to_closed(home: Path, tmp_path: Path) -> None:
    """By commands alone: the history tells every step, the log is whole, the report counts it."""
    for step in STEPS:
        act(*step)
    events = json.loads(run("cases", "history", "RW-1", "--json").stdout)["events"]
    assert [e["action"] for e in events] == [step[0] for step in STEPS]
    assert json.loads(run("audit", "verify", "--json").stdout)["faults"] == []
    report = ("report", "--from", "2024-03-05", "--to", "2024-03-05", "--by", "department")
    group = json.loads(run(*report, "--json").stdout)["groups"]["jlp-cg"]
    assert (group["disposal_rate"], group["on_time_rate"], group["cases"]) == (1.0, 1.0, 1)
    run(*report, "--csv", str(tmp_path / "r.csv"), "--chart", str(tmp_path / "r.svg"))
    assert (tmp_path / "r.csv").read_text("utf-8-sig").splitlines()[1].startswith("jlp-cg,1,0,0,1,1,1")
    assert "100.0 %" in (tmp_path / "r.svg").read_text("utf-8")
    assert "nothing is late" in run("cases", "late").stdout
    assert "0 cases would be deleted" in run("cases", "keep", "--dry-run").stdout


def test_wrong_people_plates_and_bases_are_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens to the case."""
    act("claim", "li")
    with pytest.raises(ConfigurationError, match="no complete Chinese plate"):
        run("cases", "act", "RW-1", "correct_plate", "--as", "li", "--plate", "渝ABCD12")
    with pytest.raises(IllegalTransition, match="no basis 'nothing'"):
        run("cases", "act", "RW-1", "file", "--as", "wang", "--basis", "nothing")
    with pytest.raises(IllegalTransition, match="wang may not confirm"):
        run("cases", "act", "RW-1", "confirm", "--as", "wang")
    monkeypatch.setenv("ROADWARDEN_PASSWORD", "wrong password")
    with pytest.raises(AccessDenied):
        run("cases", "act", "RW-1", "confirm", "--as", "li")
    assert len(json.loads(run("cases", "history", "RW-1", "--json").stdout)["events"]) == 1


def test_the_law_of_the_day_of_the_act_counts(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the desk: what came into force after it is no basis, and what has ended since then is one."""
    row = '[[basis]]\nid = "{}"\ntitle = "t"\nbody = "b"\nrules = []\ncode = ""\n{}\nsource = "s"\n'
    old = row.format("old", "valid_from = 2020-01-01\nvalid_to = 2024-12-31")
    new = row.format("new", "valid_from = 2025-01-01")
    (tmp_path / "law.toml").write_text(f'version = "1"\n{old}{new}', encoding="utf-8")
    monkeypatch.setenv("ROADWARDEN_LAW", str(tmp_path / "law.toml"))
    for step in STEPS[:4]:
        act(*step)
    with pytest.raises(IllegalTransition, match="no basis 'new' in force on 2024-03-05"):
        run("cases", "act", "RW-1", "file", "--as", "wang", "--basis", "new")
    act("file", "wang", "--basis", "old")


def test_what_cannot_be_deleted_is_an_exit_code(home: Path) -> None:
    """The case is named, and there until its package can go with it."""
    engine = open_database(f"sqlite:///{home / 'roadwarden.db'}")
    life = LifeCycle(engine, now=lambda: datetime.now(UTC) - timedelta(days=31))
    do(life, (Action.CLAIM, REVIEWER), (Action.REJECT, REVIEWER, {"reason": "empty"}))
    package = home / "evidence" / "RW-1"
    shutil.rmtree(package)
    package.touch()  # which is no folder, and cannot be deleted as one
    kept = run("cases", "keep")
    assert (kept.exit_code, "case RW-1 cannot be deleted: evidence" in kept.stderr) == (1, True)
    assert [case.case_id for case in CaseStore(engine).list()] == ["RW-1"]
    package.unlink()
    assert run("cases", "keep").exit_code == 0
    assert CaseStore(engine).list() == []
    engine.dispose()


def test_an_edited_log_is_an_exit_code(home: Path) -> None:
    """And the line is named."""
    act("claim", "li")
    with sqlite3.connect(home / "roadwarden.db") as connection:
        connection.execute("DROP TRIGGER guard_audit_log_update")
        connection.execute("UPDATE audit_log SET name = 'x' WHERE event_id = 2")
    connection.close()
    result = run("audit", "verify")
    assert (result.exit_code, "line 2 altered" in result.stderr) == (1, True)


def test_a_backup_comes_back_whole(home: Path, tmp_path: Path) -> None:
    """Made while a writer holds the database, restored elsewhere: cases, history and evidence are there."""
    act("claim", "li")
    engine = open_database(f"sqlite:///{home / 'roadwarden.db'}")
    writer = sqlite3.connect(home / "roadwarden.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE units SET name = 'half written'")
    made = make_backup(engine, tmp_path / "backup")
    writer.execute("ROLLBACK")
    writer.close()
    assert (made["cases"], made["packages"], made["missing"]) == (1, 1, 0)
    assert restore_backup(tmp_path / "backup", tmp_path / "new") == 1
    restored = open_database(f"sqlite:///{tmp_path / 'new' / 'roadwarden.db'}")
    case = CaseStore(restored).get("RW-1")
    assert (Path(case.evidence.folder) / "clip.mp4").read_bytes() == b"clip"
    assert case.evidence.folder.startswith(str(tmp_path / "new"))
    with pytest.raises(StorageError, match="there already"):
        restore_backup(tmp_path / "backup", tmp_path / "new")
    with pytest.raises(StorageError, match="name a new folder"):
        make_backup(engine, tmp_path / "backup")
    (tmp_path / "backup" / "evidence" / "RW-1" / "clip.mp4").write_bytes(b"clap")
    with pytest.raises(StorageError, match=r"clip\.mp4' is missing or altered"):
        restore_backup(tmp_path / "backup", tmp_path / "third")
    assert not (tmp_path / "third").exists()
    for opened in (engine, restored):
        opened.dispose()

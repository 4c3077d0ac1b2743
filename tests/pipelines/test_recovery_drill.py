"""Databases that are copied away while everybody writes, and brought back."""

import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from detector.cases import audit
from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.dispatch.outbox import Outbox
from detector.entities import Action
from detector.evidence.chain import check_chain, public_keys
from detector.evidence.keys import KeyFolder
from detector.evidence.package import write_package
from detector.evidence.verify import verify_package
from pipelines.backup import make_backup, restore_backup
from tests.conftest import require
from tests.detector.cases.case_files import SUPERVISOR, make_case, prepare
from tests.detector.evidence.makers import make_request


class Office:
    """Several people who note things and send messages without a pause."""

    def __init__(self, engine: Engine) -> None:
        self.stop = threading.Event()
        self.engine = engine
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(3)]
        for thread in self.threads:
            thread.start()

    def work(self, number: int) -> None:
        life, outbox, count = LifeCycle(self.engine), Outbox(self.engine), 0
        while not self.stop.is_set():
            life.perform("RW-1", Action.NOTE, SUPERVISOR, reason=f"{number} {count}")
            with write_session(self.engine) as session:
                outbox.enqueue(session, (f"receiver-{number}", "RW-1", count), "note", {"text": "x" * 500})
            count += 1

    def close(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


def is_whole(engine: Engine) -> int:
    """How many events the history of the case has; the log hangs together."""
    assert audit.verify(engine).faults == ()
    return len(LifeCycle(engine).history("RW-1"))


def test_sqlite_copied_in_mid_write_comes_back_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log, messages, packages and their chain; private keys are in no backup; work goes on from there."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("ROADWARDEN_HOME", str(home))
    engine = open_database(f"sqlite:///{home / 'roadwarden.db'}")
    prepare(engine)
    keys = KeyFolder(home / "signing")
    package = write_package(make_request(), home / "evidence", keys.signer())
    store = CaseStore(engine)
    folder = home / "evidence" / package.evidence.folder
    evidence = replace(package.evidence, folder=str(folder))
    store.save(replace(make_case(package.evidence.folder), evidence=evidence))
    office = Office(engine)
    try:
        made = [make_backup(engine, tmp_path / f"backup-{number}") for number in range(3)]
    finally:
        office.close()
    for number, told in enumerate(made):
        assert (told["cases"], told["packages"], told["missing"]) == (2, 1, 0)
        assert not list((tmp_path / f"backup-{number}").rglob("*.key"))
        new = tmp_path / f"new-{number}"
        restore_backup(tmp_path / f"backup-{number}", new)
        restored = open_database(f"sqlite:///{new / 'roadwarden.db'}")
        assert is_whole(restored) <= is_whole(engine)
        LifeCycle(restored).perform("RW-1", Action.NOTE, SUPERVISOR, reason="after the fire")
        assert check_chain(new / "evidence") == []
        trusted = public_keys(list((new / "signing").glob("*.pub")))
        assert verify_package(new / "evidence" / folder.name, keys=trusted).is_intact
        restored.dispose()
    engine.dispose()


@pytest.mark.long
def test_postgresql_dumped_in_mid_write_comes_back_whole(postgresql_url: str, tmp_path: Path) -> None:
    """`pg_dump`, a new database, `pg_restore`: the commands of docs/operations.md."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))
    require(bool(programs), "pg_dump (Debian package postgresql-client)")
    bin_path = programs[-1].parent
    engine = open_database(postgresql_url)
    prepare(engine)
    dump = tmp_path / "cases.dump"
    new_url = postgresql_url.rpartition("/")[0] + "/restored"
    office = Office(engine)
    try:
        run(bin_path / "pg_dump", "-Fc", "-f", dump, "-d", postgresql_url)
    finally:
        office.close()
    run(bin_path / "dropdb", "--if-exists", "--maintenance-db", postgresql_url, "restored")
    run(bin_path / "createdb", "--maintenance-db", postgresql_url, "restored")
    run(bin_path / "pg_restore", "--exit-on-error", "-d", new_url, dump)
    restored = open_database(new_url)
    assert is_whole(restored) <= is_whole(engine)
    LifeCycle(restored).perform("RW-1", Action.NOTE, SUPERVISOR, reason="after the fire")
    is_whole(restored)
    for each in (engine, restored):
        each.dispose()
    run(bin_path / "dropdb", "--maintenance-db", postgresql_url, "restored")


def run(*command: object) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr

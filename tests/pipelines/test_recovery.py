"""A worker that is killed at any moment loses no case and leaves no half one; a full disk is waited for."""

import contextlib
import random
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from detector.database.engine import open_database
from detector.evidence.chain import check_chain
from detector.evidence.verify import verify_package
from detector.video.segment_ring import SegmentRing
from pipelines import case_pipeline
from pipelines.case_pipeline import CasePipeline
from pipelines.workers import Workers
from tests.evidence_worker import BEGAN, make_desk, pass_once, recover, work
from tests.fault_proxy import FaultProxy
from tests.processes import PROCESSES
from tests.scripted_truck import write_truck

KILLS = 5


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_truck(tmp_path_factory.mktemp("clip") / "gate.mp4")


@pytest.mark.long
def test_killed_again_and_again_no_case_is_lost_doubled_or_half(clip: Path, tmp_path: Path) -> None:
    """Every case that was noted before a kill is there in the end, once, whole, in an unbroken chain of seals."""
    rng, noted = random.Random(4), set()
    for kill in range(KILLS):
        hear, tell = PROCESSES.Pipe(duplex=False)
        worker = PROCESSES.Process(target=work, args=(tmp_path, clip, kill * 1000, tell))
        worker.start()
        tell.close()
        with hear, contextlib.suppress(EOFError):
            noted.add(hear.recv())
            time.sleep(rng.uniform(0.0, 1.0))
            worker.kill()
            while True:
                noted.add(hear.recv())
        worker.join()
    assert len(noted) >= KILLS
    desk = make_desk(tmp_path)
    assert recover(desk, tmp_path / "ring")
    cases = desk.store.list(None)
    assert {case.case_id for case in cases} == noted
    assert all(verify_package(Path(case.evidence.folder)).is_intact for case in cases)
    assert {path.name for path in (tmp_path / "evidence").glob("RW-*")} == noted
    assert check_chain(tmp_path / "evidence") == []
    assert list((tmp_path / "evidence").glob(".*.partial")) == []
    assert list((tmp_path / "ring").glob("*/*")) == []


@pytest.fixture
def workers() -> Iterator[Workers]:
    threads = Workers.threads()
    yield threads
    threads.close()


@contextmanager
def full_disk(free_bytes: int) -> Iterator[None]:
    """No file grows beyond so many bytes: the kernel refuses the write, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def finish(cases: CasePipeline) -> None:
    """Go on until nothing waits, half a minute at most."""
    for _ in range(300):
        cases.finish()
        if not cases.has_pending:
            return
        time.sleep(0.1)
    raise AssertionError("the case was never finished")


def test_a_disk_that_was_full_loses_nothing(
    clip: Path, tmp_path: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Ring, journal, package and database are refused alike; when there is room again the case is whole."""
    monkeypatch.setattr(case_pipeline, "RETRY_S", 0.1)
    desk = make_desk(tmp_path)
    ring = SegmentRing(tmp_path / "ring" / "gate" / "1")
    with full_disk(1000):
        cases = pass_once(desk, clip, ring, BEGAN, workers)
        for _ in range(5):
            cases.finish()
            time.sleep(0.1)
        assert cases.has_pending
    assert ring.refusals > 0
    assert "cannot be written" in capsys.readouterr().out
    finish(cases)
    (case,) = desk.store.list()
    assert verify_package(Path(case.evidence.folder)).is_intact


@pytest.fixture
def distant_database(postgresql_url: str) -> Iterator[tuple[Engine, FaultProxy]]:
    """A PostgreSQL server behind a proxy, so that it can go away for this test alone."""
    port = make_url(postgresql_url).port
    proxy = FaultProxy(port)
    engine = open_database(postgresql_url.replace(f":{port}/", f":{proxy.port}/"))
    yield engine, proxy
    engine.dispose()
    proxy.refuse()


@pytest.mark.long
@pytest.mark.parametrize("how", ["refuses", "hangs"])
def test_a_database_that_is_gone_holds_up_neither_judging_nor_sealing(
    how: str,
    clip: Path,
    tmp_path: Path,
    workers: Workers,
    distant_database: tuple[Engine, FaultProxy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two passes are judged and their packages stand while it is away; then both cases are there, once."""
    monkeypatch.setattr(case_pipeline, "RETRY_S", 0.1)
    engine, server = distant_database
    desk = make_desk(tmp_path, engine)
    (server.refuse if how == "refuses" else partial(server.stall, True))()
    rings = [SegmentRing(tmp_path / "ring" / "gate" / str(number)) for number in range(2)]
    passed = [
        pass_once(desk, clip, ring, BEGAN + timedelta(minutes=number), workers) for number, ring in enumerate(rings)
    ]
    for _ in range(300):
        for cases in passed:
            cases.finish()
        if len(list((tmp_path / "evidence").glob("RW-*/manifest.json"))) == 2:
            break
        time.sleep(0.1)
    assert len(list((tmp_path / "evidence").glob("RW-*/manifest.json"))) == 2
    assert all(cases.has_pending for cases in passed)
    assert len(list((tmp_path / "ring").rglob("*.pending.json"))) == 2
    (server.accept if how == "refuses" else partial(server.stall, False))()
    for cases in passed:
        finish(cases)
    stored = desk.store.list()
    assert len(stored) == 2
    assert all(verify_package(Path(case.evidence.folder)).is_intact for case in stored)
    assert check_chain(tmp_path / "evidence") == []
    assert list((tmp_path / "ring").rglob("*.pending.json")) == []

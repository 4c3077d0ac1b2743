"""A fleet on a local Ray cluster of several nodes, with PostgreSQL and an RTSP server; only the models are scripted."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.database.leases import LeaseStore
from detector.entities import Case
from detector.errors import ConfigurationError
from detector.evidence.verify import verify_package
from pipelines.build import open_replayer
from pipelines.config import load_cameras
from pipelines.fleet import dispatcher
from pipelines.fleet.actor import WorkerActor
from pipelines.fleet.cluster import connected
from pipelines.fleet.order import WorkerOrder
from pipelines.fleet.replay import FleetReplay, replay_fleet
from pipelines.fleet.run import FleetOptions, push_configuration, run_fleet
from pipelines.fleet.signs import claim, living_pid
from pipelines.progress import ReplayProgress
from pipelines.replay import ReplayOptions
from tests.conftest import require
from tests.fleet_worker import open_scripted, write_clip

CAMERAS = ("bridge", "gate", "ramp", "toll")
ROOT = Path(__file__).resolve().parents[2]
CLIP_S = 6.0
RAY = "Ray (pip install 'roadwarden[fleet]')"
PATIENCE_S = 180.0
"""How long anything may take on a machine that is busy with other things; nothing here is timed by it."""


class Machines:
    """A Ray cluster of nodes on this machine; a node dies with everything that runs on it."""

    def __init__(self, home: Path) -> None:
        from ray.cluster_utils import Cluster

        self.home = home
        head = {"num_cpus": 0, "node_name": "head", "include_dashboard": False, "object_store_memory": 80_000_000}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes: dict[str, Any] = {}

    def add(self, name: str) -> None:
        self.nodes[name] = self.cluster.add_node(num_cpus=1, node_name=name, object_store_memory=80_000_000)

    def ensure(self, name: str) -> None:
        if name not in self.nodes:
            self.add(name)

    def kill(self, name: str) -> None:
        """As a power cut: everything at once."""
        self.kill_worker(name)
        self.cluster.remove_node(self.nodes.pop(name), allow_graceful=False)
        self.kill_worker(name)

    def kill_worker(self, name: str) -> None:
        pid = living_pid(self.home / "fleet" / f"{name}-0")
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def shutdown(self) -> None:
        self.cluster.shutdown()
        for folder in self.home.glob("fleet/*"):
            self.kill_worker(folder.name.removesuffix("-0"))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A head that only leads; tests add nodes."""
    require(find_spec("ray") is not None, RAY)
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROADWARDEN_HOME", str(home))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        patch.setattr(dispatcher, "STOP_TIMEOUT_S", PATIENCE_S)
        machines = Machines(home)
        yield machines
        machines.shutdown()


@dataclass
class Site:
    """A running fleet."""

    store: CaseStore
    leases: LeaseStore

    def owners(self) -> dict[str, str | None]:
        """Worker that owns each camera."""
        return {s.camera_id: s.owner and s.owner.split("#")[0] for s in self.leases.leases()}

    def cases(self) -> dict[str, list[Case]]:
        """Cases of each camera in the order of their moments."""
        found = defaultdict(list)
        for case in sorted(self.store.list(limit=None), key=lambda case: case.captured_at):
            found[case.camera_id].append(case)
        return found


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < until, what
        sleep(0.2)


@pytest.fixture
def site(postgresql_url: str) -> Iterator[Site]:
    engine = open_database(postgresql_url)
    yield Site(CaseStore(engine), LeaseStore(engine))
    engine.dispose()


@contextlib.contextmanager
def fleet(machines: Machines, url: str, file: Path, evidence: Path) -> Iterator[None]:
    """`roadwarden run --fleet` in a thread; ended at the end of the block as by SIGTERM."""
    options = FleetOptions(machines.cluster.address, url, str(evidence), program="tests.fleet_worker")
    cameras = push_configuration(url, file, "test")
    stop, results = threading.Event(), []
    thread = threading.Thread(target=lambda: results.append(run_fleet(options, cameras, stop)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2 * PATIENCE_S)
    assert results == [True]


@pytest.fixture
def cameras_file(tmp_path: Path, serve_rtsp: Callable[..., str]) -> Path:
    """Four cameras that show the same truck every few seconds."""
    clip = write_clip(tmp_path / "gate.mp4")
    url = serve_rtsp(*(f"{name}={clip}" for name in CAMERAS))
    tables = (f'[[camera]]\nid = "{name}"\n[camera.stream]\nurl = "{url}/{name}"\n' for name in CAMERAS)
    path = tmp_path / "cameras.toml"
    path.write_text("\n".join(tables), encoding="utf-8")
    return path


@pytest.mark.long
def test_cameras_of_a_machine_that_dies_move_and_no_case_is_lost_or_doubled(
    machines: Machines, site: Site, postgresql_url: str, cameras_file: Path, tmp_path: Path
) -> None:
    """Two machines share the cameras; one dies in the middle of a case; the other takes over; it comes back.

    In the end each passing of the truck that was noticed is one case with intact evidence, also the one whose machine
    died before its evidence was written.
    """
    for name in ("a", "b"):
        machines.ensure(name)
    with fleet(machines, postgresql_url, cameras_file, tmp_path / "evidence"):
        wait_until(lambda: sorted(site.owners().values(), key=str) == ["a/0", "a/0", "b/0", "b/0"], "two cameras each")
        theirs = {camera for camera, owner in site.owners().items() if owner == "a/0"}

        def is_in_progress() -> bool:
            cases = site.cases()
            return all(cases[c] for c in CAMERAS) and any(cases[c][-1].evidence is None for c in theirs)

        wait_until(is_in_progress, "a case in progress on the machine that is to die")
        machines.kill("a")
        died_at = monotonic()
        before = {camera: len(site.cases()[camera]) for camera in theirs}
        wait_until(lambda: set(site.owners().values()) == {"b/0"}, "the other machine has all cameras")
        moved_s = monotonic() - died_at
        wait_until(lambda: all(len(site.cases()[c]) > before[c] for c in theirs), "new cases of all moved cameras")
        print(f"cameras owned again after {moved_s:.1f} s, first new cases of all after {monotonic() - died_at:.1f} s")
        machines.add("a")
        wait_until(lambda: "a/0" in site.owners().values(), "the machine that came back has cameras again")
    cases = site.cases()
    assert set(cases) == set(CAMERAS)
    for camera_cases in cases.values():
        for earlier, later in pairwise(camera_cases):
            assert (later.captured_at - earlier.captured_at).total_seconds() > CLIP_S / 2
        for case in camera_cases:
            assert case.evidence is not None
            assert verify_package(Path(case.evidence.folder)).is_intact
    assert site.owners() == dict.fromkeys(CAMERAS)


def make_replay(machines: Machines, url: str, evidence: Path, *, scripted: bool) -> FleetReplay:
    options = ReplayOptions(load_cameras(None), None, None, evidence, records_sightings=False)
    opener = open_scripted if scripted else open_replayer
    return FleetReplay(machines.cluster.address, url, options, open_replayer=opener)


def run_replay(replay: FleetReplay, clips: list[Path]) -> dict[str, tuple[dict[str, Any], bool]]:
    """Reports by path, each with whether it was done now."""
    told = {}
    with ReplayProgress() as progress:
        replay_fleet(replay, clips, progress, lambda row, report: told.update({row["path"]: (row, report is not None)}))
    return told


@pytest.mark.long
def test_a_replay_on_two_machines_outlives_an_interruption_and_a_death(
    machines: Machines, site: Site, postgresql_url: str, tmp_path: Path
) -> None:
    """Interrupted after the first recordings, it goes on with the others; a machine that dies costs nothing."""
    for name in ("a", "b"):
        machines.ensure(name)
    clips = [write_clip(tmp_path / f"{number}.mp4", number) for number in range(8)]
    replay = make_replay(machines, postgresql_url, tmp_path / "evidence", scripted=True)
    done: list[str] = []

    def take_three(row: dict[str, Any], _: object) -> None:
        done.append(row["path"])
        if len(done) == 3:
            raise KeyboardInterrupt

    with ReplayProgress() as progress, pytest.raises(KeyboardInterrupt):
        replay_fleet(replay, clips, progress, take_three)
    killer = threading.Timer(1.0, machines.kill, ["a"])
    killer.start()
    told = run_replay(replay, clips)
    killer.join()
    assert {path for path, (_, is_new) in told.items() if not is_new} == set(done)
    assert set(told) == set(map(str, clips))
    assert [row["error"] for row, _ in told.values()] == [None] * len(clips)
    stored = {case.case_id: case for case in site.store.list(limit=None)}
    assert {case["case_id"] for row, _ in told.values() for case in row["cases"]} == set(stored)
    assert len(stored) == len(clips)
    for case in stored.values():
        assert verify_package(Path(case.evidence.folder)).is_intact
    again = run_replay(replay, clips[:1])
    assert [is_new for _, is_new in again.values()] == [True]
    assert len(site.store.list(limit=None)) == len(clips)


@pytest.mark.long
def test_a_rendered_clip_gives_the_same_cases_as_one_machine(
    machines: Machines, site: Site, postgresql_url: str, tmp_path: Path
) -> None:
    """The shipped models on a worker of the cluster: same cases, same findings, same manifests to the byte."""
    machines.ensure("b")
    clip = ROOT / "tests" / "golden" / "rear.mp4"
    replay = make_replay(machines, postgresql_url, tmp_path / "fleet", scripted=False)
    run_replay(replay, [clip])
    alone = open_replayer(
        f"sqlite:///{tmp_path / 'alone.db'}", dataclasses.replace(replay.options, evidence_root=tmp_path / "alone")
    )
    with ReplayProgress() as progress:
        expected = [case for case, _ in alone.replay(clip, progress).cases]
    found = site.store.list(limit=None)
    assert {c.case_id: (c.findings, c.plate, c.load, c.evidence.manifest_sha256) for c in found} == {
        c.case_id: (c.findings, c.plate, c.load, c.evidence.manifest_sha256) for c in expected
    }
    assert len(found) == 2


@pytest.mark.long
def test_the_loss_of_ray_stops_no_running_worker(
    machines: Machines, site: Site, postgresql_url: str, cameras_file: Path, tmp_path: Path
) -> None:
    """Dispatcher, head, raylet and actor are killed: the worker keeps its leases and goes on making cases."""
    for name in list(machines.nodes):
        machines.kill(name)
    machines.add("c")
    arguments = [machines.cluster.address, postgresql_url, str(tmp_path / "evidence"), str(cameras_file)]
    started = subprocess.Popen([sys.executable, "-m", "tests.fleet_worker", *arguments], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: set(site.owners().values()) == {"c/0"} and len(site.owners()) == 4, "the worker has them")
        wait_until(lambda: all(site.cases()[c] for c in CAMERAS), "a case of each camera")
    finally:
        started.kill()
        started.wait()
    machines.cluster.shutdown()
    before, tokens = len(site.store.list(limit=None)), [state.token for state in site.leases.leases()]
    wait_until(lambda: len(site.store.list(limit=None)) >= before + len(CAMERAS), "new cases without Ray")
    assert [state.token for state in site.leases.leases()] == tokens
    pid = living_pid(machines.home / "fleet" / "c-0")
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: living_pid(machines.home / "fleet" / "c-0") is None, "the worker ends by SIGTERM")
    assert set(site.owners().values()) == {None}


def test_an_actor_tells_why_its_worker_does_not_start_and_takes_over_one_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is not there is told in one line; a worker that another actor started is not started twice."""
    monkeypatch.setenv("ROADWARDEN_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    order = WorkerOrder("x/0", "x", "postgresql://roadwarden@127.0.0.1:1/cases", str(tmp_path / "evidence"), "unused")
    actor = WorkerActor(order)
    wait_until(lambda: actor.tell() is not None, "what is wrong")
    assert "postgresql://127.0.0.1:1/cases" in actor.tell()
    assert actor.stop(PATIENCE_S)
    with claim(order.folder(tmp_path)):
        assert living_pid(order.folder(tmp_path)) == os.getpid()
        assert claim(order.folder(tmp_path)) is None
        other = WorkerActor(dataclasses.replace(order, program="no.such.program"))
        sleep(1.0)
        assert other.tell() is None
        other._stop_wanted.set()


@pytest.mark.parametrize(
    ("address", "said"), [("127.0.0.1:1", "no cluster can be reached"), ("ray://x:1", "HOST:PORT"), ("x", "HOST:PORT")]
)
def test_an_address_without_a_cluster_is_one_line(address: str, said: str) -> None:
    """Nothing waits for ever, and nothing shows a traceback."""
    require(find_spec("ray") is not None, RAY)
    with pytest.raises(ConfigurationError, match=f"--fleet {address}: .*{said}"), connected(address):
        pass

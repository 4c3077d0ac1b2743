"""Replay with everything that issue 5 adds to it: sightings, watch list, permits; only the models are scripted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detector.cases.store import CaseStore
from detector.entities import Detections, RegisterKind, VehicleType, WatchRequest
from detector.evidence.manifest import ModelRecord, Provenance
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.matching import WatchMatcher
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from detector.registers.store import RegisterStore
from detector.tracking import ByteTracker
from pipelines.config import load_cameras
from pipelines.package_maker import PackageMaker
from pipelines.progress import ReplayProgress
from pipelines.register_facts import PermitFacts
from pipelines.replay import Replayer, ReplayOptions
from pipelines.sighting_recorder import SightingRecorder
from pipelines.violation_pipeline import Models, ViolationPipeline
from pipelines.watching import PlateWatch
from tests.footage import ClipSpec, write
from tests.pipelines.test_replay import FRAMES, HEIGHT, TICKS, WIDTH, Heap, Plates, ScriptedDetector
from tests.sighting_files import make_person, open_store, write_csv

STARTED_AT = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)
PLATE = "渝DC6123"


class EmptyRoad:
    """Sees no vehicle."""

    def detect(self, images):
        return [Detections.empty() for _ in images]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    spec = ClipSpec(frames=FRAMES, width=WIDTH, height=HEIGHT, gop=8, times=[i * TICKS for i in range(FRAMES)])
    return write(tmp_path_factory.mktemp("clip") / "gate.mp4", spec)


@pytest.fixture
def site(tmp_path):
    store, engine = open_store(tmp_path)
    return store, engine, tmp_path


def replay(site, clip, detector=None, send=lambda *_: None, started_at=STARTED_AT):
    store, engine, folder = site
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), load_cameras(None).sha256, "test")
    graph = RoadGraph(())
    matcher = WatchMatcher(WatchList(engine).active, lambda: datetime.now(UTC))
    watch = PlateWatch(matcher, InterceptionStore(engine, graph), send)
    facts = PermitFacts(RegisterStore(engine), graph)
    models = Models(detector or ScriptedDetector(), Heap(), Plates())
    pipeline = ViolationPipeline(models, ByteTracker, facts.find, watch.take_look)
    options = ReplayOptions(load_cameras(None), None, started_at, folder / "evidence")
    packages = PackageMaker(folder / "evidence", provenance)
    replayer = Replayer(options, pipeline, packages, CaseStore(engine), SightingRecorder(store))
    with ReplayProgress() as progress:
        return replayer.replay(clip, progress)


def read_sightings(store):
    with store.window(STARTED_AT - timedelta(days=1), STARTED_AT + timedelta(days=1)) as connection:
        return connection.execute(
            "SELECT camera_id, seen_at, vehicle_type, plate_colour, picture FROM sightings"
        ).fetchall()


def test_a_pass_becomes_one_sighting_however_often_it_is_replayed(site, clip):
    """Its picture is the case's, since there is one."""
    report = replay(site, clip)
    replay(site, clip)
    ((camera_id, seen_at, vehicle, colour, picture),) = read_sightings(site[0])
    assert (camera_id, vehicle, colour) == ("camera", VehicleType.TRUCK.label, "yellow")
    assert timedelta(seconds=12) < seen_at.replace(tzinfo=UTC) - STARTED_AT < timedelta(seconds=15)
    assert picture == report.cases[0][0].case_id


def test_relative_time_and_an_empty_road_leave_no_sighting(site, clip):
    replay(site, clip, started_at=None)
    replay(site, clip, EmptyRoad())
    assert sum(site[0].count_by_day().values()) == 0


def test_a_listed_plate_alerts_while_the_vehicle_is_in_view(site, clip):
    """One interception with the capture time of the deciding look; approved by a second person, as ever."""
    people = WatchList(site[1])
    li, wang = (make_person(site[1], name) for name in ("li", "wang"))
    request = WatchRequest(PLATE, "r", datetime.now(UTC) + timedelta(days=1), "yellow", "car")
    entry = people.apply(request, li)
    sent = []
    replay(site, clip, send=lambda *alert: sent.append(alert))
    assert sent == []
    people.approve(entry.entry_id, wang)
    replay(site, clip, send=lambda *alert: sent.append(alert))
    ((interception, again),) = sent
    assert (again, interception.plate_seen, interception.looks) == (None, PLATE, 2)
    assert timedelta(seconds=10) < interception.seen_at - STARTED_AT < timedelta(seconds=14)
    assert (interception.colour_agrees, interception.vehicle_agrees) == (True, False)


def test_the_permit_register_decides_about_no_permit(site, clip, tmp_path):
    """Without a register nothing is said; with one that lacks the plate it is a finding of the same case."""
    (first,) = replay(site, clip).cases
    assert "no_permit" not in [finding.rule for finding in first[0].findings]
    path = write_csv(
        tmp_path / "p.csv", [("渝A12345", "2026-01-01", "2026-12-31")], ("plate", "valid_from", "valid_to")
    )
    RegisterStore(site[1]).import_file(RegisterKind.PERMITS, path, lambda _: True, source="s", person="p")
    later = replay((site[0], site[1], tmp_path / "again"), clip, started_at=STARTED_AT + timedelta(hours=1))
    assert "no_permit" in [finding.rule for finding in later.cases[0][0].findings]

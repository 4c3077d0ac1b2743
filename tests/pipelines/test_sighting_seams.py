"""What live and replay call: a sighting per pass, and every look held against the watch list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from detector.dispatch.outbox import Outbox
from detector.entities import (
    Camera,
    Observation,
    Plate,
    PlateColour,
    PlateReading,
    PlateType,
    RegisterKind,
    Road,
    TimeBasis,
    TimeSource,
    VehiclePass,
    VehicleType,
)
from detector.errors import StorageError
from detector.observation.plate_vote import mask_unsure
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.matching import WatchMatcher
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from detector.registers.store import RegisterStore
from detector.sightings.keys import SEAL
from pipelines.config import Cameras
from pipelines.register_facts import PermitFacts
from pipelines.sighting_recorder import SightingRecorder
from pipelines.sighting_spool import FILE, SightingSpool
from pipelines.violation_pipeline import JudgedPass
from pipelines.watching import PlateWatch, announce, open_watch
from tests.sighting_files import list_plate, open_store, write_csv

CAMERA = Camera("gate", direction="入城")
SEEN_AT = datetime(2026, 5, 18, 4, 0, tzinfo=UTC)
EXACT = TimeBasis(TimeSource.OPERATOR, 500.0)
CORNERS = ((0.0, 0.0), (120.0, 0.0), (120.0, 40.0), (0.0, 40.0))


def make_pass(text="渝A12345", *, is_open=False, vehicle=VehicleType.CAR):
    plate = Plate(text, (0.95,) * 7, PlateType.ORDINARY, PlateColour.BLUE, 5)
    return VehiclePass("p1", "gate", 1, vehicle, SEEN_AT, SEEN_AT, 0, 2, "approaching", None, plate, (), is_open)


def make_look(text, confidence=0.95, index=0):
    reading = PlateReading(text, (confidence,) * len(text), (), PlateColour.BLUE, 0.9, CORNERS, 1, 0.9)
    when = SEEN_AT + timedelta(seconds=index / 5)
    return Observation(index, index, index / 5, when, "", (0, 0, 9, 9), 0.9, 99.0, None, reading, True)


class TestRecorder:
    @pytest.fixture
    def store(self, tmp_path):
        return open_store(tmp_path)[0]

    def record(self, store, vehicle_pass, time=EXACT, case_id=None):
        recorder = SightingRecorder(store)
        recorder.take(JudgedPass(vehicle_pass, None), CAMERA, time, case_id)
        recorder.flush()
        return sum(store.count_by_day().values())

    def test_one_sighting_a_pass_however_often_it_is_replayed(self, store):
        assert [self.record(store, make_pass()) for _ in range(2)] == [1, 1]
        with store.window(SEEN_AT - timedelta(days=1), SEEN_AT + timedelta(days=1)) as connection:
            row = connection.execute(
                "SELECT camera_id, direction, vehicle_type, pass_id, picture FROM sightings"
            ).fetchone()
        assert row == ("gate", "入城", "car", "p1", None)

    def test_while_the_database_is_away_sightings_wait_on_disk_without_plates(self, store, tmp_path, monkeypatch):
        """A killed process loses none, the next one stores them, once; a torn line costs itself alone."""

        def refuse(rows):
            raise StorageError("database is away")

        first = SightingRecorder(store, SightingSpool(tmp_path))
        with monkeypatch.context() as away:
            away.setattr(store, "add_sealed", refuse)
            for number, text in enumerate(("渝A12345", "渝B67890")):
                first.take(JudgedPass(replace(make_pass(text), pass_id=str(number)), None), CAMERA, EXACT, None)
                with pytest.raises(StorageError):
                    first.flush()
        assert not first.has_waiting
        written = (tmp_path / FILE).read_text(encoding="utf-8")
        assert "12345" not in written
        (tmp_path / FILE).write_text(f'{written}{{"sighting_id": "torn', encoding="utf-8")
        second = SightingRecorder(store, SightingSpool(tmp_path))
        second.flush()
        second.flush()
        assert sum(store.count_by_day().values()) == 2
        assert SightingSpool(tmp_path).is_empty

    def test_a_disk_that_refuses_too_leaves_them_in_memory(self, store, tmp_path, monkeypatch):
        """What cannot be written anywhere waits where it is."""
        recorder = SightingRecorder(store, SightingSpool(tmp_path / "missing"))
        recorder.take(JudgedPass(make_pass(), None), CAMERA, EXACT, None)
        with monkeypatch.context() as away:
            away.setattr(store, "add_sealed", lambda rows: (_ for _ in ()).throw(StorageError("away")))
            with pytest.raises(StorageError):
                recorder.flush()
        assert recorder.has_waiting
        recorder.flush()
        assert not recorder.has_waiting
        assert sum(store.count_by_day().values()) == 1

    @pytest.mark.parametrize("is_live", [True, False])
    def test_a_camera_with_a_wrong_clock_costs_its_own_sightings_alone(self, store, tmp_path, caplog, is_live):
        """What it saw in a time whose keys are destroyed is dropped with a line; the other cameras' are stored."""
        store.keys.destroy_before(SEAL, store.keys.window_of(SEEN_AT))
        recorder = SightingRecorder(store, SightingSpool(tmp_path) if is_live else None)
        wrong = replace(make_pass("渝B67890"), last_seen_at=datetime(2000, 1, 1, tzinfo=UTC))
        for camera_id, vehicle_pass in (("late", wrong), ("gate", make_pass())):
            recorder.take(JudgedPass(vehicle_pass, None), replace(CAMERA, camera_id=camera_id), EXACT, None)
        recorder.flush()
        assert (sum(store.count_by_day().values()), recorder.has_waiting) == (1, False)
        assert "camera late: a sighting is dropped" in caplog.text
        assert "67890" not in caplog.text

    @pytest.mark.parametrize(
        ("vehicle_pass", "time"),
        [
            (make_pass(is_open=True), EXACT),
            (make_pass("渝A1234-"), EXACT),
            (replace(make_pass(), plate=None), EXACT),
            (make_pass(), TimeBasis(TimeSource.RELATIVE, None)),
        ],
    )
    def test_without_a_certain_plate_or_absolute_time_there_is_none(self, store, vehicle_pass, time):
        assert self.record(store, vehicle_pass, time) == 0

    def test_a_picture_is_named_only_where_a_case_keeps_one(self, store):
        self.record(store, make_pass(), case_id="RW-1")
        with store.window(SEEN_AT - timedelta(days=1), SEEN_AT + timedelta(days=1)) as connection:
            assert connection.execute("SELECT picture FROM sightings").fetchone() == ("RW-1",)


class TestWatch:
    @pytest.fixture
    def watch(self, tmp_path):
        _, engine = open_store(tmp_path)
        list_plate(engine, plate_colour="blue", vehicle_type="car")
        self.sent = []
        self.engine = engine
        matcher = WatchMatcher(WatchList(engine).active, lambda: datetime.now(UTC))
        graph = RoadGraph([Road("gate", "kerb", 900)])
        return PlateWatch(matcher, InterceptionStore(engine, graph), lambda *alert: self.sent.append(alert))

    def test_the_alert_leaves_with_the_second_agreeing_look(self, watch):
        """Before the pass has ended; an unsure character of the reader is a "-" and not held against it."""
        watch.take_look(CAMERA, "p1", VehicleType.CAR, make_look("渝A12345"))
        assert self.sent == []
        unsure = make_look("渝A1234X", index=1)
        unsure = replace(unsure, plate=replace(unsure.plate, characters=(0.95,) * 6 + (0.2,)))
        watch.take_look(CAMERA, "p1", VehicleType.CAR, unsure)
        ((interception, again),) = self.sent
        assert (again, interception.camera_id, interception.plate_seen) == (None, "gate", "渝A1234-")
        assert [n.camera_id for n in interception.next_cameras] == ["kerb"]
        assert (interception.colour_agrees, interception.vehicle_agrees) == (True, True)
        watch.take_look(CAMERA, "p1", VehicleType.CAR, make_look("渝A12345", index=2))
        assert len(self.sent) == 1

    def test_receivers_of_alerts_are_told_with_the_place_of_the_camera(self, watch, tmp_path, monkeypatch):
        """As `dispatch.toml` of the home folder names them; the watch that live and replay open writes the message."""
        monkeypatch.setenv("ROADWARDEN_HOME", str(tmp_path))
        (tmp_path / "dispatch.toml").write_text(
            '[[destination]]\nid = "team"\nkind = "folder"\nfolder = "/x"\nalerts = true\n'
            '[[destination]]\nid = "urban"\nkind = "folder"\nfolder = "/y"\n',
            encoding="utf-8",
        )
        camera = replace(CAMERA, place="T3 入口")
        opened = open_watch(Cameras({"gate": camera}, "", None), self.engine, lambda *alert: self.sent.append(alert))
        for index in range(2):
            opened.take_look(camera, "p1", VehicleType.CAR, make_look("渝A12345", index=index))
        ((interception, _),) = self.sent
        (message,) = Outbox(self.engine).list()
        assert (message.destination, message.kind, message.case_id) == (
            "team", "watch_hit", interception.interception_id,
        )  # fmt: skip
        assert message.payload["text"] == "2026年5月18日12时0分，布控车辆渝A12345经过T3 入口"

    def test_another_colour_is_no_hit_and_another_vehicle_type_is_told(self, watch, capsys):
        """A sure colour is part of the plate; a type is what detectors err about, so the hit only says it."""
        green = make_look("渝A12345")
        green = replace(green, plate=replace(green.plate, colour=PlateColour.GREEN))
        for _ in range(3):
            watch.take_look(CAMERA, "p1", VehicleType.CAR, green)
        assert self.sent == []
        for index in range(2):
            watch.take_look(CAMERA, "p2", VehicleType.TRUCK, make_look("渝A12345", index=index))
        ((interception, again),) = self.sent
        assert (interception.colour_agrees, interception.vehicle_agrees) == (True, False)
        announce(interception, again)
        assert "渝A12345 but of another vehicle type at gate" in capsys.readouterr().err

    def test_a_sighting_that_comes_late_is_announced_with_its_own_place(self, watch, capsys):
        """Not with that of the last one, which another camera saw after it and told before it."""
        for camera_id, first in (("gate", 0), ("kerb", 3000), ("lot", 1500)):
            camera = replace(CAMERA, camera_id=camera_id)
            for index in (first, first + 1):
                watch.take_look(camera, camera_id, VehicleType.CAR, make_look("渝A12345", index=index))
            announce(*self.sent[-1])
        assert [line.split(": IN-")[0] for line in capsys.readouterr().err.splitlines()] == [
            "roadwarden: listed plate 渝A12345 at gate, 2026-05-18 12:00:00",
            "roadwarden: listed plate again 渝A12345 at kerb, 2026-05-18 12:10:00",
            "roadwarden: listed plate again 渝A12345 at lot, 2026-05-18 12:05:00",
        ]

    def test_a_hit_that_the_database_refuses_is_decided_again_by_the_next_look(self, watch, monkeypatch):
        """A database that is busy for a moment costs a moment, not the alert."""

        def refuse(*_):
            raise StorageError("database is locked")

        watch.take_look(CAMERA, "p1", VehicleType.CAR, make_look("渝A12345"))
        with monkeypatch.context() as patch:
            patch.setattr(InterceptionStore, "open", refuse)
            with pytest.raises(StorageError):
                watch.take_look(CAMERA, "p1", VehicleType.CAR, make_look("渝A12345", index=1))
        assert self.sent == []
        watch.take_look(CAMERA, "p1", VehicleType.CAR, make_look("渝A12345", index=2))
        assert len(self.sent) == 1

    def test_another_plate_and_an_empty_look_are_nothing(self, watch):
        for index in range(4):
            watch.take_look(CAMERA, "p1", VehicleType.CAR, make_look("渝A54321", index=index))
            watch.take_look(CAMERA, "p1", VehicleType.CAR, replace(make_look("x"), plate=None))
            watch.take_look(CAMERA, "p1", VehicleType.CAR, make_look("", index=index))
        assert self.sent == []

    def test_masking_keeps_what_is_sure(self):
        """Look-alikes need more confidence than distinct characters, as in the vote."""
        reading = make_look("渝A10P45", 0.75).plate
        assert mask_unsure(reading) == "----P--"


class TestPermitFacts:
    def test_facts_come_from_the_register_in_force(self, tmp_path):
        """Without a register nothing is known; with one, the routes are filled in by the shortest way."""
        _, engine = open_store(tmp_path)
        registers = RegisterStore(engine)
        graph = RoadGraph([Road("a", "gate", 1), Road("gate", "b", 1), Road("x", "y", 1)])
        facts = PermitFacts(registers, graph)
        truck = make_pass(vehicle=VehicleType.TRUCK)
        assert facts.find(truck, CAMERA, True).permits is None
        rows = [("渝A12345", "2026-01-01", "2026-12-31", "a;b")]
        path = write_csv(tmp_path / "p.csv", rows, ("plate", "valid_from", "valid_to", "routes"))
        registers.import_file(RegisterKind.PERMITS, path, lambda _: True, source="s", person="p")
        known = facts.find(truck, CAMERA, True)
        assert (len(known.permits), known.seen_at, known.route_cameras) == (1, SEEN_AT, {"a", "gate", "b"})
        assert facts.find(truck, CAMERA, False).seen_at is None
        assert facts.find(truck, Camera("far"), True).route_cameras is None
        assert facts.find(make_pass(), CAMERA, True).permits is None
        assert facts.find(make_pass("渝A1234-", vehicle=VehicleType.TRUCK), CAMERA, True).permits is None

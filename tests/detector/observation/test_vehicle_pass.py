"""Passes: what is looked at, what is remembered, when something is settled, and that ids never depend on counters."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detector.entities import (
    Camera,
    Cover,
    Fill,
    Frame,
    LoadLabel,
    LoadState,
    PlateColour,
    PlateReading,
    Track,
    TrackState,
    VehiclePass,
    VehicleType,
)
from detector.geometry import Box
from detector.observation.look_policy import LookPolicy
from detector.observation.protocols import PlateHint
from detector.observation.vehicle_pass import PassAssembler, Readers, measure_sharpness

START_AT = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)
IMAGE = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
HEAP = LoadState(Cover.OPEN, 0.97, Fill.ABOVE_EDGE, 0.97, 0.99, (110, 110, 380, 300))
LEFT, RIGHT = (100.0, 100.0, 400.0, 500.0), (700.0, 100.0, 1000.0, 500.0)


@dataclass
class FakeLoads:
    """Says the same of every box, and counts the boxes."""

    state: LoadState = HEAP
    asked: list[Box] = field(default_factory=list)

    def read(self, image: np.ndarray, boxes: Sequence[Box]) -> list[LoadState]:
        self.asked += boxes
        return [self.state] * len(boxes)


class BrokenLoads:
    """Cannot judge anything."""

    def read(self, image: np.ndarray, boxes: Sequence[Box]) -> list[LoadState]:
        raise ZeroDivisionError


@dataclass
class FakePlates:
    """Finds one plate at a fixed place in the picture, if it lies in the box."""

    text: str = "渝A12345"
    at: tuple[float, float] = (200.0, 450.0)
    asked: list[Box] = field(default_factory=list)
    hints: list[PlateHint] = field(default_factory=list)

    def read(
        self, image: np.ndarray, boxes: Sequence[Box], hints: Sequence[PlateHint] = ()
    ) -> list[PlateReading | None]:
        self.asked += boxes
        self.hints += hints
        x, y = self.at
        corners = ((x, y), (x + 80, y), (x + 80, y + 25), (x, y + 25))
        reading = PlateReading(self.text, (0.99,) * len(self.text), (), PlateColour.YELLOW, 0.99, corners, 1, 0.98)
        return [reading if b[0] <= x <= b[2] and b[1] <= y <= b[3] else None for b in boxes]


def make_frame(index: int) -> Frame:
    at_s = index * 0.125
    return Frame("gantry", IMAGE, index, index, at_s, START_AT + timedelta(seconds=at_s), f"hash-{index}")


def make_track(index: int, track_id: int = 1, xyxy: Box = LEFT, kind: VehicleType = VehicleType.TRUCK) -> Track:
    at = START_AT + timedelta(seconds=index * 0.125)
    return Track(track_id, TrackState.CONFIRMED, kind, xyxy, 0.9, START_AT, at, True)


def remove(track: Track) -> Track:
    return replace(track, state=TrackState.REMOVED)


def make_assembler(camera: Camera | None = None, policy: LookPolicy | None = None) -> PassAssembler:
    return PassAssembler(camera or Camera("gantry"), Readers(FakeLoads(), FakePlates()), policy)


def drive(assembler: PassAssembler, frames: int, **track: object) -> list[VehiclePass]:
    """One truck in view for some frames, then gone; all passes that were emitted."""
    emitted = []
    for i in range(frames):
        emitted += assembler.update(make_frame(i), [make_track(i, **track)], absolute_time=True)
    last = make_track(frames - 1, **track)
    return emitted + list(assembler.update(make_frame(frames), [remove(last)], absolute_time=True))


def test_a_track_becomes_one_closed_pass() -> None:
    """The closed pass carries the voted load and plate and the looks that made them."""
    closed = drive(make_assembler(), 12)[-1]
    assert not closed.is_open
    assert closed.load is not None
    assert closed.load.label is LoadLabel.HEAPED
    assert closed.plate is not None
    assert closed.plate.text == "渝A12345"
    assert (closed.first_seen_s, closed.last_seen_s) == (0.0, 11 * 0.125)
    assert len(closed.load_looks) >= 4


def test_an_open_pass_says_only_what_is_settled() -> None:
    """The plate settles first and is told without the load; later the load is told too; both stay."""
    emitted = drive(make_assembler(), 20)
    opened = [p for p in emitted if p.is_open]
    assert [(p.plate is not None, p.load is not None) for p in opened] == [(True, False), (True, True)]
    assert opened[-1].load == emitted[-1].load
    assert opened[-1].plate == emitted[-1].plate
    assert len({p.pass_id for p in emitted}) == 1


def test_looks_stop_when_everything_is_settled() -> None:
    """A parked truck is not looked at for ever."""
    loads, plates = FakeLoads(), FakePlates()
    drive(PassAssembler(Camera("gantry"), Readers(loads, plates)), 200)
    assert len(loads.asked) < 20
    assert len(plates.asked) < 20


def test_observations_stay_bounded_while_nothing_settles() -> None:
    """An unreadable parked truck keeps at most `max_looks` observations."""
    unseen = LoadState(Cover.NOT_VISIBLE, 0.9, Fill.NOT_VISIBLE, 0.9, 0.9)
    assembler = PassAssembler(
        Camera("gantry"), Readers(FakeLoads(unseen), FakePlates(text="")), LookPolicy(max_looks=10)
    )
    assert len(drive(assembler, 100)[-1].observations) == 10


def test_what_decides_is_recent_while_nothing_settles() -> None:
    """Looks from before the packet ring's reach are forgotten, so that a clip can be cut of all that remain."""
    unseen = LoadState(Cover.NOT_VISIBLE, 0.9, Fill.NOT_VISIBLE, 0.9, 0.9)
    policy = LookPolicy(max_looks=1000, max_span_s=2.0)
    assembler = PassAssembler(Camera("gantry"), Readers(FakeLoads(unseen), FakePlates(text="")), policy)
    looks = drive(assembler, 100)[-1].observations
    assert 1.5 <= (looks[-1].captured_at - looks[0].captured_at).total_seconds() <= 2.0


def test_a_load_reader_beside_the_plate_reader_changes_nothing() -> None:
    """Loads read in another thread give the same passes; an error there is an error here."""
    with ThreadPoolExecutor(1) as worker:
        beside = PassAssembler(Camera("gantry"), Readers(FakeLoads(), FakePlates(), worker))
        assert drive(beside, 20) == drive(make_assembler(), 20)
        broken = PassAssembler(Camera("gantry"), Readers(BrokenLoads(), FakePlates(), worker))
        with pytest.raises(ZeroDivisionError):
            drive(broken, 20)


def test_a_plate_is_expected_where_it_hangs_on_the_vehicle() -> None:
    """The next look is told the corners as they move and grow with the box; of two rows, or long after, nothing."""
    plates = FakePlates(at=(200.0, 450.0))
    assembler = PassAssembler(Camera("gantry"), Readers(FakeLoads(), plates))
    assembler.update(make_frame(0), [make_track(0)], absolute_time=True)
    grown = (100.0, 100.0, 700.0, 500.0)
    assembler.update(make_frame(1), [make_track(1, xyxy=grown)], absolute_time=True)
    assembler.update(make_frame(20), [make_track(20, xyxy=grown)], absolute_time=True)
    first, second, late = plates.hints
    assert first == late == PlateHint()
    assert second.expected == ((300.0, 450.0), (460.0, 450.0), (460.0, 475.0), (300.0, 475.0))


def test_a_plate_long_searched_in_vain_is_searched_harder() -> None:
    """From the search after `searches_in_vain` on; a vehicle whose plate was found is never searched so."""
    policy = LookPolicy(searches_in_vain=3, patience_s=0.0)
    hidden, seen = FakePlates(at=(5000.0, 5000.0)), FakePlates()
    for plates in (hidden, seen):
        drive(PassAssembler(Camera("gantry"), Readers(FakeLoads(), plates), policy), 6)
    assert [hint.in_vain for hint in hidden.hints] == [False] * 3 + [True] * 3
    assert not any(hint.in_vain for hint in seen.hints)


def test_a_track_never_confirmed_is_no_pass() -> None:
    """A tentative flicker is nothing."""
    tentative = replace(make_track(0), state=TrackState.TENTATIVE, was_confirmed=False)
    assembler = make_assembler()
    assert assembler.update(make_frame(0), [tentative], absolute_time=True) == ()
    assert assembler.update(make_frame(1), [remove(tentative)], absolute_time=True) == ()


def test_history_is_forgotten_when_a_track_ends() -> None:
    """The same tracker id used again is another vehicle."""
    assembler = make_assembler()
    first = drive(assembler, 5)[-1]
    again = []
    for i in range(10, 15):
        again += assembler.update(make_frame(i), [make_track(i)], absolute_time=True)
    again += assembler.update(make_frame(15), [remove(make_track(14))], absolute_time=True)
    assert again[-1].pass_id != first.pass_id
    assert all(o.frame_index >= 10 for o in again[-1].observations)


def test_ids_depend_on_camera_and_instant_alone() -> None:
    """Another tracker id gives the same pass; another camera or instant gives another."""
    base = drive(make_assembler(), 5)[-1].pass_id
    assert drive(make_assembler(), 5, track_id=77)[-1].pass_id == base
    assert drive(make_assembler(Camera("other")), 5)[-1].pass_id != base


def test_relative_time_is_keyed_by_the_packet() -> None:
    """Without a clock, the packet's hash stands for the instant, so two clips that start at 0 s differ."""

    def pass_id_with(packet: str) -> str:
        assembler = make_assembler()
        assembler.update(replace(make_frame(0), packet_sha256=packet), [make_track(0)], absolute_time=False)
        return assembler.update(make_frame(1), [remove(make_track(0))], absolute_time=False)[0].pass_id

    assert pass_id_with("a") == pass_id_with("a") != pass_id_with("b")


def test_two_vehicles_of_one_frame_are_two_passes_in_any_order() -> None:
    """Ids of vehicles first seen together follow from where they are, not from the order of the tracker's answer."""

    def ids(order: int) -> dict[Box, str]:
        tracks = [make_track(0, 1, LEFT), make_track(0, 2, RIGHT)][::order]
        assembler = make_assembler()
        assembler.update(make_frame(0), tracks, absolute_time=True)
        ended = assembler.update(make_frame(1), [remove(t) for t in tracks], absolute_time=True)
        return {p.observations[0].xyxy: p.pass_id for p in ended}

    assert ids(1) == ids(-1)
    assert len(set(ids(1).values())) == 2


def test_a_plate_belongs_to_the_nearer_of_two_overlapping_vehicles() -> None:
    """The picture of a case never shows another car than its plate."""
    behind, front = (100.0, 50.0, 500.0, 480.0), (150.0, 200.0, 460.0, 600.0)
    assembler = make_assembler()
    for i in range(6):
        tracks = [make_track(i, 1, behind), make_track(i, 2, front)]
        assembler.update(make_frame(i), tracks, absolute_time=True)
    ended = assembler.update(
        make_frame(6), [remove(make_track(5, n, b)) for n, b in ((1, behind), (2, front))], absolute_time=True
    )
    assert [p.plate.text if p.plate else None for p in ended] == [None, "渝A12345"]


@pytest.mark.parametrize(
    ("camera", "loads", "plates"),
    [
        (Camera("a"), True, True),
        (Camera("a", sees_into_box=False), False, True),
        (Camera("a", reads_plates=False), True, False),
        (Camera("a", zone=((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0))), False, False),
    ],
)
def test_capability_and_zone_decide_what_is_looked_at(camera: Camera, loads: bool, plates: bool) -> None:
    """What a camera cannot see is not looked at, and neither is what stands outside its zone."""
    load_reader, plate_reader = FakeLoads(), FakePlates()
    drive(PassAssembler(camera, Readers(load_reader, plate_reader)), 3)
    assert (bool(load_reader.asked), bool(plate_reader.asked)) == (loads, plates)


def test_small_vehicles_and_cars_are_not_asked_about_loads() -> None:
    """A far truck and a near car cost no look at a bed."""
    loads = FakeLoads()
    drive(PassAssembler(Camera("a"), Readers(loads, FakePlates())), 3, xyxy=(0.0, 0.0, 60.0, 60.0))
    drive(PassAssembler(Camera("a"), Readers(loads, FakePlates())), 3, kind=VehicleType.CAR)
    assert loads.asked == []


def test_a_bus_with_a_cargo_bed_is_a_truck() -> None:
    """Detectors call cab-over trucks seen from the front a bus; the bed tells, and its absence too."""
    assert drive(make_assembler(), 12, kind=VehicleType.BUS)[-1].vehicle_type is VehicleType.TRUCK
    no_bed = LoadState(Cover.NOT_VISIBLE, 1.0, Fill.NOT_VISIBLE, 1.0, 0.1)
    assembler = PassAssembler(Camera("gantry"), Readers(FakeLoads(no_bed), FakePlates()))
    assert drive(assembler, 12, kind=VehicleType.BUS)[-1].vehicle_type is VehicleType.BUS


def test_what_turns_out_to_be_a_car_has_no_load() -> None:
    """A detector that wavers between truck and car leaves no load state on a car."""
    assembler = make_assembler()
    for i in range(6):
        assembler.update(make_frame(i), [make_track(i)], absolute_time=True)
    car = remove(make_track(5, kind=VehicleType.CAR))
    assembler.update(make_frame(6), [make_track(6, kind=VehicleType.CAR)], absolute_time=True)
    assert assembler.update(make_frame(7), [car], absolute_time=True)[0].load is None


@pytest.mark.parametrize(
    ("behind", "text"),
    [((150.0, 20.0, 350.0, 190.0), None), ((150.0, 100.0, 350.0, 480.0), "渝A12345"), (RIGHT, "渝A12345")],
)
def test_a_plate_high_on_a_vehicle_may_be_that_of_one_behind_it(behind: Box, text: str | None) -> None:
    """What is seen over another's roof has its plate low in its own box; as high there as here decides nothing."""
    assembler = PassAssembler(Camera("gantry"), Readers(FakeLoads(), FakePlates(at=(200.0, 150.0))))
    for i in range(8):
        both = [make_track(i), make_track(i, track_id=2, xyxy=behind, kind=VehicleType.CAR)]
        assembler.update(make_frame(i), both, absolute_time=True)
    ended = assembler.update(make_frame(8), [remove(make_track(7)), both[1]], absolute_time=True)
    plate = next(p.plate for p in ended if p.track_id == 1)
    assert (plate and plate.text) == text


@pytest.mark.parametrize(("height_px", "text"), [(400.0, "渝A12345"), (100.0, None)])
def test_what_is_too_large_beside_its_truck_is_not_its_plate(height_px: float, text: str | None) -> None:
    """The same reading is a plate on a truck that is high enough for it, and lettering on one that is not."""
    box = (100.0, 500.0 - height_px, 400.0, 500.0)
    closed = drive(make_assembler(), 8, xyxy=box)[-1]
    assert (closed.plate and closed.plate.text) == text


@pytest.mark.parametrize(("step_px", "direction"), [(20, "approaching"), (-20, "leaving"), (0, None)])
def test_direction_is_told_by_movement_in_the_picture(step_px: int, direction: str | None) -> None:
    """Down the picture is toward the camera; a parked vehicle has no direction."""
    assembler = make_assembler()
    for i in range(6):
        box = (300.0, 200.0 + step_px * i, 600.0, 450.0 + step_px * i)
        assembler.update(make_frame(i), [make_track(i, xyxy=box)], absolute_time=True)
    assert (
        assembler.update(make_frame(6), [remove(make_track(5, xyxy=box))], absolute_time=True)[0].direction == direction
    )


@pytest.mark.parametrize(
    ("tops", "bottom", "direction"),
    [((650, 100), 720, "leaving"), ((650, 100), 540, "leaving"), ((100, 650), 720, "approaching")],
)
def test_what_the_lower_edge_cuts_off_has_the_direction_of_its_upper_edge(
    tops: tuple[int, int], bottom: int, direction: str
) -> None:
    """A truck that drives in under the camera grows as one that comes nearer does, and yet it leaves."""
    assembler = make_assembler()
    for i, share in enumerate(np.linspace(0, 1, 8)):
        box = (300.0, tops[0] + share * (tops[1] - tops[0]), 700.0, bottom if i == 7 else 720.0)
        assembler.update(make_frame(i), [make_track(i, xyxy=box)], absolute_time=True)
    ended = assembler.update(make_frame(8), [remove(make_track(7, xyxy=box))], absolute_time=True)
    assert ended[0].direction == direction


def test_sharpness_tells_blur_and_survives_boxes_outside() -> None:
    """A blurred copy scores far lower; a box outside the picture scores 0."""
    blurred = np.full_like(IMAGE, 128)
    assert measure_sharpness(IMAGE, LEFT) > 100 * max(1e-3, measure_sharpness(blurred, LEFT))
    assert measure_sharpness(IMAGE, (2000.0, 0.0, 2100.0, 50.0)) == 0.0

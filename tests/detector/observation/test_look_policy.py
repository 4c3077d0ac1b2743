"""When a vehicle is looked at again: in a table of looks that were taken and what there is to be seen now."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from detector.entities import (
    Cover,
    Fill,
    LoadState,
    Observation,
    PlateColour,
    PlateReading,
    Track,
    TrackState,
    VehicleType,
)
from detector.observation.look_policy import LookPolicy

START_AT = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)
UNSEEN = LoadState(Cover.NOT_VISIBLE, 0.9, Fill.NOT_VISIBLE, 0.9, 0.9)
READING = PlateReading("渝A12345", (0.9,) * 7, (), PlateColour.BLUE, 0.9, ((0, 0), (9, 0), (9, 3), (0, 3)), 1, 0.9)
STEP_S = 0.1


def make_look(index: int, width_px: float = 400.0, plate: PlateReading | None = None) -> Observation:
    at = START_AT + timedelta(seconds=index * STEP_S)
    box = (0.0, 0.0, width_px, 400.0)
    return Observation(index, index, index * STEP_S, at, "", box, 0.9, 50.0, UNSEEN, plate, True)


def make_track(index: int, width_px: float = 400.0, kind: VehicleType = VehicleType.TRUCK) -> Track:
    at = START_AT + timedelta(seconds=index * STEP_S)
    return Track(1, TrackState.CONFIRMED, kind, (0.0, 0.0, width_px, 400.0), 0.9, START_AT, at, True)


@pytest.mark.parametrize(
    ("taken", "now", "width_px", "wanted"),
    [(0, 0, 400.0, True), (1, 1, 400.0, False), (1, 2, 400.0, False), (1, 3, 400.0, True), (1, 1, 433.0, True)],
)
def test_a_load_is_looked_at_again_when_there_is_more_to_see(
    taken: int, now: int, width_px: float, wanted: bool
) -> None:
    """The first look comes at once; then the truck must have grown by 8 %, or 0.3 s must have passed."""
    looks = [make_look(i) for i in range(taken)]
    assert LookPolicy().wants_load(make_track(now, width_px), looks) is wanted


HEAPED = LoadState(Cover.OPEN, 0.97, Fill.ABOVE_EDGE, 0.97, 0.99)
NO_TIPPER = LoadState(Cover.NOT_VISIBLE, 0.9, Fill.NOT_VISIBLE, 0.9, 0.02)


@pytest.mark.parametrize(("now", "width_px", "wanted"), [(12, 433.0, False), (12, 500.0, True), (17, 400.0, True)])
@pytest.mark.parametrize("load", [HEAPED, NO_TIPPER])
def test_a_load_on_which_the_looks_agree_is_looked_at_less_often(
    load: LoadState, now: int, width_px: float, wanted: bool
) -> None:
    """From a quarter nearer or after a second; looks from afar that saw nothing contradict nobody."""
    looks = [make_look(0), make_look(1), *(replace(make_look(2 + i), load=load) for i in range(5))]
    assert LookPolicy().wants_load(make_track(now, width_px), looks, load) is wanted
    assert LookPolicy().wants_load(make_track(now, width_px), looks[:-1], load)


def test_a_load_on_which_the_looks_do_not_agree_is_looked_at_as_ever() -> None:
    """Contradiction, a vote that is not sure, or one that saw nothing."""
    looks = [*(replace(make_look(i), load=HEAPED) for i in range(5)), replace(make_look(5), load=NO_TIPPER)]
    agreeing, track = [*looks[:-1], *looks[:-1], looks[-1]], make_track(6, 433.0)
    assert LookPolicy().wants_load(track, looks, HEAPED)
    assert not LookPolicy().wants_load(track, agreeing, HEAPED)
    assert LookPolicy().wants_load(track, agreeing, replace(HEAPED, fill_confidence=0.8))
    assert LookPolicy().wants_load(track, agreeing, replace(HEAPED, fill=Fill.NOT_VISIBLE))


def test_cars_and_far_trucks_have_no_load_that_is_looked_at() -> None:
    """The type and the smaller side decide."""
    assert not LookPolicy().wants_load(make_track(0, kind=VehicleType.CAR), [])
    assert not LookPolicy().wants_load(make_track(0, width_px=71.0), [])


def test_a_plate_never_found_is_searched_less_often_in_the_end() -> None:
    """Six searches in vain, and it waits for 0.3 s or growth; one success, and the count begins anew."""
    policy, vain = LookPolicy(), [make_look(i) for i in range(6)]
    assert policy.wants_plate(make_track(5), vain[:5])
    assert not policy.wants_plate(make_track(6), vain)
    assert policy.wants_plate(make_track(6, width_px=433.0), vain)
    assert policy.wants_plate(make_track(8), vain)
    assert policy.wants_plate(make_track(6, width_px=399.0), [replace(vain[0], plate=READING), *vain[1:]])


def test_a_plate_below_the_picture_is_not_searched_in_every_frame() -> None:
    """A vehicle that is cut off below needs growth or 0.3 s after each search in vain; one in full view does not.

    One whose plate was read before is searched once more.
    """
    policy, vain = LookPolicy(), [make_look(0)]
    assert policy.wants_plate(make_track(0), [], is_cut_off=True)
    assert not policy.wants_plate(make_track(1), vain, is_cut_off=True)
    assert policy.wants_plate(make_track(1), vain)
    assert policy.wants_plate(make_track(3), vain, is_cut_off=True)
    read = replace(make_look(0), plate=READING)
    assert policy.wants_plate(make_track(2, width_px=433.0), [read], is_cut_off=True)
    assert not policy.wants_plate(make_track(9, width_px=600.0), [read, make_look(1)], is_cut_off=True)
    assert policy.wants_plate(make_track(9, width_px=600.0), [read, make_look(1)])


def test_an_approaching_plate_is_read_in_steps_and_a_leaving_one_at_once() -> None:
    """It will be larger soon; what shrinks will never be seen better."""
    policy, looks = LookPolicy(), [make_look(0, plate=READING)]
    assert not policy.wants_plate(make_track(1, width_px=401.0), looks)
    assert policy.wants_plate(make_track(1, width_px=433.0), looks)
    assert policy.wants_plate(make_track(3, width_px=401.0), looks)
    assert policy.wants_plate(make_track(1, width_px=399.0), looks)


def test_a_plate_read_often_is_read_again_only_from_nearer() -> None:
    """After six readings the vehicle must be larger than at all of them by 8 %."""
    looks = [make_look(i, plate=READING) for i in range(6)]
    assert LookPolicy().wants_plate(make_track(5, width_px=399.0), looks[:5])
    assert not LookPolicy().wants_plate(make_track(60), looks)
    assert LookPolicy().wants_plate(make_track(6, width_px=433.0), looks)


@pytest.mark.parametrize(
    ("cover", "fill", "settled"),
    [
        (Cover.CLOSED, Fill.NOT_VISIBLE, True),
        (Cover.OPEN, Fill.EMPTY, True),
        (Cover.PARTIAL, Fill.BELOW_EDGE, True),
        (Cover.OPEN, Fill.NOT_VISIBLE, False),
        (Cover.PARTIAL, Fill.NOT_VISIBLE, False),
        (Cover.NOT_VISIBLE, Fill.NOT_VISIBLE, False),
    ],
)
def test_an_open_bed_is_not_settled_while_nobody_sees_what_it_holds(cover: Cover, fill: Fill, settled: bool) -> None:
    load = LoadState(cover, 0.97, fill, 0.97, 0.99)
    looks = [replace(make_look(index), load=load) for index in range(20)]
    assert LookPolicy().is_load_settled(looks, load) is settled

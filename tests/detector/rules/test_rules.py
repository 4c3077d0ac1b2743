"""Rules as tables of cases: pure functions of a pass, its camera and facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from detector.entities import (
    Camera,
    Cover,
    Fill,
    LoadState,
    Observation,
    Plate,
    PlateColour,
    PlateReading,
    PlateType,
    VehiclePass,
    VehicleType,
)
from detector.errors import ConfigurationError
from detector.rules import RULES, Facts, build_rule, judge

START_AT = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)
CAMERA = Camera("gantry", rules={name: {} for name in RULES})
ALL_RULES = tuple(build_rule(name, {}) for name in RULES)


def make_load(cover: Cover, fill: Fill, confidence: float = 0.95, tipper: float = 0.98) -> LoadState:
    return LoadState(cover, confidence, fill, confidence, tipper, (10, 10, 200, 120))


def make_plate_reading(width_px: float, text: str = "") -> PlateReading:
    corners = ((0.0, 0.0), (width_px, 0.0), (width_px, width_px / 3), (0.0, width_px / 3))
    return PlateReading(text, (0.3,) * len(text), (), PlateColour.YELLOW, 0.9, corners, 1, 0.95)


def make_look(index: int, load: LoadState | None = None, plate: PlateReading | None = None) -> Observation:
    return Observation(
        frame_index=index * 3,
        pts=index * 3,
        stream_s=index * 0.125,
        captured_at=START_AT + timedelta(seconds=index * 0.125),
        packet_sha256="",
        xyxy=(100, 100, 400, 500),
        detection_confidence=0.9,
        sharpness=200.0,
        load=load,
        plate=plate,
        plate_searched=True,
    )


def make_pass(load: LoadState | None, looks: int = 6, plate: Plate | None = None) -> VehiclePass:
    observations = tuple(make_look(i, load) for i in range(looks))
    return VehiclePass(
        pass_id="p",
        camera_id="gantry",
        track_id=1,
        vehicle_type=VehicleType.TRUCK,
        first_seen_at=START_AT,
        last_seen_at=START_AT + timedelta(seconds=2),
        first_seen_s=0.0,
        last_seen_s=2.0,
        direction="approaching",
        load=load,
        plate=plate,
        observations=observations,
        is_open=False,
    )


def find_rules(vehicle_pass: VehiclePass, camera: Camera = CAMERA) -> set[str]:
    violation = judge(vehicle_pass, camera, ALL_RULES, Facts())
    return {finding.rule for finding in violation.findings} if violation else set()


@pytest.mark.parametrize(
    ("cover", "fill", "expected"),
    [
        (Cover.OPEN, Fill.ABOVE_EDGE, {"uncovered_load", "heaped_load"}),
        (Cover.OPEN, Fill.BELOW_EDGE, {"uncovered_load"}),
        (Cover.PARTIAL, Fill.BELOW_EDGE, {"uncovered_load"}),
        (Cover.CLOSED, Fill.ABOVE_EDGE, {"heaped_load"}),
        (Cover.OPEN, Fill.EMPTY, set()),
        (Cover.PARTIAL, Fill.EMPTY, set()),
        (Cover.CLOSED, Fill.NOT_VISIBLE, set()),
        (Cover.OPEN, Fill.NOT_VISIBLE, set()),
        (Cover.NOT_VISIBLE, Fill.NOT_VISIBLE, set()),
        (Cover.NOT_VISIBLE, Fill.BELOW_EDGE, set()),
    ],
)
def test_findings_follow_from_cover_and_fill(cover: Cover, fill: Fill, expected: set[str]) -> None:
    """Loaded and not closed is uncovered; above the edge is heaped; an empty or unseen box is nothing."""
    assert find_rules(make_pass(make_load(cover, fill))) == expected


def test_one_pass_gives_one_violation_with_all_findings() -> None:
    """An open heap breaks two rules in one act."""
    violation = judge(make_pass(make_load(Cover.OPEN, Fill.ABOVE_EDGE)), CAMERA, ALL_RULES, Facts())
    assert violation is not None
    assert [f.rule for f in violation.findings] == ["uncovered_load", "heaped_load"]
    assert [o.frame_index for o in violation.deciding] == [0, 3, 6, 9, 12, 15]


def test_a_camera_that_cannot_see_into_the_box_accuses_nobody_of_a_load() -> None:
    """The capability flag silences both rules about loads."""
    low = replace(CAMERA, sees_into_box=False)
    assert find_rules(make_pass(make_load(Cover.OPEN, Fill.ABOVE_EDGE)), low) == set()


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_too_few_looks_accuse_nobody(looks: int) -> None:
    """Never alert on a single frame, nor on two."""
    assert find_rules(make_pass(make_load(Cover.OPEN, Fill.ABOVE_EDGE), looks=looks)) == set()


def test_looks_in_one_instant_accuse_nobody() -> None:
    """Many looks within a tenth of a second are one look."""
    vehicle_pass = make_pass(make_load(Cover.OPEN, Fill.ABOVE_EDGE))
    crowded = tuple(replace(o, captured_at=START_AT) for o in vehicle_pass.observations)
    assert find_rules(replace(vehicle_pass, observations=crowded)) == set()


@pytest.mark.parametrize("confidence", [0.5, 0.79])
def test_unsure_votes_accuse_nobody(confidence: float) -> None:
    """Below the confidence limit there is no finding."""
    assert find_rules(make_pass(make_load(Cover.OPEN, Fill.ABOVE_EDGE, confidence))) == set()


def test_what_is_no_tipper_has_no_load_to_cover() -> None:
    """A flatbed with machines is not judged by the rules for tippers."""
    assert find_rules(make_pass(make_load(Cover.OPEN, Fill.ABOVE_EDGE, tipper=0.2))) == set()


def make_unread_pass(width_px: float, sure: str) -> VehiclePass:
    reading = make_plate_reading(width_px, "渝A")
    plate = Plate(sure, (0.9,) * len(sure), PlateType.UNKNOWN, PlateColour.YELLOW, 6)
    looks = tuple(make_look(i, plate=reading) for i in range(6))
    return replace(make_pass(None, plate=plate), observations=looks)


@pytest.mark.parametrize(
    ("width_px", "text", "expected"),
    [
        (150.0, "-------", {"unreadable_plate"}),
        (150.0, "渝------", {"unreadable_plate"}),
        (150.0, "渝A12-45", set()),
        (150.0, "渝A12345", set()),
        (90.0, "-------", set()),
    ],
)
def test_unreadable_needs_a_plate_that_should_have_been_legible(width_px: float, text: str, expected: set[str]) -> None:
    """A small plate is the camera's limit; a half-read plate is read later; only a hidden one is a finding."""
    assert find_rules(make_unread_pass(width_px, text)) == expected


def test_an_open_pass_may_still_be_read() -> None:
    """Unreadable is said only when the vehicle is gone."""
    assert find_rules(replace(make_unread_pass(150.0, "-------"), is_open=True)) == set()


def test_a_plate_that_single_looks_read_is_not_unreadable() -> None:
    """Looks that contradict each other, or the kinds of plates that there are, are no fault of the driver."""
    unread = Plate("-------", (0.2,) * 7, PlateType.UNKNOWN, PlateColour.WHITE, 6)
    clear = replace(make_plate_reading(150.0, "渝A1234挂"), characters=(0.99,) * 8)
    blurred = make_plate_reading(150.0, "渝A12345")
    accused = [
        judge(
            replace(
                make_pass(None, plate=unread),
                observations=tuple(make_look(i, plate=clear if i < n else blurred) for i in range(6)),
            ),
            CAMERA, (build_rule("unreadable_plate", {}),), Facts(),
        )
        for n in (0, 1, 6)
    ]  # fmt: skip
    assert [found is not None for found in accused] == [True, False, False]


def test_only_trucks_are_reported_unreadable() -> None:
    """The rule is about slag trucks; ordinary cars are left alone."""
    assert find_rules(replace(make_unread_pass(150.0, "-------"), vehicle_type=VehicleType.CAR)) == set()


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("overload", {}, "unknown rule"),
        ("heaped_load", {"min_look": 3}, "unknown parameter"),
        ("heaped_load", {"min_looks": "3"}, "must be a number"),
        ("heaped_load", {"min_looks": 2.5}, "whole number"),
        ("heaped_load", {"min_looks": -1}, "negative"),
    ],
)
def test_wrong_parameters_are_refused_by_name(name: str, parameters: dict, message: str) -> None:
    """Every mistake names the rule or the key."""
    with pytest.raises(ConfigurationError, match=message):
        build_rule(name, parameters)

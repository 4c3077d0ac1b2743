"""Permit rules as tables of cases."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

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
    RegisterEntry,
    VehiclePass,
    VehicleType,
)
from detector.rules import Facts, build_rule, judge

NOON = datetime(2026, 5, 18, 4, 0, tzinfo=UTC)
CAMERA = Camera("gate")
RULES = tuple(build_rule(name, {}) for name in ("no_permit", "outside_hours", "off_route"))
CORNERS = ((0.0, 0.0), (120.0, 0.0), (120.0, 40.0), (0.0, 40.0))
TEXT = "渝D12345"
PERMIT = RegisterEntry(TEXT, "渣土", "甲", date(2026, 1, 1), date(2026, 12, 31))
NIGHT = replace(PERMIT, hours=((time(22), time(6)),))
ROUTED = replace(PERMIT, routes=("a", "b"))


def make_pass(text=TEXT, readings=4, tipper=0.95, vehicle=VehicleType.TRUCK):
    reading = PlateReading(TEXT, (0.9,) * 7, (), PlateColour.YELLOW, 0.9, CORNERS, 1, 0.95)
    looks = tuple(
        Observation(i, i, i * 0.2, NOON + timedelta(seconds=i * 0.2), "", (0, 0, 9, 9), 0.9, 99.0, None, reading, True)
        for i in range(readings)
    )
    plate = Plate(text, (0.93,) * 7, PlateType.ORDINARY, PlateColour.YELLOW, readings)
    load = LoadState(Cover.CLOSED, 0.9, Fill.NOT_VISIBLE, 0.9, tipper)
    return VehiclePass("p", "gate", 1, vehicle, NOON, NOON, 0, 1, None, load, plate, looks, False)


def find(facts, vehicle_pass=None):
    violation = judge(vehicle_pass or make_pass(), CAMERA, RULES, facts)
    return {finding.rule: finding for finding in violation.findings} if violation else {}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(Facts(), set(), id="no register"),
        pytest.param(Facts((), NOON), {"no_permit"}, id="not in the register"),
        pytest.param(Facts((), None), {"no_permit"}, id="not in the register, time relative"),
        pytest.param(Facts((PERMIT,), NOON), set(), id="permitted"),
        pytest.param(Facts((replace(PERMIT, valid_to=date(2026, 5, 17)),), NOON), {"no_permit"}, id="expired"),
        pytest.param(Facts((replace(PERMIT, valid_to=date(2026, 5, 17)),), None), set(), id="perhaps expired"),
        pytest.param(Facts((NIGHT,), NOON), {"outside_hours"}, id="noon, permitted at night"),
        pytest.param(Facts((NIGHT,), None), set(), id="hours, but time relative"),
        pytest.param(Facts((NIGHT, PERMIT), NOON), set(), id="another permit knows no hours"),
        pytest.param(Facts((ROUTED,), NOON, frozenset({"a", "b"})), {"off_route"}, id="off the route"),
        pytest.param(Facts((ROUTED,), NOON, frozenset({"a", "gate", "b"})), set(), id="between two cameras of it"),
        pytest.param(Facts((ROUTED,), NOON, None), set(), id="camera on no road"),
        pytest.param(Facts((ROUTED, PERMIT), NOON, frozenset({"a"})), set(), id="another permit knows no route"),
    ],
)
def test_permits(facts, expected):
    """What the facts do not hold is not known, and what is not known is no finding."""
    assert set(find(facts)) == expected


@pytest.mark.parametrize(
    ("clock", "is_outside"),
    [("21:49", True), ("21:51", False), ("23:00", False), ("00:30", False), ("06:09", False), ("06:11", True)],
)
def test_hours_over_midnight_with_ten_minutes_of_grace(clock, is_outside):
    hour, minute = map(int, clock.split(":"))
    seen_at = datetime(2026, 5, 18, hour, minute, tzinfo=UTC) - timedelta(hours=8)
    assert ("outside_hours" in find(Facts((NIGHT,), seen_at))) == is_outside


@pytest.mark.parametrize(
    "vehicle_pass",
    [
        pytest.param(make_pass("渝D1234-"), id="plate unsure"),
        pytest.param(make_pass(readings=1), id="one look"),
        pytest.param(make_pass(tipper=0.6), id="perhaps no tipper"),
        pytest.param(make_pass(vehicle=VehicleType.CAR), id="a car"),
        pytest.param(replace(make_pass(), load=None), id="load never looked at"),
        pytest.param(replace(make_pass(), plate=None), id="no plate"),
    ],
)
def test_only_a_certain_plate_of_a_sure_tipper(vehicle_pass):
    assert find(Facts((), NOON), vehicle_pass) == {}


def test_a_finding_names_the_looks_that_read_the_plate():
    """Measured against limits, with the frames that decided."""
    finding = find(Facts((NIGHT,), NOON))["outside_hours"]
    assert (finding.measured["time"], finding.limits["time"]) == ("12:00:00", "22:00-06:00")
    assert finding.deciding == (0, 1, 2, 3)
    assert finding.confidence == 0.93

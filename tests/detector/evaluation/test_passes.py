"""Findings of films: of a vehicle that broke the rule, or false."""

from datetime import UTC, datetime, timedelta

from detector.entities import Observation, Plate, PlateColour, PlateType, VehiclePass, VehicleType
from detector.evaluation.passes import JudgedVehicle, PassScore, TrueVehicle, find_vehicle

BEGIN = datetime(2026, 5, 18, tzinfo=UTC)
LEFT, RIGHT = (0.0, 0.0, 100.0, 100.0), (200.0, 0.0, 300.0, 100.0)


def drive(xyxy: tuple[float, float, float, float], text: str | None = None) -> VehiclePass:
    """A pass that stood at a place in frames 0 to 3."""
    looks = tuple(Observation(i, i, i / 8, BEGIN + timedelta(seconds=i / 8), "", xyxy, 0.9, 100.0) for i in range(4))
    plate = Plate(text, (1.0,) * len(text), PlateType.ORDINARY, PlateColour.BLUE, 3) if text else None
    return VehiclePass("p", "c", 1, VehicleType.TRUCK, BEGIN, BEGIN, 0.0, 0.5, None, None, plate, looks, is_open=False)


def vehicle(name: str, xyxy: tuple[float, float, float, float], *rules: str) -> TrueVehicle:
    return TrueVehicle(name, "渝A12345", "ordinary", frozenset(rules), dict.fromkeys(range(4), xyxy))


def test_a_pass_belongs_to_the_vehicle_under_it() -> None:
    """By overlap; a pass beside all vehicles belongs to none."""
    vehicles = [vehicle("left", LEFT), vehicle("right", RIGHT)]
    found = find_vehicle(drive((190.0, 5.0, 300.0, 100.0)), vehicles)
    assert found is vehicles[1]
    assert find_vehicle(drive((500.0, 0.0, 600.0, 100.0)), vehicles) is None


def test_found_missed_and_false() -> None:
    """Of two violators one is found; an innocent accused and a ghost accused are two false findings."""
    score = PassScore()
    vehicles = [
        vehicle("a", LEFT, "uncovered_load"),
        vehicle("b", RIGHT, "uncovered_load"),
        vehicle("c", (400.0, 0.0, 500.0, 100.0)),
    ]
    rule = frozenset({"uncovered_load"})
    judged = [
        JudgedVehicle(drive(LEFT, "渝A12345"), rule),
        JudgedVehicle(drive((400.0, 0.0, 500.0, 100.0)), rule),
        JudgedVehicle(drive((700.0, 0.0, 800.0, 100.0)), rule),
    ]
    score.add("film", 1800.0, vehicles, judged)
    result = score.to_json()
    assert result["per_rule"] == {"uncovered_load": {"true": 2, "found": 1, "false": 2}}
    assert result["false_per_hour"] == 4.0 and result["hours"] == 0.5 and result["passes"] == 3
    assert result["plates"] == {"n": 3, "exact": 1, "wrong": 0, "abstained": 2}


def test_a_violation_is_found_once() -> None:
    """A second case of the same vehicle for the same rule is false: officers would handle it twice."""
    score = PassScore()
    item = JudgedVehicle(drive(LEFT), frozenset({"heaped_load"}))
    score.add("film", 3600.0, [vehicle("a", LEFT, "heaped_load")], [item, item])
    assert score.to_json()["per_rule"] == {"heaped_load": {"true": 1, "found": 1, "false": 1}}

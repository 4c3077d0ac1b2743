import pytest

from detector.entities import Opening, Road
from detector.patterns.clones import CloneLimits, find_clones
from detector.patterns.roads import RoadGraph
from tests.sighting_files import at, make_importer, open_store, row, write_csv

GRAPH = RoadGraph([Road("a", "b", 20_000), Road("b", "c", 10_000), Road("x", "y", 500)])
COLUMNS = (
    "plate_text",
    "camera_id",
    "seen_at",
    "direction",
    "vehicle_type",
    "plate_colour",
    "confidence",
    "uncertainty_ms",
)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)[0]


def look(camera, day, minutes, *, confidence="0.99", clock_ms="500", vehicle="car", colour="blue"):
    return (*row("渝A12345", camera, at(day, 12 + minutes / 60), vehicle, colour), confidence, clock_ms)


def find(store, tmp_path, rows):
    make_importer(store).run(write_csv(tmp_path / "s.csv", rows, COLUMNS))
    return find_clones(store, GRAPH, (at(0, 0), at(30, 0)), (CloneLimits(), Opening("zhang", "test", "test")))


def jumps(days, minutes, end="c", **more):
    return [r for d in days for r in (look("a", d, 0, **more), look(end, d, minutes, **more))]


def test_thirty_kilometres_in_five_minutes_on_three_days(store, tmp_path):
    """Over the shortest way from a to c, by way of b: 360 km/h, less the clocks' error."""
    (found,) = find(store, tmp_path, jumps((3, 4, 5), 5))
    assert found.plate_text == "渝A12345"
    (reason,) = found.reasons
    assert (reason.code, reason.values["incidents"]) == ("impossible_travel", 3)
    assert 355 < reason.values["kmh"] < 360
    assert [entry.camera_id for entry in found.timeline] == ["a", "c"] * 3


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(jumps((3, 4, 5), 15), id="possible at 120 km/h"),
        pytest.param(jumps((3,), 5), id="one incident"),
        pytest.param(jumps((3, 4, 5), 5, clock_ms="400000"), id="clocks too far off"),
        pytest.param(jumps((3, 4, 5), 5, confidence="0.9"), id="reads not certain"),
        pytest.param(jumps((3, 4, 5), 1, end="y"), id="no way between the cameras"),
        pytest.param([look("a", 3, 0), look("c", 3, 5), look("a", 3, 65), look("c", 3, 70)] * 2, id="one day only"),
    ],
)
def test_what_is_possible_or_unsure_is_no_suspicion(store, tmp_path, rows):
    assert find(store, tmp_path, rows) == ()


def test_one_plate_on_a_car_and_a_truck(store, tmp_path):
    """Five readings or more of the rarer one, on two days, and a fifth of all."""
    rows = [look("a", d, m) for d in range(2, 8) for m in (0, 90)]
    rows += [look("a", d, m, vehicle="truck", colour="yellow") for d in (4, 6) for m in (200, 300, 400)]
    (found,) = find(store, tmp_path, rows)
    (reason,) = found.reasons
    assert (reason.code, reason.values["reads"], reason.values["other_reads"]) == ("two_vehicles", 12, 6)


def test_a_detector_that_errs_now_and_then_is_no_suspicion(store, tmp_path):
    rows = [look("a", d, m) for d in range(2, 20) for m in (0, 90)]
    rows += [look("a", d, 200, vehicle="truck") for d in range(2, 8)]
    assert find(store, tmp_path, rows) == ()


def test_shortest_ways():
    """Both ways unless said otherwise; the way back of a one-way road is not there."""
    graph = RoadGraph([Road("a", "b", 5), Road("b", "c", 5), Road("a", "c", 20), Road("c", "d", 1, both_ways=False)])
    assert graph.distances_from("a") == {"a": 0, "b": 5, "c": 10, "d": 11}
    assert graph.distances_from("d") == {"d": 0}
    assert graph.path("a", "d") == ["a", "b", "c", "d"]
    assert graph.path("d", "a") == []
    assert (graph.knows("d"), graph.knows("e")) == (True, False)

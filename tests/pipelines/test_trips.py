"""One truck on one trip: cases that are linked, and the site that loaded it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from detector.cases.life_cycle import LifeCycle
from detector.database.engine import open_database
from detector.entities import Action, Case, Evidence, TimeBasis, TimeSource
from pipelines.trips import TripStore
from tests.detector.cases.case_files import SYSTEM, make_case

SITE = "观音桥二期工地"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'c.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> TripStore:
    return TripStore(engine, LifeCycle(engine))


def seen(case_id: str, minutes: float, **changes: object) -> Case:
    """A sealed case of the usual truck, so many minutes after the first."""
    case = make_case(case_id)
    evidence = Evidence(f"/x/{case_id}", "ab" * 32, 0.0, 15.0)
    at = case.captured_at + timedelta(minutes=minutes)
    return replace(case, camera_id=f"camera-{case_id}", captured_at=at, evidence=evidence, **changes)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_truck_seen_by_three_cameras_is_three_linked_cases_from_one_site(
    store: TripStore, engine: Engine, order: tuple[int, ...]
) -> None:
    """Whichever is completed first; each names the site with its reason, and saving again adds nothing."""
    cases = [seen("RW-1", 0, source_site=SITE), seen("RW-2", 12), seen("RW-3", 30)]
    for at in order:
        store.save(cases[at])
    steps = [event.event_id for name in ("RW-1", "RW-2", "RW-3") for event in LifeCycle(engine).history(name)]
    for case in cases:
        store.save(case)
    assert [store.linked(name) for name in ("RW-1", "RW-2", "RW-3")] == [
        ["RW-2", "RW-3"], ["RW-1", "RW-3"], ["RW-1", "RW-2"],
    ]  # fmt: skip
    assert {store.get(name).source_site for name in ("RW-1", "RW-2", "RW-3")} == {SITE}
    reasons = [e.reason for e in LifeCycle(engine).history("RW-3") if e.action == "source_site"]
    assert reasons == ["30 分钟前经过该工地出入口（设备 camera-RW-1，案件 RW-1）"]
    assert steps == [event.event_id for name in ("RW-1", "RW-2", "RW-3") for event in LifeCycle(engine).history(name)]


def test_what_is_no_trip_stays_apart(store: TripStore) -> None:
    """Hours later, another plate, a plate that is not sure, a time that is relative, or no evidence yet."""
    first = seen("RW-1", 0, source_site=SITE)
    plate = first.plate
    assert plate is not None
    others = [
        seen("RW-2", 121),
        seen("RW-3", 5, plate=replace(plate, text="渝A00001")),
        seen("RW-4", 5, plate=replace(plate, text=plate.text[:-1] + "-")),
        seen("RW-5", 5, time=TimeBasis(TimeSource.RELATIVE, None)),
        replace(seen("RW-6", 5), evidence=None),
    ]
    for case in (first, *others):
        store.save(case)
    assert store.linked("RW-1") == []
    assert {store.get(case.case_id).source_site for case in others} == {None}


def test_a_gate_after_the_road_loaded_nothing(store: TripStore) -> None:
    """Who comes to a site was not loaded there."""
    store.save(seen("RW-1", 0))
    store.save(seen("RW-2", 10, source_site=SITE))
    assert store.linked("RW-1") == ["RW-2"]
    assert store.get("RW-1").source_site is None


def test_what_officers_named_stays(store: TripStore, engine: Engine) -> None:
    """The program names no other site after them."""
    store.save(replace(seen("RW-2", 12), evidence=None))

    LifeCycle(engine).perform("RW-2", Action.SOURCE_SITE, SYSTEM, reason="现场查明", details={"site": "另一工地"})
    store.save(seen("RW-1", 0, source_site=SITE))
    store.save(seen("RW-2", 12))
    assert store.get("RW-2").source_site == "另一工地"

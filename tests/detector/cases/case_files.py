"""Cases and people that several tests use."""

from datetime import UTC, datetime

from sqlalchemy import Engine, insert

from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.sessions import write_session
from detector.database.tables import UnitRow
from detector.entities import (
    Action,
    Actor,
    Case,
    CaseStatus,
    Finding,
    Grade,
    Plate,
    PlateColour,
    PlateType,
    Role,
    TimeBasis,
    TimeSource,
    VehicleType,
)

HEAPED = Finding("heaped_load", {"fill": "above_edge"}, {}, 0.81, (16, 24))
PLATE = Plate("渝DC6123", (0.99,) * 7, PlateType.ORDINARY, PlateColour.YELLOW, 7)

REVIEWER = Actor("li", "李", "centre", frozenset({Role.REVIEWER}), "A1")
SECOND_REVIEWER = Actor("zhao", "赵", "centre", frozenset({Role.REVIEWER}), "A2")
LEGAL = Actor("wang", "王", "centre", frozenset({Role.LEGAL}), "B1")
SECOND_LEGAL = Actor("sun", "孙", "centre", frozenset({Role.LEGAL}), "B2")
DISPATCHER = Actor("chen", "陈", "centre", frozenset({Role.DISPATCHER}))
URBAN = Actor("zhou", "周", "jlp-cg", frozenset({Role.DEPARTMENT}))
HOUSING = Actor("wu", "吴", "jlp-zj", frozenset({Role.DEPARTMENT}))
SUPERVISOR = Actor("zheng", "郑", "centre", frozenset({Role.SUPERVISOR}))
SYSTEM = Actor("system", "system", "system", frozenset({Role.SYSTEM}))

UNITS = (
    ("cq", "重庆市", "city", None),
    ("jlp", "九龙坡区", "district", "cq"),
    ("jlp-cg", "区城管局", "district", "jlp"),
    ("jlp-zj", "区住建委", "district", "jlp"),
    ("jlp-sqp", "石桥铺街道执法大队", "street", "jlp-cg"),
)


def make_case(case_id: str = "RW-1") -> Case:
    """A candidate as the pipeline makes it, without evidence."""
    return Case(
        case_id, "gate", "巴南区渝南大道", VehicleType.TRUCK, CaseStatus.CANDIDATE, Grade.LEAD, ("no_legal_record",),
        (HEAPED,), PLATE, None, datetime(2024, 3, 5, 10, 35, tzinfo=UTC), TimeBasis(TimeSource.OPERATOR, 500.0), None,
    )  # fmt: skip


NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
BASIS = {"basis": {"id": "cq-slag", "version": "2026"}}
BOTH_UNITS = {"units": ["jlp-cg", "jlp-zj"]}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def prepare(engine: Engine) -> None:
    CaseStore(engine).save(make_case())
    with write_session(engine) as session:
        session.execute(
            insert(UnitRow), [dict(zip(("unit_id", "name", "level", "parent"), u, strict=True)) for u in UNITS]
        )


def do(life: LifeCycle, *steps: tuple[Action, Actor, dict] | tuple[Action, Actor]) -> None:
    for action, actor, *rest in steps:
        life.perform("RW-1", action, actor, **(rest[0] if rest else {}))


CONFIRMED = ((Action.CLAIM, REVIEWER), (Action.CONFIRM, REVIEWER), (Action.LEGAL_CONFIRM, LEGAL))
DISPATCHED = (
    *CONFIRMED,
    (Action.FILE, LEGAL, {"details": BASIS}),
    (Action.DISPATCH, DISPATCHER, {"details": BOTH_UNITS}),
)

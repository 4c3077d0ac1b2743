"""Messages: stored with what they tell, sent at least once, in order, whatever the receiver does."""

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from detector.cases.life_cycle import LifeCycle
from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.dispatch import outbox as dispatch_outbox
from detector.dispatch.courier import Courier
from detector.dispatch.folder import FolderSender
from detector.dispatch.letters import Letters, Wording
from detector.dispatch.outbox import Outbox
from detector.dispatch.protocol import Refused
from detector.dispatch.signing import is_genuine
from detector.dispatch.webhook import WebhookSender
from detector.entities import Action, Message, MessageState
from detector.errors import StorageError
from pipelines import cli
from tests.databases import DATABASES
from tests.detector.cases.case_files import CONFIRMED, DISPATCHED, LEGAL, SUPERVISOR, SYSTEM, Clock, do, prepare
from tests.detector.dispatch.receivers import Receiver, receiving
from tests.processes import PROCESSES

MakeCourier = Callable[..., Courier]
WORDING = Wording(
    "{time}，车牌号为{plate}的车辆在通过{place}时，存在{acts}行为", "（未能识读）", "%Y年%-m月%-d日%-H时%-M分",
    {"heaped_load": "冒装"}, "、",
)  # fmt: skip


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'c.db'}" if is_sqlite else request.getfixturevalue("postgresql_url")
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.at = datetime.now(UTC)
    return clock


@pytest.fixture
def outbox(engine: Engine, clock: Clock) -> Outbox:
    return Outbox(engine, clock, random.Random(1))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def courier(outbox: Outbox) -> Iterator[MakeCourier]:
    """Makes couriers to a webhook, and closes them."""
    made: list[Courier] = []

    def make(url: str, secret: str = "s", timeout_s: float = 5.0) -> Courier:
        made.append(Courier(outbox, {"urban": WebhookSender(url, secret, timeout_s=timeout_s)}))
        return made[-1]

    yield make
    for each in made:
        each.close()


def put(engine: Engine, outbox: Outbox, *numbers: int, case: str = "RW-1", to: str = "urban") -> None:
    with write_session(engine) as session:
        for number in numbers:
            outbox.enqueue(session, (to, case, number), "dispatched", {"text": f"第{number}条"})


def settle(courier: Courier, clock: Clock, rounds: int = 40) -> None:
    """Let a day go by, as far as the outbox can tell."""
    for _ in range(rounds):
        courier.run_once()
        clock.at += timedelta(minutes=36)


def test_a_message_is_signed_and_arrives_once(
    engine: Engine, outbox: Outbox, clock: Clock, courier: MakeCourier, receiver: Receiver
) -> None:
    """The receiver can prove who sent it, that nothing was altered, and that it is no repetition of an old one."""
    put(engine, outbox, 1)
    put(engine, outbox, 1)
    settle(courier(receiver.url, "geheim"), clock, 3)
    ((path, headers, body),) = receiver.requests
    stamp, signature = headers["X-Roadwarden-Timestamp"], headers["X-Roadwarden-Signature"]
    now = datetime.now(UTC)
    assert is_genuine("geheim", stamp, body, signature, now)
    assert not is_genuine("other", stamp, body, signature, now)
    assert not is_genuine("geheim", stamp, body + b" ", signature, now)
    assert not is_genuine("geheim", stamp, body, signature, now + timedelta(minutes=6))
    assert not is_genuine("geheim", "soon", body, signature, now)
    said = json.loads(body)
    assert (path, said["text"], said["message_id"]) == ("/", "第1条", headers["Idempotency-Key"])


def test_whatever_the_receiver_does_every_message_arrives_in_order(
    engine: Engine, outbox: Outbox, clock: Clock, courier: MakeCourier, receiver: Receiver
) -> None:
    """It fails, stalls, drops the line, takes one and fails after it: all are there, in order, once a key."""
    put(engine, outbox, 1, 2, 3)
    put(engine, outbox, 1, case="RW-2")
    receiver.script = [500, "stall", "drop", 503, 404, "twice", 429]
    settle(courier(receiver.url, timeout_s=0.4), clock)
    seen = list(dict.fromkeys((b["message_id"], b["case_id"], b["sequence"]) for b in receiver.bodies()))
    assert sorted((case, number) for _, case, number in seen) == [("RW-1", 1), ("RW-1", 2), ("RW-1", 3), ("RW-2", 1)]
    assert [number for _, case, number in seen if case == "RW-1"] == [1, 2, 3]
    assert len(receiver.requests) == len(seen) + 1
    assert outbox.count() == {MessageState.PENDING: 0, MessageState.SENT: 4, MessageState.DEAD: 0}


def test_a_receiver_that_is_away_for_a_day_loses_nothing(
    engine: Engine, outbox: Outbox, clock: Clock, courier: MakeCourier
) -> None:
    """The wait grows to ten minutes and no further; when it is back, everything arrives."""
    put(engine, outbox, 1, 2)
    gone = Receiver()
    gone.close()
    away = courier(gone.url, timeout_s=0.2)
    end = clock.at + timedelta(hours=24)
    while clock.at < end:
        away.run_once()
        clock.at += timedelta(minutes=11)
    (first, second) = sorted(outbox.list(), key=lambda m: m.sequence)
    assert first.attempts > 100
    assert (second.attempts, first.state) == (0, MessageState.PENDING)
    assert first.next_at - clock.at < timedelta(minutes=10)
    with receiving() as back:
        settle(courier(back.url), clock, 4)
        assert [b["sequence"] for b in back.bodies()] == [1, 2]


def test_what_is_refused_waits_for_a_person(
    engine: Engine, outbox: Outbox, clock: Clock, courier: MakeCourier, receiver: Receiver
) -> None:
    """A dead letter is shown with its reason; it holds up its own case only, and is sent again by hand."""
    put(engine, outbox, 1, 2)
    put(engine, outbox, 1, case="RW-2")
    receiver.script = [422]
    made = courier(receiver.url)
    settle(made, clock, 5)
    (dead,) = outbox.list(state=MessageState.DEAD)
    assert (dead.sequence, dead.last_error) == (1, "127.0.0.1 answered 422")
    arrived = sorted((b["case_id"], b["sequence"]) for b in receiver.bodies())
    assert arrived in ([("RW-1", 1)], [("RW-2", 1)])
    outbox.resend(dead.message_id)
    settle(made, clock, 5)
    assert sorted((b["case_id"], b["sequence"]) for b in receiver.bodies()) == [("RW-1", 1), ("RW-1", 2), ("RW-2", 1)]
    with pytest.raises(StorageError, match="no message x"):
        outbox.resend("x")


def test_a_lease_keeps_others_away_until_it_ends(engine: Engine, outbox: Outbox, clock: Clock) -> None:
    """Two couriers never have one message; that of a killed one is free after a minute."""
    put(engine, outbox, 1)
    assert len(outbox.take()) == 1
    assert outbox.take() == []
    clock.at += timedelta(seconds=61)
    assert len(outbox.take()) == 1


def test_an_unknown_receiver_and_a_defect_put_off_and_harm_nobody(
    engine: Engine, outbox: Outbox, clock: Clock, tmp_path: Path
) -> None:
    """The message stays; the others go."""

    class Broken:
        def send(self, message: Message) -> None:
            raise ValueError("secret text")

        def close(self) -> None:
            raise Refused("never called here")

    put(engine, outbox, 1, to="nowhere")
    put(engine, outbox, 1, to="broken")
    put(engine, outbox, 1, to="files")
    Courier(outbox, {"broken": Broken(), "files": FolderSender(tmp_path / "out")}).run_once()
    told = {m.destination: (m.state, m.last_error) for m in outbox.list()}
    assert told["nowhere"] == (MessageState.PENDING, "receiver 'nowhere' is not configured")
    assert told["broken"] == (MessageState.PENDING, "defect of the program: ValueError")
    assert told["files"] == (MessageState.SENT, None)
    (file,) = (tmp_path / "out").iterdir()
    assert json.loads(file.read_text("utf-8"))["text"] == "第1条"


def test_departments_are_told_what_concerns_them(engine: Engine, outbox: Outbox) -> None:
    """Dispatch to the receivers of its units, escalation to the unit above, the end to all who had a part."""
    prepare(engine)
    letters = Letters(outbox, {"jlp-cg": ["urban"], "jlp-zj": ["housing"], "jlp": ["district"]}, WORDING)
    life = LifeCycle(engine, listeners=[letters])
    do(life, *DISPATCHED, (Action.ESCALATE, SYSTEM, {"details": {"unit": "jlp-cg"}}))
    do(life, (Action.SUSPEND, SUPERVISOR, {"reason": "待鉴定"}))
    told = sorted((m.sequence, m.destination, m.kind) for m in outbox.list())
    assert [(to, kind) for _, to, kind in told] == [
        ("housing", "dispatched"), ("urban", "dispatched"), ("district", "escalated"), ("housing", "suspended"),
        ("urban", "suspended"),
    ]  # fmt: skip
    first = next(m for m in outbox.list() if (m.destination, m.kind) == ("urban", "dispatched"))
    assert first.payload["text"] == "2024年3月5日18时35分，车牌号为渝DC6123的车辆在通过巴南区渝南大道时，存在冒装行为"
    assert (first.payload["is_main"], first.payload["unit_name"]) == (True, "区城管局")
    assert first.payload["basis"] == {"id": "cq-slag", "version": "2026"}


def test_a_suspension_that_is_undone_is_told_to_be_over(engine: Engine, outbox: Outbox) -> None:
    """It left the house at once; other decisions that are undone never did."""
    prepare(engine)
    life = LifeCycle(engine, listeners=[Letters(outbox, {"jlp-cg": ["urban"]}, WORDING)])
    do(life, *CONFIRMED, (Action.UNDO, LEGAL), (Action.LEGAL_CONFIRM, LEGAL), *DISPATCHED[len(CONFIRMED) :])
    do(life, (Action.SUSPEND, SUPERVISOR, {"reason": "待鉴定"}), (Action.UNDO, SUPERVISOR))
    told = sorted((m.sequence, m.kind, m.payload["status"]) for m in outbox.list())
    assert [rest for _, *rest in told] == [
        ["dispatched", "dispatched"], ["suspended", "suspended"], ["resumed", "dispatched"],
    ]  # fmt: skip


def test_a_receiver_of_two_departments_is_told_for_each(engine: Engine, outbox: Outbox) -> None:
    """At every step: a message to one department is none to the other, though one system serves both."""
    prepare(engine)
    life = LifeCycle(engine, listeners=[Letters(outbox, {"jlp-cg": ["urban"], "jlp-zj": ["urban"]}, WORDING)])
    do(life, *DISPATCHED, (Action.SUSPEND, SUPERVISOR, {"reason": "待鉴定"}))
    told = sorted((m.sequence, m.kind, m.payload["unit"], m.payload["is_main"]) for m in outbox.take())
    assert [rest for _, *rest in told] == [["dispatched", "jlp-cg", True], ["dispatched", "jlp-zj", False]]
    assert len(outbox.list()) == 4


def send_on_and_on(home: Path) -> None:
    """`roadwarden dispatch run`, whose leases are short."""
    os.environ |= {"ROADWARDEN_HOME": str(home), "S": "s"}
    dispatch_outbox.LEASE = timedelta(seconds=0.3)
    sys.argv = ["roadwarden", "dispatch", "run"]
    cli.main()


@pytest.mark.long
def test_the_sender_is_killed_at_any_moment(tmp_path: Path, receiver: Receiver) -> None:
    """Twelve couriers are killed while they send; in the end every message has arrived, once a key."""
    engine = open_database(f"sqlite:///{tmp_path / 'roadwarden.db'}")
    outbox = Outbox(engine)
    for case in range(30):
        put(engine, outbox, 1, 2, case=f"RW-{case}")
    (tmp_path / "dispatch.toml").write_text(
        f'[[destination]]\nid = "urban"\nkind = "webhook"\nurl = "{receiver.url}"\nsecret_env = "S"\n', encoding="utf-8"
    )
    rng = random.Random(3)
    for _ in range(12):
        before = len(receiver.requests)
        process = PROCESSES.Process(target=send_on_and_on, args=(tmp_path,))
        process.start()
        give_up_at = time.monotonic() + 20
        while len(receiver.requests) == before and time.monotonic() < give_up_at:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.join()
        if outbox.count()[MessageState.PENDING] == 0:
            break
    time.sleep(0.5)
    courier = Courier(outbox, {"urban": WebhookSender(receiver.url, "s")})
    give_up_at = time.monotonic() + 300  # never waited for but on a machine that is busy with other things
    while outbox.count()[MessageState.PENDING] and time.monotonic() < give_up_at:
        courier.run_once() or time.sleep(0.1)
    courier.close()
    keys = list(dict.fromkeys((b["case_id"], b["sequence"]) for b in receiver.bodies()))
    assert sorted(keys) == sorted((f"RW-{case}", number) for case in range(30) for number in (1, 2))
    for case in range(30):
        assert [number for name, number in keys if name == f"RW-{case}"] == [1, 2]
    engine.dispose()

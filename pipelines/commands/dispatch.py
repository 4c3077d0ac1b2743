"""`roadwarden dispatch ...`."""

import json
import logging
import signal
import threading
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from detector.dispatch.outbox import Outbox
from detector.dispatch.protocol import Refused, Unreachable
from detector.entities import BEIJING, Message, MessageState
from detector.errors import ConfigurationError, StorageError
from pipelines.build_dispatch import (
    open_courier,
    open_feedback,
    open_listeners,
    open_sender,
    open_viid,
)
from pipelines.build_life import read_dispatch
from pipelines.commands.options import LISTED_MOST, AsJson, Database, open_engine
from pipelines.report import make_console

app = typer.Typer(
    help="Messages to departments and other systems, and their answers.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("run")
def run_courier(
    database: Database = None,
    once: Annotated[bool, typer.Option("--once", help="Send what may leave now, and stop.")] = False,
) -> None:
    """Send messages as they come, and take answers over MQTT, until SIGTERM or Ctrl-C; several may run.

    Example: roadwarden dispatch run --once
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    config = read_dispatch()
    if not config.destinations:
        raise ConfigurationError("dispatch.toml in ROADWARDEN_HOME names no [[destination]]; nothing can be sent")
    engine, stop = open_engine(database), threading.Event()
    courier = open_courier(engine, config)
    if once:
        while courier.run_once():
            pass
    else:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        listeners = open_listeners(config, open_feedback(engine, config))
        threads = [threading.Thread(target=listener.run, args=(stop,), name="answers") for listener in listeners]
        for thread in threads:
            thread.start()
        courier.run(stop)
        for thread in threads:
            thread.join()
    courier.close()


@app.command("list")
def list_messages(
    database: Database = None,
    state: Annotated[MessageState | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MOST, help="At most so many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List messages with what became of them; dead ones wait for `resend`.

    Example: roadwarden dispatch list --state dead
    """
    outbox = Outbox(open_engine(database))
    found, counts = outbox.list(limit, state), outbox.count()
    if as_json:
        rows = [
            {"message_id": m.message_id, "destination": m.destination, "case_id": m.case_id, "kind": m.kind,
             "state": m.state.value, "attempts": m.attempts, "next_at": m.next_at.isoformat(), "error": m.last_error}
            for m in found
        ]  # fmt: skip
        print(json.dumps({"counts": {s.value: n for s, n in counts.items()}, "messages": rows}, ensure_ascii=False))
        return
    table = Table("message", "made", "to", "case", "what", "state", "tries", "last error", box=None, pad_edge=False)
    for m in found:
        table.add_row(
            m.message_id, f"{m.created_at.astimezone(BEIJING):%m-%d %H:%M:%S}", m.destination, m.case_id, m.kind,
            m.state.value, str(m.attempts), m.last_error or "-",
        )  # fmt: skip
    make_console().print(table if found else "no message")
    print(", ".join(f"{count} {name.value}" for name, count in counts.items()))


@app.command("resend")
def resend(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE", help="Id of the message.")], database: Database = None
) -> None:
    """Send a message again, whatever became of it.

    Example: roadwarden dispatch resend 0f6a2c
    """
    message = Outbox(open_engine(database)).resend(message_id)
    print(f"message {message.message_id} to {message.destination}: will be sent")


@app.command("test")
def test_destination(
    name: Annotated[str, typer.Argument(metavar="DESTINATION", help="Receiver of dispatch.toml.")],
) -> None:
    """Send one message that says that it is a test, and tell what the receiver answers.

    Example: roadwarden dispatch test urban
    """
    table = read_dispatch().destinations.get(name)
    if table is None:
        raise ConfigurationError(f"dispatch.toml has no [[destination]] {name!r}")
    now = datetime.now(UTC)
    payload = {
        "text": "测试 / test", "captured_at": now.isoformat(), "vehicle_type": "truck", "plate": None, "unit": "",
        "plate_colour": None, "plate_type": None, "load": None, "evidence_folder": None,
    }  # fmt: skip
    message = Message(
        f"{int(now.timestamp()):032x}", name, "TEST", 0, "test", payload, now, now, 0, MessageState.PENDING
    )
    sender = open_sender(table)
    try:
        sender.send(message)
    except (Unreachable, Refused) as error:
        raise StorageError(f"receiver {name}: {error}") from error
    finally:
        sender.close()
    print(f"receiver {name}: has it")


@app.command("serve")
def serve(
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where answers are taken.")] = "127.0.0.1:8090",
    database: Database = None,
) -> None:
    """Take signed answers (POST /feedback/DESTINATION) and GA/T 1400 Dispositions; put a TLS proxy before it.

    Example: roadwarden dispatch serve
    """
    import uvicorn

    from pipelines.feedback_app import make_app

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"--listen {listen}: write HOST:PORT")
    engine, config = open_engine(database), read_dispatch()
    app = make_app(open_feedback(engine, config), open_viid(engine, config))
    uvicorn.run(app, host=host, port=int(port), log_level="warning")

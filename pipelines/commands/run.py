"""`roadwarden run`."""

import logging
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import CamerasFile, Database
from pipelines.config import default_database, resolve_home
from pipelines.configuration_store import load_configuration


def run(
    cameras: CamerasFile = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where evidence goes; default ROADWARDEN_HOME/evidence.")
    ] = None,
    database: Database = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=1.0, help="Stop by itself after so long.")
    ] = None,
) -> None:
    """Watch the cameras that have a stream, until SIGTERM or Ctrl-C; evidence in progress is finished first."""
    from pipelines.build import open_live  # the vision stack loads only where it is used

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    home = resolve_home()
    runner = open_live(
        database or default_database(), load_configuration(cameras, database), (output or home / "evidence").resolve()
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if seconds is not None:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    if not runner.run(stop):
        raise typer.Exit(1)

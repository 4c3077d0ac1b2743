"""`roadwarden run`."""

import logging
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import CamerasFile, Database, open_engine
from pipelines.config import default_database, resolve_home
from pipelines.configuration_store import ConfigurationStore, find_file, load_configuration
from pipelines.reloading import Reloader


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
    """Watch the cameras that have a stream, until SIGTERM or Ctrl-C; evidence in progress is finished first.

    A changed configuration is taken up without a restart: cameras are added, removed and changed one by one.
    """
    from pipelines.build import make_plans, open_live  # the vision stack loads only where it is used

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    home = resolve_home()
    in_force = load_configuration(cameras, database)
    runner = open_live(database or default_database(), in_force, (output or home / "evidence").resolve())
    store = ConfigurationStore(open_engine(database), find_file(cameras))
    reloader = Reloader(store, in_force, lambda found: runner.set_plans(make_plans(found), found.sha256))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if seconds is not None:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    reloader.start()
    is_whole = runner.run(stop)
    reloader.stop()
    if not is_whole:
        raise typer.Exit(1)

"""`roadwarden run`."""

import logging
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from detector.errors import ConfigurationError
from pipelines.commands.options import (
    CamerasFile,
    Database,
    Fleet,
    GpuShare,
    Output,
    account,
    open_engine,
    shared_place,
)
from pipelines.config import default_database
from pipelines.configuration_store import IN_DATABASE, ConfigurationStore, find_file, load_configuration
from pipelines.fleet.run import FleetOptions, push_configuration, run_fleet
from pipelines.health_server import serve_health
from pipelines.reloading import Reloader


def run(
    cameras: CamerasFile = None,
    output: Output = None,
    database: Database = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=1.0, help="Stop by itself after so long.")
    ] = None,
    health: Annotated[
        str | None,
        typer.Option(
            "--health",
            metavar="HOST:PORT",
            help="Where /healthz, /metrics and /status are answered; off for nowhere. Default 127.0.0.1:9464, if free.",
        ),
    ] = None,
    fleet: Fleet = None,
    gpu_share: GpuShare = 1.0,
) -> None:
    """Watch the cameras that have a stream, until SIGTERM or Ctrl-C; evidence in progress is finished first.

    A changed configuration is taken up without a restart: cameras are added, removed and changed one by one.

    Example: roadwarden run --cameras cameras.toml
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    url = database or default_database()
    stop = _stop_event(seconds)
    if fleet is None:
        is_whole = _run_alone(url, cameras, output, health, stop)
    elif health is not None:
        raise ConfigurationError("--health is for one machine; in a fleet each machine answers on 127.0.0.1:9464")
    else:
        file = cameras if cameras != IN_DATABASE else None
        options = FleetOptions(fleet, url, shared_place(output), gpu_share)
        is_whole = run_fleet(options, push_configuration(url, file, account()), stop)
    if not is_whole:
        raise typer.Exit(1)


def _run_alone(url: str, cameras: Path | None, output: str | None, health: str | None, stop: threading.Event) -> bool:
    """Watch with this machine alone."""
    from pipelines.build_live import make_plans, open_live  # the vision stack loads only where it is used
    from pipelines.evidence_place import EvidencePlace

    in_force = load_configuration(cameras, url)
    runner = open_live(url, in_force, EvidencePlace.parse(output))
    store = ConfigurationStore(open_engine(url), find_file(cameras))
    reloader = Reloader(store, in_force, lambda found: runner.set_plans(make_plans(found), found.sha256))
    reloader.start()
    with serve_health(runner.health, health):
        is_whole = runner.run(stop)
    reloader.stop()
    return is_whole


def _stop_event(seconds: float | None) -> threading.Event:
    """Set by SIGTERM, by Ctrl-C, and after some seconds (None: never)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if seconds is not None:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    return stop

"""`roadwarden run --fleet`: the dispatcher with everything that it needs."""

import socket
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from detector.database.engine import open_database
from detector.database.leases import LeaseStore
from detector.errors import ConfigurationError
from pipelines.config import Cameras, resolve_home
from pipelines.configuration_store import ConfigurationStore
from pipelines.fleet.cluster import connected
from pipelines.fleet.dispatcher import Dispatcher
from pipelines.fleet.order import PROGRAM, WorkerOrder
from pipelines.reloading import Reloader


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What the command line says.

    Attributes:
        address: of the Ray cluster.
        database: URL of the PostgreSQL database in which the fleet meets.
        evidence: folder that all machines share, or `s3://BUCKET/PREFIX`.
        gpu_share: part of a GPU that a worker takes.
        program: module that is started as a worker.
    """

    address: str
    database: str = field(repr=False)
    evidence: str
    gpu_share: float = 1.0
    program: str = PROGRAM


class WantedCameras:
    """The cameras of the configuration in force that can be watched live."""

    def __init__(self, cameras: Cameras) -> None:
        """Start with a configuration."""
        self.configure(cameras)

    def configure(self, cameras: Cameras) -> None:
        """Take up a new configuration."""
        self._ids = {name for name, table in cameras.tables.items() if table.stream is not None}

    def __call__(self) -> Collection[str]:
        """Their ids."""
        return self._ids


def push_configuration(database: str, file: Path | None, person: str) -> Cameras:
    """Make a file the newest version in the database, from which all workers read; None: use what is there.

    Raises:
        ConfigurationError: the database is not PostgreSQL, the file is wrong, or there is no configuration.
        StorageError: the database cannot be used.
    """
    engine = open_database(database)
    try:
        LeaseStore(engine)  # says what is wrong with a database in which no fleet can meet
        store = ConfigurationStore(engine)
        if file is not None:
            try:
                content = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
                raise ConfigurationError(f"{file}: {reason}") from error
            store.save(content, person, "roadwarden run --fleet")
        found = store.current()
        if found is None:
            raise ConfigurationError(
                f"{store.place}: there is none yet; give --cameras FILE, or roadwarden cameras push FILE"
            )
        return found.cameras
    finally:
        engine.dispose()


def run_fleet(options: FleetOptions, cameras: Cameras, stop: threading.Event) -> bool:
    """Place workers and cameras until `stop` is set, then end all workers.

    Returns:
        False when a worker did not end in time.

    Raises:
        ConfigurationError: Ray is not installed, or the cluster cannot be reached.
        StorageError: the database cannot be used.
    """
    engine = open_database(options.database)
    wanted = WantedCameras(cameras)
    reloader = Reloader(ConfigurationStore(engine), cameras, wanted.configure)
    order = WorkerOrder(
        worker_id="",
        node=socket.gethostname(),
        database=options.database,
        evidence=options.evidence,
        home=str(resolve_home()),
        program=options.program,
    )
    with connected(options.address) as ray:
        reloader.start()
        try:
            return Dispatcher(ray, LeaseStore(engine), order, options.gpu_share).run(stop, wanted)
        finally:
            reloader.stop()
            engine.dispose()

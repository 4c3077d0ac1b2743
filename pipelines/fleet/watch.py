"""The live runner of one machine of a fleet, watching the cameras of which it holds the leases."""

import logging
import secrets
import threading
from collections.abc import Collection

from detector.database.engine import open_database
from detector.database.leases import LeaseBook, LeaseStore
from detector.errors import ConfigurationError
from pipelines.build_live import FleetPost, make_plans, open_live
from pipelines.config import Cameras, resolve_home
from pipelines.configuration_store import ConfigurationStore
from pipelines.evidence_place import EvidencePlace
from pipelines.fleet.keeper import TICK_S, LeaseKeeper
from pipelines.fleet.order import WorkerOrder
from pipelines.health_server import serve_health
from pipelines.live import LiveRunner
from pipelines.reloading import Reloader

logger = logging.getLogger(__name__)


class ChosenCameras:
    """Makes a runner watch those cameras of the configuration that were chosen; safe to use from several threads."""

    def __init__(self, runner: LiveRunner, cameras: Cameras) -> None:
        """Start with no camera chosen."""
        self._runner = runner
        self._cameras = cameras
        self._chosen: set[str] = set()
        self._lock = threading.Lock()
        self.is_watching = runner.is_watching
        self.is_quiet = runner.is_quiet
        self.measure_load = runner.measure_load

    def choose(self, camera_ids: Collection[str]) -> None:
        """Watch these cameras from now on, and no others; returns at once."""
        with self._lock:
            if self._chosen != set(camera_ids):
                self._chosen = set(camera_ids)
                self._direct(self._cameras)

    def configure(self, cameras: Cameras) -> None:
        """Take up a new configuration.

        Raises:
            ConfigurationError: a password is not there; the old configuration stays.
        """
        with self._lock:
            self._direct(cameras)
            self._cameras = cameras

    def _direct(self, cameras: Cameras) -> None:
        plans = [plan for plan in make_plans(cameras) if plan.camera.camera_id in self._chosen]
        self._runner.set_plans(plans, cameras.sha256)


def work(order: WorkerOrder, stop: threading.Event) -> bool:
    """Watch until `stop` is set.

    Returns:
        False when evidence could not be written to the last; it is taken up at the next start.

    Raises:
        RoadwardenError: the worker cannot begin.
    """
    engine = open_database(order.database)
    configuration = ConfigurationStore(engine)
    found = configuration.current()
    if found is None:
        raise ConfigurationError(f"{configuration.place}: there is none yet; store one with roadwarden cameras push")
    book = LeaseBook()
    owner = f"{order.worker_id}#{secrets.token_hex(4)}"
    keeper = LeaseKeeper(LeaseStore(engine), book, order.worker_id, owner)
    post = FleetPost(book, order.folder(resolve_home()) / "ring")
    runner = open_live(order.database, found.cameras, EvidencePlace.parse(order.evidence), post)
    chosen = ChosenCameras(runner, found.cameras)
    reloader = Reloader(configuration, found.cameras, chosen.configure)
    ended = threading.Event()

    def keep() -> None:
        while True:
            keeper.tick(chosen, order.node)
            if ended.wait(TICK_S):
                return

    steward = threading.Thread(target=keep, name="leases", daemon=True)
    steward.start()
    reloader.start()
    logger.info("worker %s watches on %s", owner, order.node)
    with serve_health(runner.health, None):
        is_whole = runner.run(stop)
    reloader.stop()
    ended.set()
    steward.join()
    keeper.give_all_back()
    return is_whole

"""The process of a worker: it leaves whoever started it, and watches.

No part of Ray can end it: it goes on when the head of the cluster, its own raylet or the actor that started it is gone.
It ends by SIGTERM, and finishes its evidence first.

    python -m pipelines.fleet.worker < ORDER
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from logging.handlers import RotatingFileHandler

from detector.errors import RoadwardenError
from pipelines.config import resolve_home
from pipelines.fleet.order import WorkerOrder
from pipelines.fleet.signs import claim, tell_fault

logger = logging.getLogger(__name__)

LOG_BYTES, LOG_FILES = 10 * 2**20, 5

Work = Callable[[WorkerOrder, threading.Event], bool]


def load_work() -> Work:
    """The vision stack, which starts threads and is therefore loaded after the fork."""
    from pipelines.fleet.watch import work

    return work


def main(load: Callable[[], Work] = load_work) -> None:
    """Leave, then work; what happens is told in `worker.log` of the worker's folder."""
    order = WorkerOrder.read()
    os.environ.setdefault("ROADWARDEN_HOME", order.home)
    folder = order.folder(resolve_home())
    folder.mkdir(parents=True, exist_ok=True)
    _leave()
    sign = claim(folder)
    if sign is None:
        return
    log = RotatingFileHandler(folder / "worker.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[log])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        is_whole = load()(order, stop)
    except RoadwardenError as error:
        logger.error("%s", error)
        tell_fault(folder, str(error))
        sys.exit(1)
    except Exception as error:
        logger.exception("worker %s", order.worker_id)
        tell_fault(folder, f"a defect of the program ({error!r}); see {folder / 'worker.log'}")
        sys.exit(1)
    finally:
        sign.close()
    sys.exit(0 if is_whole else 1)


def _leave() -> None:
    """Belong to no one's session, and be no one's child: Ray ends the children of an actor that goes."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


if __name__ == "__main__":
    main()

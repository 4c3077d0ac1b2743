"""What Ray runs on each machine: an actor that sees to it that one worker's process lives."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

from pipelines.config import resolve_home
from pipelines.fleet.order import WorkerOrder
from pipelines.fleet.signs import last_fault, living_pid

LOOK_S = 1.0
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
START_TIMEOUT_S = 60.0


class WorkerActor:
    """Starts a worker's process, and again when it has ended by itself; one that lives already is taken over."""

    def __init__(self, order: WorkerOrder) -> None:
        """Begin at once."""
        os.environ.setdefault("ROADWARDEN_HOME", order.home)
        self._order = order
        self._folder: Path = order.folder(resolve_home())
        self._stop_wanted = threading.Event()
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._tend, name="tend", daemon=True)
        self._thread.start()

    def tell(self) -> str | None:
        """What keeps the worker from working; None when all is well."""
        return self._fault or last_fault(self._folder)

    def stop(self, timeout_s: float) -> bool:
        """End the worker, which finishes its evidence first; False when it has not done so in time."""
        self._stop_wanted.set()
        self._thread.join()
        pid = living_pid(self._folder)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        until = monotonic() + timeout_s
        while living_pid(self._folder) is not None:
            if monotonic() > until:
                return False
            threading.Event().wait(0.2)
        return True

    def _tend(self) -> None:
        wait_s, began = FIRST_WAIT_S, monotonic()
        while not self._stop_wanted.is_set():
            if living_pid(self._folder) is None:
                wait_s = FIRST_WAIT_S if monotonic() - began > LONGEST_WAIT_S else min(2 * wait_s, LONGEST_WAIT_S)
                began = monotonic()
                self._start()
                self._stop_wanted.wait(wait_s)
            self._stop_wanted.wait(LOOK_S)

    def _start(self) -> None:
        command = [sys.executable, "-m", self._order.program]
        try:
            done = subprocess.run(
                command, input=self._order.write(), capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S
            )
            lines = done.stderr.strip().splitlines()
            self._fault = lines[-1] if done.returncode and lines else None
        except (OSError, subprocess.SubprocessError) as error:
            self._fault = f"{command[0]}: {error}"

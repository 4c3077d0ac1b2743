"""What a worker is told when it is started; passed on standard input, since it may hold a password."""

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from pipelines.fleet.placement import Slot

PROGRAM = "pipelines.fleet.worker"


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """A worker of a fleet.

    Attributes:
        worker_id: see `Slot`.
        node: name of the machine.
        database: URL.
        evidence: folder that all machines share, or `s3://BUCKET/PREFIX`.
        home: ROADWARDEN_HOME on a machine whose environment names none.
        program: module that is started as the worker.
    """

    worker_id: str
    node: str
    database: str = field(repr=False)
    evidence: str
    home: str
    program: str = PROGRAM

    def at(self, slot: Slot) -> Self:
        """The same order for another worker."""
        return replace(self, worker_id=slot.worker_id, node=slot.node.name)

    def folder(self, home: Path) -> Path:
        """Where a worker keeps its packet rings and its log, below the home folder of its machine."""
        return home / "fleet" / self.worker_id.replace("/", "-")

    def write(self) -> str:
        """As text for `read`."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls) -> Self:
        """The order on standard input."""
        return cls(**json.load(sys.stdin))

"""Who does what takes time: at once, or in threads of their own."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from detector.errors import RoadwardenError


class InlineExecutor(Executor):
    """Does everything at once in the thread that asks; a known error is in the future, any other is raised."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it, and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except RoadwardenError as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True, slots=True)
class Workers:
    """Who writes.

    Attributes:
        clerk: everything that goes into the database, one after another.
        sealer: evidence packages, one after another.
        reader: the packets of a package, before it is made.
    """

    clerk: Executor = field(default_factory=InlineExecutor)
    sealer: Executor = field(default_factory=InlineExecutor)
    reader: Executor = field(default_factory=InlineExecutor)

    @classmethod
    def threads(cls) -> "Workers":
        """A thread for each, so that neither disk nor database keeps anybody from judging."""
        sealer = ThreadPoolExecutor(1, "sealer")
        return cls(ThreadPoolExecutor(1, "clerk"), sealer, sealer)

    @classmethod
    def sealing_aside(cls) -> "Workers":
        """A thread for packages, everything else at once: what is in a package hangs on no thread's pace."""
        return cls(sealer=ThreadPoolExecutor(1, "sealer"))

    def close(self) -> None:
        """Wait for what is being done; what was not begun is left."""
        self.clerk.shutdown(cancel_futures=True)
        self.sealer.shutdown(cancel_futures=True)

"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere; always on standard error."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

PLAIN_INTERVAL_S = 10.0


class ReplayProgress:
    """Tells how far a replay has come: frames, speed against real time, time left."""

    def __init__(self) -> None:
        """Choose the form by whether standard error is a terminal."""
        self._bar = (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[frames]} frames, {task.fields[speed]:.1f}× real time"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            if sys.stderr.isatty()
            else None
        )
        self._task: TaskID | None = None
        self._name = ""
        self._duration_s: float | None = None
        self._began = self._told = 0.0

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        if self._bar:
            self._bar.stop()

    def begin(self, name: str, duration_s: float | None) -> None:
        """A new clip of known length in seconds; None when the container does not say."""
        self._name, self._duration_s = name, duration_s
        self._began = self._told = time.monotonic()
        if self._bar:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(name, total=duration_s, frames=0, speed=0.0)

    def advance(self, stream_s: float, frames: int) -> None:
        """The clip has been read up to `stream_s` seconds."""
        now = time.monotonic()
        speed = stream_s / max(now - self._began, 1e-6)
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=stream_s, frames=frames, speed=speed)
        elif now - self._told >= PLAIN_INTERVAL_S:
            self._told = now
            left = ""
            if self._duration_s and speed > 0:
                left = f", {max(0.0, self._duration_s - stream_s) / speed:.0f} s left"
            total = f" of {self._duration_s:.0f}" if self._duration_s else ""
            message = f"{self._name}: {stream_s:.0f}{total} s, {frames} frames, {speed:.1f}× real time{left}"
            print(message, file=sys.stderr, flush=True)

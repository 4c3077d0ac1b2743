"""What Ray runs on each machine to replay recordings: one replayer, with its models loaded once."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from detector.errors import RoadwardenError
from pipelines.evidence_place import EvidencePlace
from pipelines.replay import Replayer, ReplayOptions
from pipelines.report import ClipReport

OpenReplayer = Callable[[str, ReplayOptions], Replayer]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a recording: a report, or why the whole replay must stop."""

    report: ClipReport | None
    fault: RoadwardenError | None = None


@dataclass(slots=True)
class ProgressNote:
    """How far the recording in hand has come; a `Progress`."""

    stream_s: float = 0.0
    frames: int = 0

    def begin(self, name: str, duration_s: float | None) -> None:
        """A recording begins."""
        self.stream_s, self.frames = 0.0, 0

    def advance(self, stream_s: float, frames: int) -> None:
        """The recording has been read up to `stream_s` seconds."""
        self.stream_s, self.frames = stream_s, frames


class ReplayActor:
    """Replays one recording after another; one thread replays, another one tells how far it is."""

    def __init__(self, open_replayer: OpenReplayer, database: str, options: ReplayOptions, home: str) -> None:
        """Load nothing yet, so that what goes wrong is told by `replay`."""
        os.environ.setdefault("ROADWARDEN_HOME", home)
        if options.evidence_url is not None:  # packages are built on this machine's disk first
            options = replace(options, evidence_root=EvidencePlace.parse(options.evidence_url).root)
        self._open: Callable[[], Replayer] = lambda: open_replayer(database, options)
        self._replayer: Replayer | None = None
        self._note = ProgressNote()

    def replay(self, clip: Path) -> Outcome:
        """Judge one recording, which must be at the same path on all machines."""
        try:
            self._replayer = self._replayer or self._open()
            report = self._replayer.replay(clip, self._note)
        except RoadwardenError as error:
            return Outcome(None, error)
        finally:
            self._note = ProgressNote()
        return Outcome(replace(report, path=str(clip)))

    def tell(self) -> tuple[float, int]:
        """Seconds and frames of the recording in hand."""
        return self._note.stream_s, self._note.frames

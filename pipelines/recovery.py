"""What a killed process left: packet rings on disk, and journals of the cases that waited for their evidence."""

import fcntl
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from detector.entities import TimeBasis
from detector.errors import StorageError
from detector.evidence.manifest import CaseFacts
from detector.packets import AnalysedStream, StreamInfo
from detector.video.paired_source import ANALYSED, PairedRing
from detector.video.segment_ring import SegmentRing
from pipelines.journal import JournalContent, SessionStream, read_journal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Remains:
    """A session that ended with its process: all that cases need of their footage.

    Attributes:
        stream: what its journal says of it.
        ring, analysed: as a `Footage` has them.
        waiting: the cases without evidence; at least one.
    """

    stream: SessionStream
    ring: SegmentRing | PairedRing
    waiting: tuple[CaseFacts, ...]
    analysed: AnalysedStream | None = None

    @property
    def info(self) -> StreamInfo:
        """The stream that clips are cut from."""
        return self.stream.info

    @property
    def time(self) -> TimeBasis:
        """How the capture times are known."""
        return self.stream.time

    @property
    def losses(self) -> tuple[str, ...]:
        """Nothing is known of them any more."""
        return ()


def find_remains(ring_root: Path) -> list[Remains]:
    """The sessions of earlier processes in which a case still waits; all others are removed.

    Args:
        ring_root: folder of the packet rings, locked by this process: <camera>/<session>/.
    """
    found = []
    for folder in sorted(path for path in ring_root.glob("*/*") if path.is_dir()):
        journal = read_journal(folder)
        if journal is None:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            found.append(_reopen(folder, journal))
        except OSError as error:
            logger.error("packet ring %s: cannot be read (%s)", folder, error.strerror)
    return found


def _reopen(folder: Path, journal: JournalContent) -> Remains:
    """A session's rings as they are on the disk."""
    stream = journal.stream
    ring = SegmentRing.reopen(folder, stream.info.time_base)
    if stream.analysed_info is None:
        return Remains(stream, ring, journal.waiting)
    analysed = SegmentRing.reopen(folder / ANALYSED, stream.analysed_info.time_base)
    pair = PairedRing(ring, analysed, stream.shift_s)
    return Remains(stream, pair, journal.waiting, AnalysedStream(stream.analysed_info, analysed, stream.shift_s))


def lock_rings(ring_root: Path) -> TextIO:
    """A lock that lives as long as the process: two of them would overwrite each other's rings.

    Raises:
        StorageError: the folder cannot be written, or another process uses it.
    """
    try:
        ring_root.mkdir(parents=True, exist_ok=True)
        file = (ring_root / "lock").open("w")
    except OSError as error:
        raise StorageError(f"packet ring {ring_root} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StorageError(f"packet ring {ring_root}: another roadwarden run is using it") from error
    return file

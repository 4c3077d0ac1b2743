"""The write-ahead journal of a live session: what is needed to seal its pending evidence after the process was killed.

It lies in the folder of the session's packet ring, and goes with it:

    <ring>/<camera>/<session>/   00000001.es …   stream.json   RW-….pending.json
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from detector.entities import TimeBasis
from detector.errors import StorageError
from detector.evidence.manifest import CaseFacts
from detector.packets import StreamInfo
from detector.video.source import Footage

logger = logging.getLogger(__name__)

STREAM = "stream.json"
PENDING = ".pending.json"

T = TypeVar("T")


@checked_dataclass(
    frozen=True, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")
)
class _Entry:
    facts: CaseFacts


@checked_dataclass(frozen=True, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
class SessionStream:
    """What must be known of a session's stream to read its packets again.

    Attributes:
        info: of the stream that clips are cut from.
        time: how the capture times are known.
        analysed_info: of the stream that was analysed, where that is another one; None else.
        shift_s: as `AnalysedStream` has it; 0 without such a stream.
    """

    info: StreamInfo
    time: TimeBasis
    analysed_info: StreamInfo | None = None
    shift_s: float = 0.0

    @classmethod
    def of(cls, source: Footage) -> "SessionStream":
        """What there is to say of a source."""
        analysed = source.analysed
        if analysed is None:
            return cls(source.info, source.time)
        return cls(source.info, source.time, analysed.info, analysed.shift_s)


_ENTRY, _STREAM = TypeAdapter(_Entry), TypeAdapter(SessionStream)


@dataclass(frozen=True, slots=True)
class JournalContent:
    """What a killed process left: the stream, and the cases that wait for their evidence."""

    stream: SessionStream
    waiting: tuple[CaseFacts, ...]


class Journal:
    """Notes and forgets pending cases of one session."""

    def __init__(self, folder: Path, stream: SessionStream) -> None:
        """Use the folder of a session's ring; nothing is written before the first case."""
        self._folder = folder
        self._stream = stream

    def note(self, facts: CaseFacts) -> None:
        """Write down a case that waits for evidence; the same case again replaces what was written.

        Raises:
            StorageError: the disk refuses.
        """
        try:
            if not (self._folder / STREAM).exists():
                _write(self._folder / STREAM, _STREAM.dump_json(self._stream))
            _write(self._folder / f"{facts.case_id}{PENDING}", _ENTRY.dump_json(_Entry(facts), fallback=_plain))
        except OSError as error:
            raise StorageError(f"journal {self._folder}: {error.strerror or error}") from error

    def forget(self, case_id: str) -> None:
        """The case is whole: a process that starts later has nothing to do for it."""
        (self._folder / f"{case_id}{PENDING}").unlink(missing_ok=True)


def read_journal(folder: Path) -> JournalContent | None:
    """What the journal in a session's folder says; None when no case waits there, or none that can be read.

    What a crash of the whole machine left unreadable is told in the log; such a case stays without evidence.
    """
    files = sorted(folder.glob(f"*{PENDING}"))
    if not files or (stream := _read(folder / STREAM, _STREAM)) is None:
        return None
    entries = [_read(file, _ENTRY) for file in files]
    waiting = tuple(entry.facts for entry in entries if entry is not None)
    return JournalContent(stream, waiting) if waiting else None


def _read(path: Path, adapter: TypeAdapter[T]) -> T | None:
    """What a file of the journal says; None when it is unreadable."""
    try:
        return adapter.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        logger.error("journal %s: cannot be read (%s)", path, reason)
        return None


def _plain(value: Any) -> Any:
    """Numbers of numpy, which rules may measure, as plain ones."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written to a journal")


def _write(path: Path, content: bytes) -> None:
    """The file appears whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)

"""Absolute time of recordings: the operator's word, then a sidecar, then container metadata, then none.

A sidecar lies beside its clip and says when the first picture was taken; for `x.mp4` it is `x.mp4.json` or `x.json`
(the first wins when both exist):

    {"started_at": "2026-03-01T22:15:04.250+08:00", "uncertainty_ms": 40, "camera_id": "gate-3"}
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detector.documents import read_json
from detector.entities import RELATIVE_EPOCH, TimeBasis, TimeSource
from detector.errors import ConfigurationError

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Years that a clock can mean."""

LONGEST_MS = 1e12
"""A sidecar that claims to be wrong by more than thirty years says nothing."""

OPERATOR_UNCERTAINTY_MS = 1000.0
"""A person reads a clock to the second."""

CONTAINER_UNCERTAINTY_MS = 1000.0
"""`creation_time` has a resolution of one second. Some recorders write the end of the recording or the time of a copy:
the metadata cannot tell, so a case that rests on it says `container` as its time source and officers must check."""


@dataclass(frozen=True, slots=True)
class ClipTime:
    """When a clip was taken.

    Attributes:
        basis: source and uncertainty.
        started_at: capture time of the first picture, aware UTC; RELATIVE_EPOCH when there is no absolute time.
    """

    basis: TimeBasis
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What a sidecar says; `camera_id` is None when it names no camera."""

    started_at: datetime
    uncertainty_ms: float
    camera_id: str | None


def clip_time(clip: Path, started_at: datetime | None, creation_time: str | None) -> ClipTime:
    """Find the best absolute time of a clip.

    Args:
        clip: path of the footage; its sidecar is looked for beside it.
        started_at: what the operator says, aware; None when nothing is said.
        creation_time: the container's metadata of that name; None when there is none.

    Raises:
        ConfigurationError: `started_at` has no offset, or the sidecar is wrong.
    """
    if started_at is not None:
        basis = TimeBasis(TimeSource.OPERATOR, OPERATOR_UNCERTAINTY_MS)
        return ClipTime(basis, _utc(started_at, "--started-at"))
    if (sidecar := read_sidecar(clip)) is not None:
        return ClipTime(TimeBasis(TimeSource.FILE_SIDECAR, sidecar.uncertainty_ms), sidecar.started_at)
    if (created_at := _plausible_creation_time(creation_time)) is not None:
        return ClipTime(TimeBasis(TimeSource.CONTAINER, CONTAINER_UNCERTAINTY_MS), created_at)
    return ClipTime(TimeBasis(TimeSource.RELATIVE, None), RELATIVE_EPOCH)


def read_sidecar(clip: Path) -> Sidecar | None:
    """Read and check the sidecar of a clip; None when it has none.

    Raises:
        ConfigurationError: it cannot be read, is not JSON, or a key is missing or wrong; names file and key.
    """
    candidates = (clip.with_name(clip.name + ".json"), clip.with_suffix(".json"))
    path = next((p for p in candidates if p != clip and p.is_file()), None)
    if path is None:
        return None
    try:
        content = read_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must hold a JSON object with started_at and uncertainty_ms")
    return Sidecar(
        started_at=parse_instant(content.get("started_at"), f"{path}: started_at"),
        uncertainty_ms=_uncertainty(content.get("uncertainty_ms"), path),
        camera_id=_camera_id(content.get("camera_id"), path),
    )


def parse_instant(text: Any, where: str) -> datetime:
    """Turn ISO 8601 text with an offset into an aware UTC instant.

    Args:
        text: for instance "2026-03-01T22:15:04.250+08:00" or "...Z".
        where: what to blame in the message: an option, or a file and its key.

    Raises:
        ConfigurationError: it is not such a text, or the offset is missing (no time zone is ever assumed).
    """
    if not isinstance(text, str):
        raise ConfigurationError(f"{where}: must be ISO 8601 text such as 2026-03-01T22:15:04+08:00, not {text!r}")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{where}: {text!r} is not an ISO 8601 time ({error})") from error
    return _utc(instant, where)


def _utc(instant: datetime, where: str) -> datetime:
    if instant.utcoffset() is None:
        raise ConfigurationError(f"{where}: {instant.isoformat()} has no offset from UTC; write +08:00 or Z after it")
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ConfigurationError(f"{where}: {instant.isoformat()} is out of range ({FIRST_YEAR} to {LAST_YEAR})")
    return instant.astimezone(UTC)


def _uncertainty(value: Any, path: Path) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LONGEST_MS:
        raise ConfigurationError(f"{path}: uncertainty_ms: must be a number of milliseconds, 0 or more, not {value!r}")
    return float(value)


def _camera_id(value: Any, path: Path) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigurationError(f"{path}: camera_id: must be text, not {value!r}")
    return value


def _plausible_creation_time(text: str | None) -> datetime | None:
    """The container's time, if it can be a recording's: recorders without a clock write 1904, 1970 or 2000-01-01."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    instant = instant if instant.utcoffset() is not None else instant.replace(tzinfo=UTC)
    is_plausible = datetime(2000, 1, 2, tzinfo=UTC) <= instant < datetime(2100, 1, 1, tzinfo=UTC)
    return instant.astimezone(UTC) if is_plausible else None

"""What the pages need of cameras beyond the database: their configuration, and what workers see now.

Both come from outside this station: configuration is parsed by the pipelines, pictures are made by workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from detector.entities import Camera


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """One kept version of the configuration; `saved_by` is empty for a change by hand that was only found."""

    number: int
    saved_at: datetime
    saved_by: str
    note: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that somebody made on the page.

    Attributes:
        changes: key of the camera's table → value; None removes the key.
        based_on: `fingerprint` of what was edited, so that nobody's work is overwritten.
    """

    camera_id: str
    changes: Mapping[str, Any]
    by: str
    note: str
    based_on: str | None


@dataclass(frozen=True, slots=True)
class CameraPicture:
    """What a camera showed last, a JPEG; `captured_at` None where nobody knows."""

    jpeg: bytes
    captured_at: datetime | None


class CameraConfiguration(Protocol):
    """The versions of `cameras.toml`."""

    @property
    def place(self) -> str:
        """Where it is kept, in words."""
        ...

    def fingerprint(self) -> str | None:
        """Names what is in force; None where there is nothing."""
        ...

    def cameras(self) -> Mapping[str, Camera]:
        """What is in force.

        Raises:
            ConfigurationError: it is wrong.
        """
        ...

    def history(self) -> list[SavedVersion]:
        """Kept versions, the newest first."""
        ...

    def save(self, edit: Edit) -> SavedVersion:
        """Check a change, and put it in force.

        Raises:
            ConfigurationError: it is wrong; nothing changes.
            Conflict: somebody else was faster.
        """
        ...

    def restore(self, number: int, by: str) -> SavedVersion:
        """Put an older version in force again.

        Raises:
            ConfigurationError: there is none, or it would be refused today.
        """
        ...


class Workers(Protocol):
    """The programs that watch cameras now."""

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """Camera → what its worker says (`roadwarden status --json`); cameras that nobody watches are missing."""
        ...

    def picture(self, camera_id: str) -> CameraPicture | None:
        """What a camera shows now; None where nobody watches it."""
        ...

"""Where packages are built and where they go: a folder, or a folder and then S3-compatible storage."""

import hashlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from detector.errors import EvidenceError, StorageError
from detector.evidence.vault import Storage, Vault, is_remote, split
from pipelines.config import resolve_home


@dataclass(frozen=True, slots=True)
class EvidencePlace:
    """As `--output` names it.

    Attributes:
        root: absolute path of the folder in which packages are built, with the chain of their seals.
        url: of the vault into which they go then; None when they stay.
    """

    root: Path
    url: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """A folder, a URL, or None for the home folder's; packages for a vault are built in the home folder."""
        if text is not None and is_remote(text):
            return cls(resolve_home() / "outbox", text)
        return cls(Path(text).resolve() if text else resolve_home() / "evidence")

    def open_storage(self) -> Storage | None:
        """The vault, which is asked whether it is there; None without one.

        Raises:
            ConfigurationError: the URL is wrong.
            StorageError: the storage does not answer, or refuses.
        """
        if self.url is None:
            return None
        vault = Vault(self.url)
        vault.check()
        folder = hashlib.sha256(str(self.root).encode()).hexdigest()[:8]
        return Storage(vault, f"{socket.gethostname()}-{folder}")


@contextmanager
def local_package(place: str) -> Iterator[Path]:
    """The folder of a package; that of a vault is a copy which goes when the block ends.

    Raises:
        EvidenceError: a vault has no such package.
        StorageError: the storage does not answer.
    """
    if not is_remote(place):
        yield Path(place)
        return
    vault, case_id = split(place)
    with tempfile.TemporaryDirectory(prefix="roadwarden-") as folder:
        yield vault.fetch(case_id, Path(folder))


def fetch_package(place: str, root: Path) -> None:
    """Copy a package from a vault into a folder that keeps it.

    Raises:
        EvidenceError: it is not there, or the storage does not answer.
    """
    vault, case_id = split(place)
    try:
        vault.fetch(case_id, root)
    except StorageError as error:
        raise EvidenceError(str(error)) from error


def remove_package(place: str, copies: Path) -> None:
    """Delete a package, wherever it is; one that is gone already is no fault.

    Args:
        place: folder or URL.
        copies: folder in which the desk keeps those that it has fetched; that of this package goes too.

    Raises:
        StorageError: it cannot be deleted.
    """
    folder = Path(place)
    if is_remote(place):
        vault, case_id = split(place)
        vault.remove(case_id)
        folder = copies / case_id
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"evidence {folder} cannot be deleted: {error.strerror}") from error

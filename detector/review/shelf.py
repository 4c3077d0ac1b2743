"""The evidence folder as the desk sees it: packages by case, files that a manifest names, and nothing else."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from detector.documents import read_json
from detector.entities import Evidence
from detector.errors import AlteredEvidence, EvidenceError

MANIFEST = "manifest.json"
SEAL = "seal.json"
MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".ts": "video/mp2t",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".json": "application/json",
    ".pdf": "application/pdf",
}
"""What browsers are told; a file of any other kind is only ever downloaded."""

PACKAGES_KEPT = 256
DIGESTS_KEPT = 4096

SEALED_TAIL = 108
"""Bytes of the digest's member at the end of a manifest; the digest is that of everything before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Package:
    """One package whose manifest is the one that the database knows.

    Attributes:
        manifest: its content.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """Rows of the manifest by file name."""
        return {str(row["name"]): row for row in self.manifest.get("files", ())}

    def by_role(self, *roles: str) -> str | None:
        """Name of the first file with the first of these roles that there is; None where there is none."""
        rows = self.manifest.get("files", ())
        return next((str(row["name"]) for role in roles for row in rows if row.get("role") == role), None)

    def masked(self) -> list[str]:
        """Names of pictures in which everything but the subject is covered."""
        return [str(row["name"]) for row in self.manifest.get("files", ()) if row.get("role") == "masked"]


class EvidenceShelf:
    """Finds packages and their files below one folder."""

    def __init__(self, root: Path, fetch: Callable[[str, Path], None] | None = None) -> None:
        """Take the evidence folder.

        Args:
            root: it need not exist yet.
            fetch: copies a package that is elsewhere (`s3://…`) into a folder; None where all are in the folder.
        """
        self.root = root.resolve()
        self._fetch = fetch
        self._read = lru_cache(maxsize=PACKAGES_KEPT)(_read)
        self._digest = lru_cache(maxsize=DIGESTS_KEPT)(_digest)

    def find(self, evidence: Evidence) -> Package:
        """The package of a case.

        Raises:
            AlteredEvidence: its manifest is not the one whose digest the database knows.
            EvidenceError: it is not there, or its manifest cannot be read.
        """
        # The pipeline stores where it wrote; only the last part counts here, so that a restored folder works as well.
        name = Path(evidence.folder).name
        folder = self.root / name
        if name in ("", "..") or folder.resolve().parent != self.root:
            raise EvidenceError(f"package {evidence.folder!r} is not in the evidence folder")
        if self._fetch is not None and "://" in evidence.folder and not folder.is_dir():
            self._fetch(evidence.folder, self.root)
        path = folder / MANIFEST
        try:
            return self._read(path, path.stat().st_mtime_ns, evidence.manifest_sha256)
        except OSError as error:
            raise EvidenceError(f"{path}: {error.strerror}") from error

    def open(self, package: Package, name: str) -> Path:
        """Path of a file that the package names.

        Raises:
            AlteredEvidence: it is not what was sealed.
            EvidenceError: the manifest does not name it, or it is not there.
        """
        if name not in package.files and name not in (MANIFEST, SEAL):
            raise EvidenceError(f"package {package.folder.name} has no file {name!r}")
        path = package.folder / name
        if path.resolve().parent != package.folder.resolve() or not path.is_file():
            raise EvidenceError(f"{path}: is missing")
        if name in package.files and not self._is_as_sealed(path, package.files[name]):
            raise AlteredEvidence(f"{path}: is not what was sealed")
        return path

    def find_altered(self, package: Package) -> list[str]:
        """Names of files that are missing or not what was sealed; each content is hashed once."""
        found = []
        for name in package.files:
            try:
                self.open(package, name)
            except EvidenceError:
                found.append(name)
        return found

    def _is_as_sealed(self, path: Path, row: Mapping[str, Any]) -> bool:
        try:
            state = path.stat()
            sealed = (row["size"], row["sha256"])
            return (state.st_size, self._digest(path, state.st_mtime_ns, state.st_size)) == sealed
        except OSError as error:
            raise EvidenceError(f"{path}: {error.strerror}") from error


def _read(path: Path, changed_ns: int, sha256: str) -> Package:
    """Read a manifest; `changed_ns` only makes the cache notice a change."""
    sealed = path.read_bytes()[:-SEALED_TAIL] + b"}"
    if hashlib.sha256(sealed).hexdigest() != sha256:
        raise AlteredEvidence(f"{path}: is not the manifest that the database knows")
    return Package(path.parent, read_json(sealed))


def _digest(path: Path, changed_ns: int, size: int) -> str:
    """SHA-256 of a file; the state only makes the cache notice a change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

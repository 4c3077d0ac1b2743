"""Whether a package is what was sealed; needs the package alone, and neither camera, database nor GPU.

The digest shows that a package agrees with itself. Someone who alters a file *and* rewrites the manifest makes another
package that agrees with itself: the signature of the seal shows that, to whoever has the site's public key.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from detector.documents import read_json
from detector.errors import EvidenceError
from detector.evidence.canonical import unseal
from detector.evidence.chain import SEAL, SealReport, check_seal, hash_sm3
from detector.evidence.texts import Language, text
from detector.evidence.timestamp import TOKEN, TimestampReport, check_timestamp

FORMAT = "roadwarden-evidence/2"
OLDER_FORMATS = ("roadwarden-evidence/1",)
"""Without SM3 and seal."""

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What is wrong with a package.

    Attributes:
        altered: files whose content is not what was sealed; the manifest first.
        missing: files that were sealed and are not there.
        added: files and folders that were not sealed.
        file_count: sealed files, without the manifest.
        manifest_sha256: digest that the manifest states; "" when it states none that fits.
        seal: what its seal shows.
        timestamp: what its trusted timestamp shows; None when it has none.
    """

    altered: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    file_count: int
    manifest_sha256: str
    seal: SealReport
    timestamp: TimestampReport | None = None

    @property
    def is_intact(self) -> bool:
        """Whether nothing was altered, taken away or added, and the seal is right as far as it was checked."""
        stamped = self.timestamp.faults if self.timestamp else ()
        return not (self.altered or self.missing or self.added or self.seal.faults or stamped)

    def lines(self, language: Language = Language.ZH) -> list[str]:
        """The report for people, one line per file."""
        if self.is_intact:
            lines = [text("verify.intact", language, count=self.file_count)]
            if self.seal.is_checked:
                lines.append(text("seal.genuine", language, name=self.seal.key_id))
            elif self.seal.key_id is not None:
                lines.append(text("seal.unchecked", language, name=self.seal.key_id))
            return lines + self._timestamp_lines(language)
        kinds = (("verify.altered", self.altered), ("verify.missing", self.missing), ("verify.added", self.added))
        found = [text(key, language, name=name) for key, names in kinds for name in names]
        found += [text(fault, language, name=self.seal.key_id or "-") for fault in self.seal.faults]
        return found + self._timestamp_lines(language)

    def _timestamp_lines(self, language: Language) -> list[str]:
        if self.timestamp is None:
            return []
        at = f"{self.timestamp.at:%Y-%m-%d %H:%M:%S} UTC" if self.timestamp.at else "-"
        kinds = self.timestamp.faults or (
            ("timestamp.genuine",) if self.timestamp.is_checked else ("timestamp.unchecked",)
        )
        return [text(kind, language, at=at) for kind in kinds]


def verify_package(
    folder: Path,
    expected_sha256: str | None = None,
    keys: Mapping[str, Ed25519PublicKey] | None = None,
    roots: Sequence[x509.Certificate] = (),
) -> VerifyReport:
    """Hold every file of a package against its manifest, and the manifest against its own digest.

    When the manifest itself is altered, what it says about the other files is still compared, as far as it can be
    read, but cannot be trusted.

    Args:
        folder: the package.
        expected_sha256: digest of the manifest as the database keeps it; None to trust the package's own.
        keys: public keys that may have signed, by id; None to leave the signature unchecked.
        roots: certificates under which timestamps may be signed; none to leave their signature unchecked.

    Raises:
        EvidenceError: the folder is no package (no manifest), or cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise EvidenceError(f"{folder} is no evidence package: it holds no {MANIFEST}")
    try:
        content, digest = read_manifest(path)
        sealed = _sealed_files(content)
        found = {str(inner.relative_to(folder)) for inner in folder.rglob("*")} - {MANIFEST, SEAL, TOKEN}
        altered = [name for name in sorted(found & sealed.keys()) if not _agrees(folder / name, sealed[name])]
    except OSError as error:
        raise EvidenceError(f"{error.filename}: cannot be read: {error.strerror}") from error
    if not digest or not sealed or (expected_sha256 is not None and digest != expected_sha256):
        altered.insert(0, MANIFEST)
    # Of an unreadable manifest only itself is reported: everything else would appear as added.
    added = sorted(found - sealed.keys()) if sealed else []
    missing = tuple(sorted(sealed.keys() - found))
    seal = check_seal(folder, keys or {})
    timestamp = check_timestamp(folder, roots)
    return VerifyReport(tuple(altered), missing, tuple(added), len(sealed), digest, seal, timestamp)


def read_manifest(path: Path) -> tuple[dict[str, Any], str]:
    """The content of a manifest and its digest; an altered one gives what can be read of it and the digest "".

    Raises:
        OSError: it cannot be read.
    """
    document = path.read_bytes()
    try:
        return unseal(document)
    except EvidenceError:
        pass
    try:
        content = read_json(document)
    except ValueError:
        content = {}
    return (content if isinstance(content, dict) else {}), ""


def _sealed_files(content: Mapping[str, Any]) -> dict[str, tuple[int, str, str | None]]:
    """Name → size, SHA-256 and SM3 (None in older packages); rows that no program of ours wrote are left out."""
    rows = content.get("files") if content.get("format") in (FORMAT, *OLDER_FORMATS) else None
    sealed = {}
    for row in rows if isinstance(rows, list) else []:
        name = row.get("name") if isinstance(row, dict) else None
        if (
            isinstance(name, str)
            and name
            and "/" not in name
            and "\\" not in name
            and name not in {".", "..", MANIFEST}
        ):
            sealed[name] = (row.get("size"), row.get("sha256"), row.get("sm3"))
    return sealed


def _agrees(path: Path, sealed: tuple[int, str, str | None]) -> bool:
    """Whether a file has the sealed size and hashes; anything but a plain file has not."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size != sealed[0]:
        return False
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sealed[1]:
            return False
    return sealed[2] is None or hash_sm3(path) == sealed[2]

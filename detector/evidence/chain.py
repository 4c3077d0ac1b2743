"""The seal of a package, and the chain of all packages of a site.

`seal.json` stands beside the manifest: digest of the manifest (SHA-256 and SM3), when it was sealed by the host's
clock, its place in the site's chain, the hash of the seal before it, and the signature over all of that. The manifest
holds neither clock nor chain, so that the same footage makes the same manifest to the byte.

`<root>/chain.jsonl` lists the seals in order. Packages that were deleted after their lifetime leave their line, so that
the chain stays whole without them.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from detector.documents import read_json
from detector.errors import EvidenceError
from detector.evidence.canonical import canonical_json
from detector.evidence.keys import Signer, identify, is_signed_by, read_public

SEAL = "seal.json"
CHAIN = "chain.jsonl"
PENDING = ".chain.pending"
FORMAT = "roadwarden-seal/1"
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class SealReport:
    """What a seal shows.

    Attributes:
        key_id: of the key that the seal names; None without a seal.
        faults: what is wrong with it, as keys of `texts.py`.
        is_checked: whether its signature was checked, which takes a public key.
    """

    key_id: str | None
    faults: tuple[str, ...]
    is_checked: bool


def hash_sm3(path: Path) -> str:
    """SM3 (GB/T 32905) of a file, 64 hex digits."""
    digest = hashes.Hash(hashes.SM3())
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.finalize().hex()


@contextmanager
def next_link(root: Path) -> Iterator["Link"]:
    """The next place in a site's chain, held against all other writers until the block ends.

    Raises:
        OSError: the root cannot be written.
    """
    with (root / ".chain.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _recover(root)
        last = read_chain(root)[-1:] or [{"sequence": 0, "seal_sha256": GENESIS}]
        yield Link(root, last[0]["sequence"] + 1, last[0]["seal_sha256"])


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain that is being filled."""

    root: Path
    sequence: int
    previous: str

    def seal(self, folder: Path, case_id: str, signer: Signer) -> None:
        """Write the seal of a package that is about to be published, and note that it may appear."""
        manifest = folder / "manifest.json"
        content = {
            "format": FORMAT,
            "case_id": case_id,
            "manifest_sha256": _sha256(manifest),
            "manifest_sm3": hash_sm3(manifest),
            "sealed_at": datetime.now(UTC),
            "sequence": self.sequence,
            "previous": self.previous,
            "key_id": signer.key_id,
        }
        document = canonical_json(content | {"signature": signer.sign(canonical_json(content))})
        (folder / SEAL).write_bytes(document)
        _write_synced(self.root / PENDING, _line(self.sequence, case_id, document))

    def commit(self) -> None:
        """The package is there: its line joins the chain."""
        _recover(self.root)


def read_chain(root: Path) -> list[dict[str, Any]]:
    """The lines of a chain, as far as they can be read; a torn last line does not count."""
    try:
        text = (root / CHAIN).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    found = []
    for line in text.splitlines():
        try:
            row = read_json(line)
        except ValueError:
            break
        if not isinstance(row, dict) or not isinstance(row.get("sequence"), int) or not _is_name(row.get("case_id")):
            break
        found.append(row)
    return found


def check_seal(folder: Path, keys: Mapping[str, Ed25519PublicKey]) -> SealReport:
    """Hold a package's seal against its manifest and, where a key is given, against its signature.

    Args:
        folder: the package.
        keys: public keys that may have signed, by id; none to check without a signature.

    Raises:
        EvidenceError: the seal cannot be read.
    """
    path = folder / SEAL
    if not path.exists():
        return SealReport(None, ("seal.missing",) if keys else (), False)
    try:
        written = path.read_bytes()
        seal = read_json(written)
        is_canonical = canonical_json(seal) == written
        signature, key_id = str(seal.pop("signature")), str(seal["key_id"])
        document = canonical_json(seal)
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, EvidenceError):
        return SealReport(None, ("seal.unreadable",), False)
    if not is_canonical:  # signed is the canonical form alone: what differs from it could say anything beside
        return SealReport(None, ("seal.unreadable",), False)
    faults = []
    manifest = folder / "manifest.json"
    if seal.get("manifest_sha256") != _sha256(manifest) or seal.get("manifest_sm3") != hash_sm3(manifest):
        faults.append("seal.other_manifest")
    if keys:
        key = keys.get(key_id)
        if key is None:
            faults.append("seal.other_key")
        elif not is_signed_by(key, document, signature):
            faults.append("seal.forged")
    return SealReport(key_id, tuple(faults), bool(keys))


def check_chain(root: Path) -> list[tuple[str, str]]:
    """Walk a site's chain: every line in order, every seal where its line says, every package in a line.

    Returns:
        Pairs of a key of `texts.py` and the case or line that it is about; empty for a whole chain.
    """
    faults: list[tuple[str, str]] = []
    previous, expected = GENESIS, 1
    lines = read_chain(root)
    listed = set()
    for row in lines:
        case_id = str(row.get("case_id"))
        listed.add(case_id)
        if row["sequence"] != expected:
            faults.append(("chain.gap", str(expected)))
        seal = root / case_id / SEAL
        if not seal.exists():
            faults.append(("chain.gone", case_id))
        elif _sha256(seal) != row.get("seal_sha256"):
            faults.append(("chain.other_seal", case_id))
        else:
            said = _read_seal(seal)
            if said.get("previous") != previous or said.get("sequence") != row["sequence"]:
                faults.append(("chain.order", case_id))
        previous, expected = str(row.get("seal_sha256")), row["sequence"] + 1
    packages = {path.parent.name for path in root.glob("*/manifest.json") if not path.parent.name.startswith(".")}
    faults += [("chain.unlisted", case_id) for case_id in sorted(packages - listed)]
    return faults


def _is_name(case_id: object) -> bool:
    """Whether a line names a folder beside it, and no other place."""
    return isinstance(case_id, str) and case_id not in {"", ".", ".."} and not set(case_id) & {"/", "\\", "\0"}


def _read_seal(path: Path) -> dict[str, Any]:
    """What a seal says; nothing where it cannot be read, so that it agrees with no line."""
    try:
        said = read_json(path.read_bytes())
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def public_keys(paths: list[Path]) -> dict[str, Ed25519PublicKey]:
    """Keys of PEM files by id.

    Raises:
        EvidenceError: a file cannot be read, or holds none.
    """
    found = [read_public(path) for path in paths]
    return {identify(key): key for key in found}


def _recover(root: Path) -> None:
    """Finish what was begun: a package that has appeared gets its line; one that has not leaves no trace."""
    pending = root / PENDING
    try:
        row = read_json(pending.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        pending.unlink()  # torn while it was written, so the package has not appeared
        return
    seal = root / str(row["case_id"]) / SEAL
    lines = read_chain(root)
    is_listed = bool(lines) and lines[-1]["seal_sha256"] == row["seal_sha256"]
    if seal.exists() and _sha256(seal) == row["seal_sha256"] and not is_listed:
        _append_synced(root / CHAIN, f"{json.dumps(row, sort_keys=True)}\n")
    pending.unlink()


def _line(sequence: int, case_id: str, seal: bytes) -> str:
    return json.dumps(
        {"sequence": sequence, "case_id": case_id, "seal_sha256": hashlib.sha256(seal).hexdigest()}, sort_keys=True
    )


def _write_synced(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _append_synced(path: Path, line: str) -> None:
    """Add a line; what an earlier crash left torn at the end is cut off first."""
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rpartition(b"\n")
        file.truncate(len(whole[0]) + len(whole[1]))
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

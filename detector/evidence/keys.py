"""Keys that sign packages: Ed25519, private ones in files of 0600 that never leave their folder."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from detector.errors import EvidenceError, StorageError

CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key in use.

    Attributes:
        key_id: first 16 hex digits of the SHA-256 of the raw public key.
    """

    key_id: str
    key: Ed25519PrivateKey = field(repr=False)

    def sign(self, document: bytes) -> str:
        """The signature as 128 hex digits."""
        return self.key.sign(document).hex()


class KeyFolder:
    """The keys of one site: `ID.key` private, `ID.pub` public, and `current` that names the one in use."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made with the first key."""
        self.folder = folder

    def make(self) -> str:
        """Make a key and put it in use; older public keys stay, since older packages need them.

        Returns:
            Its id.

        Raises:
            StorageError: the folder cannot be written.
        """
        key = Ed25519PrivateKey.generate()
        key_id = identify(key.public_key())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self.folder / f"{key_id}.key", private, 0o600)
            _write(self.folder / f"{key_id}.pub", _public_bytes(key.public_key()), 0o644)
            _write(self.folder / CURRENT, key_id.encode(), 0o644)
        except OSError as error:
            raise StorageError(f"keys {self.folder} cannot be written: {error.strerror}") from error
        return key_id

    def signer(self) -> Signer:
        """The key in use; the first call on an empty folder makes one.

        Raises:
            StorageError: the key that `current` names is missing, damaged, or may be read by others.
        """
        if not (self.folder / CURRENT).exists():
            self.make()
        path = self.folder / f"{(self.folder / CURRENT).read_text(encoding='ascii').strip()}.key"
        try:
            if path.stat().st_mode & 0o077:
                raise StorageError(f"key {path} may be read by others; chmod 600 it, and rotate it if they did")
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise StorageError(f"key {path} cannot be read; restore it, or `roadwarden keys rotate`") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise StorageError(f"key {path} is no Ed25519 key")
        return Signer(identify(key.public_key()), key)

    def list(self) -> list[tuple[str, bool]]:
        """Ids of all keys, with whether each is in use."""
        if not self.folder.is_dir():
            return []
        named = self.folder / CURRENT
        current = named.read_text(encoding="ascii").strip() if named.exists() else None
        return [(path.stem, path.stem == current) for path in sorted(self.folder.glob("*.pub"))]


def identify(key: Ed25519PublicKey) -> str:
    """The id of a key."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def read_public(path: Path) -> Ed25519PublicKey:
    """A public key from a PEM file.

    Raises:
        EvidenceError: it cannot be read, or is none.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"key {path}: {error.strerror}") from error
    except ValueError as error:
        raise EvidenceError(f"key {path}: is no public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError(f"key {path}: is no Ed25519 key")
    return key


def is_signed_by(key: Ed25519PublicKey, document: bytes, signature: str) -> bool:
    """Whether a signature (hex) over a document is of this key."""
    try:
        key.verify(bytes.fromhex(signature), document)
    except (InvalidSignature, ValueError):
        return False
    return True


def _public_bytes(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, content: bytes, mode: int) -> None:
    """A file that is whole or not there, with its rights from the beginning."""
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(path)

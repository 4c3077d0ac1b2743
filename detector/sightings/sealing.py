"""Plates as keyed hashes to join by, and sealed so that only the store's keys open them.

The hash is HMAC-SHA-256, cut to 64 bits: among ten million plates the chance of any two sharing one is about 3 in a
million. The seal is AES-256-GCM with a random nonce, bound to its window. The hash exists twice, in Python and in SQL:
the same numbers by test.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from detector.errors import StorageError

NONCE_BYTES = 12
HASH_BYTES = 8
BLOCK_BYTES = 64

SQL_HASH = (
    "('0x' || substr(sha256({outer} || unhex(sha256({inner} || encode({plate})))), 1, "
    + str(2 * HASH_BYTES)
    + "))::UBIGINT"
)
"""HMAC in DuckDB's words; `outer` and `inner` are parameters that hold the padded key (`pad_key`)."""


def hash_plate(plate_text: str, key: bytes) -> int:
    """The number by which sightings of one plate are joined."""
    return int.from_bytes(hmac.digest(key, plate_text.encode(), hashlib.sha256)[:HASH_BYTES], "big")


def pad_key(key: bytes) -> tuple[bytes, bytes]:
    """Inner and outer padded key of HMAC (RFC 2104), for `SQL_HASH`."""
    block = key.ljust(BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def make_seal(key: bytes, window: int) -> Callable[[str], bytes]:
    """A function that seals plates of one window."""
    cipher, bound = AESGCM(key), str(window).encode()

    def seal(plate_text: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, plate_text.encode(), bound)

    return seal


def open_seal(sealed: bytes, key: bytes, window: int) -> str:
    """The plate in clear.

    Raises:
        StorageError: it was sealed with another key, or has been altered.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], str(window).encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise StorageError("a sealed plate cannot be opened: another key, or altered data") from error

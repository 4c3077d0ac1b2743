"""Passwords: Argon2, and a check that takes as long for accounts that do not exist.

Hashing takes long on purpose: nothing here belongs inside a transaction, where everybody else would wait for it. It
also takes 64 MiB: two at a time, others wait, or a flood of guesses would fill the memory.
"""

import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

HASHER = PasswordHasher()
"""The library's strength: RFC 9106 for machines with little memory."""

AT_ONCE = BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """What is stored instead of a password."""
    with AT_ONCE:
        return HASHER.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed.

    Args:
        stored: as `hash_password` gave it; None where there is no such account, which takes as long to refuse.
        password: as typed.
    """
    known = nobodys_hash() if stored is None else stored
    try:
        with AT_ONCE:
            return HASHER.verify(known, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether it was hashed with another strength than today's."""
    return HASHER.check_needs_rehash(stored)


@cache
def nobodys_hash() -> str:
    """Of a password that nobody knows."""
    return hash_password(secrets.token_hex(16))

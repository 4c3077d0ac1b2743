"""Signatures of web messages in both directions: HMAC-SHA-256 over time stamp and body, refused when old or seen."""

import hashlib
import hmac
from datetime import datetime, timedelta

TIMESTAMP_HEADER = "X-Roadwarden-Timestamp"
SIGNATURE_HEADER = "X-Roadwarden-Signature"
KEY_HEADER = "Idempotency-Key"
FRESH_FOR = timedelta(minutes=5)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and 64 hex digits."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def is_genuine(
    secret: str, timestamp: str, body: bytes, signature: str, now: datetime, fresh_for: timedelta = FRESH_FOR
) -> bool:
    """Whether a message was signed with the secret, not longer ago than `fresh_for` by either clock.

    Args:
        timestamp: seconds since 1970, as text.
        now: aware.
    """
    try:
        age_s = abs(now.timestamp() - int(timestamp))
    except (ValueError, OverflowError):  # no number, or one of more digits than any clock shows
        return False
    right = hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode())
    return right and age_s <= fresh_for.total_seconds()

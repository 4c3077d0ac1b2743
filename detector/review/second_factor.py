"""One-time codes of authenticator applications (TOTP, RFC 6238); their secrets lie sealed in the database."""

import hmac
from datetime import datetime

import pyotp
from cryptography.fernet import Fernet, InvalidToken

from detector.database.tables import AccountRow
from detector.errors import AccessDenied, StorageError

STEP_S = 30
ISSUER = "Roadwarden"
STEPS_AROUND = (-1, 0, 1)
"""A clock may be half a minute off, as RFC 6238 5.2 advises."""


class SecondFactor:
    """Makes, keeps and checks secrets."""

    def __init__(self, key: bytes | None) -> None:
        """Take the key that seals secrets (32 bytes in URL-safe Base64); None: nobody can enrol or use one."""
        self._fernet = Fernet(key) if key else None

    def new_secret(self, account: str) -> tuple[str, str]:
        """A secret in Base32, and the address for the QR code.

        Raises:
            StorageError: there is no key.
        """
        self._need_key()
        secret = pyotp.random_base32()
        return secret, pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)

    def enrol(self, row: AccountRow, secret: str, code: str, now: datetime) -> None:
        """Keep a secret that the person's authenticator has proved to hold.

        Raises:
            AccessDenied: the code is wrong.
            StorageError: there is no key.
        """
        fernet = self._need_key()
        try:
            step = _find_step(secret, code, now, None)
        except ValueError:  # not Base32: no secret of ours
            step = None
        if step is None:
            raise AccessDenied("wrong code")
        row.totp_sealed, row.totp_step = fernet.encrypt(secret.encode()).decode(), step

    def check(self, row: AccountRow, code: str | None, now: datetime) -> bool:
        """Whether a code lets somebody in; accounts without an authenticator need none. A code works once."""
        if row.totp_sealed is None:
            return True
        if self._fernet is None or code is None:
            return False
        try:
            secret = self._fernet.decrypt(row.totp_sealed.encode()).decode()
        except InvalidToken:
            return False
        step = _find_step(secret, code, now, row.totp_step)
        if step is not None:
            row.totp_step = step
        return step is not None

    def _need_key(self) -> Fernet:
        if self._fernet is None:
            raise StorageError("one-time codes cannot be used here: no key seals their secrets")
        return self._fernet


def _find_step(secret: str, code: str, now: datetime, used: int | None) -> int | None:
    """The time step that a code belongs to; None when it is wrong or was used."""
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP_S
    for step in (present + shift for shift in STEPS_AROUND):
        if used is not None and step <= used:
            continue
        if hmac.compare_digest(totp.at(step * STEP_S).encode(), code.encode()):
            return step
    return None

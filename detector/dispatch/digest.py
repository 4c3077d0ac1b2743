"""HTTP Digest (RFC 2617, qop=auth, MD5) as a server asks for it: what GA/T 1400 peers speak."""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping

REALM = "viid"
VALID_S = 300
MOST_NONCES = 10_000
_PART = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class DigestGuard:
    """Asks for user and password without their crossing the line; each answer is taken once."""

    def __init__(self, peers: Mapping[str, tuple[str, str]], now: Callable[[], float] = time.time) -> None:
        """Know user and password by peer; two peers may have one user. `now` in seconds since 1970."""
        self._peers = dict(peers)
        self._now = now
        self._key = secrets.token_bytes(32)
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Without passwords."""
        return f"DigestGuard({len(self._peers)} peers)"

    def challenge(self) -> str:
        """Value of `WWW-Authenticate`."""
        nonce = self._nonce(f"{int(self._now()):x}-{secrets.token_hex(8)}")
        return f'Digest realm="{REALM}", qop="auth", nonce="{nonce}", algorithm=MD5'

    def peer_of(self, method: str, path: str, said: str) -> str | None:
        """Who answered a challenge rightly.

        Args:
            method: of the request.
            path: of the request, with its query.
            said: value of `Authorization`.

        Returns:
            The peer; None when the answer is wrong, old, or was given before.
        """
        if not said.startswith("Digest "):
            return None
        parts = {name: quoted or plain for name, quoted, plain in _PART.findall(said)}
        nonce, count = parts.get("nonce", ""), parts.get("nc", "")
        if parts.get("uri") != path or parts.get("qop") != "auth" or not self._is_ours(nonce):
            return None
        rest = f"{nonce}:{count}:{parts.get('cnonce', '')}:auth:{_md5(f'{method}:{path}')}"
        for peer, (user, password) in self._peers.items():
            expected = _md5(f"{_md5(f'{user}:{REALM}:{password}')}:{rest}")
            is_right = hmac.compare_digest(expected.encode(), parts.get("response", "").encode())
            if user == parts.get("username") and is_right:
                return peer if self._is_first(nonce, count) else None
        return None

    def _nonce(self, seed: str) -> str:
        """A seed (time and chance) with what only this guard can add to it."""
        return f"{seed}-{hmac.new(self._key, seed.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _is_ours(self, nonce: str) -> bool:
        """Whether a nonce was given out by this guard not long ago."""
        seed = nonce.rpartition("-")[0]
        try:
            at = int(seed.partition("-")[0], 16)
        except ValueError:
            return False
        return hmac.compare_digest(self._nonce(seed).encode(), nonce.encode()) and 0 <= self._now() - at <= VALID_S

    def _is_first(self, nonce: str, count: str) -> bool:
        """Whether the request counter of a nonce goes up."""
        try:
            number = int(count, 16)
        except ValueError:
            return False
        with self._lock:
            if len(self._counts) >= MOST_NONCES:
                self._counts = {n: c for n, c in self._counts.items() if self._is_ours(n)}
            if number <= self._counts.get(nonce, 0):
                return False
            self._counts[nonce] = number
            return True


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

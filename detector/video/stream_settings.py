"""How to reach a live camera; without the password in any text."""

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How to reach a camera.

    Attributes:
        url: without credentials; "rtsp://" or "rtsps://".
        transport: "tcp" or "udp".
        username, password: None where the camera asks for none; the password is in no `repr`.
        timeout_s: silence after which a session has ended.
        ring_s, ring_mb: bounds of the packet ring.
    """

    url: str
    transport: str = "tcp"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 5.0
    ring_s: float = 120.0
    ring_mb: int = 256

    def full_url(self) -> str:
        """The URL with credentials, for FFmpeg alone."""
        if self.username is None:
            return self.url
        parts = urlsplit(self.url)
        secret = f"{quote(self.username, safe='')}:{quote(self.password or '', safe='')}"
        return urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc}"))

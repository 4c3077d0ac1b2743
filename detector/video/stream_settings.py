"""How to reach a live camera; without the password in any text."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

SYSTEM_CA_FILE = Path("/etc/ssl/certs/ca-certificates.crt")
"""Authorities that the system trusts; the FFmpeg of the wheel knows of none by itself."""

USERNAME, PASSWORD = "{username}", "{password}"
"""What stands for them in a URL."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The REST interface of a WVP gateway.

    Attributes:
        url: "http://" or "https://", without credentials and path.
        api_key: that WVP's administrator made; None where there is none.
        username, password: the account to log in with instead; None where there is none.
        timeout_s: how long an answer may take; the gateway itself waits up to 15 s for a camera.
        ca_file: authorities that vouch for "https://"; None: those of the system.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 20.0
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class GatewayChannel:
    """A GB/T 28181 camera: ids of 20 digits of its device and of its channel there."""

    gateway: GatewaySettings
    device: str
    channel: str


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How to reach a camera.

    Attributes:
        url: "rtsp://" or "rtsps://", without credentials; `USERNAME` and `PASSWORD` stand where a camera wants them
            beyond the usual place. Empty while a gateway has not been asked; in no `repr`, for a gateway signs it.
        transport: "tcp" or "udp".
        username, password: None where the camera asks for none; the password is in no `repr`.
        timeout_s: silence after which a session has ended.
        ring_s, ring_mb: bounds of the packet ring.
        is_gated: whether a still scene is decoded at key frames only.
        ca_file: authorities that vouch for "rtsps://"; None: those of the system.
        checks_certificate: False takes any certificate.
        is_relayed: a relay stamps the stream anew, so that its sender reports say nothing of capture time.
        channel: the GB/T 28181 channel whose gateway tells the URL; None for a camera that is reached directly.
        decoder: where pictures are decoded for analysis: "cpu" or "cuda".
        analysis_url: of the camera's smaller stream, which is analysed in place of this one; None: this one is.
    """

    url: str = field(repr=False)
    transport: str = "tcp"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 5.0
    ring_s: float = 120.0
    ring_mb: int = 256
    is_gated: bool = True
    ca_file: Path | None = None
    checks_certificate: bool = True
    is_relayed: bool = False
    channel: GatewayChannel | None = None
    decoder: str = "cpu"
    analysis_url: str | None = None

    def analysed(self) -> "StreamSettings":
        """How to reach the stream that is analysed."""
        return replace(self, url=self.analysis_url, analysis_url=None) if self.analysis_url else self

    def full_url(self) -> str:
        """The URL with credentials, for FFmpeg alone."""
        if self.username is None:
            return self.url
        name, word = quote(self.username, safe=""), quote(self.password or "", safe="")
        if PASSWORD in self.url:
            return self.url.replace(USERNAME, name).replace(PASSWORD, word)
        parts, secret = urlsplit(self.url), f"{name}:{word}"
        return urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc}"))

    @property
    def shown_url(self) -> str:
        """The URL for messages: what a gateway adds to it (account, signature) is left out."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))

    def options(self) -> dict[str, str]:
        """Options of FFmpeg's RTSP demuxer."""
        options = {"rtsp_transport": self.transport, "analyzeduration": "3000000", "max_delay": "500000"}
        if self.transport == "udp":
            options["buffer_size"] = str(2 * 2**20)  # a key frame comes in one burst
        if self.url.startswith("rtsps:") and self.checks_certificate:
            options |= {"tls_verify": "1", "ca_file": str(self.ca_file or SYSTEM_CA_FILE)}
        return options

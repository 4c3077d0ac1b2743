"""Headers of every answer: what the browser must not do, whatever a page holds."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "media-src 'self'",
        "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'",
    )
)  # fmt: skip
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
TWO_YEARS_S = 2 * 365 * 24 * 3600


def put_headers(headers: MutableHeaders, is_secure: bool) -> None:
    """Put the headers on an answer; what a route set itself stays."""
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    if is_secure:
        headers.setdefault("Strict-Transport-Security", f"max-age={TWO_YEARS_S}")
    headers.setdefault("Cache-Control", "no-store")


class SecurityHeaders:
    """Puts the headers on every answer."""

    def __init__(self, app: ASGIApp, is_secure: bool) -> None:
        """Wrap an application.

        Args:
            app: wrapped.
            is_secure: browsers reach it over TLS and are to stay with that.
        """
        self._app = app
        self._is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                put_headers(MutableHeaders(scope=message), self._is_secure)
            await send(message)

        await self._app(scope, receive, send_with_headers)

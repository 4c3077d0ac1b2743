"""Receivers for tests: real HTTP servers that take, fail, stall, repeat and disappear."""

import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """An HTTP server whose answers are scripted.

    Attributes:
        requests: path, headers and body of everything that came.
        script: what to do next: a status, "stall", "drop", "twice" (take it, then fail); empty: 200.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.script: list[int | str] = []
        self.reply: bytes = b""
        self.digest: tuple[str, str] | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed within its message: no receiver keeps half of one
                    self.close_connection = True
                    return
                if outer.digest is not None and not outer.knows(self.command, self.headers.get("Authorization", "")):
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Digest realm="viid", qop="auth", nonce="n0", algorithm=MD5')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                step = outer.script.pop(0) if outer.script else 200
                if step == "stall":
                    time.sleep(1.0)
                    self.close_connection = True
                    return
                if step == "drop":
                    self.close_connection = True
                    return
                if step in (200, "twice"):
                    outer.requests.append((self.path, dict(self.headers), body))
                self.send_response(500 if step == "twice" else int(step))
                self.send_header("Content-Length", str(len(outer.reply)))
                self.end_headers()
                self.wfile.write(outer.reply)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def knows(self, method: str, said: str) -> bool:
        """Whether an Authorization header answers the challenge (RFC 2617, qop=auth, MD5)."""
        parts = dict(re.findall(r'(\w+)="?([^",]+)"?', said))
        user, password = self.digest or ("", "")
        if parts.get("username") != user:
            return False

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        ha1, ha2 = md5(f"{user}:viid:{password}"), md5(f"{method}:{parts['uri']}")
        return parts.get("response") == md5(f"{ha1}:n0:{parts['nc']}:{parts['cnonce']}:auth:{ha2}")

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.requests]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()

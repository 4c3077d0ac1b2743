"""A double of a WVP gateway: the REST answers that WVP gives, with what can go wrong on demand."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.certificates import Certificates

API_KEY, TOKEN = "key-of-the-gateway", "token-of-a-login"
USERNAME, PASSWORD_MD5 = "officer", "2ab96390c7dbe3439de74d0c9b0b1767"  # md5("hunter2")


class WvpDouble(ThreadingHTTPServer):
    """Answers `/api/user/login` and `/api/play/start/DEVICE/CHANNEL`.

    Attributes:
        rtsp: the address that it tells.
        start_s: how long a camera takes to start, when its stream is not running.
        fault: what an answer to play is instead: "refuses", "html", "no-address", "closes"; None for a right one.
        plays: paths that were asked to play.
    """

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the handshake is no news."""

    def __init__(
        self, rtsp: str = "", start_s: float = 0.0, fault: str | None = None, tls: Certificates | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "http"
        if tls is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tls.server, tls.key)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        self.rtsp, self.start_s, self.fault = rtsp, start_s, fault
        self.plays: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator["WvpDouble"]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        gateway: WvpDouble = self.server
        parts = urlsplit(self.path)
        if parts.path == "/api/user/login":
            given = {key: values[0] for key, values in parse_qs(parts.query).items()}
            if given == {"username": USERNAME, "password": PASSWORD_MD5}:
                self._answer({"code": 0, "msg": "成功", "data": {"accessToken": TOKEN}})
            else:
                self._answer({"code": 100, "msg": "用户名或密码错误", "data": None})
        elif self.headers.get("api-key") != API_KEY and self.headers.get("access-token") != TOKEN:
            self._answer({"code": 401, "msg": "请登录后重新请求", "data": None}, 401)
        elif parts.path.startswith("/api/play/start/"):
            gateway.plays.append(parts.path)
            gateway.closing.wait(gateway.start_s)
            self._play(gateway)
        else:
            self._answer({"code": 404, "msg": "not found", "data": None}, 404)

    def _play(self, gateway: WvpDouble) -> None:
        stream = "_".join(self.path.split("/")[-2:])
        if gateway.fault == "refuses":
            self._answer({"code": 100, "msg": "点播超时", "data": None})
        elif gateway.fault == "html":
            self._send(502, b"<html>Bad Gateway</html>")
        elif gateway.fault == "no-address":
            self._answer({"code": 0, "msg": "成功", "data": {"app": "rtp", "stream": stream, "rtsp": None}})
        elif gateway.fault == "closes":
            self.connection.close()
        else:
            address = f"{gateway.rtsp}/rtp/{stream}"
            self._answer({"code": 0, "msg": "成功", "data": {"app": "rtp", "stream": stream, "rtsp": address}})

    def _answer(self, content: dict, status: int = 200) -> None:
        self._send(status, json.dumps(content, ensure_ascii=False).encode())

    def _send(self, status: int, body: bytes) -> None:
        with contextlib.suppress(OSError):  # whoever asked may have gone
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""

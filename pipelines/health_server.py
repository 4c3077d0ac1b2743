"""What the worker says of itself over HTTP: `/healthz`, `/metrics` (Prometheus), `/status` (JSON), last pictures.

/pictures/CAMERA   the frame that was judged last, small, for the officers' desk
/healthz   200 while the worker works, 503 when it is stuck; a camera that is down is no reason to restart a worker
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import cv2
import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from detector.errors import ConfigurationError
from pipelines.health import CameraHealth, CameraState, HealthBook

logger = logging.getLogger(__name__)

Reading = tuple[str, Callable[[CameraHealth], float]]
"""What a metric says, and where it is in a camera's health."""

_COUNTS: dict[str, Reading] = {
    "sessions": ("Connections, the first one included", lambda c: c.sessions),
    "packets": ("Compressed packets received", lambda c: c.tally.packets),
    "packets_held_back": ("Packets that the gate for still scenes never had decoded", lambda c: c.tally.held_back),
    "packets_undecoded": ("Packets left out because decoding lagged", lambda c: c.tally.undecoded),
    "frames_decoded": ("Pictures decoded", lambda c: c.tally.decoded),
    "frames_corrupt": ("Pictures that could not be decoded soundly", lambda c: c.tally.corrupt),
    "frames_analysed": ("Frames analysed", lambda c: c.analysed),
    "frames_shed": ("Frames that were due and not analysed, because fresher ones came", lambda c: c.shed),
}
_GAUGES: dict[str, Reading] = {
    "packets_per_second": ("Packets received a second", lambda c: c.packets_per_s),
    "analysed_per_second": ("Frames analysed a second", lambda c: c.analysed_per_s),
    "lag_seconds": ("From what has arrived to what has been judged", lambda c: c.lag_s),
    "gated": ("1 while the scene is held to be still", lambda c: float(c.is_gated)),
}
DEFAULT_ADDRESS = "127.0.0.1:9464"
PICTURES, CAPTURED_AT = "/pictures/", "X-Captured-At"
PICTURE_WIDTH_PX = 960
"""Enough to draw zones on; plates and faces at any distance are not readable."""

DELAY_BOUNDS_S = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)


class HealthMetrics(Collector):
    """The last measurement as metrics."""

    def __init__(self, book: HealthBook) -> None:
        """Take the book."""
        self._book = book

    def collect(self) -> Iterator[Metric]:
        """Each metric with a value for each camera."""
        report = self._book.report
        state = GaugeMetricFamily("roadwarden_camera_state", "1 for the state", labels=["camera", "state"])
        for camera in report.cameras:
            for kind in CameraState:
                state.add_metric([camera.camera_id, kind.value], float(_has(camera, kind)))
        yield state
        for name, (text, read) in _COUNTS.items():
            count = CounterMetricFamily(f"roadwarden_{name}", text, labels=["camera"])
            for camera in report.cameras:
                count.add_metric([camera.camera_id], read(camera))
            yield count
        for name, (text, read) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"roadwarden_{name}", text, labels=["camera"])
            for camera in report.cameras:
                gauge.add_metric([camera.camera_id], read(camera))
            yield gauge
        yield CounterMetricFamily("roadwarden_cases_sealed", "Cases that got their evidence", report.cases_sealed)
        yield GaugeMetricFamily("roadwarden_cases_waiting", "Cases on their way to evidence", report.cases_waiting)
        yield CounterMetricFamily("roadwarden_storage_faults", "What disk or database refused", report.storage_faults)
        late = GaugeMetricFamily(
            "roadwarden_alerts_within", "Share of the last alerts stored within so many seconds", labels=["seconds"]
        )
        delays = report.alert_delays_s
        for bound in DELAY_BOUNDS_S if delays else ():
            late.add_metric([f"{bound:g}"], sum(delay <= bound for delay in delays) / len(delays))
        yield late


def _has(camera: CameraHealth, state: CameraState) -> bool:
    """Whether a state holds for a camera; several may hold at once, LIVE only alone."""
    return state in camera.faults or (state is CameraState.LIVE and not camera.faults)


class HealthServer:
    """Answers in threads of its own until `close`.

    Attributes:
        port: that it listens on.
    """

    def __init__(self, book: HealthBook, host: str, port: int) -> None:
        """Listen; 0 takes any free port.

        Raises:
            ConfigurationError: the address cannot be listened on.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(HealthMetrics(book))
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(book, registry))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"--health {host}:{port}: {reason}; choose another, or off") from error
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serve_health(book: HealthBook, address: str | None) -> Iterator[None]:
    """Answer while the block runs.

    Args:
        book: of the worker.
        address: HOST:PORT; "off" for nowhere; None for `DEFAULT_ADDRESS`, or nowhere when it is taken.

    Raises:
        ConfigurationError: the address is not understood, or cannot be listened on.
    """
    if address == "off":
        yield
        return
    host, _, port = (address or DEFAULT_ADDRESS).rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"--health {address}: must be HOST:PORT, for instance {DEFAULT_ADDRESS}, or off")
    try:
        server = HealthServer(book, host.strip("[]"), int(port))
    except ConfigurationError as error:
        if address is not None:
            raise
        logger.warning("no health page: %s", error)
        yield
        return
    logger.info("health: http://%s:%d/status", host, server.port)
    try:
        yield
    finally:
        server.close()


def encode_small(image: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 BGR as JPEG, at most `PICTURE_WIDTH_PX` wide."""
    scale = min(1.0, PICTURE_WIDTH_PX / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, 80))[1].tobytes()


def _handler(book: HealthBook, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        timeout = 10.0

        def do_GET(self) -> None:
            if self.path == "/healthz":
                word = "stuck" if book.is_stuck else "ok" if book.report.is_good else "degraded"
                self._answer(503 if book.is_stuck else 200, "application/json", json.dumps({"status": word}).encode())
            elif self.path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(registry))
            elif self.path == "/status":
                self._answer(200, "application/json", json.dumps(book.report.as_json(), ensure_ascii=False).encode())
            elif self.path.startswith(PICTURES) and (frame := book.last_frame(unquote(self.path[len(PICTURES) :]))):
                self._answer(200, "image/jpeg", encode_small(frame.image), frame.captured_at.isoformat())
            else:
                self._answer(404, "text/plain", b"/healthz, /metrics, /status or /pictures/CAMERA\n")

        def _answer(self, code: int, kind: str, body: bytes, captured_at: str | None = None) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            if captured_at is not None:
                self.send_header(CAPTURED_AT, captured_at)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A scrape every few seconds is no news."""

    return Handler

"""The worker says how it and its cameras fare: states, metrics, a page, a command."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from detector.entities import Camera, TimeBasis, TimeSource
from detector.errors import ConfigurationError
from detector.video.picture_checks import PictureFault
from detector.video.stream_settings import StreamSettings
from pipelines import health
from pipelines.camera_watch import CameraPlan, Tally
from pipelines.cli import app
from pipelines.health import CameraState, HealthBook
from pipelines.health_server import HealthServer, serve_health
from pipelines.intake import Intake
from tests.live_watch import make_desk, watch
from tests.scripted_truck import CAMERA, write_truck


def make_watch(**changes: Any) -> SimpleNamespace:
    """A camera that is watched, as far as health asks."""
    time = changes.pop("time", TimeBasis(TimeSource.RTCP_SENDER_REPORT, 50.0))
    source = SimpleNamespace(silence_s=0.1, time=time, newest_s=10.0, gate=None)
    source.silence_s = changes.pop("silence_s", 0.1)
    faults = changes.pop("faults", ())
    return SimpleNamespace(
        **{
            "plan": CameraPlan(Camera("gate"), StreamSettings("rtsp://gate.example/1")),
            "source": source,
            "pictures": SimpleNamespace(faults=faults),
            "sessions": 3,
            "last_fault": None,
            "tally": lambda: Tally(packets=100, decoded=90, corrupt=1, undecoded=2, held_back=5),
        }
        | changes
    )


def measure(book: HealthBook, **changes: Any) -> health.CameraHealth:
    book.measure({"gate": make_watch(**changes)}, Intake(), {"gate": 40})
    (camera,) = book.report.cameras
    return camera


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ({}, ()),
        ({"source": None}, (CameraState.CONNECTING,)),
        ({"silence_s": 3.0}, (CameraState.STALLED,)),
        ({"faults": (PictureFault.FROZEN, PictureFault.MOVED)}, (CameraState.FROZEN, CameraState.MOVED)),
        ({"time": TimeBasis(TimeSource.RTCP_SENDER_REPORT, 600_000.0)}, (CameraState.CLOCK_WRONG,)),
        ({"time": TimeBasis(TimeSource.HOST_ARRIVAL, 2000.0)}, ()),
    ],
)
def test_each_fault_is_a_state(changes: dict[str, Any], states: tuple[CameraState, ...]) -> None:
    """The worst one is the camera's state; without one it is live."""
    camera = measure(HealthBook(), **changes)
    assert camera.faults == states
    assert camera.state is (states[0] if states else CameraState.LIVE)


def test_a_camera_past_which_nothing_goes_is_silent() -> None:
    """Silence is a fault, until a vehicle passes."""
    book = HealthBook(silent_s=-1.0)
    assert measure(book).state is CameraState.SILENT
    book = HealthBook(silent_s=60.0)
    book.note_pass("gate")
    assert measure(book).state is CameraState.LIVE


@pytest.fixture
def served() -> Iterator[tuple[HealthBook, str]]:
    book = HealthBook()
    server = HealthServer(book, "127.0.0.1", 0)
    yield book, f"http://127.0.0.1:{server.port}"
    server.close()


def read_metrics(url: str) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_and_pages(served: tuple[HealthBook, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Prometheus reads states and counts; a camera that is down leaves the worker healthy, a stuck judge does not."""
    book, url = served
    measure(book, silence_s=3.0)
    for delay_s in (0.4, 1.4, 4.0, 8.0):
        book.note_alert(delay_s)
    book.note_storage_fault()
    measure(book, silence_s=3.0)
    metrics = read_metrics(url)
    assert metrics["roadwarden_camera_state", "gate,stalled"] == 1
    assert metrics["roadwarden_camera_state", "gate,live"] == 0
    assert metrics["roadwarden_packets_total", "gate"] == 100
    assert metrics["roadwarden_packets_held_back_total", "gate"] == 5
    assert metrics["roadwarden_alerts_within", "5"] == 0.75
    assert metrics["roadwarden_storage_faults_total", ""] == 1
    assert (httpx.get(f"{url}/healthz").status_code, httpx.get(f"{url}/healthz").json()) == (
        200,
        {"status": "degraded"},
    )
    monkeypatch.setattr(health, "STUCK_S", -1.0)
    assert httpx.get(f"{url}/healthz").status_code == 503
    assert httpx.get(f"{url}/else").status_code == 404


def test_the_dashboard_asks_for_metrics_that_there_are(served: tuple[HealthBook, str]) -> None:
    """Every name in docs/grafana.json is told by the worker."""
    book, url = served
    book.note_alert(1.0)
    measure(book)
    dashboard = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    wanted = {name for expression in expressions for name in re.findall(r"roadwarden_\w+", expression)}
    assert wanted <= {name for name, _ in read_metrics(url)}


def test_status_is_a_table_with_an_exit_code(served: tuple[HealthBook, str]) -> None:
    """Good: 0; a fault: 1 and its name; nobody there: one line."""
    book, url = served
    measure(book)
    good = CliRunner().invoke(app, ["status", "--url", url])
    assert (good.exit_code, "gate" in good.output, "live" in good.output) == (0, True, True)
    measure(book, source=None, last_fault="camera gate: refused")
    bad = CliRunner().invoke(app, ["status", "--url", url])
    assert bad.exit_code == 1
    assert "connecting" in bad.output
    assert "refused" in bad.output
    report = CliRunner().invoke(app, ["status", "--url", url, "--json"])
    assert json.loads(report.output)["cameras"][0]["state"] == "connecting"
    nobody = CliRunner().invoke(app, ["status", "--url", "http://127.0.0.1:1"])
    assert "no roadwarden run answers there" in str(nobody.exception)


def test_an_address_that_is_wrong_or_taken_is_refused() -> None:
    """Only the default is given up in silence but for a warning."""
    book = HealthBook()
    with pytest.raises(ConfigurationError, match="HOST:PORT"), serve_health(book, "nonsense"):
        pass
    with serve_health(book, "off"):
        pass
    server = HealthServer(book, "127.0.0.1", 0)
    with (
        pytest.raises(ConfigurationError, match="choose another"),
        serve_health(book, f"127.0.0.1:{server.port}"),
    ):
        pass
    server.close()


def test_a_live_watch_is_measured(
    tmp_path: Path, serve_rtsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One camera is live with rates and an alert in time, the other one is connecting, and says why."""
    monkeypatch.setattr("pipelines.live.CHORES_S", 0.5)
    url = serve_rtsp(f"gate={write_truck(tmp_path / 'gate.mp4')}")
    plans = [
        CameraPlan(CAMERA, StreamSettings(f"{url}/gate")),
        CameraPlan(Camera("dead"), StreamSettings("rtsp://127.0.0.1:1/dead")),
    ]
    seen: dict[str, health.WorkerHealth] = {}

    def has_alert(runner: Any) -> bool:
        report = runner.health.report
        if report.alert_delays_s and any(c.state is CameraState.LIVE for c in report.cameras):
            seen.setdefault("report", report)
        return "report" in seen

    watch(plans, make_desk(tmp_path), tmp_path / "ring", has_alert)
    live, dead = seen["report"].cameras
    assert (live.state, live.time_source) == (CameraState.LIVE, "rtcp_sr")
    assert live.tally.packets > live.tally.decoded > 0
    assert dead.state is CameraState.CONNECTING
    assert "Connection refused" in dead.last_fault
    # The camera's clock and this one agree only within the uncertainty of the stream's time.
    assert -1 < seen["report"].alert_delays_s[0] < 120
    assert threading.active_count() < 20

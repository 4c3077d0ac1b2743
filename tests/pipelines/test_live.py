"""Live cameras through a real RTSP server, ring, evidence and database; only the models are scripted."""

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from time import sleep

import av
import pytest

from detector.cases.store import CaseStore
from detector.entities import (
    Camera,
    Case,
    Opening,
    TimeSource,
)
from detector.errors import EvidenceError, SourceError, StorageError
from detector.evidence.package import Package
from detector.evidence.verify import verify_package
from detector.video.live_source import LiveSource
from detector.video.stream_settings import StreamSettings
from pipelines.camera_watch import LONGEST_WAIT_S, CameraPlan, wait_before
from pipelines.case_pipeline import BEFORE_S
from pipelines.config import Cameras
from pipelines.live import CaseDesk, LiveRunner
from pipelines.package_maker import PackageMaker
from pipelines.progress import ReplayProgress
from pipelines.replay import Replayer, ReplayOptions
from pipelines.sighting_recorder import SightingRecorder
from tests.footage import ClipSpec, draw, index_in, write
from tests.live_watch import make_desk, watch
from tests.scripted_truck import CAMERA, HEIGHT, WIDTH, write_truck
from tests.sighting_files import open_store


class FailingStore(CaseStore):
    """Refuses the first attempts, as a database that is away for a while."""

    refusals = 2

    def save(self, case: Case) -> bool:
        if self.refusals:
            self.refusals -= 1
            raise StorageError("database is away")
        return super().save(case)


class ImpossiblePackages(PackageMaker):
    """Footage of which no package can be made."""

    def make(self, *_: object) -> Package:
        raise EvidenceError("no picture can be decoded")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_truck(tmp_path_factory.mktemp("clip") / "gate.mp4")


def has_case_sealed(runner: LiveRunner) -> bool:
    return runner.cases_sealed > 0


def nal_bytes(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for p in container.demux(container.streams.video[0]) if p.size)


def test_a_violation_seen_live_makes_the_same_case_as_its_replay(
    clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str]
) -> None:
    """Same moment, findings and plate; complete pre-roll; a sighting that names the case as its picture; a camera that
    cannot be reached does no harm beside it."""
    url = serve_rtsp(f"gate={clip}")
    sightings = open_store(tmp_path / "sightings")[0]
    desk = replace(make_desk(tmp_path), recorder=SightingRecorder(sightings))
    plans = [
        CameraPlan(CAMERA, StreamSettings(f"{url}/gate")),
        CameraPlan(Camera("dead"), StreamSettings("rtsp://127.0.0.1:1/dead")),
    ]
    watch(plans, desk, tmp_path / "ring", has_case_sealed)
    live = desk.store.list()[-1]
    folder = Path(live.evidence.folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert verify_package(folder).is_intact
    assert live.time.source is TimeSource.RTCP_SENDER_REPORT
    assert live.evidence.clip_start_s <= manifest["time"]["first_deciding_s"] - BEFORE_S
    assert nal_bytes(folder / "clip.mp4") >= 12.5 * (live.evidence.clip_end_s - live.evidence.clip_start_s) - 1
    assert [path.name for path in (tmp_path / "ring").rglob("*.es")] == []

    window = (live.captured_at - timedelta(days=1), live.captured_at + timedelta(days=1))
    found = sightings.find_plate(live.plate.text, window, Opening("test", "test", "test"))
    assert [(s.camera_id, s.vehicle_type, s.picture) for s in found] == [("gate", "truck", live.case_id)]

    began = datetime.fromisoformat(manifest["time"]["first_deciding_at"]) - timedelta(
        seconds=manifest["time"]["first_deciding_s"]
    )
    other = make_desk(tmp_path / "replay")
    options = ReplayOptions(Cameras({"gate": CAMERA}, "0" * 64, None), None, began, tmp_path / "replay" / "evidence")
    with ReplayProgress() as progress:
        report = Replayer(options, other.pipeline, other.packages, other.store).replay(clip, progress)
    ((replayed, _),) = report.cases
    # RTP rounds time stamps to 1/90000 s, so the instant (and the id that is derived from it) differs by that much.
    assert abs(replayed.captured_at - live.captured_at) < timedelta(milliseconds=1)
    assert [(f.rule, f.deciding) for f in replayed.findings] == [(f.rule, f.deciding) for f in live.findings]
    assert (replayed.plate, replayed.load) == (live.plate, live.load)


def test_evidence_in_progress_is_finished_when_the_watch_is_stopped(
    clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str]
) -> None:
    """Stopped right after the alert: the case is there with an intact package of what has been seen."""
    url = serve_rtsp(f"gate={clip}")
    desk = make_desk(tmp_path)
    plans = [CameraPlan(CAMERA, StreamSettings(f"{url}/gate"))]
    watch(plans, desk, tmp_path / "ring", lambda _: bool(desk.store.list()))
    (case,) = desk.store.list()
    assert case.evidence is not None
    assert verify_package(Path(case.evidence.folder)).is_intact


def test_a_watch_that_has_nothing_left_to_write_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an end waits for at most is for evidence that is being written, not for a flush of nothing."""
    monkeypatch.setattr("pipelines.live.LAST_TRIES_S", 3600.0)
    monkeypatch.setattr("pipelines.live.CHORES_S", 0.0)
    desk = replace(make_desk(tmp_path), recorder=SightingRecorder(open_store(tmp_path / "sightings")[0]))
    runner, stop = LiveRunner([], desk, tmp_path / "ring"), threading.Event()
    watching = threading.Thread(target=runner.run, args=(stop,), daemon=True)
    watching.start()
    while runner._flushing is None:
        sleep(0.05)
    stop.set()
    watching.join(120)
    assert not watching.is_alive()


@pytest.mark.long
def test_a_database_that_is_away_loses_no_case(clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str]) -> None:
    """What could not be stored is tried again until it is."""
    url = serve_rtsp(f"gate={clip}")
    desk = make_desk(tmp_path, FailingStore)
    plans = [CameraPlan(CAMERA, StreamSettings(f"{url}/gate"))]
    watch(plans, desk, tmp_path / "ring", has_case_sealed)
    assert desk.store.refusals == 0
    assert all(case.evidence is not None for case in desk.store.list())


def test_a_package_that_cannot_be_made_leaves_the_case_and_is_told(
    clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """The alert stays a case without evidence; nothing is tried for ever, and the watch ends soundly."""
    url = serve_rtsp(f"gate={clip}")
    usual = make_desk(tmp_path)
    packages = ImpossiblePackages(tmp_path / "evidence", usual.packages.provenance)
    desk = CaseDesk(usual.pipeline, packages, usual.store, None)
    plans = [CameraPlan(CAMERA, StreamSettings(f"{url}/gate"))]
    watch(plans, desk, tmp_path / "ring", lambda _: bool(desk.store.list()))
    (case,) = desk.store.list()
    assert (case.evidence, case.grade_reasons) == (None, ("evidence_pending",))
    assert "camera gate: no picture can be decoded" in caplog.text


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_digest_credentials_open_the_stream(
    clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str], transport: str
) -> None:
    """A password with characters that URLs reserve works, over either transport."""
    url = serve_rtsp("--only", "user:p@ss:w/rd", f"gate={clip}")
    settings = StreamSettings(f"{url}/gate", transport, "user", "p@ss:w/rd")
    with LiveSource("gate", 8.0, settings, tmp_path / "ring") as source:
        frame = next(iter(source))
    assert frame.image.shape == (HEIGHT, WIDTH, 3)
    assert source.info.codec == "h264"


def test_a_wrong_password_is_refused_without_being_told(
    clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """One line that names camera and URL; the password is in no message, representation or log."""
    caplog.set_level(logging.DEBUG)
    url = serve_rtsp("--only", "user:right", f"gate={clip}")
    settings = StreamSettings(f"{url}/gate", "tcp", "user", "hunter2-wrong")
    with pytest.raises(SourceError, match="401") as caught:
        LiveSource("gate", 8.0, settings, tmp_path / "ring")
    assert url in str(caught.value)
    assert "hunter2" not in f"{caught.value!r} {settings!r} {caplog.text} {caught.value.__cause__!r}"
    assert not (tmp_path / "ring").exists()


def test_h265_becomes_frames(tmp_path: Path, serve_rtsp: Callable[..., str]) -> None:
    """The other codec of cameras."""
    spec = ClipSpec(codec="libx265", frames=60, width=WIDTH, height=HEIGHT, options={"x265-params": "log-level=none"})
    path = write(tmp_path / "gate.hevc.mp4", spec)
    settings = StreamSettings(f"{serve_rtsp(f'gate={path}')}/gate")
    with LiveSource("gate", 8.0, settings, tmp_path / "ring") as source:
        numbers = [index_in(frame.image) for frame in source]
    assert source.info.codec == "hevc"
    assert len(numbers) > 10
    assert numbers == sorted(set(numbers))


def test_a_changed_picture_size_ends_the_session(tmp_path: Path, serve_rtsp: Callable[..., str]) -> None:
    """Every frame of the session has the size that its stream was described with, and the reason is told."""
    path = tmp_path / "gate.ts"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"tune": "zerolatency", "g": "10"})
        stream.width, stream.height = WIDTH, HEIGHT
        for size, numbers in (((WIDTH, HEIGHT), range(75)), ((240, 96), range(75, 125))):
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
            encoder.options = {"tune": "zerolatency", "g": "10"}
            for number in (*numbers, None):
                frame = None
                if number is not None:
                    frame = av.VideoFrame.from_ndarray(draw(number, *size), format="bgr24")
                    frame.pts, frame.time_base = number, Fraction(1, 25)
                for packet in encoder.encode(frame):
                    packet.stream = stream
                    out.mux(packet)
    settings = StreamSettings(f"{serve_rtsp(f'gate={path}')}/gate")
    with LiveSource("gate", 8.0, settings, tmp_path / "ring") as source:
        sizes = {frame.image.shape for frame in source}
    assert sizes == {(HEIGHT, WIDTH, 3)}
    assert source.end_reason == "the picture's size changed to 240x96"


@pytest.mark.parametrize("answer", [None, b"", b"\x00\xff" * 4000, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Le"])
def test_a_peer_that_is_no_camera_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    """Silence (None), a closed connection, garbage, half an answer: each is refused in bounded time."""
    monkeypatch.setattr("detector.video.live_source.OPEN_TIMEOUT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer = server.accept()[0]
                    taken.append(peer)
                    if answer is not None:
                        peer.sendall(answer)
                        peer.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(SourceError, match=f"camera gate: rtsp://127.0.0.1:{port}/x: "):
            LiveSource("gate", 8.0, StreamSettings(f"rtsp://127.0.0.1:{port}/x"), tmp_path / "ring")
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for peer in taken:
        peer.close()
    assert not (tmp_path / "ring").exists()


def test_two_processes_never_share_a_ring(tmp_path: Path) -> None:
    """The second one is told in one line."""
    desk = make_desk(tmp_path)
    first = LiveRunner([], desk, tmp_path / "ring")
    with pytest.raises(StorageError, match="another roadwarden run"):
        LiveRunner([], desk, tmp_path / "ring")
    stop = threading.Event()
    stop.set()
    assert first.run(stop)
    LiveRunner([], desk, tmp_path / "ring").run(stop)


class Halves:
    """Draws the middle."""

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


def test_waiting_between_attempts_doubles_up_to_a_bound() -> None:
    """Quick at first, never longer than the bound, however often it failed."""
    waits = [wait_before(attempt, Halves()) for attempt in (1, 2, 3, 50, 10_000)]
    assert waits == [0.75, 1.5, 3.0, 0.75 * LONGEST_WAIT_S, 0.75 * LONGEST_WAIT_S]

"""What goes wrong with one camera stays with it: it comes back by itself, and its neighbour loses no frame."""

import itertools
import random
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.entities import Camera
from detector.video import live_source
from detector.video.live_source import LiveSource
from detector.video.stream_settings import StreamSettings
from pipelines import camera_watch
from pipelines.camera_watch import CameraPlan
from pipelines.live import LiveRunner
from tests.fault_proxy import FaultProxy, shift_clock
from tests.footage import ClipSpec, write
from tests.live_watch import RecordingIntake, make_desk

PATIENCE_S = 60.0


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def write_long(path: Path, codec: str = "libx264", seconds: int = 240) -> Path:
    """A small film of several minutes at 12.5 pictures a second; its pictures show no truck."""
    frames = seconds * 25 // 2
    return write(path, ClipSpec(codec=codec, frames=frames, gop=12, b_frames=0, times=range(0, frames * 2, 2)))


@pytest.mark.long
def test_every_fault_is_survived_and_the_neighbour_notices_nothing(
    tmp_path: Path, serve_rtsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, reset, stalled, cut off, garbled, another codec: each time the camera comes back in a new session."""
    monkeypatch.setattr(camera_watch, "FIRST_WAIT_S", 0.1)
    monkeypatch.setattr(camera_watch, "LONGEST_WAIT_S", 0.5)
    url = serve_rtsp(f"gate={write_long(tmp_path / 'gate.mp4')}")
    other = serve_rtsp(f"gate={write_long(tmp_path / 'gate.hevc.mp4', 'libx265', 60)}")
    ports = [int(server.rpartition(":")[2]) for server in (url, other)]
    proxy, rng = FaultProxy(ports[0]), random.Random(8)
    bad = StreamSettings(f"rtsp://127.0.0.1:{proxy.port}/gate", timeout_s=2.0)
    plans = [
        CameraPlan(Camera("good"), StreamSettings(f"{url}/gate", is_gated=False)),
        CameraPlan(Camera("bad"), bad),
    ]
    intake, stop = RecordingIntake(), threading.Event()
    runner = LiveRunner(plans, make_desk(tmp_path), tmp_path / "ring", intake)
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        wait_for(lambda: len(runner.watches) == 2 and all(w.source is not None for w in runner.watches.values()))
        watch = runner.watches["bad"]

        def garble(data: bytes) -> bytes:
            return bytes(byte ^ rng.randrange(256) for byte in data)

        faults: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "refused": (proxy.refuse, proxy.accept),
            "reset": (proxy.reset, lambda: None),
            "stalled": (lambda: proxy.stall(True), lambda: proxy.stall(False)),
            "cut off": (
                lambda: setattr(proxy, "answer", lambda data: data[: len(data) // 2] if rng.random() < 0.9 else b""),
                lambda: setattr(proxy, "answer", None),
            ),
            "garbage": (lambda: setattr(proxy, "answer", garble), lambda: setattr(proxy, "answer", None)),
            "another codec": (lambda: setattr(proxy, "target", ports[1]), proxy.reset),
        }
        for fault, (begin, end) in faults.items():
            session = watch.source
            sessions = watch.sessions
            begin()
            if fault != "another codec":
                wait_for(lambda session=session: watch.source is not session)
            end()
            wait_for(lambda sessions=sessions: watch.sessions > sessions and watch.source is not None)
            before = watch.source.counters.packets
            wait_for(lambda before=before: watch.source is not None and watch.source.counters.packets != before)
        assert watch.source.info.codec == "hevc"
        assert runner.watches["good"].sessions == 1
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert len(intake.sent["good"]) > 20
    # A picture each 0.08 s on a grid of 8 a second: no two of them are further apart when none is missing.
    assert intake.longest_gap_s("good") < 1 / 8 + 0.09


def test_a_clock_that_jumps_ends_the_session(tmp_path: Path, serve_rtsp: Callable[..., str]) -> None:
    """The capture times of a session are one line: a camera whose clock was set begins a new one."""
    url = serve_rtsp(f"gate={write_long(tmp_path / 'gate.mp4', seconds=60)}")
    proxy = FaultProxy(int(url.rpartition(":")[2]))
    settings = StreamSettings(f"rtsp://127.0.0.1:{proxy.port}/gate")
    with LiveSource("gate", 8.0, settings, tmp_path / "ring") as source:
        frames = iter(source)
        next(frames)
        proxy.answer = shift_clock(10)
        for _ in frames:
            pass
    assert re.fullmatch(r"the camera's clock moved by (9\.9|10\.\d) s", source.end_reason)


@pytest.mark.long
def test_many_reconnections_leave_nothing_behind(
    tmp_path: Path, serve_rtsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred broken attempts and some broken sessions: no thread, no file, no folder more than before."""
    monkeypatch.setattr(camera_watch, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(camera_watch, "LONGEST_WAIT_S", 0.02)
    url = serve_rtsp(f"gate={write_long(tmp_path / 'gate.mp4', seconds=60)}")
    proxy = FaultProxy(int(url.rpartition(":")[2]))
    stream = StreamSettings(f"rtsp://127.0.0.1:{proxy.port}/gate", timeout_s=2.0)
    runner = LiveRunner([CameraPlan(Camera("bad"), stream)], make_desk(tmp_path), tmp_path / "ring")
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        wait_for(lambda: "bad" in runner.watches and runner.watches["bad"].source is not None)
        watch = runner.watches["bad"]
        files = _open_files()
        proxy.answer = lambda data: b""
        proxy.reset()
        wait_for(lambda: proxy.connections > 100)
        proxy.answer = None
        for _ in range(3):
            wait_for(lambda: watch.source is not None)
            session = watch.source
            proxy.reset()
            wait_for(lambda session=session: watch.source is not session)
        wait_for(lambda: watch.source is not None)
        wait_for(lambda: len(list((tmp_path / "ring" / "bad").iterdir())) == 1)
        assert _open_files() <= files + 5
    finally:
        stop.set()
        thread.join(60)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_decoder_that_cannot_keep_up_goes_on_with_what_is_fresh(
    tmp_path: Path, serve_rtsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole groups of pictures are left out and counted; frames go on soundly, in order, with the ring complete."""
    monkeypatch.setattr(live_source, "FIRST_QUEUE_S", 1.0)
    monkeypatch.setattr(live_source, "QUEUE_S", 1.0)
    url = serve_rtsp(f"gate={write_long(tmp_path / 'gate.mp4', seconds=60)}")
    with LiveSource("gate", 8.0, StreamSettings(f"{url}/gate"), tmp_path / "ring") as source:
        frames = iter(source)
        before = next(frames)
        until_s = source.newest_s + 5.0
        wait_for(lambda: source.newest_s > until_s)
        after = [next(frames) for _ in range(10)]
        newest_s = source.newest_s
        packets = source.ring.read(0.0, newest_s)
    assert source.undecoded > 0
    assert after[0].stream_s >= until_s - 2.0 > before.stream_s
    assert [frame.pts for frame in after] == sorted({frame.pts for frame in after})
    assert source.counters.corrupt <= source.undecoded
    assert packets[0].stream_s == 0.0
    assert {round(later.stream_s - p.stream_s, 3) for p, later in itertools.pairwise(packets)} == {0.08}
    assert packets[-1].stream_s > newest_s - 0.1  # the newest may be on its way to the ring

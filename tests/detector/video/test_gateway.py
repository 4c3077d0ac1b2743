"""GB/T 28181 cameras through a double of the gateway, with a real RTSP server behind it."""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from detector.entities import Camera, TimeSource
from detector.errors import SourceError
from detector.video.gateway import locate
from detector.video.live_source import LiveSource
from detector.video.stream_settings import GatewayChannel, GatewaySettings, StreamSettings
from pipelines.camera_watch import CameraPlan, CameraWatch
from pipelines.intake import Intake
from tests.certificates import make_certificates
from tests.footage import ClipSpec, index_in, write
from tests.wvp_double import API_KEY, USERNAME, WvpDouble

DEVICE, CHANNEL = "50010700001180000001", "50010700001310000002"
STREAM = f"rtp/{DEVICE}_{CHANNEL}"


def settings_for(gateway: WvpDouble, **access: object) -> StreamSettings:
    access = access or {"api_key": API_KEY}
    channel = GatewayChannel(GatewaySettings(gateway.url, **access), DEVICE, CHANNEL)
    return StreamSettings("", is_relayed=True, channel=channel)


def test_the_gateway_is_asked_to_play_by_key_or_by_account() -> None:
    """Either way in leads to the address of the channel."""
    with WvpDouble("rtsp://zlm:554").serving() as gateway:
        for access in ({"api_key": API_KEY}, {"username": USERNAME, "password": "hunter2"}):
            assert locate(settings_for(gateway, **access)).url == f"rtsp://zlm:554/{STREAM}"
        assert gateway.plays == [f"/api/play/start/{DEVICE}/{CHANNEL}"] * 2


def test_a_camera_that_is_reached_directly_needs_no_gateway() -> None:
    """Its settings stay as they are."""
    settings = StreamSettings("rtsp://a/b")
    assert locate(settings) is settings


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("refuses", r"点播超时 \(code 100\)"),
        ("html", "HTTP 502, not an answer of WVP"),
        ("no-address", f"tells no RTSP address of {DEVICE}/{CHANNEL}"),
        ("closes", "Server disconnected"),
    ],
)
def test_what_goes_wrong_at_the_gateway_is_one_line(fault: str, told: str) -> None:
    """The gateway is named, and what it said."""
    with WvpDouble(fault=fault).serving() as gateway:
        with pytest.raises(SourceError, match=told) as caught:
            locate(settings_for(gateway))
        assert str(caught.value).startswith(f"gateway {gateway.url}: ")


def test_wrong_credentials_are_refused_and_never_told(caplog: pytest.LogCaptureFixture) -> None:
    """Neither key, password nor its hash stands in message, log or representation."""
    caplog.set_level(logging.INFO)
    with WvpDouble().serving() as gateway:
        by_key = settings_for(gateway, api_key="wrong-key")
        by_account = settings_for(gateway, username=USERNAME, password="wrong-word")
        texts = [repr(by_key), repr(by_account)]
        for settings, told in ((by_key, "refuses our credentials"), (by_account, "用户名或密码错误")):
            with pytest.raises(SourceError, match=told) as caught:
                locate(settings)
            texts.append(str(caught.value))
    assert not [word for word in ("wrong-key", "wrong-word", "password=") if word in " ".join([*texts, caplog.text])]


def test_a_gateway_over_tls_must_show_a_certificate_of_a_known_authority(tmp_path: Path) -> None:
    """Else our key would go to whoever answers."""
    known, other = make_certificates(tmp_path / "known"), make_certificates(tmp_path / "other")
    with WvpDouble("rtsp://zlm", tls=known).serving() as gateway:
        assert locate(settings_for(gateway, api_key=API_KEY, ca_file=known.authority)).url == f"rtsp://zlm/{STREAM}"
        for ca_file in (other.authority, None):
            with pytest.raises(SourceError, match="certificate verify failed"):
                locate(settings_for(gateway, api_key=API_KEY, ca_file=ca_file))
        assert len(gateway.plays) == 1


def test_a_gateway_that_is_not_there_is_one_line() -> None:
    """Refused connections end at once."""
    channel = GatewayChannel(GatewaySettings("http://127.0.0.1:1"), DEVICE, CHANNEL)
    with pytest.raises(SourceError, match=r"gateway http://127\.0\.0\.1:1: "):
        locate(StreamSettings("", channel=channel))


def test_a_camera_that_starts_slowly_is_waited_for_as_long_as_configured() -> None:
    """Within the time-out the address comes late; beyond it there is one line."""
    with WvpDouble("rtsp://zlm", start_s=2.5).serving() as gateway:
        assert locate(settings_for(gateway)).url == f"rtsp://zlm/{STREAM}"
        settings = settings_for(gateway, api_key=API_KEY, timeout_s=1.0)
        with pytest.raises(SourceError, match="no answer within 1 s"):
            locate(settings)


def test_pictures_come_through_and_their_time_is_that_of_arrival(
    tmp_path: Path, serve_rtsp: Callable[..., str]
) -> None:
    """A gateway stamps anew, so that its sender reports are not taken for capture time."""
    clip = write(tmp_path / "a.mp4", ClipSpec(frames=200, width=192))
    with (
        WvpDouble(serve_rtsp(f"{STREAM}={clip}")).serving() as gateway,
        LiveSource("gate", 8.0, settings_for(gateway), tmp_path / "ring") as source,
    ):
        numbers = [index_in(frame.image) for frame in source]
    assert len(numbers) > 20
    assert numbers == sorted(set(numbers))
    assert source.time.source is TimeSource.HOST_ARRIVAL


def test_a_stream_that_ends_is_asked_for_again(tmp_path: Path, serve_rtsp: Callable[..., str]) -> None:
    """Each session begins with a new request to play; while the gateway refuses there is none, then it goes on."""
    clip = write(tmp_path / "a.mp4", ClipSpec(frames=60))
    with WvpDouble(serve_rtsp(f"{STREAM}={clip}"), fault="refuses").serving() as gateway:
        plan = CameraPlan(Camera("gate"), replace(settings_for(gateway), timeout_s=2.0))
        watch = CameraWatch(plan, Intake(depth=10_000), tmp_path / "ring")
        watch.start()
        with contextlib.ExitStack() as stack:
            stack.callback(watch.join, 30)
            stack.callback(watch.stop)
            wait_for(lambda: "点播超时" in (watch.last_fault or ""))
            assert watch.sessions == 0
            gateway.fault = None
            wait_for(lambda: watch.sessions >= 2)
        assert len(gateway.plays) >= 3


def wait_for(condition: Callable[[], bool]) -> None:
    """A minute at most."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("waited in vain")

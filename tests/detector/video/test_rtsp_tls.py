"""RTSP over TLS, against GStreamer's server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from detector.errors import SourceError
from detector.video.live_source import LiveSource
from detector.video.stream_settings import StreamSettings
from tests.certificates import make_certificates
from tests.footage import ClipSpec, index_in, write


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "a.mp4", ClipSpec(frames=60, width=192))


def watch(settings: StreamSettings, ring: Path) -> list[int]:
    """Numbers of the pictures of a session."""
    with LiveSource("gate", 8.0, settings, ring) as source:
        return [index_in(frame.image) for frame in source]


def test_a_certificate_of_a_known_authority_opens_the_stream(
    clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str]
) -> None:
    """With Digest authentication inside the encrypted connection."""
    known = make_certificates(tmp_path / "known")
    url = serve_rtsp("--only", "user:p@ss", "--tls", str(known.server), str(known.key), f"gate={clip}")
    secure = f"rtsps{url.removeprefix('rtsp')}/gate"
    settings = StreamSettings(secure, username="user", password="p@ss", ca_file=known.authority)
    numbers = watch(settings, tmp_path / "ring")
    assert len(numbers) > 10
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("case", ["unknown authority", "other host", "authorities of the system"])
def test_a_certificate_that_proves_nothing_is_refused(
    clip: Path, tmp_path: Path, serve_rtsp: Callable[..., str], case: str
) -> None:
    """One line that says what may be wrong; only when checking was switched off is anything taken."""
    address = "127.0.0.9" if case == "other host" else "127.0.0.1"
    shown, other = make_certificates(tmp_path / "shown", address), make_certificates(tmp_path / "other")
    url = serve_rtsp("--tls", str(shown.server), str(shown.key), f"gate={clip}")
    secure = f"rtsps{url.removeprefix('rtsp')}/gate"
    trusted = {"unknown authority": other.authority, "other host": shown.authority}.get(case)
    with pytest.raises(SourceError, match="over TLS: an unknown authority, or a certificate that is not for this host"):
        LiveSource("gate", 8.0, StreamSettings(secure, ca_file=trusted), tmp_path / "ring")
    assert watch(StreamSettings(secure, checks_certificate=False), tmp_path / "ring") != []

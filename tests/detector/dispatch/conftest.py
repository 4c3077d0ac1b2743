"""Servers of receivers: Mosquitto, and HTTP receivers whose answers are scripted."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[int, Any]]:
    """A real Mosquitto with a password: its port, and what stops and starts it."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    require(Path(program).exists(), "the Mosquitto broker (Debian package mosquitto)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    (tmp_path / "passwords").touch()
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "rw", "geheim"], check=True, capture_output=True)
    config.write_text(f"listener {port} 127.0.0.1\nuser root\npassword_file {passwords}\nallow_anonymous false\n")
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        running.append(subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL))
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)

    def stop() -> None:
        running[-1].terminate()
        running[-1].wait()

    start()
    yield port, (start, stop)
    stop()

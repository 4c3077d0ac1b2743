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


def find_broker() -> str:
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    require(Path(program).exists(), "the Mosquitto broker (Debian package mosquitto)")
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A Mosquitto of its own, which starts and stops."""

    def __init__(self, port: int, config: Path) -> None:
        self.port, self.config, self.running = port, config, None

    def start(self) -> None:
        self.running = subprocess.Popen([find_broker(), "-c", str(self.config)], stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def stop(self) -> None:
        if self.running is not None:
            self.running.terminate()
            self.running.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[int, Any]]:
    """A real Mosquitto with a password: its port, and what stops and starts it."""
    find_broker()
    port, config, passwords = free_port(), tmp_path / "mosquitto.conf", tmp_path / "passwords"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "rw", "geheim"], check=True, capture_output=True)
    config.write_text(f"listener {port} 127.0.0.1\nuser root\npassword_file {passwords}\nallow_anonymous false\n")
    running = Broker(port, config)
    running.start()
    yield port, (running.start, running.stop)
    running.stop()


@pytest.fixture
def tls_broker(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A real Mosquitto behind TLS: its port, and the certificate to trust."""
    find_broker()
    require(shutil.which("openssl") is not None, "openssl")
    port, config = free_port(), tmp_path / "mosquitto.conf"
    key, certificate = tmp_path / "broker.key", tmp_path / "broker.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=broker", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    config.write_text(
        f"listener {port} 127.0.0.1\nuser root\nallow_anonymous true\ncertfile {certificate}\nkeyfile {key}\n"
    )
    running = Broker(port, config)
    running.start()
    yield port, certificate
    running.stop()

"""Servers that tests need: started here, from what `.ci/run` installs."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def require(found: bool, what: str) -> None:
    """Skip with a reason where something is not installed; under CI, which installs it, that is a failure."""
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{what} is not installed")


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """URL of an empty database on a PostgreSQL server of this test run's own."""
    import psycopg

    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgresql_server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of the database of a server that lives as long as the test run; what is in it, nobody knows."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    require(bool(programs), "a PostgreSQL server (Debian package postgresql)")
    bin_path = programs[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="roadwarden-pg-", dir="/tmp"))
    run = _make_runner(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, log = folder / "data", folder / "log"
    try:
        run(bin_path / "initdb", "-D", data, "-U", "roadwarden", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8")
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run(bin_path / "pg_ctl", "-D", data, "-l", log, "-o", settings, "-w", "start")
        run(bin_path / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "roadwarden", "cases")
        yield f"postgresql://roadwarden@127.0.0.1:{port}/cases"
        run(bin_path / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def serve_rtsp() -> Iterator[Callable[..., str]]:
    """Starts GStreamer's RTSP server: arguments of `tests/rtsp_server.py` in, "rtsp://HOST:PORT" out."""
    python = "/usr/bin/python3"  # `gi` is a Debian package and lives outside the virtual environment
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    found = Path(python).exists() and subprocess.run([python, "-c", probe], capture_output=True, check=False)
    require(
        bool(found) and found.returncode == 0, "GStreamer's RTSP server (Debian package gir1.2-gst-rtsp-server-1.0)"
    )
    with contextlib.ExitStack() as stack:

        def serve(*arguments: str) -> str:
            command = [python, str(Path(__file__).parent / "rtsp_server.py"), *arguments]
            server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(server.kill)
            return f"rtsp://127.0.0.1:{int(server.stdout.readline())}"

        yield serve


def _make_runner(folder: Path) -> Callable[..., None]:
    """Runs PostgreSQL's programs; they refuse to work for root, so root lends itself to `postgres`."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(*command: object) -> None:
        done = subprocess.run(
            [*prefix, *map(str, command)], capture_output=True, text=True, check=False, cwd=folder, timeout=60
        )
        assert done.returncode == 0, done.stderr

    return run

"""Servers that tests need: started here, from what `.ci/run` installs."""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from detector.database import engine as database_engine
from detector.database.engine import open_database
from detector.database.migrate import upgrade
from detector.review import passwords


def require(found: bool, what: str) -> None:
    """Skip with a reason where something is not installed; under CI, which installs it, that is a failure."""
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{what} is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole pipelines go first: at the end no worker is left alone with one. `--no-loadscope-reorder` keeps to it."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/pipelines/"))


@pytest.fixture(scope="session", autouse=True)
def ready_tables() -> Iterator[None]:
    """An empty SQLite database gets the tables that the migrations made once in this run, in a fiftieth of the time.

    What the migrations themselves do is tested in `tests/detector/database`, where this is off.
    """
    made = open_database("sqlite://")
    tables = sqlite3.connect(":memory:", check_same_thread=False)
    with contextlib.closing(made.raw_connection()) as connection:
        connection.driver_connection.backup(tables)
    made.dispose()

    def fill(engine: Engine) -> None:
        if engine.dialect.name == "sqlite":
            with contextlib.closing(engine.raw_connection()) as connection:
                target = connection.driver_connection
                if not target.execute("SELECT 1 FROM sqlite_master").fetchone():
                    tables.backup(target)
        upgrade(engine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_engine, "upgrade", fill)
        yield
    tables.close()


@pytest.fixture(scope="session", autouse=True)
def shipped_hasher() -> Iterator[PasswordHasher]:
    """Passwords of tests are hashed quickly; what is given is the slow one that the product ships."""
    with pytest.MonkeyPatch.context() as patch:
        shipped = passwords.HASHER
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield shipped


@dataclass(frozen=True)
class PostgresqlServer:
    """A server that lives as long as the test run: `migrated` holds this program's tables, `cases` is for tests."""

    place: str
    shape: str
    """What `SHAPE` answers in `migrated`."""


SHAPE = (
    "SELECT md5(string_agg(name, ',' ORDER BY name)) FROM (SELECT relname::text AS name FROM pg_class "
    "WHERE relnamespace = 'public'::regnamespace UNION ALL SELECT tgname FROM pg_trigger) AS every"
)


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """URL of a database of this program, with nothing in it, on a PostgreSQL server of this test run's own.

    What the last test put into it is deleted: that takes a hundredth of the time that new tables take, for each of
    which the server makes files. Only after a test that changed tables or triggers the database is made anew.
    """
    import psycopg

    url = f"{postgresql_server.place}/cases"
    with psycopg.connect(url, autocommit=True) as connection:
        is_whole = connection.execute(SHAPE).fetchone() == (postgresql_server.shape,)
        if is_whole:
            connection.execute("CALL forget_all()")
    if not is_whole:
        with psycopg.connect(f"{postgresql_server.place}/postgres", autocommit=True) as connection:
            connection.execute("DROP DATABASE cases WITH (FORCE)")
            connection.execute("CREATE DATABASE cases TEMPLATE migrated")
    return url


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Started when it is first asked for."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    require(bool(programs), "a PostgreSQL server (Debian package postgresql)")
    bin_path = programs[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="roadwarden-pg-", dir="/tmp"))
    run = _make_runner(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, log = folder / "data", folder / "log"
    reach = ("-h", "127.0.0.1", "-p", port, "-U", "roadwarden")
    try:
        run(bin_path / "initdb", "-D", data, "-U", "roadwarden", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8")
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run(bin_path / "pg_ctl", "-D", data, "-l", log, "-o", settings, "-w", "start")
        place = f"postgresql://roadwarden@127.0.0.1:{port}"
        run(bin_path / "createdb", *reach, "migrated")
        open_database(f"{place}/migrated").dispose()
        shape = _teach_to_forget(f"{place}/migrated")
        run(bin_path / "createdb", *reach, "-T", "migrated", "cases")
        yield PostgresqlServer(place, shape)
        run(bin_path / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _teach_to_forget(url: str) -> str:
    """Make the procedure that brings a migrated database back to what it holds now; what `SHAPE` answers."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA first")
        steps = ["SET LOCAL session_replication_role = replica;"]  # neither foreign keys nor triggers object
        for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            steps.append(f'DELETE FROM "{name}";')
            if connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone():
                connection.execute(f'CREATE TABLE first."{name}" AS TABLE "{name}"')
                steps.append(f'INSERT INTO "{name}" TABLE first."{name}";')
        steps.append("PERFORM setval(format('%I', sequencename), 1, false) FROM pg_sequences;")
        connection.execute(f"CREATE PROCEDURE forget_all() LANGUAGE plpgsql AS $$ BEGIN {' '.join(steps)} END $$")
        (shape,) = connection.execute(SHAPE).fetchone() or ("",)
        return str(shape)


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

import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import DateTime, select, text
from sqlalchemy.exc import StatementError

from detector.database.engine import open_database
from detector.database.sessions import read_session, write_session
from detector.database.tables import CaseRow
from detector.errors import ConfigurationError, StorageError
from tests.databases import DATABASES
from tests.processes import PROCESSES


def url_of(path):
    return f"sqlite:///{path}"


def make_row(case_id="RW-1", captured_at=datetime(2024, 3, 5, 10, 35, 12, 345678, tzinfo=UTC)):
    return CaseRow(
        case_id=case_id, camera_id="gate", place="南门", vehicle_type="truck", status="candidate", grade="lead",
        grade_reasons=[], captured_at=captured_at, time_source="operator", created_at=captured_at,
        updated_at=captured_at,
    )  # fmt: skip


def open_and_count(path, queue):
    try:
        with read_session(open_database(url_of(path))) as session:
            queue.put(session.scalar(text("SELECT count(*) FROM alembic_version")))
    except Exception as error:
        queue.put(repr(error))


class TestOpening:
    def test_makes_missing_folders_and_tables_and_opens_again(self, tmp_path):
        """The first start needs no preparation, and the second finds the tables of the first."""
        path = tmp_path / "state" / "深" / "roadwarden.db"
        for _ in range(2):
            engine = open_database(url_of(path))
            with engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            engine.dispose()

    def test_four_processes_may_open_a_new_database_at_once(self, tmp_path):
        """Nobody fails and the tables are made once when several processes start together."""
        queue = PROCESSES.Queue()
        processes = [PROCESSES.Process(target=open_and_count, args=(tmp_path / "new.db", queue)) for _ in range(4)]
        for process in processes:
            process.start()
        assert [queue.get(timeout=60) for _ in processes] == [1, 1, 1, 1]
        for process in processes:
            process.join()

    def test_a_killed_upgrade_leaves_nothing_half_made(self, tmp_path, monkeypatch):
        """An upgrade that breaks off in the middle is rolled back as a whole, and the next start completes it."""
        from alembic.operations import Operations

        def fail(*_args, **_kwargs):
            raise RuntimeError("killed here")

        with monkeypatch.context() as patch:
            patch.setattr(Operations, "create_index", fail)
            with pytest.raises(RuntimeError, match="killed here"):
                open_database(url_of(tmp_path / "a.db"))
        with sqlite3.connect(tmp_path / "a.db") as connection:
            assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        connection.close()
        open_database(url_of(tmp_path / "a.db")).dispose()


class TestFaults:
    """Each fault is one line that names the place and says what to do."""

    def check(self, url, error_type, *words, **kwargs):
        with pytest.raises(error_type) as caught:
            open_database(url, **kwargs)
        message = str(caught.value)
        assert "\n" not in message
        for word in words:
            assert word in message

    def test_directory_instead_of_a_file(self, tmp_path):
        self.check(url_of(tmp_path), StorageError, str(tmp_path), "cannot be opened")

    def test_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("")
        self.check(url_of(tmp_path / "file" / "deep" / "a.db"), StorageError, str(tmp_path), "Not a directory")

    def test_file_that_is_no_database(self, tmp_path):
        (tmp_path / "a.db").write_text("渣土" * 1000)
        self.check(url_of(tmp_path / "a.db"), StorageError, str(tmp_path / "a.db"), "not a database", "backup")

    def test_database_with_damaged_pages(self, tmp_path):
        path = tmp_path / "a.db"
        open_database(url_of(path)).dispose()
        content = bytearray(path.read_bytes())
        content[100:4096] = b"\x55" * 3996
        path.write_bytes(content)
        self.check(url_of(path), StorageError, str(path), "damaged", "backup")

    def test_read_only_database(self, tmp_path):
        open_database(url_of(tmp_path / "a.db")).dispose()
        url = f"sqlite:///file:{tmp_path / 'a.db'}?mode=ro&uri=true"
        self.check(url, StorageError, "a.db", "cannot be written", "rights")

    def test_database_locked_for_longer_than_the_busy_timeout(self, tmp_path):
        path = tmp_path / "a.db"
        open_database(url_of(path)).dispose()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        self.check(url_of(path), StorageError, str(path), "locked by another program", busy_timeout_s=0.1)
        other.close()

    def test_database_of_a_newer_program(self, tmp_path):
        path = tmp_path / "a.db"
        engine = open_database(url_of(path))
        with write_session(engine) as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        self.check(url_of(path), StorageError, str(path), "newer program", "9999")

    def test_full_disk(self, tmp_path):
        """SQLite's own "full" answer, provoked by a page limit, rolls the transaction back and is explained."""
        engine = open_database(url_of(tmp_path / "a.db"))
        with (
            pytest.raises(StorageError, match=r"a\.db cannot be written: the disk is full"),
            write_session(engine) as s,
        ):
            pages = s.connection().exec_driver_sql("PRAGMA page_count").scalar()
            s.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            s.add_all([make_row(f"RW-{number}") for number in range(2000)])
        with read_session(engine) as session:
            assert session.scalars(select(CaseRow)).all() == []

    @pytest.mark.parametrize("url", ["mysql://u:geheim@h/x", "geheim", "", "sqlite", "geheim://"])
    def test_url_that_is_not_understood(self, url):
        self.check(url, ConfigurationError, "database URL is not understood", "postgresql://")

    @pytest.mark.parametrize("url", ["postgresql://u:geheim@127.0.0.1:1/x", "postgres://h/x?password=geheim",
                                     "postgresql://u@127.0.0.1:1/x?password=geheim&sslpassword=geheim"])  # fmt: skip
    def test_no_message_shows_a_password(self, url):
        """Neither a missing driver nor an unreachable server nor a bad URL repeats the password."""
        with pytest.raises((StorageError, ConfigurationError)) as caught:
            open_database(url)
        assert "geheim" not in str(caught.value)
        assert "\n" not in str(caught.value)


class TestInstants:
    def test_any_zone_goes_in_and_utc_comes_out(self, tmp_path):
        """SQLite stores no zone, so the column converts on the way in and marks UTC on the way out."""
        engine = open_database(url_of(tmp_path / "a.db"))
        beijing = datetime(2024, 3, 5, 18, 35, 12, 345678, tzinfo=timezone(timedelta(hours=8)))
        with write_session(engine) as session:
            session.add(make_row(captured_at=beijing))
        with read_session(engine) as session:
            got = session.scalars(select(CaseRow)).one().captured_at
        assert (got, got.tzinfo) == (beijing, UTC)

    def test_naive_datetime_is_refused(self, tmp_path):
        """A datetime without a zone is no instant; storing it would invent one."""
        engine = open_database(url_of(tmp_path / "a.db"))
        with pytest.raises(StatementError, match="naive datetime"), write_session(engine) as session:
            session.add(make_row(captured_at=datetime(2024, 3, 5)))
        assert isinstance(CaseRow.__table__.c.captured_at.type.impl, DateTime)


class TestSessions:
    def test_an_error_inside_the_block_stores_nothing(self, tmp_path):
        """A transaction is all or nothing."""
        engine = open_database(url_of(tmp_path / "a.db"))
        with pytest.raises(RuntimeError), write_session(engine) as session:
            session.add(make_row())
            session.flush()
            raise RuntimeError
        with read_session(engine) as session:
            assert session.scalars(select(CaseRow)).all() == []

    @pytest.mark.parametrize("database", DATABASES)
    def test_a_reader_sees_one_state_whatever_is_stored_meanwhile(self, database, tmp_path, request):
        """What it reads second fits what it read first; the next reader sees the rest."""
        is_sqlite = database == "sqlite"
        engine = open_database(url_of(tmp_path / "a.db") if is_sqlite else request.getfixturevalue("postgresql_url"))
        with read_session(engine) as reader:
            assert reader.scalars(select(CaseRow)).all() == []
            with write_session(engine) as writer:
                writer.add(make_row())
            assert reader.scalars(select(CaseRow)).all() == []
        with read_session(engine) as reader:
            assert len(reader.scalars(select(CaseRow)).all()) == 1
        engine.dispose()

    def test_readers_do_not_wait_for_a_writer(self, tmp_path):
        """With WAL a reader sees the last committed state while a writer holds the lock."""
        engine = open_database(url_of(tmp_path / "a.db"), busy_timeout_s=0.1)
        with write_session(engine) as writer, read_session(engine) as reader:
            writer.add(make_row())
            writer.flush()
            assert reader.scalars(select(CaseRow)).all() == []

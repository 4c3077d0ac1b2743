"""Bringing a database to the tables of this program, from inside the program: no alembic.ini, no command to type."""

import threading

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from detector.database.faults import describe_place
from detector.errors import StorageError

SCRIPTS = "detector.database:migrations"
"""Where the migrations are, as package and folder: found in a checkout and in an installed wheel alike."""

ADVISORY_LOCK = 0x526F6164
"""Key of the PostgreSQL lock under which one process at a time migrates ("Road")."""

_alembic_is_global = threading.Lock()
"""Alembic keeps the running environment in a module: two threads must not migrate at once."""


def upgrade(engine: Engine) -> None:
    """Make or upgrade the tables; when they are those of this program, only make sure that they can be written.

    The whole upgrade is one transaction under the database's write lock: a process that starts at the same time waits
    and then finds the work done, and one that is killed leaves the old tables.

    Raises:
        StorageError: the database was written by a newer program.
        sqlalchemy.exc.DBAPIError: it cannot be read or written.
    """
    config = make_config()
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        current = current_revision(connection)
        if current == script.get_current_head():
            # A write that changes nothing: better to learn now than after an hour's work that nothing can be stored.
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
            return
        if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
            raise StorageError(
                f"database {describe_place(engine.url)} was written by a newer program (revision {current}); "
                f"upgrade roadwarden, or choose another place for the database"
            )
        config.attributes["connection"] = connection
        with _alembic_is_global:
            command.upgrade(config, "head")


def make_config() -> Config:
    """Alembic's configuration, in memory."""
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    return config


def current_revision(connection: Connection) -> str | None:
    """Revision of the tables that are there; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()

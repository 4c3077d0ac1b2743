"""Bringing a database to the tables of this program, from inside the program: no alembic.ini, no command to type.

Alembic loads only where there is something to do: a fifth of a second of every start.
"""

import threading
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from detector.database.faults import describe_place
from detector.errors import StorageError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0014"
"""Revision of this program's tables: that of the newest migration."""

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
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        current = current_revision(connection)
        if current == HEAD:
            # A write that changes nothing: better to learn now than after an hour's work that nothing can be stored.
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        else:
            _migrate(connection, current)


def _migrate(connection: Connection, current: str | None) -> None:
    """Run the migrations that follow `current`; None: all of them."""
    from alembic import command
    from alembic.script import ScriptDirectory

    config = make_config()
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StorageError(
            f"database {describe_place(connection.engine.url)} was written by a newer program (revision {current}); "
            f"upgrade roadwarden, or choose another place for the database"
        )
    config.attributes["connection"] = connection
    with _alembic_is_global:
        command.upgrade(config, "head")


def make_config() -> "Config":
    """Alembic's configuration, in memory."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    return config


def current_revision(connection: Connection) -> str | None:
    """Revision of the tables that are there; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

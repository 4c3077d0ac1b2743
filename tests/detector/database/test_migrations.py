from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from detector.database.engine import open_database
from detector.database.migrate import HEAD, current_revision, make_config
from detector.database.tables import Base


def differences(engine, metadata):
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def test_migrations_and_tables_agree():
    """What the migrations make is what the classes say: no table, column, type or index differs."""
    assert differences(open_database("sqlite://"), Base.metadata) == []


def test_the_comparison_sees_a_forgotten_migration():
    """The test above can fail: a table that no migration makes is reported."""
    metadata = MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(metadata)
    Table("forgotten", metadata, Column("id", Integer, primary_key=True))
    assert [kind for kind, *_ in differences(open_database("sqlite://"), metadata)] == ["add_table"]


def test_there_is_one_line_of_migrations_and_it_is_fully_applied():
    """Two heads would make the upgrade ambiguous; `HEAD` left behind would leave the newest one out."""
    script = ScriptDirectory.from_config(make_config())
    assert script.get_heads() == [HEAD]
    with open_database("sqlite://").connect() as connection:
        assert current_revision(connection) == HEAD


def test_downgrading_leaves_no_table_behind():
    """Each migration can be taken back, so that a failed release can be undone."""
    from alembic import command

    engine = open_database("sqlite://")
    config = make_config()
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]

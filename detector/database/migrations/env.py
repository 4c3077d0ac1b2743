"""Alembic's entry: runs on the connection and inside the transaction that `detector.database.migrate` holds."""

from alembic import context

from detector.database.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()

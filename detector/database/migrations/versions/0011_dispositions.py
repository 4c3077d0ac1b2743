"""Requests of other systems to watch for plates."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dispositions",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("disposition_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("peer", "disposition_id", name=op.f("pk_dispositions")),
    )
    op.create_index(op.f("ix_dispositions_entry_id"), "dispositions", ["entry_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_dispositions_entry_id"), table_name="dispositions")
    op.drop_table("dispositions")

"""Watch list: accounts of the desk instead of passphrases of its own; what a listed vehicle looks like."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXTS = (
    ("watch_entries", ("plate_colour", "vehicle_type", "lead_id")),
    ("interceptions", ("plate_colour", "vehicle_type")),
)
FLAGS = ("colour_agrees", "vehicle_agrees")


def upgrade() -> None:
    # Who applied by passphrase may have an account of another name: such a request must not meet its own approval.
    op.execute(
        "UPDATE watch_entries SET revoked_at = CURRENT_TIMESTAMP, revoked_by = 'upgrade', "
        "revoke_reason = 'applied for before there were accounts; apply again' "
        "WHERE approved_at IS NULL AND revoked_at IS NULL"
    )
    for table, names in TEXTS:
        for name in names:
            op.add_column(table, sa.Column(name, sa.String(), nullable=True))
    for name in FLAGS:
        op.add_column("interceptions", sa.Column(name, sa.Boolean(), nullable=True))
    op.drop_table("watch_people")


def downgrade() -> None:
    op.create_table(
        "watch_people",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("scrypt", sa.String(), nullable=False),
        sa.Column("enrolled_by", sa.String(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watch_people")),
    )
    for name in FLAGS:
        op.drop_column("interceptions", name)
    for table, names in TEXTS:
        for name in names:
            op.drop_column(table, name)

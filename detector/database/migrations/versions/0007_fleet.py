"""Leases of cameras, and workers of a fleet."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "camera_leases",
        sa.Column("camera_id", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("camera_id", name=op.f("pk_camera_leases")),
    )
    for column in ("owner", "wanted"):
        op.create_index(op.f(f"ix_camera_leases_{column}"), "camera_leases", [column], unique=False)
    op.create_table(
        "fleet_workers",
        sa.Column("worker_id", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("busy", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_fleet_workers")),
    )


def downgrade() -> None:
    op.drop_table("fleet_workers")
    for column in ("owner", "wanted"):
        op.drop_index(op.f(f"ix_camera_leases_{column}"), table_name="camera_leases")
    op.drop_table("camera_leases")

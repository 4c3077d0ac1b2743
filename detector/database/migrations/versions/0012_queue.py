"""Indexes of the queue: what is in time, and whether anything changed."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


ORDER = ["status", "confidence", "captured_at", "created_at", "district"]


def upgrade() -> None:
    op.drop_index("ix_cases_queue", table_name="cases")
    op.create_index("ix_cases_queue", "cases", [*ORDER, "plate_text", "officer_plate"], unique=False)
    op.create_index("ix_cases_of_camera", "cases", ["camera_id", "status"], unique=False)
    op.create_index("ix_cases_begun", "cases", ["status", "created_at"], unique=False)
    op.create_index(op.f("ix_cases_updated_at"), "cases", ["updated_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_cases_updated_at"), table_name="cases")
    op.drop_index("ix_cases_of_camera", table_name="cases")
    op.drop_index("ix_cases_begun", table_name="cases")
    op.drop_index("ix_cases_queue", table_name="cases")
    op.create_index("ix_cases_queue", "cases", ORDER, unique=False)

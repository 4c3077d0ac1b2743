"""Index of merged cases: what was merged into a case is asked for on its page."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_cases_parent_case_id"), "cases", ["parent_case_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_cases_parent_case_id"), table_name="cases")

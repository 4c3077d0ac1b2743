"""The officers' desk: one-time codes, purposes of looking at originals, and what the queue is ordered by."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("totp_sealed", sa.String(), nullable=True))
    op.add_column("accounts", sa.Column("totp_step", sa.Integer(), nullable=True))
    op.add_column("cases", sa.Column("confidence", sa.Double(), server_default=sa.text("0"), nullable=False))
    op.execute(
        "UPDATE cases SET confidence = coalesce("
        "(SELECT max(findings.confidence) FROM findings WHERE findings.case_id = cases.case_id), 0)"
    )
    op.create_index(
        "ix_cases_queue", "cases", ["status", "confidence", "captured_at", "created_at", "district"], unique=False
    )
    op.create_index("ix_cases_age", "cases", ["status", "updated_at"], unique=False)
    op.create_table(
        "evidence_openings",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name=op.f("fk_evidence_openings_account_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_evidence_openings_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "account", name=op.f("pk_evidence_openings")),
    )


def downgrade() -> None:
    op.drop_table("evidence_openings")
    op.drop_index("ix_cases_age", table_name="cases")
    op.drop_index("ix_cases_queue", table_name="cases")
    op.drop_column("cases", "confidence")
    op.drop_column("accounts", "totp_step")
    op.drop_column("accounts", "totp_sealed")

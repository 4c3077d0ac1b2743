"""Cases, their findings and their evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("camera_id", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("vehicle_type", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("grade_reasons", sa.JSON(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_source", sa.String(), nullable=False),
        sa.Column("uncertainty_ms", sa.Double(), nullable=True),
        sa.Column("plate_text", sa.String(), nullable=True),
        sa.Column("plate_type", sa.String(), nullable=True),
        sa.Column("plate_colour", sa.String(), nullable=True),
        sa.Column("plate_confidence", sa.Double(), nullable=True),
        sa.Column("plate_characters", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("plate_looks", sa.Integer(), nullable=True),
        sa.Column("load_label", sa.String(), nullable=True),
        sa.Column("load_cover", sa.String(), nullable=True),
        sa.Column("load_cover_confidence", sa.Double(), nullable=True),
        sa.Column("load_fill", sa.String(), nullable=True),
        sa.Column("load_fill_confidence", sa.Double(), nullable=True),
        sa.Column("load_tipper_confidence", sa.Double(), nullable=True),
        sa.Column("load_bed_xyxy", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    op.create_index(op.f("ix_cases_camera_id"), "cases", ["camera_id"], unique=False)
    op.create_index(op.f("ix_cases_captured_at"), "cases", ["captured_at"], unique=False)
    op.create_index(op.f("ix_cases_plate_text"), "cases", ["plate_text"], unique=False)
    op.create_index(op.f("ix_cases_status"), "cases", ["status"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("manifest_sha256", sa.String(), nullable=False),
        sa.Column("clip_start_s", sa.Double(), nullable=False),
        sa.Column("clip_end_s", sa.Double(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_evidence_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_evidence")),
    )
    op.create_table(
        "findings",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("measured", sa.JSON(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("deciding", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.case_id"], name=op.f("fk_findings_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "rule", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_rule"), "findings", ["rule"], unique=False)


def downgrade() -> None:

    op.drop_index(op.f("ix_findings_rule"), table_name="findings")
    op.drop_table("findings")
    op.drop_table("evidence")
    op.drop_index(op.f("ix_cases_status"), table_name="cases")
    op.drop_index(op.f("ix_cases_plate_text"), table_name="cases")
    op.drop_index(op.f("ix_cases_captured_at"), table_name="cases")
    op.drop_index(op.f("ix_cases_camera_id"), table_name="cases")
    op.drop_table("cases")

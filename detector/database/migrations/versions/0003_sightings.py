"""Sightings, opened plates, registers, leads, watch list and interceptions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("plate_text", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("timeline", sa.JSON(), nullable=False),
        sa.Column("unchecked", sa.JSON(), nullable=False),
        sa.Column("scanned_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("outcome_by", sa.String(), nullable=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_leads")),
    )
    op.create_index(op.f("ix_leads_kind"), "leads", ["kind"], unique=False)
    op.create_index(op.f("ix_leads_plate_text"), "leads", ["plate_text"], unique=False)
    op.create_index(op.f("ix_leads_window_to"), "leads", ["window_to"], unique=False)
    op.create_table(
        "plate_openings",
        sa.Column("opening_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("plates", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("opening_id", name=op.f("pk_plate_openings")),
    )
    op.create_index(op.f("ix_plate_openings_opened_at"), "plate_openings", ["opened_at"], unique=False)
    op.create_table(
        "register_versions",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("imported_by", sa.String(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_register_versions")),
    )
    op.create_index(op.f("ix_register_versions_kind"), "register_versions", ["kind"], unique=False)
    op.create_table(
        "sighting_inbox",
        sa.Column("sighting_id", sa.String(), nullable=False),
        sa.Column("key_now", sa.String(), nullable=True),
        sa.Column("key_next", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("is_local", sa.Boolean(), nullable=False),
        sa.Column("camera_id", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plate_type", sa.String(), nullable=True),
        sa.Column("plate_colour", sa.String(), nullable=True),
        sa.Column("vehicle_type", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("uncertainty_ms", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("pass_id", sa.String(), nullable=True),
        sa.Column("picture", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("sighting_id", name=op.f("pk_sighting_inbox")),
    )
    op.create_index(op.f("ix_sighting_inbox_seen_at"), "sighting_inbox", ["seen_at"], unique=False)
    op.create_table(
        "watch_entries",
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("plate_text", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("applicant", sa.String(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approver", sa.String(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoke_reason", sa.String(), nullable=True),
        sa.CheckConstraint("(approver IS NULL) = (approved_at IS NULL)", name=op.f("ck_watch_entries_approval_whole")),
        sa.CheckConstraint("approver IS NULL OR approver <> applicant", name=op.f("ck_watch_entries_two_persons")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_watch_entries")),
    )
    op.create_index(op.f("ix_watch_entries_expires_at"), "watch_entries", ["expires_at"], unique=False)
    op.create_index(op.f("ix_watch_entries_plate_text"), "watch_entries", ["plate_text"], unique=False)
    op.create_table(
        "watch_people",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("scrypt", sa.String(), nullable=False),
        sa.Column("enrolled_by", sa.String(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watch_people")),
    )
    op.create_table(
        "interceptions",
        sa.Column("interception_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("plate_text", sa.String(), nullable=False),
        sa.Column("plate_seen", sa.String(), nullable=False),
        sa.Column("camera_id", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alerted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("next_cameras", sa.JSON(), nullable=False),
        sa.Column("later", sa.JSON(), nullable=False),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("outcome_by", sa.String(), nullable=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["watch_entries.entry_id"], name=op.f("fk_interceptions_entry_id_watch_entries")
        ),
        sa.PrimaryKeyConstraint("interception_id", name=op.f("pk_interceptions")),
    )
    op.create_index(op.f("ix_interceptions_entry_id"), "interceptions", ["entry_id"], unique=False)
    op.create_index(op.f("ix_interceptions_seen_at"), "interceptions", ["seen_at"], unique=False)
    op.create_table(
        "register_entries",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("plate_text", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["register_versions.version"],
            name=op.f("fk_register_entries_version_register_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_register_entries")),
    )
    op.create_index(op.f("ix_register_entries_plate_text"), "register_entries", ["plate_text"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_register_entries_plate_text"), table_name="register_entries")
    op.drop_table("register_entries")
    op.drop_index(op.f("ix_interceptions_seen_at"), table_name="interceptions")
    op.drop_index(op.f("ix_interceptions_entry_id"), table_name="interceptions")
    op.drop_table("interceptions")
    op.drop_table("watch_people")
    op.drop_index(op.f("ix_watch_entries_plate_text"), table_name="watch_entries")
    op.drop_index(op.f("ix_watch_entries_expires_at"), table_name="watch_entries")
    op.drop_table("watch_entries")
    op.drop_index(op.f("ix_sighting_inbox_seen_at"), table_name="sighting_inbox")
    op.drop_table("sighting_inbox")
    op.drop_index(op.f("ix_register_versions_kind"), table_name="register_versions")
    op.drop_table("register_versions")
    op.drop_index(op.f("ix_plate_openings_opened_at"), table_name="plate_openings")
    op.drop_table("plate_openings")
    op.drop_index(op.f("ix_leads_window_to"), table_name="leads")
    op.drop_index(op.f("ix_leads_plate_text"), table_name="leads")
    op.drop_index(op.f("ix_leads_kind"), table_name="leads")
    op.drop_table("leads")

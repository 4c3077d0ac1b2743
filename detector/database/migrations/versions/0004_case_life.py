"""The life of cases: audit log, claims, assignments, links, units; guards against what no program may do.

Triggers refuse a change of state that the table of transitions does not hold or that the audit log does not tell, a new
case that is no candidate, a changed or removed line of the log, and the deletion of a case that is still open.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TRANSITIONS = {
    "amended": "closed",
    "appealed": "amended revoked upheld",
    "auto_dropped": "archived",
    "candidate": "auto_dropped in_review merged",
    "closed": "appealed archived reopened",
    "confirmed": "filed suspended technically_confirmed transferred",
    "dispatched": "appealed feedback in_handling returned suspended",
    "feedback": "appealed in_handling suspended verified",
    "filed": "appealed dispatched suspended transferred",
    "in_handling": "appealed dispatched feedback returned suspended",
    "in_review": "candidate merged rejected suspended technically_confirmed",
    "merged": "archived candidate in_review technically_confirmed",
    "rejected": "archived in_review technically_confirmed",
    "reopened": "appealed dispatched suspended",
    "returned": "appealed dispatched suspended transferred",
    "revoked": "archived",
    "suspended": "confirmed dispatched feedback filed in_handling in_review reopened returned technically_confirmed",
    "technically_confirmed": "confirmed in_review merged rejected suspended",
    "transferred": "archived",
    "upheld": "closed dispatched feedback filed in_handling reopened returned verified",
    "verified": "appealed closed",
}
"""State before: states after; from `detector/cases/transitions.py`: a test holds the two against each other."""

DELETABLE = "'auto_dropped', 'rejected', 'merged', 'transferred', 'closed', 'revoked', 'archived'"
LAST_AFTER = (
    "(SELECT after FROM audit_log WHERE case_id = NEW.case_id AND after IS NOT NULL ORDER BY event_id DESC LIMIT 1)"
)
UNTOLD = (
    "NOT EXISTS (SELECT 1 FROM case_transitions WHERE before = OLD.status AND after = NEW.status) "
    f"OR coalesce({LAST_AFTER}, '') <> NEW.status"
)
CUT = "coalesce((SELECT max(event_id) FROM audit_anchors), 0)"

GUARDS = (
    ("cases", "insert", "INSERT", "NEW.status <> 'candidate'", "a new case is a candidate"),
    ("cases", "status", "UPDATE OF status", f"NEW.status <> OLD.status AND ({UNTOLD})", "illegal change of state"),
    ("cases", "delete", "DELETE", f"OLD.status NOT IN ({DELETABLE})", "an open case is never deleted"),
    ("audit_log", "update", "UPDATE", "1 = 1", "the audit log is append-only"),
    ("audit_log", "delete", "DELETE", f"OLD.event_id > {CUT}", "the audit log is append-only"),
    ("audit_anchors", "update", "UPDATE", "1 = 1", "anchors of the audit log stand"),
    ("audit_anchors", "delete", "DELETE", "1 = 1", "anchors of the audit log stand"),
)
"""Table, name, event, condition that is refused, message."""


def upgrade() -> None:
    for name, kind in (
        ("officer_plate", sa.String()),
        ("basis", sa.JSON(none_as_null=True)),
        ("parent_case_id", sa.String()),
        ("source_site", sa.String()),
    ):
        op.add_column("cases", sa.Column(name, kind, nullable=True))
    op.add_column("cases", sa.Column("district", sa.String(), server_default="", nullable=False))
    op.create_index(op.f("ix_cases_district"), "cases", ["district"], unique=False)
    op.create_index(op.f("ix_cases_officer_plate"), "cases", ["officer_plate"], unique=False)
    op.create_table(
        "audit_log",
        sa.Column("event_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("certificate", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_log")),
    )
    for column in ("action", "at", "case_id"):
        op.create_index(op.f(f"ix_audit_log_{column}"), "audit_log", [column], unique=False)
    head = op.create_table(
        "audit_head",
        sa.Column("head_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("head_id", name=op.f("pk_audit_head")),
    )
    op.bulk_insert(head, [{"head_id": 1, "event_id": 0, "digest": "0" * 64}])
    op.create_table(
        "audit_anchors",
        sa.Column("event_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("cut_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_anchors")),
    )
    transitions = op.create_table(
        "case_transitions",
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("before", "after", name=op.f("pk_case_transitions")),
    )
    op.bulk_insert(
        transitions,
        [
            {"before": before, "after": after}
            for before, all_after in TRANSITIONS.items()
            for after in all_after.split()
        ],
    )
    op.create_table(
        "case_claims",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        _of_case("case_claims"),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_claims")),
    )
    op.create_index(op.f("ix_case_claims_account"), "case_claims", ["account"], unique=False)
    op.create_table(
        "assignments",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("is_main", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accept_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feedback_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_to", sa.String(), nullable=True),
        _of_case("assignments"),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_assignments")),
    )
    for column in ("case_id", "status", "unit"):
        op.create_index(op.f(f"ix_assignments_{column}"), "assignments", [column], unique=False)
    op.create_table(
        "case_links",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("other_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        _of_case("case_links"),
        _of_case("case_links", "other_id"),
        sa.PrimaryKeyConstraint("case_id", "other_id", name=op.f("pk_case_links")),
    )
    op.create_index(op.f("ix_case_links_other_id"), "case_links", ["other_id"], unique=False)
    op.create_table(
        "units",
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("unit_id", name=op.f("pk_units")),
    )
    op.create_index(op.f("ix_units_parent"), "units", ["parent"], unique=False)
    for guard in GUARDS:
        _make_guard(*guard)


def downgrade() -> None:
    for table, name, *_ in GUARDS:
        on_table = f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""
        op.execute(f"DROP TRIGGER guard_{table}_{name}{on_table}")
        if on_table:
            op.execute(f"DROP FUNCTION guard_{table}_{name}")
    for table in (
        "units", "case_links", "assignments", "case_claims", "case_transitions", "audit_anchors", "audit_head",
        "audit_log",
    ):  # fmt: skip
        op.drop_table(table)
    op.drop_index(op.f("ix_cases_officer_plate"), table_name="cases")
    op.drop_index(op.f("ix_cases_district"), table_name="cases")
    for column in ("district", "source_site", "parent_case_id", "basis", "officer_plate"):
        op.drop_column("cases", column)


def _of_case(table: str, column: str = "case_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], ["cases.case_id"], name=op.f(f"fk_{table}_{column}_cases"), ondelete="CASCADE"
    )


def _make_guard(table: str, name: str, when: str, refused: str, message: str) -> None:
    """A trigger before the event that refuses it where the condition holds."""
    guard = f"guard_{table}_{name}"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {guard} BEFORE {when} ON {table} WHEN {refused} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    row = "OLD" if when == "DELETE" else "NEW"
    op.execute(
        f"CREATE FUNCTION {guard}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {refused} THEN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {row}; END $$"
    )
    op.execute(f"CREATE TRIGGER {guard} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {guard}()")

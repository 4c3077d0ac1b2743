"""All tables of the case database, as SQLAlchemy 2 declarative classes.

A case is one row in `cases`, one row in `findings` per rule that it broke, and, once its package is sealed, one row in
`evidence`. Columns are as normalised as listing and filtering need; lists that are only ever read whole are JSON.
A change here needs a migration beside it: a test holds the two against each other.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, ForeignKey, MetaData, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware datetimes in, aware UTC out, also on SQLite, which stores no time zone.

    Raises:
        ValueError: on writing a naive datetime, which is not an instant.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC on the way in."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value.isoformat()} is not an instant")
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back aware UTC; what SQLite stored is UTC by construction."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Parent of all tables; constraint names are fixed so that migrations can name them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, float: Double, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class CaseRow(Base):
    """One case. `plate_*` are None together when no plate was voted, `load_*` when the load was never looked at."""

    __tablename__ = "cases"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(index=True)
    place: Mapped[str]
    vehicle_type: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    grade: Mapped[str]
    grade_reasons: Mapped[list[Any]]
    captured_at: Mapped[datetime] = mapped_column(index=True)
    time_source: Mapped[str]
    uncertainty_ms: Mapped[float | None]

    plate_text: Mapped[str | None] = mapped_column(index=True)
    plate_type: Mapped[str | None]
    plate_colour: Mapped[str | None]
    plate_confidence: Mapped[float | None]
    plate_characters: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    plate_looks: Mapped[int | None]

    load_label: Mapped[str | None]
    load_cover: Mapped[str | None]
    load_cover_confidence: Mapped[float | None]
    load_fill: Mapped[str | None]
    load_fill_confidence: Mapped[float | None]
    load_tipper_confidence: Mapped[float | None]
    load_bed_xyxy: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    findings: Mapped[list["FindingRow"]] = relationship(
        order_by="FindingRow.position", cascade="all, delete-orphan", lazy="selectin"
    )
    evidence: Mapped["EvidenceRow | None"] = relationship(cascade="all, delete-orphan", lazy="selectin")


class FindingRow(Base):
    """What one rule found; `position` keeps the order in which the rules ran."""

    __tablename__ = "findings"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True, index=True)
    position: Mapped[int]
    measured: Mapped[dict[str, Any]]
    limits: Mapped[dict[str, Any]]
    confidence: Mapped[float]
    deciding: Mapped[list[Any]]


class EvidenceRow(Base):
    """The sealed package of a case; a case without this row has none yet."""

    __tablename__ = "evidence"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True)
    folder: Mapped[str]
    manifest_sha256: Mapped[str]
    clip_start_s: Mapped[float]
    clip_end_s: Mapped[float]
    sealed_at: Mapped[datetime]

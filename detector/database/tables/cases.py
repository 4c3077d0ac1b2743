"""Tables of cases: one row in `cases`, one row in `findings` per rule broken, one row in `evidence` once sealed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from detector.database.tables.base import Base


class CaseRow(Base):
    """One case. `plate_*` are None together when no plate was voted, `load_*` when the load was never looked at.

    `confidence` is that of the surest finding: the queue is ordered by it.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index(
            "ix_cases_queue", "status", "confidence", "captured_at", "created_at", "district", "plate_text",
            "officer_plate", "grade", "camera_id", "case_id",
        ),
        Index("ix_cases_age", "status", "updated_at"),
        Index("ix_cases_begun", "status", "created_at"),
        Index("ix_cases_of_camera", "camera_id", "status"),
    )  # fmt: skip

    case_id: Mapped[str] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(index=True)
    place: Mapped[str]
    district: Mapped[str] = mapped_column(index=True, server_default="")
    vehicle_type: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    grade: Mapped[str]
    grade_reasons: Mapped[list[Any]]
    captured_at: Mapped[datetime] = mapped_column(index=True)
    time_source: Mapped[str]
    uncertainty_ms: Mapped[float | None]
    confidence: Mapped[float] = mapped_column(server_default=text("0"))

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

    officer_plate: Mapped[str | None] = mapped_column(index=True)
    basis: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    parent_case_id: Mapped[str | None] = mapped_column(index=True)
    source_site: Mapped[str | None]

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)

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

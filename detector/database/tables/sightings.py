"""Tables of sightings: those not yet moved to the Parquet store, and the log of opened plates."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class SightingInboxRow(Base):
    """A sighting that live or replay has seen and that waits to be moved to its day's file; the plate is sealed."""

    __tablename__ = "sighting_inbox"

    sighting_id: Mapped[str] = mapped_column(primary_key=True)
    key_now: Mapped[str | None]
    key_next: Mapped[str]
    sealed: Mapped[str]
    is_local: Mapped[bool]
    camera_id: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    plate_type: Mapped[str | None]
    plate_colour: Mapped[str | None]
    vehicle_type: Mapped[str | None]
    direction: Mapped[str | None]
    uncertainty_ms: Mapped[float | None]
    confidence: Mapped[float | None]
    pass_id: Mapped[str | None]
    picture: Mapped[str | None]


class PlateOpeningRow(Base):
    """Who opened how many sealed plates, when and why; rows are only ever added."""

    __tablename__ = "plate_openings"

    opening_id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str]
    reason: Mapped[str]
    subject: Mapped[str]
    plates: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(index=True)

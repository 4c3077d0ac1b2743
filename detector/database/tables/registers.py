"""Tables of registers: every import is a version, the newest of a kind is in force."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class RegisterVersionRow(Base):
    """One import of one register."""

    __tablename__ = "register_versions"

    version: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    source: Mapped[str]
    imported_by: Mapped[str]
    imported_at: Mapped[datetime]
    rows: Mapped[int]
    sha256: Mapped[str]


class RegisterEntryRow(Base):
    """One row of a version; a plate may hold several entries. Hours are `[["HH:MM", "HH:MM"], …]`."""

    __tablename__ = "register_entries"

    version: Mapped[int] = mapped_column(ForeignKey("register_versions.version", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    plate_text: Mapped[str] = mapped_column(index=True)
    category: Mapped[str]
    company: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    hours: Mapped[list[Any]]
    routes: Mapped[list[Any]]
    sites: Mapped[list[Any]]

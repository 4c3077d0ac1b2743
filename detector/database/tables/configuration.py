"""Versions of the configuration."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class ConfigurationRow(Base):
    """One version of one configuration, never changed; its scope is "" (shared) or one machine's file (HOST:PATH)."""

    __tablename__ = "configuration_versions"

    scope: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str]
    content: Mapped[str]
    saved_at: Mapped[datetime]
    saved_by: Mapped[str]
    note: Mapped[str]

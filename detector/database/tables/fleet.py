"""Tables of a fleet: who watches which camera, and which workers there are."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from detector.database.tables.base import Base


class CameraLeaseRow(Base):
    """Who watches a camera; rows are never deleted, so that tokens only grow. See `detector/database/leases.py`."""

    __tablename__ = "camera_leases"

    camera_id: Mapped[str] = mapped_column(primary_key=True)
    wanted: Mapped[str | None] = mapped_column(index=True)
    owner: Mapped[str | None] = mapped_column(index=True)
    token: Mapped[int] = mapped_column(BigInteger, server_default="0")
    expires_at: Mapped[datetime | None]


class FleetWorkerRow(Base):
    """A worker's last sign of life: where it runs and how busy it is (0 to 1)."""

    __tablename__ = "fleet_workers"

    worker_id: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str]
    busy: Mapped[float]
    seen_at: Mapped[datetime]

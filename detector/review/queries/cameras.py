"""Cameras as officers see them: what the law knows of each, and its last case."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from detector.database.sessions import read_session
from detector.database.tables import CaseRow, EvidenceRow
from detector.entities import Camera
from detector.review.queries.visible import visible_to
from detector.review.visitors import Visitor


@dataclass(frozen=True, slots=True)
class LastCase:
    """The latest case of a camera that a person may see."""

    case_id: str
    captured_at: datetime


def own_cameras(cameras: Mapping[str, Camera], visitor: Visitor) -> dict[str, Camera]:
    """The cameras of a person's districts, by place."""
    mine = [c for c in cameras.values() if visitor.districts is None or c.district in visitor.districts]
    return {camera.camera_id: camera for camera in sorted(mine, key=lambda c: (c.place, c.camera_id))}


def missing_of_record(camera: Camera, now: datetime) -> tuple[str, ...]:
    """What keeps this camera's record from being evidence: keys of `[camera.legal]`, "expired", or "record"."""
    legal = camera.legal
    if legal is None:
        return ("record",)
    wanted = {
        "technical_review": legal.technical_review,
        "legal_review": legal.legal_review,
        "published_at_url": legal.published_at_url,
        "sign": legal.sign,
        "valid_to": legal.valid_to,
        "authority": legal.authority,
    }
    missing = [name for name, value in wanted.items() if value is None]
    if legal.valid_to is not None and legal.valid_to < now:
        missing.append("expired")
    return tuple(missing)


def last_cases(engine: Engine, visitor: Visitor, camera_ids: Iterable[str]) -> dict[str, LastCase]:
    """The latest case of each camera.

    Raises:
        StorageError: the database cannot be read.
    """
    wanted = list(camera_ids)
    newest = (
        select(CaseRow.camera_id, func.max(CaseRow.captured_at).label("at"))
        .where(CaseRow.camera_id.in_(wanted), visible_to(visitor))
        .group_by(CaseRow.camera_id)
        .subquery()
    )
    rows = select(CaseRow).join(
        newest, (CaseRow.camera_id == newest.c.camera_id) & (CaseRow.captured_at == newest.c.at)
    )
    with read_session(engine) as session:
        return {
            row.camera_id: LastCase(row.case_id, row.captured_at)
            for row in session.scalars(rows.where(visible_to(visitor)))
        }


def last_package(engine: Engine, visitor: Visitor, camera_id: str) -> str | None:
    """Id of the latest case of a camera that has a sealed package; None where there is none.

    Raises:
        StorageError: the database cannot be read.
    """
    sealed = select(CaseRow.case_id).join(EvidenceRow).where(CaseRow.camera_id == camera_id, visible_to(visitor))
    with read_session(engine) as session:
        return session.scalar(sealed.order_by(CaseRow.captured_at.desc()).limit(1))

"""Leads in the database: one open lead per plate and suspicion, renewed by every scan, closed by an outcome."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, func, or_, select

from detector.database.sessions import delete_rows, read_session, write_session
from detector.database.tables import LeadRow
from detector.entities import BEIJING, Lead, LeadKind, LeadOutcome, Reason, TimelineEntry
from detector.errors import Overtaken, StorageError
from detector.patterns.scanning import Suspect


class LeadStore:
    """Saves, lists and closes leads; safe to use from several processes."""

    def __init__(self, engine: Engine) -> None:
        """Use a database that `open_database` has opened."""
        self._engine = engine

    def save(
        self,
        kind: LeadKind,
        suspects: Sequence[Suspect],
        window: tuple[datetime, datetime],
        note: tuple[str, tuple[str, ...]],
    ) -> list[Lead]:
        """Store the suspects of one scan as leads.

        A plate that has an open lead of the kind keeps its lead id; its score, reasons and timeline are renewed.

        Args:
            kind: of all suspects.
            suspects: in the order in which they are returned.
            window: first instant and excluded end.
            note: who scanned, and codes of what could not be checked.
        """
        person, unchecked = note
        saved = []
        with write_session(self._engine) as session:
            for suspect in suspects:
                row = session.scalar(
                    select(LeadRow).where(
                        LeadRow.kind == kind.value,
                        LeadRow.plate_text == suspect.plate_text,
                        LeadRow.outcome.is_(None),
                    )
                )
                if row is None:
                    day = window[1].astimezone(BEIJING)
                    row = LeadRow(lead_id=f"RL-{day:%Y%m%d}-{secrets.token_hex(4).upper()}", kind=kind.value)
                    row.plate_text, row.created_at = suspect.plate_text, datetime.now(UTC)
                    session.add(row)
                row.score, row.window_from, row.window_to = suspect.score, window[0], window[1]
                row.reasons = [asdict(reason) for reason in suspect.reasons]
                row.timeline = [{**asdict(e), "seen_at": e.seen_at.isoformat()} for e in suspect.timeline]
                row.unchecked, row.scanned_by = list(unchecked), person
                saved.append(row)
            session.flush()
            return [to_lead(row) for row in saved]

    def get(self, lead_id: str) -> Lead:
        """One lead.

        Raises:
            StorageError: there is no such lead.
        """
        with read_session(self._engine) as session:
            row = session.get(LeadRow, lead_id)
            if row is None:
                raise Overtaken(f"no lead {lead_id}; `roadwarden leads list` shows what there is")
            return to_lead(row)

    def list(self, limit: int, *, kind: LeadKind | None = None, is_open: bool | None = None) -> Sequence[Lead]:
        """Leads, the best score of the newest window first; every condition that is not None must hold."""
        newest = func.date(LeadRow.window_to)
        wanted = select(LeadRow).order_by(newest.desc(), LeadRow.score.desc(), LeadRow.lead_id).limit(limit)
        if kind is not None:
            wanted = wanted.where(LeadRow.kind == kind.value)
        if is_open is not None:
            wanted = wanted.where(LeadRow.outcome.is_(None) if is_open else LeadRow.outcome.is_not(None))
        with read_session(self._engine) as session:
            return [to_lead(row) for row in session.scalars(wanted)]

    def report(self, lead_id: str, outcome: LeadOutcome, person: str) -> Lead:
        """Close a lead with what officers found; later scans know it.

        Raises:
            StorageError: there is no such lead, it is closed already, or nobody is named.
        """
        if not person.strip():
            raise StorageError("an outcome needs the name of who reports it")
        with write_session(self._engine) as session:
            row = session.get(LeadRow, lead_id, with_for_update=True)
            if row is None:
                raise Overtaken(f"no lead {lead_id}; `roadwarden leads list` shows what there is")
            if row.outcome is not None:
                raise Overtaken(f"lead {lead_id} is closed already: {row.outcome}, by {row.outcome_by}")
            row.outcome, row.outcome_by, row.outcome_at = outcome.value, person, datetime.now(UTC)
            return to_lead(row)

    def outcomes(self) -> dict[str, tuple[LeadOutcome, datetime]]:
        """Plate → its last outcome of a ride-hailing lead, and when."""
        with read_session(self._engine) as session:
            rows = session.scalars(
                select(LeadRow)
                .where(LeadRow.kind == LeadKind.RIDE_HAILING.value, LeadRow.outcome.is_not(None))
                .order_by(LeadRow.outcome_at)
            )
            return {
                row.plate_text: (LeadOutcome(row.outcome), row.outcome_at)
                for row in rows
                if row.outcome and row.outcome_at
            }

    def purge(self, now: datetime, open_days: int, closed_days: int) -> int:
        """Delete leads whose window ended, or whose outcome came, longer ago than their lifetime.

        Returns:
            How many were deleted.
        """
        with write_session(self._engine) as session:
            too_old = or_(
                LeadRow.outcome.is_(None) & (LeadRow.window_to < now - timedelta(days=open_days)),
                LeadRow.outcome_at < now - timedelta(days=closed_days),
            )
            return delete_rows(session, delete(LeadRow).where(too_old))


def to_lead(row: LeadRow) -> Lead:
    """The lead that a row holds."""
    return Lead(
        lead_id=row.lead_id,
        kind=LeadKind(row.kind),
        plate_text=row.plate_text,
        score=row.score,
        window_from=row.window_from,
        window_to=row.window_to,
        reasons=tuple(Reason(**reason) for reason in row.reasons),
        timeline=tuple(_timeline_entry(entry) for entry in row.timeline),
        unchecked=tuple(row.unchecked),
        outcome=LeadOutcome(row.outcome) if row.outcome else None,
        outcome_by=row.outcome_by,
        outcome_at=row.outcome_at,
    )


def _timeline_entry(entry: dict[str, Any]) -> TimelineEntry:
    return TimelineEntry(**{**entry, "seen_at": datetime.fromisoformat(entry["seen_at"])})

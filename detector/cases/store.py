"""The cases of a site, kept in the database.

What `save` does to a case that is already there:

    stored case                     effect
    ─────────────────────────────   ──────────────────────────────────────────────────────────────────────────
    sealed (has evidence)           none: the database says what the sealed package says
    candidate without evidence      replaced by the newer judgement, with evidence if there is some by now
    moved on, without evidence      evidence is attached with its grade; officers' work is never undone

In a fleet only the camera's owner makes cases and judges them anew: its lease is checked in the same transaction. A
worker that has lost the lease may still attach the package of a case that stands without one: the case was made while
it was the owner, nobody else has the packets, and a package is attached once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from detector.cases.rows import evidence_row, fill_row, to_case
from detector.database.faults import storage_error
from detector.database.leases import LeaseBook, refuse
from detector.database.sessions import read_session, write_session
from detector.database.tables import CaseLinkRow, CaseRow, FindingRow
from detector.entities import Case, CaseStatus
from detector.errors import StorageError


class CaseStore:
    """Saves and finds cases; safe to use from several processes and threads at once."""

    def __init__(self, engine: Engine, leases: LeaseBook | None = None) -> None:
        """Use a database that `open_database` has opened.

        Args:
            engine: the database.
            leases: of this worker of a fleet; None where one machine watches alone.
        """
        self._engine = engine
        self._leases = leases

    def save(self, case: Case) -> bool:
        """Store a case, or complete the one that is there; saving the same case again changes nothing.

        Returns:
            True when the case was not there before.

        Raises:
            StorageError: the database cannot be written.
            LeaseLost: another worker watches the camera now; nothing was stored.
        """
        try:
            return self._save(case)
        except IntegrityError:
            # PostgreSQL only: another process inserted the same case between our look and our insert. Now it is there.
            pass
        try:
            return self._save(case)
        except IntegrityError as error:
            raise storage_error(error, self._engine) from error

    def get(self, case_id: str) -> Case:
        """One case.

        Raises:
            StorageError: there is no such case, or the database cannot be read.
        """
        with read_session(self._engine) as session:
            row = session.get(CaseRow, case_id)
            if row is None:
                raise StorageError(f"no case {case_id} in the database; `roadwarden cases list` shows what there is")
            return to_case(row)

    def list(
        self,
        limit: int | None = 100,
        *,
        camera_id: str | None = None,
        rule: str | None = None,
        plate: str | None = None,
        status: CaseStatus | None = None,
    ) -> Sequence[Case]:
        """Cases, the latest captured first; every condition that is not None must hold.

        Args:
            limit: at most so many; None for all.
            camera_id: seen by this camera.
            rule: with a finding of this rule.
            plate: whose plate, as read or as corrected, contains this text in either case, for instance "D12".
            status: in this state.

        Raises:
            StorageError: the database cannot be read.
        """
        wanted = select(CaseRow).order_by(CaseRow.captured_at.desc(), CaseRow.case_id).limit(limit)
        if camera_id is not None:
            wanted = wanted.where(CaseRow.camera_id == camera_id)
        if rule is not None:
            wanted = wanted.where(CaseRow.findings.any(FindingRow.rule == rule))
        if plate is not None:
            texts = (CaseRow.plate_text, CaseRow.officer_plate)
            wanted = wanted.where(or_(*(text.contains(plate.upper(), autoescape=True) for text in texts)))
        if status is not None:
            wanted = wanted.where(CaseRow.status == status.value)
        with read_session(self._engine) as session:
            return [to_case(row) for row in session.scalars(wanted)]

    def linked(self, case_id: str) -> Sequence[str]:
        """Ids of the cases that belong together with one.

        Raises:
            StorageError: the database cannot be read.
        """
        with read_session(self._engine) as session:
            rows = session.scalars(
                select(CaseLinkRow).where((CaseLinkRow.case_id == case_id) | (CaseLinkRow.other_id == case_id))
            )
            return sorted(row.other_id if row.case_id == case_id else row.case_id for row in rows)

    def _save(self, case: Case) -> bool:
        now = datetime.now(UTC)
        with write_session(self._engine) as session:
            is_owner = self._leases is None or self._leases.may_write(session, case.camera_id)
            row = session.get(CaseRow, case.case_id, with_for_update=True)
            if not is_owner and (row is None or case.evidence is None):
                raise refuse(case.camera_id)
            if row is None:
                _insert(session, case, now)
                return True
            if row.evidence is not None:
                return False
            if row.status == CaseStatus.CANDIDATE.value:
                fill_row(row, case)
            if case.evidence is not None:
                row.evidence = evidence_row(case.evidence, now)
                row.grade, row.grade_reasons = case.grade.value, list(case.grade_reasons)
            if session.new or session.deleted or any(session.is_modified(changed) for changed in session.dirty):
                row.updated_at = now
            return False


def _insert(session: Session, case: Case, now: datetime) -> None:
    row = CaseRow(case_id=case.case_id, status=case.status.value, created_at=now, updated_at=now)
    fill_row(row, case)
    row.evidence = evidence_row(case.evidence, now) if case.evidence else None
    session.add(row)

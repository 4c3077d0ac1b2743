"""For what purpose somebody looks at the originals of a case: stated or following from the task, written down, and
for a while."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from detector.cases import audit
from detector.database.sessions import read_session, write_session
from detector.database.tables import EvidenceOpeningRow
from detector.review.visitors import Visitor

PURPOSES = ("review", "legal_review", "dispatch", "handling", "appeal", "supervision", "audit")
"""What one may look at originals for; the words are in the texts under `purpose`."""


def find_purpose(engine: Engine, visitor: Visitor, case_id: str, now: datetime) -> str | None:
    """The purpose for which a person may look at the originals of a case now; None: there is none."""
    with read_session(engine) as session:
        row = session.get(EvidenceOpeningRow, (case_id, visitor.account.account))
        return row.purpose if row is not None and row.until > now else None


def open_originals(
    engine: Engine, visitor: Visitor, case_id: str, purpose: str, until: tuple[datetime, timedelta]
) -> None:
    """Let a person look at the originals of a case, and write it down.

    Args:
        engine: of the case database.
        visitor: who.
        case_id: the case.
        purpose: one of `PURPOSES`, with more words after a colon where the person gave some.
        until: now, and for how long.

    Raises:
        StorageError: it cannot be written down; then nothing may be shown.
    """
    now, long = until
    with write_session(engine) as session:
        row = session.get(EvidenceOpeningRow, (case_id, visitor.account.account)) or EvidenceOpeningRow(
            case_id=case_id, account=visitor.account.account
        )
        row.purpose, row.until = purpose, now + long
        session.add(row)
        audit.append(session, audit.Entry(visitor.actor, "view_evidence", now, case_id, reason=purpose))

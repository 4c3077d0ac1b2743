"""All tables of the database, as SQLAlchemy 2 declarative classes, one file a subject.

Columns are as normalised as listing and filtering need; lists that are only ever read whole are JSON. A change here
needs a migration beside it: a test holds the two against each other.
"""

from detector.database.tables.accounts import AccountRow, EvidenceOpeningRow, SessionRow
from detector.database.tables.base import Base, UtcDateTime
from detector.database.tables.cases import CaseRow, EvidenceRow, FindingRow
from detector.database.tables.configuration import ConfigurationRow
from detector.database.tables.dispatch import DispositionRow, FeedbackRow, OutboxRow
from detector.database.tables.fleet import CameraLeaseRow, FleetWorkerRow
from detector.database.tables.leads import LeadRow
from detector.database.tables.life import (
    AssignmentRow,
    AuditAnchorRow,
    AuditHeadRow,
    AuditRow,
    CaseLinkRow,
    ClaimRow,
    TransitionRow,
    UnitRow,
)
from detector.database.tables.registers import RegisterEntryRow, RegisterVersionRow
from detector.database.tables.sightings import PlateOpeningRow, SightingInboxRow
from detector.database.tables.watch import InterceptionRow, WatchEntryRow

__all__ = [
    "AccountRow",
    "AssignmentRow",
    "AuditAnchorRow",
    "AuditHeadRow",
    "AuditRow",
    "Base",
    "CameraLeaseRow",
    "CaseLinkRow",
    "CaseRow",
    "ClaimRow",
    "ConfigurationRow",
    "DispositionRow",
    "EvidenceOpeningRow",
    "EvidenceRow",
    "FeedbackRow",
    "FindingRow",
    "FleetWorkerRow",
    "InterceptionRow",
    "LeadRow",
    "OutboxRow",
    "PlateOpeningRow",
    "RegisterEntryRow",
    "RegisterVersionRow",
    "SessionRow",
    "SightingInboxRow",
    "TransitionRow",
    "UnitRow",
    "UtcDateTime",
    "WatchEntryRow",
]

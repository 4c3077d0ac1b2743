"""All nouns of Roadwarden, frozen; the files stand in the order in which data flows.

    time_basis, cameras ─► frames ─► tracks ─► loads, plates ─► passes ─┬► cases ─► life
                                              hubs, registers, sightings ─► leads, watch ◄─┘

Nothing here computes more than a property of itself, and nothing here imports another part of the program but
`geometry`. Units are in the names: `_s` seconds, `_px` pixels, `_xyxy` boxes in px, `_at` instants (aware UTC).
"""

from detector.entities.cameras import Authority, Camera, LegalRecord
from detector.entities.cases import Case, Evidence, Finding, Grade, Violation
from detector.entities.dispatch import Message, MessageState
from detector.entities.frames import Detections, Frame, VehicleType
from detector.entities.hubs import Hub, Road
from detector.entities.leads import Lead, LeadKind, LeadOutcome, Reason, TimelineEntry
from detector.entities.life import (
    Action,
    Actor,
    Assignment,
    AssignmentStatus,
    CaseEvent,
    CaseStatus,
    RejectReason,
    Role,
    Unit,
)
from detector.entities.loads import Cover, Fill, LoadLabel, LoadState
from detector.entities.passes import Observation, VehiclePass
from detector.entities.plates import Plate, PlateColour, PlateReading, PlateType
from detector.entities.registers import RegisterEntry, RegisterKind, RegisterVersion
from detector.entities.sightings import BadRow, ImportReport, Opening, PurgeReport, Sighting
from detector.entities.time_basis import BEIJING, RELATIVE_EPOCH, TimeBasis, TimeSource
from detector.entities.tracks import Track, TrackState
from detector.entities.watch import (
    Interception,
    InterceptionOutcome,
    LaterSighting,
    NextCamera,
    WatchEntry,
    WatchRequest,
    WatchStatus,
)

__all__ = [
    "BEIJING",
    "RELATIVE_EPOCH",
    "Action",
    "Actor",
    "Assignment",
    "AssignmentStatus",
    "Authority",
    "BadRow",
    "Camera",
    "Case",
    "CaseEvent",
    "CaseStatus",
    "Cover",
    "Detections",
    "Evidence",
    "Fill",
    "Finding",
    "Frame",
    "Grade",
    "Hub",
    "ImportReport",
    "Interception",
    "InterceptionOutcome",
    "LaterSighting",
    "Lead",
    "LeadKind",
    "LeadOutcome",
    "LegalRecord",
    "LoadLabel",
    "LoadState",
    "Message",
    "MessageState",
    "NextCamera",
    "Observation",
    "Opening",
    "Plate",
    "PlateColour",
    "PlateReading",
    "PlateType",
    "PurgeReport",
    "Reason",
    "RegisterEntry",
    "RegisterKind",
    "RegisterVersion",
    "RejectReason",
    "Road",
    "Role",
    "Sighting",
    "TimeBasis",
    "TimeSource",
    "TimelineEntry",
    "Track",
    "TrackState",
    "Unit",
    "VehiclePass",
    "VehicleType",
    "Violation",
    "WatchEntry",
    "WatchRequest",
    "WatchStatus",
]

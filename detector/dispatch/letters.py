"""What is told to whom: a listener of the life of cases that writes into the outbox, in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from detector.cases.rows import to_case
from detector.database.tables import AssignmentRow, CaseRow, UnitRow
from detector.dispatch.outbox import Outbox
from detector.entities import BEIJING, Action, Case, CaseEvent, CaseStatus

TOLD = {
    Action.DISPATCH: "dispatched",
    Action.ADD_UNIT: "dispatched",
    Action.ESCALATE: "escalated",
    Action.REWORK: "rework",
    Action.WAIVE: "waived",
    Action.SUSPEND: "suspended",
    Action.RESUME: "resumed",
    Action.APPEAL: "appealed",
    Action.AMEND: "amended",
    Action.REVOKE: "revoked",
    Action.CLOSE: "closed",
}
"""Steps that departments are told of."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts of one language.

    Attributes:
        alert: with `{time}`, `{plate}`, `{place}`, `{acts}`.
        no_plate: instead of a plate.
        time: `strftime` of Beijing time.
        acts: rule → what was seen, never what the law calls it.
        comma: between acts.
    """

    alert: str
    no_plate: str
    time: str
    acts: Mapping[str, str]
    comma: str

    def tell(self, case: Case) -> str:
        """The alert of a case: time, plate, road, act."""
        acts = self.comma.join(self.acts.get(finding.rule, finding.rule) for finding in case.findings)
        at = case.captured_at.astimezone(BEIJING)
        plate = case.plate_text or self.no_plate
        return self.alert.format(time=at.strftime(self.time), plate=plate, place=case.place or "-", acts=acts)


class Letters:
    """Writes a message for each unit concerned to each receiver that serves it."""

    def __init__(self, outbox: Outbox, receivers: Mapping[str, Sequence[str]], wording: Wording) -> None:
        """Take collaborators.

        Args:
            outbox: messages go there.
            receivers: unit → names of the receivers that serve it; units without one work at the desk.
            wording: of the alert.
        """
        self._outbox = outbox
        self._receivers = receivers
        self._wording = wording

    def __call__(self, session: Session, event: CaseEvent) -> None:
        """Tell of one event."""
        kind = _kind(event)
        if kind is None or event.case_id is None:
            return
        row = session.get(CaseRow, event.case_id)
        case = to_case(row) if row is not None else None
        if case is None:
            return
        for unit in _units(session, event):
            for receiver in self._receivers.get(unit, ()):
                key = (receiver, event.case_id, event.event_id)
                self._outbox.enqueue(session, key, kind, self._describe(session, case, event, unit), unit)

    def _describe(self, session: Session, case: Case, event: CaseEvent, unit: str) -> dict[str, Any]:
        """What a receiver learns of a case."""
        part = session.scalars(
            select(AssignmentRow)
            .where(AssignmentRow.case_id == case.case_id)
            .where((AssignmentRow.unit == unit) | (AssignmentRow.escalated_to == unit))
            .order_by(AssignmentRow.round.desc())
            .limit(1)
        ).one_or_none()
        named = session.get(UnitRow, unit)
        return {
            "unit": unit,
            "unit_name": named.name if named else unit,
            "is_main": bool(part and part.is_main),
            "accept_due_at": part.accept_due_at.isoformat() if part else None,
            "feedback_due_at": part.feedback_due_at.isoformat() if part else None,
            "text": self._wording.tell(case),
            "reason": event.reason,
            "status": event.after.value if event.after else case.status.value,
            "captured_at": case.captured_at.isoformat(),
            "time_source": case.time.source.value,
            "place": case.place,
            "camera_id": case.camera_id,
            "district": case.district,
            "plate": case.plate_text,
            "plate_colour": case.plate.colour.value if case.plate else None,
            "plate_type": case.plate.plate_type.value if case.plate else None,
            "plate_characters": list(case.plate.characters) if case.plate and not case.officer_plate else None,
            "vehicle_type": case.vehicle_type.label,
            "load": case.load.label.value if case.load else None,
            "findings": [finding.rule for finding in case.findings],
            "grade": case.grade.value,
            "grade_reasons": list(case.grade_reasons),
            "basis": dict(case.basis) if case.basis else None,
            "source_site": case.source_site,
            "manifest_sha256": case.evidence.manifest_sha256 if case.evidence else None,
            "evidence_folder": case.evidence.folder if case.evidence else None,
        }


def _kind(event: CaseEvent) -> str | None:
    """What a step is called where departments are told of it; None where they are not."""
    if event.action == Action.UNDO:  # of what can be undone, departments have heard of a suspension alone
        return TOLD[Action.RESUME] if event.before is CaseStatus.SUSPENDED else None
    return TOLD.get(Action(event.action)) if event.action in set(Action) else None


def _units(session: Session, event: CaseEvent) -> list[str]:
    """Units that an event concerns."""
    if event.action in (Action.DISPATCH, Action.ADD_UNIT):
        return [str(item["unit"]) for item in event.details["units"]]
    if event.action == Action.ESCALATE:
        return [str(event.details["to"])]
    if event.action == Action.WAIVE:
        return [str(event.details["unit"])]
    rows = session.scalars(select(AssignmentRow.unit).where(AssignmentRow.case_id == event.case_id))
    return sorted(set(rows))

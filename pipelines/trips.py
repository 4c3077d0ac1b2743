"""What belongs together: cases of one truck on one trip are linked, and the site that loaded it is named with a reason.

One pass is one case; a truck that five cameras see on its way makes five cases that name each other, not five trucks.
"""

from datetime import timedelta

from sqlalchemy import Engine

from detector.cases.lateness import SYSTEM
from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.leases import LeaseBook
from detector.entities import Action, Case, CaseStatus
from detector.errors import LifeCycleError
from detector.evidence.texts import Language, text

TRIP_WITHIN = timedelta(hours=2)
"""Longest time between two sights of one trip: a city is crossed in less. A proposal."""

APART = (CaseStatus.REJECTED, CaseStatus.AUTO_DROPPED, CaseStatus.MERGED, CaseStatus.ARCHIVED)
"""Cases that nobody works on are linked with nothing."""


class TripStore(CaseStore):
    """A case store that links what it completes; a link that officers made, or a site that they named, stays."""

    def __init__(self, engine: Engine, life: LifeCycle, leases: LeaseBook | None = None) -> None:
        """Take the database, the life of its cases, and the leases of this machine's cameras, if it has any."""
        super().__init__(engine, leases)
        self._life = life

    def save(self, case: Case) -> bool:
        """See `CaseStore.save`; a case with evidence is then linked with the others of its trip."""
        is_new = super().save(case)
        if case.evidence is not None:
            self._place(case)
        return is_new

    def _place(self, case: Case) -> None:
        if case.source_site is not None:
            reason = text("trip.gate", Language.ZH, camera=case.camera_id)
            self._name_site(self.get(case.case_id), case.source_site, reason, gate=case.camera_id)
        if case.plate is None or not case.plate.is_certain or not case.time.is_absolute:
            return
        known = set(self.linked(case.case_id))
        for other in self.list(None, plate=case.plate.text):
            if other.case_id in known or not _is_same_trip(case, other):
                continue
            reason = text("trip.same_truck", Language.ZH, minutes=_minutes(case, other))
            self._perform(case.case_id, Action.LINK, reason, parent=other.case_id)
        self._hand_on_site(case)

    def _hand_on_site(self, case: Case) -> None:
        """From the gate where a trip began to the cases after it, whichever of them was completed first."""
        trip = sorted(
            (self.get(name) for name in {*self.linked(case.case_id), case.case_id}), key=lambda one: one.captured_at
        )
        gates = [one for one in trip if one.source_site and self._is_gate(one)]
        for one in trip:
            before = [gate for gate in gates if gate.captured_at < one.captured_at and _is_same_trip(gate, one)]
            if before:
                gate = before[-1]
                told = {"minutes": _minutes(gate, one), "camera": gate.camera_id, "case": gate.case_id}
                self._name_site(one, str(gate.source_site), text("trip.from_gate", Language.ZH, **told))

    def _is_gate(self, case: Case) -> bool:
        """Whether its site is that of its camera, and not one that it was seen to come from or that officers named."""
        named = [event for event in self._life.history(case.case_id) if event.action == Action.SOURCE_SITE]
        return bool(named) and named[-1].details.get("gate") == case.camera_id

    def _name_site(self, case: Case, site: str, reason: str, **details: str) -> None:
        if case.source_site is None:
            self._perform(case.case_id, Action.SOURCE_SITE, reason, site=site, **details)

    def _perform(self, case_id: str, action: Action, reason: str, **details: str) -> None:
        """A step of the program; where the case takes none any more, there is nothing to do."""
        try:
            self._life.perform(case_id, action, SYSTEM, reason=reason, details=details)
        except LifeCycleError:
            return


def _is_same_trip(case: Case, other: Case) -> bool:
    """Whether two cases are of one truck within one trip, and both are alive."""
    return (
        case.case_id != other.case_id
        and other.time.is_absolute
        and other.plate_text is not None
        and other.plate_text == case.plate_text
        and {case.status, other.status}.isdisjoint(APART)
        and abs(case.captured_at - other.captured_at) <= TRIP_WITHIN
    )


def _minutes(case: Case, other: Case) -> int:
    return max(1, round(abs(case.captured_at - other.captured_at).total_seconds() / 60))

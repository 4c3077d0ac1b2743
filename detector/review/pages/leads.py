"""Leads: plates that are worth a look, with reasons; to the watch list, or closed with what was found."""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Annotated

from fastapi import Form
from markupsafe import Markup
from starlette.responses import Response

from detector.entities import Lead, LeadKind, LeadOutcome, Role, TimelineEntry, WatchRequest, WatchStatus
from detector.patterns.sentences import MOST_REASONS, Tongue, say, say_entry, say_reason
from detector.review.access import allow, page_router
from detector.review.queries.visible import find_names, sees_places
from detector.review.refusals import Refusal
from detector.review.view import CurrentView, Link, View
from detector.review.visit_chart import FILLS, OTHER_FILL, draw_visits, kind_of

router = page_router()
LINKS = (Link("show_leads", "leads.title", 30),)
READERS = (Role.REVIEWER, Role.LEGAL, Role.DISPATCHER, Role.SUPERVISOR, Role.AUDITOR)
ACTING = (Role.REVIEWER, Role.LEGAL, Role.DISPATCHER, Role.SUPERVISOR)
READ_MOST, LISTED_MOST = 1000, 200
DAYS = (7, 14, 30, 60, 90, 180)
USUAL_DAYS = 30


@router.get("/leads")
@allow(*READERS)
def show_leads(view: CurrentView) -> Response:
    """The best first; plates are masked until somebody opens one."""
    given = view.request.query_params
    kind = LeadKind(given["kind"]) if given.get("kind") in set(LeadKind) else None
    is_open = {"open": True, "closed": False}.get(given.get("state", "open"))
    found = view.desk.leads.list(READ_MOST, kind=kind, is_open=is_open)
    seen = [lead for lead in found if _sees(view, lead)]
    tongue = _tongue(view)
    rows = [(lead, say_reason(lead.reasons[0], tongue) if lead.reasons else "") for lead in seen[:LISTED_MOST]]
    return view.page(
        "leads.html", rows=rows, count=len(seen), kinds=list(LeadKind), kind=kind, is_open=is_open, mask=mask_plate,
        say=lambda key: say(key, tongue),
    )  # fmt: skip


@router.get("/leads/{lead_id}")
@allow(*READERS, limit="search")
def show_lead(view: CurrentView, lead_id: str) -> Response:
    """One lead with everything it rests on; opening it is written down."""
    lead = _find(view, lead_id)
    view.record("view_lead", "lead", lead_id=lead_id)
    tongue = _tongue(view)
    entries = [entry for entry in view.desk.watch.list() if entry.plate_text == lead.plate_text]
    people = [lead.outcome_by, *(entry.applicant for entry in entries)]
    describe = partial(say_entry, tongue=tongue)
    chart = draw_visits(lead.timeline, view.t("leads.chart"), describe) if lead.timeline else None
    kinds = Counter(kind_of(entry) for entry in lead.timeline)
    return view.page(
        "lead.html", lead=lead, say=lambda key: say(key, tongue), chart=chart and Markup(chart),
        reasons=[(say_reason(reason, tongue), reason.points) for reason in lead.reasons[:MOST_REASONS]],
        lines=[(entry, say_entry(entry, tongue)) for entry in lead.timeline], pairs=_pairs(lead),
        kinds=[(kind, count, FILLS.get(kind, OTHER_FILL)) for kind, count in kinds.most_common()], places=_place(view),
        entries=[(e, e.status(view.desk.now())) for e in entries], names=find_names(view.desk.engine, people),
        outcomes=list(LeadOutcome), days=DAYS, usual=USUAL_DAYS, may_act=bool(view.visitor.roles & set(ACTING)),
        is_listed=any(e.status(view.desk.now()) in (WatchStatus.ACTIVE, WatchStatus.REQUESTED) for e in entries),
    )  # fmt: skip


@router.post("/leads/{lead_id}/watch")
@allow(*ACTING)
def apply_for_watch(
    view: CurrentView,
    lead_id: str,
    reason: Annotated[str, Form(min_length=2, max_length=500)],
    days: Annotated[int, Form(ge=1, le=180)],
) -> Response:
    """Apply for the plate to be listed; it is not until a second person consents."""
    lead = _find(view, lead_id)
    request = WatchRequest(lead.plate_text, reason.strip(), expiry(view, days), lead_id=lead_id)
    entry = view.desk.watch.apply(request, view.visitor.actor)
    return view.redirect(f"/leads/{lead_id}", say="leads.applied", entry=entry.entry_id)


@router.post("/leads/{lead_id}/outcome")
@allow(*ACTING)
def report_outcome(view: CurrentView, lead_id: str, outcome: Annotated[LeadOutcome, Form()]) -> Response:
    """Close a lead with what was found; later scans know it."""
    _find(view, lead_id)
    view.desk.leads.report(lead_id, outcome, view.visitor.account.account)
    view.record("lead_outcome", "lead", lead_id=lead_id, outcome=outcome.value)
    return view.redirect(f"/leads/{lead_id}", say="leads.closed", outcome=say(f"outcome.{outcome}", _tongue(view)))


def mask_plate(plate: str) -> str:
    """A plate that tells rows apart, and not whose it is."""
    return f"{plate[:2]}{'·' * max(0, len(plate) - 3)}{plate[-1:]}"


def expiry(view: View, days: int) -> datetime:
    """The end of an entry that stands for so many days."""
    return view.desk.now() + timedelta(days=days) - timedelta(minutes=1)


def _tongue(view: View) -> Tongue:
    return Tongue(view.t.language)


def _find(view: View, lead_id: str) -> Lead:
    lead = view.desk.leads.get(lead_id)
    if not _sees(view, lead):
        raise Refusal(404, "error.no_lead")
    return lead


def _sees(view: View, lead: Lead) -> bool:
    return sees_places(view.visitor, view.desk.cameras, (entry.camera_id for entry in lead.timeline))


def _place(view: View) -> dict[str, str]:
    return {camera_id: camera.place or camera_id for camera_id, camera in view.desk.cameras.items()}


def _pairs(lead: Lead) -> list[tuple[TimelineEntry, TimelineEntry, str, float]]:
    """The journeys of a cloned plate that no one vehicle can have made: from, to, kilometres, minutes."""
    found = []
    for start, end in pairwise(lead.timeline):
        if kind_of(start) == "clone_from" and kind_of(end) == "clone_to":
            minutes = (end.seen_at - start.seen_at).total_seconds() / 60
            found.append((start, end, end.note.partition(" ")[2], minutes))
    return found

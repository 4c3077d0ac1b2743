"""The watch list: applied for by one person, in force with the consent of another, ended at once by either."""

from typing import Annotated

from fastapi import Form
from starlette.responses import Response

from detector.entities import PlateColour, Role, VehicleType, WatchRequest, WatchStatus
from detector.patterns.watchlist import APPLY, APPROVE, REVOKE
from detector.review.access import allow, page_router
from detector.review.pages.leads import DAYS, USUAL_DAYS, expiry
from detector.review.queries.visible import find_names
from detector.review.refusals import Refusal
from detector.review.view import CurrentView, Link

router = page_router()
LINKS = (Link("show_watch_list", "watch.title", 35),)
READERS = (*sorted(APPLY), Role.AUDITOR)
LISTED_MOST = 300
ORDER = {WatchStatus.REQUESTED: 0, WatchStatus.ACTIVE: 1, WatchStatus.EXPIRED: 2, WatchStatus.REVOKED: 3}
Reason = Annotated[str, Form(min_length=2, max_length=500)]


@router.get("/watch")
@allow(*READERS)
def show_watch_list(view: CurrentView) -> Response:
    """What waits for consent first, then what stands, then what has ended; looking at it is written down."""
    now = view.desk.now()
    entries = [(entry, entry.status(now)) for entry in view.desk.watch.list()]
    entries = sorted(entries, key=lambda item: ORDER[item[1]])[:LISTED_MOST]
    view.record("view_watch_list", "watch", entries=len(entries))
    people = [person for entry, _ in entries for person in (entry.applicant, entry.approver, entry.revoked_by)]
    roles = view.visitor.roles
    return view.page(
        "watch.html", entries=entries, names=find_names(view.desk.engine, people), now=now, days=DAYS, usual=USUAL_DAYS,
        may_apply=bool(roles & APPLY), may_approve=bool(roles & APPROVE), may_revoke=bool(roles & REVOKE),
        colours=[colour for colour in PlateColour if colour is not PlateColour.UNKNOWN],
        vehicles=[kind.label for kind in VehicleType if kind is not VehicleType.PERSON],
    )  # fmt: skip


@router.post("/watch")
@allow(*sorted(APPLY))
def apply_for_entry(
    view: CurrentView,
    plate: Annotated[str, Form(max_length=12)],
    reason: Reason,
    days: Annotated[int, Form(ge=1, le=180)],
    colour: Annotated[str, Form(max_length=16)] = "",
    vehicle: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Apply for a plate to be listed."""
    text = plate.upper().replace(" ", "").replace("·", "")
    if not view.desk.is_plate(text):
        raise Refusal(400, "error.no_plate", text)
    if colour not in ("", *PlateColour) or vehicle not in ("", *(kind.label for kind in VehicleType)):
        raise Refusal(400, "error.form", "colour" if vehicle == "" else "vehicle")
    request = WatchRequest(text, reason.strip(), expiry(view, days), colour or None, vehicle or None)
    entry = view.desk.watch.apply(request, view.visitor.actor)
    return view.redirect("/watch", say="watch.applied", entry=entry.entry_id)


@router.post("/watch/{entry_id}/approve")
@allow(*sorted(APPROVE))
def approve_entry(view: CurrentView, entry_id: str) -> Response:
    """Consent, as a second person; who applied cannot, whatever the page shows."""
    view.desk.watch.approve(entry_id, view.visitor.actor)
    return view.redirect("/watch", say="watch.approved", entry=entry_id)


@router.post("/watch/{entry_id}/revoke")
@allow(*sorted(REVOKE))
def revoke_entry(view: CurrentView, entry_id: str, reason: Reason) -> Response:
    """End an entry at once; before consent this turns the application down."""
    view.desk.watch.revoke(entry_id, view.visitor.actor, reason.strip())
    return view.redirect("/watch", say="watch.revoked", entry=entry_id)

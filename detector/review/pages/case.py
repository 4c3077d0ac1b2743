"""One case: everything that an officer needs to decide, and the decisions."""

from typing import Annotated

from fastapi import Form
from starlette.responses import Response

from detector.cases.transitions import BY_ACTION, possible
from detector.entities import Action, CaseStatus, RejectReason, Role
from detector.errors import EvidenceError
from detector.review.access import allow, page_router
from detector.review.queries.openings import PURPOSES, find_purpose, open_originals
from detector.review.queries.tasks import find_task
from detector.review.view import CurrentView

router = page_router()


@router.get("/cases/{case_id}")
@allow(case=True)
def show_case(view: CurrentView, case_id: str) -> Response:
    """The page of one case; a person who has it as a task sees its originals for that task."""
    desk, visitor = view.desk, view.visitor
    case = desk.cases.get(case_id)
    purpose = find_purpose(desk.engine, visitor, case_id, desk.now())
    task = find_task(desk.engine, visitor, case_id, desk.now())
    if purpose is None and task is not None:
        purpose = task
        open_originals(desk.engine, visitor, case_id, task, (desk.now(), desk.settings.opened_for))
    package, fault = None, None
    if case.evidence is not None:
        try:
            package = desk.shelf.find(case.evidence)
        except EvidenceError as error:
            fault = str(error)
    events = desk.life.history(case_id)
    actions = [a for a in possible(case.status) if BY_ACTION[a].roles & visitor.roles]
    return view.page(
        "case.html", case=case, package=package, fault=fault, purpose=purpose, purposes=PURPOSES, events=events,
        actions=actions, reasons=list(RejectReason), last=max((e.event_id for e in events), default=0),
    )  # fmt: skip


@router.post("/cases/{case_id}/claim")
@allow(Role.REVIEWER, case=True)
def claim(view: CurrentView, case_id: str) -> Response:
    """Take the case for review."""
    view.desk.life.perform(case_id, Action.CLAIM, view.visitor.actor)
    return view.redirect(f"/cases/{case_id}")


@router.post("/cases/{case_id}/decide")
@allow(Role.REVIEWER, Role.LEGAL, case=True)
def decide(
    view: CurrentView,
    case_id: str,
    action: Annotated[str, Form(max_length=32)],
    seen: Annotated[int, Form(ge=0)],
    reason: Annotated[str | None, Form(max_length=500)] = None,
) -> Response:
    """Confirm or reject."""
    event = view.desk.life.perform(case_id, Action(action), view.visitor.actor, reason=reason, expected=seen)
    state = view.t(f"status.{(event.after or CaseStatus.CANDIDATE).value}")
    return view.redirect("/queue", say="case.now", case=case_id, state=state)

"""One case: everything that an officer needs to decide, and every step that may be taken."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Form, Query
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from detector.entities import Action, CaseStatus, Role
from detector.patterns.watchlist import APPLY
from detector.review.access import allow, page_router
from detector.review.case_content import SHOWN, UNDO_S, Undo, can_undo, find_or_open, find_package, gather
from detector.review.pages.queue import claim_next, next_in_law
from detector.review.queries.case import find_earlier
from detector.review.queries.openings import PURPOSES
from detector.review.refusals import Refusal
from detector.review.steps import DONE_HERE, DONE_IN_LAW, ROLES, read_details
from detector.review.view import CurrentView, View

router = page_router()
STEP_BYTES = 16 * 1024
LONGEST_NUMBER = 18


@router.get("/cases/{case_id}")
@allow(case=True)
def show_case(view: CurrentView, case_id: str, queue: Annotated[str, Query(max_length=500)] = "") -> Response:
    """The page of one case; a person who has it as a task sees its originals for that task.

    Whoever has none sees masked copies, and that is written down as well.
    """
    shown = gather(view, case_id)
    if shown["package"] is not None and shown["purpose"] is None:
        view.record("view_masked", "masked", case_id)
    return view.page("case.html", **shown, queue=queue, said=None)


@router.post("/cases/{case_id}/steps")
@allow(*ROLES, case=True, max_bytes=STEP_BYTES)
async def take_step(view: CurrentView, case_id: str) -> Response:
    """Take a step; what comes back is the case as it is then, or the next one where the person is done with this."""
    form = await view.request.form()
    return await run_in_threadpool(_take_step, view, case_id, form)


@router.post("/cases/{case_id}/ahead")
@allow(Role.REVIEWER, case=True)
def look_ahead(view: CurrentView, case_id: str, queue: Annotated[str, Form(max_length=500)] = "") -> Response:
    """Claim the case that comes after this one, so that its files are in the browser before it is wanted."""
    following = claim_next(view, queue, skip=case_id)
    if following is None:
        return JSONResponse({"case": None, "files": []})
    case = view.desk.cases.get(following)
    find_or_open(view, following)
    package, _ = find_package(view, case)
    names = [name for name, row in (package.files if package else {}).items() if row.get("role") in SHOWN]
    return JSONResponse({"case": following, "files": [f"/cases/{following}/files/{name}" for name in names]})


@router.post("/cases/{case_id}/earlier")
@allow(Role.REVIEWER, Role.LEGAL, Role.DISPATCHER, Role.SUPERVISOR, Role.AUDITOR, case=True, limit="search")
def show_earlier(view: CurrentView, case_id: str, purpose: Annotated[str, Form(max_length=32)]) -> Response:
    """Other cases of the plate, for a purpose that is written down."""
    if purpose not in PURPOSES:
        raise Refusal(400, "error.form", "purpose")
    case = view.desk.cases.get(case_id)
    view.record("view_plate_history", purpose, case_id, plate=case.plate_text)
    return view.page("case_earlier.html", earlier=find_earlier(view.desk.engine, view.visitor, case), case=case)


@router.get("/plates/check")
@allow(*sorted(APPLY), limit="usual")
def check_plate(view: CurrentView, plate: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Whether a text is a complete plate, while it is being typed."""
    text = plate.upper().replace(" ", "")
    return view.page("plate_check.html", text=text, is_plate=view.desk.is_plate(text))


def _take_step(view: View, case_id: str, form: FormData) -> Response:
    action, seen = str(form.get("action", "")), str(form.get("seen", ""))
    is_number = seen.isdecimal() and len(seen) <= LONGEST_NUMBER
    if action not in set(Action) or not is_number:
        raise Refusal(400, "error.form", "action" if is_number else "seen")
    desk, queue = view.desk, str(form.get("queue", ""))[:500]
    step = Action(action)
    details = read_details(desk, view.visitor, desk.cases.get(case_id), step, form)
    event = desk.life.perform(
        case_id, step, view.visitor.actor, reason=_short(form, "reason"), note=_short(form, "note"), details=details,
        expected=int(seen),
    )  # fmt: skip
    after = (event.after or CaseStatus.CANDIDATE).value
    said = view.t("case.did", action=view.t(f"action.{action}"), case=case_id, state=view.t(f"status.{after}"))
    following: str | None = case_id
    if step in DONE_HERE and Role.REVIEWER in view.visitor.roles:
        following = claim_next(view, queue, skip=case_id)
    elif step in DONE_IN_LAW:
        following = next_in_law(view, queue, skip=case_id)
    if "HX-Request" not in view.request.headers or following is None:
        there = f"/cases/{following}" if following else f"/queue?{queue}"
        return view.redirect(there, say="case.did", action=view.t(f"action.{action}"), case=case_id,
                             state=view.t(f"status.{after}"))  # fmt: skip
    context = gather(view, following) | {"queue": queue, "said": said}
    if following != case_id:
        context["undo"] = Undo(case_id, event.event_id, UNDO_S) if can_undo(event) else None
    response = view.page("case_body.html", **context)
    response.headers["HX-Push-Url"] = f"/cases/{following}" + (f"?queue={quote(queue, safe='')}" if queue else "")
    return response


def _short(form: FormData, name: str) -> str | None:
    value = form.get(name)
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > 500:
        raise Refusal(400, "error.form", name)
    return text or None

"""Departments: what was dispatched to the own unit, taking it or sending it back, and feedback with photos."""

from typing import Annotated

from fastapi import File, Form, UploadFile
from starlette.responses import FileResponse, Response

from detector.entities import Action, Role
from detector.review.access import allow, page_router
from detector.review.case_content import find_masked
from detector.review.photos import PHOTOS_MOST, UPLOAD_BYTES, from_details, to_details
from detector.review.queries.department import find_tasks
from detector.review.refusals import Refusal
from detector.review.view import CurrentView, Link

router = page_router()
LINKS = (Link("show_tasks", "department.title", 15),)
KEEP_S = 600
Reason = Annotated[str, Form(min_length=2, max_length=500)]


@router.get("/department")
@allow(Role.DEPARTMENT)
def show_tasks(view: CurrentView) -> Response:
    """Everything that waits for the unit, and what it has done lately."""
    tasks = find_tasks(view.desk.engine, view.visitor, view.desk.now())
    pictures = {task.case.case_id: find_masked(view, task.case) for task in tasks if task.is_open}
    return view.page("department.html", tasks=tasks, pictures=pictures, now=view.desk.now(), most=PHOTOS_MOST)


@router.post("/department/{case_id}/accept")
@allow(Role.DEPARTMENT, case=True)
def accept_task(view: CurrentView, case_id: str) -> Response:
    """Take the part of the own unit."""
    view.desk.life.perform(case_id, Action.ACCEPT, view.visitor.actor)
    return view.redirect("/department", say="department.accepted", case=case_id)


@router.post("/department/{case_id}/return")
@allow(Role.DEPARTMENT, case=True)
def return_task(view: CurrentView, case_id: str, reason: Reason) -> Response:
    """Send the part back, with the reason."""
    view.desk.life.perform(case_id, Action.RETURN, view.visitor.actor, reason=reason.strip())
    return view.redirect("/department", say="department.returned", case=case_id)


@router.post("/department/{case_id}/feedback")
@allow(Role.DEPARTMENT, case=True, max_bytes=UPLOAD_BYTES, limit="search")
def give_feedback(
    view: CurrentView, case_id: str, reason: Reason, photos: Annotated[list[UploadFile] | None, File()] = None
) -> Response:
    """Say what was done, with photos of it; the step names the photos and their hashes."""
    uploads = [photo.file.read() for photo in photos or () if photo.size]
    kept = view.desk.photos.keep(case_id, uploads)
    try:
        view.desk.life.perform(
            case_id, Action.GIVE_FEEDBACK, view.visitor.actor, reason=reason.strip(),
            details={"photos": to_details(kept)} if kept else None,
        )  # fmt: skip
    except Exception:
        view.desk.photos.discard(case_id, kept)
        raise
    return view.redirect("/department", say="department.answered", case=case_id, count=len(kept))


@router.get("/cases/{case_id}/photos/{name}")
@allow(case=True)
def send_photo(view: CurrentView, case_id: str, name: str) -> Response:
    """A photo of a feedback to this case; no other name leads to a file."""
    named = [photo for event in view.desk.life.history(case_id) for photo in from_details(event.details)]
    photo = next((photo for photo in named if photo.name == name), None)
    if photo is None:
        raise Refusal(404, "error.evidence", name)
    path = view.desk.photos.open(case_id, photo)
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": f"private, max-age={KEEP_S}"})

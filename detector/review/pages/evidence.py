"""Files of evidence: only those that a manifest names, for people who may see the case; originals for a purpose."""

from typing import Annotated

from fastapi import Form, Query
from starlette.responses import FileResponse, Response

from detector.errors import EvidenceError
from detector.review.access import allow, page_router
from detector.review.queries.openings import PURPOSES, find_purpose, open_originals
from detector.review.refusals import Refusal
from detector.review.shelf import MEDIA_TYPES
from detector.review.view import CurrentView

router = page_router()
MASKED = frozenset({"masked"})
"""Roles of files that may be shown to everybody who may see the case."""

KEEP_S = 600
"""Browsers keep evidence so long, so that a loop or a preloaded case is not fetched twice; signing out clears it."""


@router.get("/cases/{case_id}/files/{name}")
@allow(case=True)
def send_file(view: CurrentView, case_id: str, name: str, download: Annotated[bool, Query()] = False) -> Response:
    """One file, whole or in ranges; a download is written to the audit log each time."""
    evidence = view.desk.cases.get(case_id).evidence
    if evidence is None:
        raise EvidenceError(f"case {case_id} has no sealed package yet")
    package = view.desk.shelf.find(evidence)
    path = view.desk.shelf.open(package, name)
    role = package.files.get(name, {}).get("role")
    purpose = find_purpose(view.desk.engine, view.visitor, case_id, view.desk.now())
    if purpose is None and (role not in MASKED or download):
        raise Refusal(403, "error.purpose")
    media_type = MEDIA_TYPES.get(path.suffix)
    if download and purpose is not None:
        view.record("download_evidence", purpose, case_id, file=name)
    as_attachment = download or media_type is None
    return FileResponse(
        path,
        media_type=media_type or "application/octet-stream",
        filename=f"{case_id}_{name}",
        content_disposition_type="attachment" if as_attachment else "inline",
        headers={"Cache-Control": f"private, max-age={KEEP_S}"},
    )


@router.post("/cases/{case_id}/originals")
@allow(case=True)
def state_purpose(
    view: CurrentView,
    case_id: str,
    purpose: Annotated[str, Form(max_length=32)],
    words: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Say what the originals are looked at for; they are open to this person for a while."""
    if purpose not in PURPOSES:
        raise Refusal(400, "error.form", "purpose")
    stated = f"{purpose}: {words.strip()}" if words.strip() else purpose
    until = (view.desk.now(), view.desk.settings.opened_for)
    open_originals(view.desk.engine, view.visitor, case_id, stated, until)
    return view.redirect(f"/cases/{case_id}")

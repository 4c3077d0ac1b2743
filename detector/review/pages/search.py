"""Search with a stated purpose: cases by plate, time and place, and sightings of one complete plate."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Form
from starlette.responses import Response

from detector.entities import Opening, Role, Sighting
from detector.errors import StorageError
from detector.review.access import allow, page_router
from detector.review.days import read_instant
from detector.review.queries.choices import find_choices
from detector.review.queries.openings import PURPOSES
from detector.review.queries.search import Wanted, search_cases
from detector.review.queries.visible import sees_places
from detector.review.refusals import Refusal
from detector.review.view import CurrentView, Link, View

router = page_router()
LINKS = (Link("show_search", "search.title", 50),)
SEARCHERS = (Role.REVIEWER, Role.LEGAL, Role.DISPATCHER, Role.SUPERVISOR, Role.AUDITOR)
USUAL = timedelta(days=7)
LEAST_PLATE = 3
SIGHTINGS_MOST = 500


@router.get("/search")
@allow(*SEARCHERS)
def show_search(view: CurrentView) -> Response:
    """The empty form: the last week."""
    now = view.desk.now()
    return _page(view, Wanted("", (now - USUAL, now + timedelta(minutes=1)), ""))


@router.post("/search")
@allow(*SEARCHERS, limit="plates")
def search(
    view: CurrentView,
    purpose: Annotated[str, Form(max_length=32)],
    words: Annotated[str, Form(min_length=2, max_length=200)],
    since: Annotated[datetime, Form(alias="from")],
    until: Annotated[datetime, Form(alias="to")],
    plate: Annotated[str, Form(max_length=12)] = "",
    camera: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Look, after it was written down who looks for what and why; plates travel in no address."""
    text = plate.upper().replace(" ", "").replace("·", "")
    start, end = read_instant(since), read_instant(until)
    if purpose not in PURPOSES or start is None or end is None or start >= end or not words.strip():
        raise Refusal(400, "error.form", "purpose" if purpose not in PURPOSES else "from")
    if (text or not camera) and len(text) < LEAST_PLATE:
        raise Refusal(400, "error.search_wide")
    wanted = Wanted(text, (start, end), camera)
    stated = f"{purpose}: {words.strip()}"
    asked = {"plate": text, "from": start.isoformat(), "to": end.isoformat(), "camera": camera}
    view.record("search", stated, **asked)
    cases = search_cases(view.desk.engine, view.visitor, wanted)
    sightings, note = _find_sightings(view, wanted, stated)
    return _page(view, wanted, cases=cases, sightings=sightings, note=note, purpose=purpose, words=words)


def _find_sightings(view: View, wanted: Wanted, stated: str) -> tuple[Sequence[Sighting], str | None]:
    """Where a complete plate was seen, in the person's districts; else nothing, with the reason."""
    desk = view.desk
    if not desk.is_plate(wanted.plate):
        return (), "search.only_complete"
    longest = timedelta(days=desk.sightings.keys.window_days)
    start, end = wanted.window
    note = "search.shortened" if end - start > longest else None
    opening = Opening(view.visitor.account.account, stated, "desk search")
    try:
        found = desk.sightings.find_plate(wanted.plate, (max(start, end - longest), end), opening)
    except StorageError:
        return (), "search.unavailable"  # the window's keys are destroyed; cases are there all the same
    seen = [s for s in found if wanted.camera in ("", s.camera_id)]
    return [s for s in seen if sees_places(view.visitor, desk.cameras, [s.camera_id])][-SIGHTINGS_MOST:], note


def _page(view: View, wanted: Wanted, **found: Any) -> Response:
    cameras = dict(find_choices(view.desk.engine, view.visitor).cameras)
    own = {c: camera.place for c, camera in view.desk.cameras.items() if sees_places(view.visitor, {c: camera}, [c])}
    usual: dict[str, Any] = {"cases": None, "sightings": (), "note": None, "purpose": "", "words": ""}
    return view.page(
        "search.html", wanted=wanted, cameras=sorted((cameras | own).items()), purposes=PURPOSES, places=own,
        **(usual | found),
    )  # fmt: skip

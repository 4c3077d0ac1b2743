"""The interception board: hits of the watch list as they come, taken and closed by those who act on them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Form, Query
from starlette.responses import Response

from detector.entities import Interception, InterceptionOutcome, Role
from detector.review.access import allow, page_router
from detector.review.case_content import find_masked
from detector.review.queries.interceptions import Board, find_board, is_shown
from detector.review.refusals import Refusal
from detector.review.view import CurrentView, Link, View

router = page_router()
LINKS = (Link("show_board", "interceptions.title", 20),)
WATCHERS = (Role.DISPATCHER, Role.SUPERVISOR, Role.DEPARTMENT, Role.REVIEWER, Role.AUDITOR)
ACTING = (Role.DISPATCHER, Role.SUPERVISOR, Role.DEPARTMENT)
REFRESH_S = 2
LIMIT = timedelta(minutes=4)
"""From being seen to being stopped: the founding practice stops a listed car within four minutes."""


@router.get("/interceptions")
@allow(*WATCHERS)
def show_board(view: CurrentView) -> Response:
    """The whole page; that somebody looks at listed plates is written down."""
    board = _read(view)
    view.record("view_interceptions", "interception", open=len(board.waiting))
    return view.page("interceptions.html", **_context(view, board))


@router.get("/interceptions/rows")
@allow(*WATCHERS)
def show_hits(view: CurrentView, seen: Annotated[str, Query(max_length=32)] = "") -> Response:
    """The hits alone, when anything changed since `seen`; an open board asks every two seconds."""
    board = _read(view)
    if seen == board.mark:
        return Response(status_code=204)
    return view.page("interceptions_rows.html", **_context(view, board))


@router.post("/interceptions/{interception_id}/acknowledge")
@allow(*ACTING)
def acknowledge(view: CurrentView, interception_id: str) -> Response:
    """Take a hit: somebody is on the way."""
    _find(view, interception_id)
    view.desk.interceptions.acknowledge(interception_id, view.visitor.account.account)
    view.record("interception_acknowledge", "interception", interception_id=interception_id)
    return _after(view)


@router.post("/interceptions/{interception_id}/outcome")
@allow(*ACTING)
def report(view: CurrentView, interception_id: str, outcome: Annotated[InterceptionOutcome, Form()]) -> Response:
    """Close a hit with what was found."""
    _find(view, interception_id)
    view.desk.interceptions.report(interception_id, outcome, view.visitor.account.account)
    view.record("interception_outcome", "interception", interception_id=interception_id, outcome=outcome.value)
    return _after(view)


def _find(view: View, interception_id: str) -> Interception:
    hit = view.desk.interceptions.get(interception_id)
    if not is_shown(hit, view.visitor, view.desk.cameras):
        raise Refusal(404, "error.no_hit")
    return hit


def _after(view: View) -> Response:
    if "HX-Request" not in view.request.headers:
        return view.redirect("/interceptions")
    return view.page("interceptions_rows.html", **_context(view, _read(view)))


def _read(view: View) -> Board:
    desk = view.desk
    return find_board(desk.engine, desk.interceptions, (view.visitor, desk.cameras), desk.now())


def _context(view: View, board: Board) -> Mapping[str, Any]:
    pictures = {name: find_masked(view, view.desk.cases.get(case)) for name, case in board.cases.items()}
    places = {camera_id: camera.place or camera_id for camera_id, camera in view.desk.cameras.items()}
    return {
        "board": board, "pictures": pictures, "places": places, "now": view.desk.now(), "refresh": REFRESH_S,
        "limit": LIMIT, "may_act": bool(view.visitor.roles & set(ACTING)), "outcomes": list(InterceptionOutcome),
    }  # fmt: skip

"""The queue: what waits, filters, counts; and taking the next case."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from detector.entities import Action, CaseStatus, Grade, Role
from detector.errors import LifeCycleError
from detector.review.access import allow, page_router
from detector.review.days import read_day
from detector.review.queries.choices import find_choices
from detector.review.queries.queue import (
    PAGE,
    REVIEW,
    Asker,
    QueueFilter,
    count_states,
    find_for_law,
    find_free,
    find_queue,
    last_change,
)
from detector.review.view import CurrentView, Link, View

router = page_router()
LINKS = (Link("show_queue", "queue.title", 10),)
DESK = (Role.REVIEWER, Role.LEGAL, Role.DISPATCHER, Role.SUPERVISOR, Role.AUDITOR)
S = CaseStatus
SHOWN_MOST = 500
CHOICES_KEPT_S = 30.0
COUNTS_KEPT_S = 30.0
"""While nothing changes; any step of anybody makes counts be made anew."""

GROUPS: Mapping[str, tuple[CaseStatus, ...]] = {
    "review": REVIEW,
    "legal": (S.TECHNICALLY_CONFIRMED,),
    "dispatch": (S.CONFIRMED, S.FILED, S.RETURNED, S.REOPENED),
    "departments": (S.DISPATCHED, S.IN_HANDLING),
    "verify": (S.FEEDBACK, S.VERIFIED),
    "held": (S.SUSPENDED, S.APPEALED),
    "ended": (S.CLOSED, S.REJECTED, S.MERGED, S.TRANSFERRED, S.REVOKED, S.UPHELD, S.AMENDED),
    "all": (),
}
"""Tabs of the queue."""

USUAL = ((Role.REVIEWER, "review"), (Role.LEGAL, "legal"), (Role.DISPATCHER, "dispatch"))
FIELDS = ("group", "rule", "camera", "district", "plate", "grade", "from", "to", "mine", "state")


@router.get("/queue")
@allow(*DESK)
def show_queue(view: CurrentView) -> Response:
    """The whole page."""
    desk, visitor = view.desk, view.visitor
    choices = desk.recent.get(
        ("choices", visitor.districts), CHOICES_KEPT_S, lambda: find_choices(desk.engine, visitor)
    )
    return view.page("queue.html", **_lines(view), choices=choices, states=list(S))


@router.get("/queue/rows")
@allow(*DESK, polled=True)
def show_rows(view: CurrentView) -> Response:
    """The lines alone, when anything changed since `seen`; a page that is open asks for them every few seconds."""
    mark = last_change(view.desk.engine, _asker(view))
    if view.request.query_params.get("seen") == mark:
        return Response(status_code=204)
    return view.page("queue_rows.html", **_lines(view))


@router.post("/queue/next")
@allow(Role.REVIEWER, Role.LEGAL)
def take_next(view: CurrentView) -> Response:
    """Open the next case: for reviewers claimed, for the second review one that no colleague has on the screen."""
    query = urlencode({name: value for name, value in _fields(view).items() if value})
    is_law = Role.REVIEWER not in view.visitor.roles or _fields(view)["group"] == "legal"
    case_id = next_in_law(view, query) if is_law and Role.LEGAL in view.visitor.roles else claim_next(view, query)
    if case_id is None:
        return view.redirect(f"/queue?{query}", say="queue.nothing_left")
    return view.redirect(f"/cases/{case_id}?{urlencode({'queue': query})}")


def claim_next(view: View, query: str, skip: str | None = None) -> str | None:
    """The next case that nobody else has, now claimed by this person; None when there is none.

    Args:
        view: of the request.
        query: of the queue that the person works through, as in its address.
        skip: case that is on the screen already.
    """
    wanted = _to_filter(_fields(view, dict(parse_qsl(query))))
    asker = _asker(view)
    held = find_queue(view.desk.engine, asker, QueueFilter(is_mine=True), view.desk.clocks)
    own = [line.case_id for line in held if line.case_id != skip]
    if own:
        return own[0]
    for case_id in find_free(view.desk.engine, asker, wanted, view.desk.clocks):
        if case_id == skip:
            continue
        try:
            view.desk.life.perform(case_id, Action.CLAIM, view.visitor.actor)
        except LifeCycleError:
            continue  # a colleague was faster
        return case_id
    return None


def next_in_law(view: View, query: str, skip: str = "") -> str | None:
    """The next case for the second review that this person may decide and no colleague has on the screen."""
    wanted = _to_filter(_fields(view, dict(parse_qsl(query))))
    return find_for_law(view.desk.engine, _asker(view), wanted, skip)


def _lines(view: View) -> dict[str, Any]:
    desk, visitor = view.desk, view.visitor
    mark = last_change(desk.engine, _asker(view))
    fields, shown = _fields(view), _shown(view)
    rows = find_queue(desk.engine, _asker(view), _to_filter(fields), desk.clocks, shown + 1)
    counts = desk.recent.get(
        ("counts", visitor.districts, visitor.only_unit, mark), COUNTS_KEPT_S,
        lambda: count_states(desk.engine, visitor),
    )  # fmt: skip
    in_group = {name: sum(counts.get(s, 0) for s in states or S) for name, states in GROUPS.items()}
    query = urlencode({name: value for name, value in fields.items() if value})
    return {
        "rows": rows[:shown], "has_more": len(rows) > shown, "shown": shown, "counts": in_group, "mark": mark,
        "now": view.desk.now(), "filters": fields, "groups": GROUPS, "query": query, "page_size": PAGE,
    }  # fmt: skip


def _asker(view: View) -> Asker:
    return Asker(view.visitor, view.desk.now())


def _shown(view: View) -> int:
    wanted = view.request.query_params.get("show", "")
    return min(int(wanted), SHOWN_MOST) if wanted.isdecimal() and len(wanted) < 6 else PAGE


def _fields(view: View, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the form holds; the tab is that of the person's work unless another was chosen."""
    given = view.request.query_params if given is None else given
    fields = {name: given.get(name, "").strip()[:64] for name in FIELDS}
    if fields["group"] not in GROUPS:
        fields["group"] = next((group for role, group in USUAL if role in view.visitor.roles), "all")
    return fields


def _to_filter(fields: Mapping[str, str]) -> QueueFilter:
    day_to = read_day(fields["to"])
    states = GROUPS[fields["group"]]
    if fields["state"] in set(S):
        states = (S(fields["state"]),)
    return QueueFilter(
        states=states,
        rule=fields["rule"] or None,
        camera=fields["camera"] or None,
        district=fields["district"] or None,
        plate=fields["plate"].upper() or None,
        grade=Grade(fields["grade"]) if fields["grade"] in set(Grade) else None,
        captured_from=read_day(fields["from"]),
        captured_to=day_to + timedelta(days=1) if day_to else None,
        is_mine=bool(fields["mine"]),
    )

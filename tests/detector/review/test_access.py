"""Who gets in: every route for every role, in the own district and in another."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from detector.entities import CaseStatus, Role
from detector.errors import ConfigurationError
from detector.review.access import USUAL_BYTES, allow, page_router
from detector.review.app import guarded_routes, make_app
from detector.review.desk import Desk
from detector.review.guard import CSRF_HEADER
from detector.review.pages import PAGES
from detector.review.refusals import Refusal
from tests.detector.review.desk import OTHER_CASE, OWN_CASE, ROLES, DeskClient, confirm

ROUTES = [(route.path, method) for page in PAGES for route in page.router.routes for method in sorted(route.methods)]


@pytest.fixture
def door(app: FastAPI, desk: Desk) -> FastAPI:
    """The application, whose routes end right behind the guard: 418 says "let in"."""
    confirm(desk, OWN_CASE, CaseStatus.DISPATCHED)
    guard = app.state.guard

    async def stop_behind(request, access):
        await guard(request, access)
        raise Refusal(418, "error.refused")

    app.state.guard = stop_behind
    return app


@pytest.mark.parametrize("role", ROLES)
def test_every_route_lets_in_whom_its_rule_names(door: FastAPI, role: Role) -> None:
    """A role that the rule does not name is refused; another district's case is not there; all else is open."""
    client = DeskClient(door, role.value)
    wrong = []
    for route in guarded_routes(door):
        for method in route.methods:
            for case_id in (OWN_CASE, OTHER_CASE) if route.access.case else ("-",):
                path = fill(route.path, case_id)
                status = client.send(method, path, headers={CSRF_HEADER: client.csrf}).status_code
                may = route.access.is_public or role in route.access.roles
                expected = 418 if may and case_id != OTHER_CASE else 403 if not may else 404
                if status != expected:
                    wrong.append(f"{method} {path}: {status}, not {expected}")
    assert wrong == []


def test_nobody_gets_in_without_signing_in(door: FastAPI) -> None:
    """Pages send to the form; everything else is refused."""
    for route in guarded_routes(door):
        if not route.access.is_public:
            for method in route.methods:
                status = DeskClient(door).send(method, fill(route.path, OWN_CASE)).status_code
                assert status == (303 if method == "GET" else 401), route.path


def test_a_disabled_account_is_out_at_once(door: FastAPI, desk: Desk) -> None:
    """Also with a session that is open."""
    client = DeskClient(door, "reviewer")
    desk.accounts.set_disabled("reviewer", True, desk.accounts.get("administrator").actor)
    assert client.get("/queue").status_code == 303


def test_whoever_must_change_the_password_can_do_nothing_else(door: FastAPI, desk: Desk) -> None:
    """The account page, leaving, and public pages are all that is left."""
    client = DeskClient(door, "supervisor")
    desk.accounts.set_password("supervisor", "chosen by somebody", desk.accounts.get("administrator").actor)
    let_in = {
        route.path
        for route in guarded_routes(door)
        for method in route.methods
        if client.send(method, fill(route.path, OWN_CASE), headers={CSRF_HEADER: client.csrf}).status_code == 418
    }
    allowed = {route.path for route in guarded_routes(door) if route.access.before_password_change}
    assert let_in == allowed
    assert "/queue" not in let_in


@pytest.mark.parametrize(("path", "method"), [(p, m) for p, m in ROUTES if m != "GET"])
def test_what_changes_something_needs_the_token_of_the_session(app: FastAPI, path: str, method: str) -> None:
    """Neither no token, nor a made-up one, nor another session's will do; nor a request from another site."""
    access = next(r.access for r in guarded_routes(app) if r.path == path and method in r.methods)
    role = next(iter(sorted(access.roles or {Role.REVIEWER})))
    own, other = DeskClient(app, role.value), DeskClient(app, "reviewer2")
    confirm(app.state.desk, OWN_CASE, CaseStatus.DISPATCHED)
    target = fill(path, OWN_CASE)
    for headers in ({}, {CSRF_HEADER: "made-up"}, {CSRF_HEADER: other.csrf},
                    {CSRF_HEADER: own.csrf, "Sec-Fetch-Site": "cross-site"},
                    {CSRF_HEADER: own.csrf, "Origin": "http://elsewhere.example"}):  # fmt: skip
        assert own.send(method, target, headers=headers).status_code == 403


def test_a_body_that_is_too_large_is_not_read(app: FastAPI) -> None:
    """Neither when its length is stated, nor when it only turns out to be; also for people who are not signed in."""
    client = DeskClient(app, "reviewer")
    large = b"a" * (USUAL_BYTES + 1)

    async def pieces():
        for start in range(0, len(large), 1000):
            yield large[start : start + 1000]

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (large, pieces()):
        assert client.send("POST", "/queue/next", content=content, headers=form).status_code == 413
    assert DeskClient(app).send("POST", "/sign-in", content=large, headers=form).status_code == 413


def test_too_many_requests_are_refused(app: FastAPI) -> None:
    """Signing in is tried twenty times a minute from one address, not more."""
    client = DeskClient(app)
    statuses = [client.send("POST", "/sign-in").status_code for _ in range(22)]
    assert statuses.count(429) == 2


def test_a_route_without_a_rule_stops_the_program() -> None:
    """At the moment at which it is made."""
    router = page_router()
    with pytest.raises(ConfigurationError, match="no rule"):
        router.get("/open-to-all")(lambda: None)
    with pytest.raises(ConfigurationError, match="go together"):
        router.get("/cases/{case_id}/x")(allow(Role.REVIEWER)(lambda case_id: None))


def test_a_router_that_asks_no_guard_stops_the_program(desk: Desk) -> None:
    """A page must make its router with `page_router`."""
    from fastapi import APIRouter

    router = APIRouter()
    router.get("/leak")(lambda: "everything")
    with pytest.raises(ConfigurationError, match="not guarded"):
        make_app(desk, (SimpleNamespace(router=router),))


def test_the_desk_loads_no_vision_stack() -> None:
    """Neither the station nor its composition: an officer's desk needs no GPU."""
    code = (
        "import sys, detector.review.app, pipelines.desk, pipelines.commands.desk; "
        "print([name for name in ('cv2', 'onnxruntime', 'torch', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def fill(path: str, case_id: str) -> str:
    """A path with its parameters given."""
    parts = [("x" if part.startswith("{") else part) for part in path.replace("{case_id}", case_id).split("/")]
    return "/".join(parts)

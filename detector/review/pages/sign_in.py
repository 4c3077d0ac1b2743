"""Signing in and out."""

from typing import Annotated

from fastapi import Form, Query
from starlette.responses import RedirectResponse, Response

from detector.errors import AccessDenied
from detector.review.access import allow, allow_all, page_router
from detector.review.accounts import Account, Locked
from detector.review.guard import FORM_COOKIE, SESSION_COOKIE, cookie_name
from detector.review.refusals import Refusal
from detector.review.single_sign_on import PENDING_S
from detector.review.view import CurrentView, View

router = page_router()
PENDING_COOKIE = "roadwarden_pending"


@router.get("/sign-in")
@allow_all()
def show_sign_in(view: CurrentView) -> Response:
    """The form."""
    return view.page("sign_in.html", failure=None, account="")


@router.post("/sign-in")
@allow_all(limit="sign_in")
def sign_in(
    view: CurrentView,
    account: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
    code: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Open a session of its own; whatever token the browser brought is worth nothing afterwards."""
    try:
        person = view.desk.accounts.authenticate(account, password, code.strip() or None)
    except Locked as error:
        failure = view.t("sign_in.locked", minutes=error.minutes)
        return view.page("sign_in.html", status=429, failure=failure, account=account)
    except AccessDenied:
        return view.page("sign_in.html", status=403, failure=view.t("sign_in.wrong"), account=account)
    return _let_in(view, person)


@router.get("/sign-in/elsewhere")
@allow_all(limit="sign_in")
def go_elsewhere(view: CurrentView) -> Response:
    """To the provider that says who people are."""
    provider = view.desk.single_sign_on
    if provider is None:
        raise Refusal(404, "error.no_page")
    address, pending = provider.begin()
    response = RedirectResponse(address, 303)
    view.set_cookie(response, cookie_name(PENDING_COOKIE, view.desk.settings.is_secure), pending, PENDING_S)
    return response


@router.get("/sign-in/back")
@allow_all(limit="sign_in")
def come_back(
    view: CurrentView,
    state: Annotated[str, Query(max_length=256)] = "",
    code: Annotated[str, Query(max_length=4096)] = "",
) -> Response:
    """From the provider, with its answer."""
    provider = view.desk.single_sign_on
    if provider is None:
        raise Refusal(404, "error.no_page")
    name = cookie_name(PENDING_COOKIE, view.desk.settings.is_secure)
    try:
        account = provider.finish(view.request.cookies.get(name, ""), state, code)
        person = view.desk.accounts.enter(account, provider.name)
    except AccessDenied:
        return view.page("sign_in.html", status=403, failure=view.t("sign_in.not_vouched"), account="")
    response = _let_in(view, person)
    response.delete_cookie(name, secure=view.desk.settings.is_secure, httponly=True)
    return response


@router.post("/sign-out")
@allow(before_password_change=True)
def sign_out(view: CurrentView) -> Response:
    """End the session, and let the browser forget what it kept."""
    view.desk.sessions.close(view.visitor)
    response = RedirectResponse("/sign-in", 303)
    is_secure = view.desk.settings.is_secure
    response.delete_cookie(cookie_name(SESSION_COOKIE, is_secure), secure=is_secure, httponly=True)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _let_in(view: View, person: Account) -> Response:
    """A session of its own; whatever the browser held before is closed."""
    if view.signed_in is not None:
        view.desk.sessions.close(view.signed_in)
    response = RedirectResponse("/account" if person.must_change else "/", 303)
    is_secure = view.desk.settings.is_secure
    view.set_cookie(response, cookie_name(SESSION_COOKIE, is_secure), view.desk.sessions.open(person))
    response.delete_cookie(cookie_name(FORM_COOKIE, is_secure), secure=is_secure, httponly=True)
    return response

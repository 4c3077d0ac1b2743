"""One's own account: password, and what the desk knows of the person."""

from typing import Annotated

import segno
from fastapi import Form
from starlette.responses import Response

from detector.errors import AccessDenied
from detector.review.access import allow, page_router
from detector.review.accounts import MIN_PASSWORD
from detector.review.view import CurrentView, View

router = page_router()


@router.get("/account")
@allow(before_password_change=True)
def show_account(view: CurrentView) -> Response:
    """What the desk knows, and the form for a new password."""
    return _page(view)


@router.post("/account/password")
@allow(before_password_change=True, limit="sign_in")
def change_password(
    view: CurrentView,
    old: Annotated[str, Form(max_length=256)],
    new: Annotated[str, Form(max_length=256)],
    again: Annotated[str, Form(max_length=256)],
) -> Response:
    """Choose a password of one's own; every other session of the account ends."""
    if len(new) < MIN_PASSWORD:
        return _page(view, view.t("account.too_short", count=MIN_PASSWORD))
    if new != again or new == old:
        return _page(view, view.t("account.not_the_same" if new != again else "account.unchanged"))
    name = view.visitor.account.account
    try:
        view.desk.accounts.check_password(name, old)
    except AccessDenied:
        return _page(view, view.t("account.wrong_old"))
    view.desk.accounts.set_password(name, new, view.visitor.actor)
    view.desk.sessions.close_others(view.visitor)
    return view.redirect("/", say="account.changed")


@router.post("/account/second-factor/start")
@allow(limit="sign_in")
def start_second_factor(view: CurrentView) -> Response:
    """Show a new secret as a picture for an authenticator; one that is in use must be removed first."""
    if view.visitor.account.has_second_factor:
        return _page(view, view.t("second_factor.is_on"))
    secret, address = view.desk.accounts.start_second_factor(view.visitor.account.account)
    return _page(view, secret=secret, picture=_draw(address))


@router.post("/account/second-factor")
@allow(limit="sign_in")
def confirm_second_factor(
    view: CurrentView,
    secret: Annotated[str, Form(max_length=64)],
    code: Annotated[str, Form(max_length=16)],
) -> Response:
    """Use one-time codes from now on, once the authenticator has shown a right one."""
    try:
        view.desk.accounts.confirm_second_factor(view.visitor.account.account, secret, code.strip())
    except AccessDenied:
        return _page(view, view.t("second_factor.wrong"))
    return view.redirect("/account", say="second_factor.now_on")


@router.post("/account/second-factor/remove")
@allow(limit="sign_in")
def remove_second_factor(view: CurrentView, password: Annotated[str, Form(max_length=256)]) -> Response:
    """Do without one-time codes; takes the password, so that an unattended desk is not enough."""
    name = view.visitor.account.account
    try:
        view.desk.accounts.check_password(name, password)
    except AccessDenied:
        return _page(view, view.t("account.wrong_old"))
    view.desk.accounts.remove_second_factor(name, view.visitor.actor)
    return view.redirect("/account", say="second_factor.now_off")


def _page(view: View, failure: str | None = None, secret: str | None = None, picture: str | None = None) -> Response:
    status = 400 if failure else 200
    return view.page("account.html", status=status, failure=failure, least=MIN_PASSWORD, secret=secret, picture=picture)


def _draw(text: str) -> str:
    """A QR code as an address of a picture."""
    return segno.make(text).svg_data_uri(scale=5, border=3, light="white")

"""One's own account: password, and what the desk knows of the person."""

from typing import Annotated

from fastapi import Form
from starlette.responses import Response

from detector.errors import AccessDenied
from detector.review.access import allow, page_router
from detector.review.accounts import MIN_PASSWORD
from detector.review.view import CurrentView

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


def _page(view: CurrentView, failure: str | None = None) -> Response:
    return view.page("account.html", status=400 if failure else 200, failure=failure, least=MIN_PASSWORD)

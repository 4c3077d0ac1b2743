"""The way in: everybody's first page; language and colours."""

from typing import Annotated

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from detector.review.access import allow, allow_all, page_router
from detector.review.view import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, YEAR_S, CurrentView
from detector.review.wording import LANGUAGES

router = page_router()


@router.get("/")
@allow()
def go_home(view: CurrentView) -> Response:
    """Where a person works: the first page of the navigation."""
    entries = view.navigation
    return RedirectResponse(entries[0].path if entries else "/account", 303)


@router.post("/preferences")
@allow_all()
def set_preferences(
    view: CurrentView,
    language: Annotated[str | None, Form(max_length=8)] = None,
    theme: Annotated[str | None, Form(max_length=8)] = None,
    back: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Choose language or colours, and come back to the same page."""
    is_local = back.startswith("/") and not back.startswith(("//", "/\\"))
    response = RedirectResponse(back if is_local else "/", 303)
    if language in LANGUAGES:
        view.set_cookie(response, LANGUAGE_COOKIE, language, YEAR_S)
    if theme in THEMES:
        view.set_cookie(response, THEME_COOKIE, theme, YEAR_S)
    return response

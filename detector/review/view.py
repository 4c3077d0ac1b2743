"""What a page's route is given: who asks, in which language, the desk, and how to answer."""

import base64
import binascii
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from detector.cases import audit
from detector.database.sessions import write_session
from detector.entities import BEIJING
from detector.review.access import Access
from detector.review.assets import asset_url
from detector.review.desk import Desk
from detector.review.guard import CSRF_FIELD, FORM_COOKIE, cookie_name
from detector.review.queries.choices import find_unit_names
from detector.review.visitors import Visitor
from detector.review.wording import LANGUAGES, Words

LANGUAGE_COOKIE, THEME_COOKIE, FLASH_COOKIE = "roadwarden_language", "roadwarden_theme", "roadwarden_flash"
THEMES = ("auto", "light", "dark")
YEAR_S = 365 * 24 * 3600
NAMES_KEPT_S = 30.0


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation.

    Attributes:
        route: name of the route (of its function); who may use that sees the entry.
        text: key.
        order: smaller stands first.
    """

    route: str
    text: str
    order: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A navigation entry as one visitor sees it."""

    path: str
    text: str
    access: Access
    order: int


class View:
    """One request and its answer."""

    def __init__(self, request: Request) -> None:
        """Take the request after the guard has seen it, or one that was refused."""
        self.request = request
        self.desk: Desk = request.app.state.desk
        self._new_form_token: str | None = None

    @property
    def visitor(self) -> Visitor:
        """Who is signed in; only for routes that are not public."""
        if self.signed_in is None:
            raise LookupError("a public route asked who is signed in")
        return self.signed_in

    @property
    def signed_in(self) -> Visitor | None:
        """Who is signed in; None for nobody."""
        return getattr(self.request.state, "visitor", None)

    @cached_property
    def t(self) -> Words:
        """Texts in the language of the reader."""
        chosen = self.request.cookies.get(LANGUAGE_COOKIE)
        return Words(chosen if chosen in LANGUAGES else self.desk.settings.language)

    @property
    def theme(self) -> str:
        """Chosen colours; `auto` follows the system."""
        chosen = self.request.cookies.get(THEME_COOKIE, "auto")
        return chosen if chosen in THEMES else "auto"

    @cached_property
    def csrf_token(self) -> str:
        """What forms of this browser must carry."""
        if self.signed_in is not None:
            return self.signed_in.csrf
        held = self.request.cookies.get(cookie_name(FORM_COOKIE, self.desk.settings.is_secure))
        if not held:
            held = self._new_form_token = secrets.token_urlsafe(24)
        return held

    @property
    def here(self) -> str:
        """Path and query of this page, to come back to; the start page where coming back would repeat an action."""
        url = self.request.url
        return (url.path + (f"?{url.query}" if url.query else "")) if self.request.method == "GET" else "/"

    @property
    def navigation(self) -> list[Entry]:
        """Pages that this visitor may open."""
        visitor = self.signed_in
        if visitor is None or visitor.account.must_change:
            return []
        return [entry for entry in self.request.app.state.navigation if entry.access.roles & visitor.roles]

    def unit_name(self, unit_id: str) -> str:
        """A district or department as people call it, as of the last half minute; its id where it has no name."""
        names = self.desk.recent.get("units", NAMES_KEPT_S, lambda: find_unit_names(self.desk.engine))
        return names.get(unit_id, unit_id)

    def unit_names(self, unit_ids: Iterable[str]) -> str:
        """Several of them in one line."""
        return ", ".join(self.unit_name(unit_id) for unit_id in unit_ids)

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """An answer made of a template, whole page or part of one."""
        environment: Environment = self.request.app.state.templates
        flash = self._flash()
        html = environment.get_template(template).render(
            view=self, t=self.t, visitor=self.signed_in, csrf=self._csrf_field, at=describe_instant,
            instant=datetime.fromisoformat, asset=asset_url, flash=flash, **context,
        )  # fmt: skip
        response = HTMLResponse(html, status)
        if flash is not None and "HX-Request" not in self.request.headers:
            response.delete_cookie(FLASH_COOKIE)
        if self._new_form_token is not None:
            self.set_cookie(response, cookie_name(FORM_COOKIE, self.desk.settings.is_secure), self._new_form_token)
        return response

    def redirect(self, path: str, say: str | None = None, **values: object) -> Response:
        """Send the browser to a page of the desk, with a sentence to show there."""
        response: Response = RedirectResponse(path, 303)
        if "HX-Request" in self.request.headers:
            response = Response(status_code=204, headers={"HX-Redirect": response.headers["Location"]})
        if say is not None:
            told = json.dumps([say, {name: str(value) for name, value in values.items()}])
            self.set_cookie(response, FLASH_COOKIE, base64.urlsafe_b64encode(told.encode()).decode())
        return response

    def set_cookie(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        """A cookie that scripts do not see and other sites do not send."""
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self.desk.settings.is_secure, httponly=True, samesite="lax"
        )

    def record(self, action: str, purpose: str, case_id: str | None = None, **details: Any) -> None:
        """Write into the audit log what this person looks at, and for what purpose.

        Raises:
            StorageError: the log cannot be written; then nothing may be shown.
        """
        with write_session(self.desk.engine) as session:
            entry = audit.Entry(self.visitor.actor, action, self.desk.now(), case_id, reason=purpose, details=details)
            audit.append(session, entry)

    def _flash(self) -> str | None:
        """The sentence that the last answer left for this page."""
        held = self.request.cookies.get(FLASH_COOKIE)
        try:
            key, values = json.loads(base64.urlsafe_b64decode(held or ""))
            return self.t(key, **values)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, binascii.Error):
            return None  # nothing was left, or somebody made it up

    def _csrf_field(self) -> Markup:
        return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, self.csrf_token)


def make_templates() -> Environment:
    """Templates that escape everything and know no undefined names."""
    return Environment(
        loader=PackageLoader("detector.review"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def describe_instant(instant: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """An instant on the clock that officers read."""
    return instant.astimezone(BEIJING).strftime(form)


def _view(request: Request) -> View:
    return View(request)


CurrentView = Annotated[View, Depends(_view)]

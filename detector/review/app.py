"""The application: pages, guard, headers and errors put together from what is handed in."""

from types import ModuleType

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from detector.errors import ConfigurationError, RoadwardenError
from detector.review.access import GuardedRoute
from detector.review.desk import Desk
from detector.review.error_pages import answer_error
from detector.review.guard import make_guard
from detector.review.headers import SecurityHeaders
from detector.review.pages import PAGES
from detector.review.refusals import Refusal
from detector.review.view import Entry, Link, make_templates


def make_app(desk: Desk, pages: tuple[ModuleType, ...] = PAGES) -> FastAPI:
    """The officers' desk as an ASGI application.

    Args:
        desk: collaborators.
        pages: modules with `router`, and `LINKS` for the navigation.

    Raises:
        ConfigurationError: a route has no rule that says who may use it.
    """
    app = FastAPI(title="Roadwarden desk", docs_url=None, redoc_url=None, openapi_url=None)
    for page in pages:
        app.router.routes.extend(page.router.routes)
    for route in app.routes:
        if not isinstance(route, GuardedRoute):
            raise ConfigurationError(f"route {route}: is not guarded; make its router with page_router()")
    app.state.desk, app.state.guard = desk, make_guard(desk)
    app.state.templates = make_templates()
    app.state.navigation = _navigation(app, [link for page in pages for link in getattr(page, "LINKS", ())])
    for kind in (Refusal, RoadwardenError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer_error)
    app.add_middleware(SecurityHeaders, is_secure=desk.settings.is_secure)
    return app


def guarded_routes(app: FastAPI) -> list[GuardedRoute]:
    """Every route with its rule."""
    return [route for route in app.routes if isinstance(route, GuardedRoute)]


def _navigation(app: FastAPI, links: list[Link]) -> list[Entry]:
    routes = {route.name: route for route in guarded_routes(app)}
    entries = [Entry(routes[link.route].path, link.text, routes[link.route].access, link.order) for link in links]
    return sorted(entries, key=lambda entry: entry.order)

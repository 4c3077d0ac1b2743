"""Who may use a route: said beside each route, enforced here, before anything of the request's body is read.

A route without `allow` cannot be made: the program does not start.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from detector.entities import Role
from detector.errors import ConfigurationError

ATTRIBUTE = "desk_access"
USUAL_BYTES = 64 * 1024
EVERYBODY = frozenset(role for role in Role if role is not Role.SYSTEM)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one route.

    Attributes:
        roles: any of them is enough; empty only for public routes.
        is_public: nobody needs to be signed in.
        case: the path holds `case_id`, and only those who may see that case come in.
        before_password_change: also for people who must still choose their own password.
        is_polled: an open page asks by itself, so that it is no sign of a person.
        max_bytes: of the request's body.
        limit: name of the rate limit that counts, of `limits.LIMITS`.
    """

    roles: frozenset[Role] = frozenset()
    is_public: bool = False
    case: bool = False
    before_password_change: bool = False
    max_bytes: int = USUAL_BYTES
    limit: str = "usual"
    is_polled: bool = False


def allow(
    *roles: Role,
    case: bool = False,
    before_password_change: bool = False,
    max_bytes: int = USUAL_BYTES,
    limit: str = "usual",
    polled: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Let people with any of the roles use a route; no role: everybody who is signed in.

    Args:
        roles: who.
        case: the path holds `case_id`; only for those who may see that case.
        before_password_change: also for those who must still change their password.
        max_bytes: of the body.
        limit: which rate limit counts.
        polled: an open page asks by itself; the session ends as if nobody had asked.
    """
    return _mark(Access(frozenset(roles) or EVERYBODY, False, case, before_password_change, max_bytes, limit, polled))


def allow_all(*, limit: str = "usual") -> Callable[[Endpoint], Endpoint]:
    """Let anybody use a route, signed in or not."""
    return _mark(Access(is_public=True, before_password_change=True, limit=limit))


def _mark(access: Access) -> Callable[[Endpoint], Endpoint]:
    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, ATTRIBUTE, access)
        return endpoint

    return mark


class GuardedRoute(APIRoute):
    """A route that asks the application's guard first."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        """Take the rule that `allow` left on the endpoint.

        Raises:
            ConfigurationError: there is none, or it is bound to a case that the path does not name.
        """
        access = getattr(endpoint, ATTRIBUTE, None)
        if not isinstance(access, Access):
            raise ConfigurationError(f"route {path}: no rule says who may use it; put @allow(...) under the route")
        if access.case is not ("{case_id}" in path):
            raise ConfigurationError(f"route {path}: case=True and {{case_id}} in the path go together")
        self.access = access
        super().__init__(path, endpoint, **settings)

    def get_route_handler(self) -> Handler:
        """The endpoint behind the guard."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            return await handle(await request.app.state.guard(request, self.access))

        return guarded


def page_router() -> APIRouter:
    """A router whose routes all need a rule."""
    return APIRouter(route_class=GuardedRoute)

"""What happens before every route: who is it, may they, is it really their browser that asks, is it too much."""

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message, Receive

from detector.review.access import Access
from detector.review.desk import Desk
from detector.review.queries.visible import sees_case
from detector.review.refusals import Refusal
from detector.review.visitors import Visitor

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
SESSION_COOKIE, FORM_COOKIE = "roadwarden_session", "roadwarden_form"
MAX_FIELDS, MAX_FILES = 200, 12

Guard = Callable[[Request, Access], Awaitable[Request]]


def cookie_name(name: str, is_secure: bool) -> str:
    """Over TLS browsers hold cookies of this prefix to: secure, this host alone, every path."""
    return f"__Host-{name}" if is_secure else name


def make_guard(desk: Desk) -> Guard:
    """The guard of an application with these collaborators."""

    async def guard(request: Request, access: Access) -> Request:
        token = request.cookies.get(cookie_name(SESSION_COOKIE, desk.settings.is_secure))
        visitor = await run_in_threadpool(desk.sessions.find, token, not access.is_polled) if token else None
        request.state.visitor = visitor
        sender = visitor.account.account if visitor else request.client.host if request.client else "-"
        if desk.limits.is_over(access.limit, sender):
            raise Refusal(429, "error.too_many")
        if not access.is_public:
            await _check_person(desk, request, access, visitor)
        if request.method in SAFE:
            return request
        _check_origin(request)
        limited = Request(request.scope, _limit_body(request, access.max_bytes))
        await _check_csrf(desk, limited, visitor)
        return limited

    return guard


async def _check_person(desk: Desk, request: Request, access: Access, visitor: Visitor | None) -> None:
    if visitor is None:
        raise Refusal(401, "error.signed_out")
    if visitor.account.must_change and not access.before_password_change:
        raise Refusal(403, "error.must_change")
    if not access.roles & visitor.roles:
        raise Refusal(403, "error.not_your_role")
    if access.case and not await run_in_threadpool(sees_case, desk.engine, visitor, request.path_params["case_id"]):
        # Whether the case exists at all is not told.
        raise Refusal(404, "error.no_case")


def _check_origin(request: Request) -> None:
    """Browsers say where a request comes from; one from elsewhere is refused before its body is read."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    is_foreign = site not in (None, "same-origin", "none")
    if is_foreign or (origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("Host")):
        raise Refusal(403, "error.other_site")


async def _check_csrf(desk: Desk, request: Request, visitor: Visitor | None) -> None:
    form_cookie = request.cookies.get(cookie_name(FORM_COOKIE, desk.settings.is_secure))
    expected = visitor.csrf if visitor else form_cookie
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        form = await request.form(max_fields=MAX_FIELDS, max_files=MAX_FILES)
        value = form.get(CSRF_FIELD)
        given = None if isinstance(value, UploadFile) else value
    if not expected or not given or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Refusal(403, "error.csrf")


def _limit_body(request: Request, most: int) -> Receive:
    """The body, as long as it stays below the limit."""
    stated = request.headers.get("Content-Length", "0")
    if not stated.isdigit() or int(stated) > most:
        raise Refusal(413, "error.too_large")
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > most:
            raise Refusal(413, "error.too_large")
        return message

    return receive

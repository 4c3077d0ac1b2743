"""Errors as people see them: what happened, what to do; a whole page, or one line into a page that stands."""

import logging

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from detector.review.headers import put_headers
from detector.review.refusals import Refusal, to_refusal
from detector.review.view import View

logger = logging.getLogger(__name__)
ELSEWHERE = {"error.signed_out": "/sign-in", "error.must_change": "/account"}
"""Where people go on instead of reading an error."""

WORDED = {"action": "action", "before": "action", "status": "status", "need": "need"}
"""Values that are codes, and where their words are."""


async def answer_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed."""
    refusal = to_refusal(error)
    if refusal.status >= 500:
        logger.error(
            "%s %s: %s", request.method, request.url.path, error, exc_info=error if refusal.status == 500 else None
        )
    is_part = "HX-Request" in request.headers or "X-Requested-With" in request.headers
    elsewhere = ELSEWHERE.get(refusal.text)
    if elsewhere is not None and is_part:
        return Response(status_code=refusal.status, headers={"HX-Redirect": elsewhere})
    if elsewhere is not None and request.method == "GET":
        return RedirectResponse(elsewhere, 303)
    view = View(request)
    template = "error_line.html" if is_part else "error.html"
    response = view.page(
        template, status=refusal.status, code=refusal.status, text=refusal.text, detail=refusal.detail,
        cause=_tell_cause(view, refusal),
    )  # fmt: skip
    # Starlette answers defects outside of all middleware.
    put_headers(response.headers, view.desk.settings.is_secure)
    return response


def _tell_cause(view: View, refusal: Refusal) -> str | None:
    """Why a step cannot be taken, in the reader's language; None where that has no words."""
    if refusal.because is None:
        return None
    values = {
        name: view.t.known(f"{WORDED[name]}.{value}", value) if name in WORDED else value
        for name, value in refusal.values.items()
    }
    return view.t(f"cause.{refusal.because}", **values)

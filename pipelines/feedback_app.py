"""The web door for answers of departments' systems."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from detector.dispatch.feedback import MAX_BYTES, STATUS_OF, FeedbackDesk
from detector.dispatch.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER
from detector.errors import RoadwardenError


def make_app(desk: FeedbackDesk, viid_routes: Sequence[Route] = ()) -> Starlette:
    """`POST /feedback/{destination}` with the headers of `signing.py`, and the routes for GA/T 1400 peers."""

    async def take(request: Request) -> JSONResponse:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                return JSONResponse({"error": f"more than {MAX_BYTES} bytes"}, 413)
        timestamp, signature = (request.headers.get(name, "") for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER))
        try:
            answer = await run_in_threadpool(desk.take, request.path_params["destination"], timestamp, signature, body)
        except RoadwardenError as error:
            status = next((code for kind, code in STATUS_OF if isinstance(error, kind)), 500)
            return JSONResponse({"error": str(error)}, status)
        return JSONResponse(answer)

    return Starlette(routes=[Route("/feedback/{destination}", take, methods=["POST"]), *viid_routes])

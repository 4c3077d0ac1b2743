"""The web door for GA/T 1400 peers: they register, keep alive, ask for the time, and hand over Dispositions.

Every request is answered with HTTP Digest first; user and password stand for one receiver of `dispatch.toml`.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from detector.dispatch.digest import DigestGuard
from detector.dispatch.dispositions import INVALID_CONTENT, OK, DispositionDesk
from detector.dispatch.gat1400 import MEDIA_TYPE
from detector.documents import read_json
from detector.entities import BEIJING
from detector.errors import SourceError, StorageError

MAX_BYTES = 1 << 20
INVALID_JSON, OTHER_ERROR = "5", "1"
Handler = Callable[[Request, str, Any], Awaitable[Response]]


class ViidDoor:
    """Routes under `/VIID`."""

    def __init__(self, guard: DigestGuard, desk: DispositionDesk, server_id: str) -> None:
        """Take collaborators.

        Args:
            guard: knows users and passwords by the name of the receiver that they stand for.
            desk: acts on Dispositions.
            server_id: our own 20 digits, for `System/Time`.
        """
        self._guard, self._desk, self._server_id = guard, desk, server_id

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/VIID/System/Register", self._guarded(self._acknowledge), methods=["POST"]),
            Route("/VIID/System/Keepalive", self._guarded(self._acknowledge), methods=["POST"]),
            Route("/VIID/System/UnRegister", self._guarded(self._acknowledge), methods=["POST"]),
            Route("/VIID/System/Time", self._guarded(self._tell_time), methods=["GET"]),
            Route("/VIID/Dispositions", self._guarded(self._take), methods=["POST", "PUT"]),
            Route("/VIID/Dispositions/{disposition_id}", self._guarded(self._revoke), methods=["PUT"]),
        ]

    def _guarded(self, handle: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A handler behind the guard, with the parsed body."""

        async def answer(request: Request) -> Response:
            body = b""
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BYTES:
                    return _reply(request, [_outcome("", INVALID_CONTENT, f"more than {MAX_BYTES} bytes")], 413)
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            peer = self._guard.peer_of(request.method, path, request.headers.get("Authorization", ""))
            if peer is None:
                return Response(status_code=401, headers={"WWW-Authenticate": self._guard.challenge()})
            try:
                said = read_json(body) if body else {}
            except ValueError:
                return _reply(request, [_outcome("", INVALID_JSON, "is no JSON")], 400)
            return await handle(request, peer, said)

        return answer

    async def _acknowledge(self, request: Request, _peer: str, said: Any) -> Response:
        inner = next(iter(said.values()), None) if isinstance(said, dict) else None
        device = inner.get("DeviceID", "") if isinstance(inner, dict) else ""
        return _reply(request, [_outcome(str(device), OK, "OK")])

    async def _tell_time(self, _request: Request, _peer: str, _said: Any) -> Response:
        now = f"{datetime.now(BEIJING):%Y%m%d%H%M%S}"
        told = {"VIIDServerID": self._server_id, "TimeMode": "1", "LocalTime": now, "TimeZone": "Asia/Shanghai"}
        return JSONResponse({"SystemTimeObject": told}, media_type=MEDIA_TYPE)

    async def _take(self, request: Request, peer: str, said: Any) -> Response:
        try:
            outcomes = await run_in_threadpool(self._desk.take, peer, said)
        except SourceError as error:
            return _reply(request, [_outcome("", INVALID_CONTENT, str(error))], 400)
        except StorageError as error:
            return _reply(request, [_outcome("", OTHER_ERROR, str(error))], 503)
        return _reply(request, outcomes)

    async def _revoke(self, request: Request, peer: str, said: Any) -> Response:
        """`PUT /VIID/Dispositions/{id}` withdraws, whatever OperateType its body leaves out."""
        inner = said.get("DispositionObject", said) if isinstance(said, dict) else {}
        named = inner if isinstance(inner, dict) else {}
        whole = {**named, "DispositionID": request.path_params["disposition_id"], "OperateType": "1"}
        return await self._take(request, peer, {"DispositionObject": whole})


def _outcome(name: str, code: str, words: str) -> dict[str, str]:
    return {"Id": name, "StatusCode": code, "StatusString": words}


def _reply(request: Request, outcomes: list[dict[str, str]], status: int = 200) -> Response:
    """A ResponseStatusList as GA/T 1400 has it (domain.md 2.2)."""
    now = f"{datetime.now(UTC).astimezone(BEIJING):%Y%m%d%H%M%S}"
    rows = [{"RequestURL": request.url.path, "LocalTime": now, **outcome} for outcome in outcomes]
    content = {"ResponseStatusListObject": {"ResponseStatusObject": rows}}
    return JSONResponse(content, status, media_type=MEDIA_TYPE)

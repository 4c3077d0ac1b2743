"""Requests that are not served: every error of the program as a status and a sentence."""

from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from detector.errors import (
    AccessDenied,
    Conflict,
    EvidenceError,
    LifeCycleError,
    Overtaken,
    RoadwardenError,
    StorageError,
)

MEANINGS: tuple[tuple[type[RoadwardenError], int, str], ...] = (
    (Conflict, 409, "error.conflict"),
    (LifeCycleError, 409, "error.not_possible"),
    (AccessDenied, 403, "error.denied"),
    (EvidenceError, 404, "error.evidence"),
    (Overtaken, 409, "error.overtaken"),
    (StorageError, 503, "error.storage"),
    (RoadwardenError, 400, "error.refused"),
)
STATUS_TEXTS = {404: "error.no_page", 405: "error.no_page", 413: "error.too_large"}


@dataclass(eq=False)
class Refusal(Exception):
    """A request that is not served; not frozen, since the framework sets its traceback.

    Attributes:
        status: of HTTP.
        text: key of the sentence.
        detail: more, for the curious; None for nothing.
    """

    status: int
    text: str
    detail: str | None = None


def to_refusal(error: Exception) -> Refusal:
    """How an error is told."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        fields = {".".join(str(part) for part in found["loc"][1:]) for found in error.errors()}
        return Refusal(400, "error.form", ", ".join(sorted(fields)))
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, STATUS_TEXTS.get(error.status_code, "error.refused"))
    for kind, status, text in MEANINGS:
        if isinstance(error, kind):
            return Refusal(status, text, str(error))
    return Refusal(500, "error.defect")

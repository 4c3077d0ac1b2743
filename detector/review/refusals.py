"""Requests that are not served: every error of the program as a status and a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        because: name of the cause of a step that cannot be taken, for a sentence of `cause`; None for none.
        values: what that sentence names.
    """

    status: int
    text: str
    detail: str | None = None
    because: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


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
            cause = (error.because, error.values) if isinstance(error, LifeCycleError) else (None, {})
            return Refusal(status, text, str(error), *cause)
    return Refusal(500, "error.defect")

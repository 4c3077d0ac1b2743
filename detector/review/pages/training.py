"""Training export: what officers decided, as labelled and masked pictures."""

import tempfile
from collections import Counter
from typing import Annotated, Any

from fastapi import Form
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from detector.entities import Role
from detector.review.access import allow, page_router
from detector.review.pages.dashboard import read_period
from detector.review.queries.training import find_decided
from detector.review.training_export import write_export
from detector.review.view import CurrentView, Link

router = page_router()
LINKS = (Link("show_training", "training.title", 85),)
EXPORTERS = (Role.SUPERVISOR, Role.ADMINISTRATOR)
CASES_MOST = 2000
"""More are exported period by period, so that no request lasts for minutes."""


@router.get("/training")
@allow(*EXPORTERS)
def show_training(view: CurrentView) -> Response:
    """How many labels a period holds."""
    period = read_period(view)
    decided = find_decided(view.desk.engine, view.visitor, (period.start, period.end))
    counts = Counter((item.label, item.decision) for item in decided)
    labels = sorted({label for label, _ in counts})
    rows = [(label, counts[label, "confirmed"], counts[label, "rejected"]) for label in labels]
    return view.page(
        "training.html", rows=rows, count=len(decided), first=period.first, last=period.last, most=CASES_MOST
    )


@router.post("/training/export")
@allow(*EXPORTERS, limit="search")
def export_training(view: CurrentView, purpose: Annotated[str, Form(min_length=4, max_length=200)]) -> Response:
    """The archive; who took it, and what for, is in the audit log."""
    period = read_period(view)
    decided = find_decided(view.desk.engine, view.visitor, (period.start, period.end))
    if not decided or len(decided) > CASES_MOST:
        say = "training.too_many" if decided else "training.none"
        return view.redirect(f"/training?from={period.first}&to={period.last}", say=say)
    file = tempfile.NamedTemporaryFile(prefix="roadwarden-training-", suffix=".zip")  # noqa: SIM115  closed when sent
    written = write_export(decided, view.desk.shelf, file)
    file.flush()
    days = {"from": period.first.isoformat(), "to": period.last.isoformat()}
    told: dict[str, Any] = {
        **days,
        "cases": written.cases,
        "pictures": written.pictures,
        "left_out": list(written.left_out)[:20],
    }
    view.record("training_export", purpose, **told)
    name = f"training-{period.first}-{period.last}.zip"
    return FileResponse(file.name, media_type="application/zip", filename=name, background=BackgroundTask(file.close))

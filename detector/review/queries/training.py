"""Cases that officers have decided, as labels for the load models: what was confirmed, and above all what was wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from detector.cases.measures import Story, read_stories
from detector.cases.rows import to_case
from detector.database.sessions import read_session
from detector.database.tables import CaseRow
from detector.entities import Case, Cover, RejectReason
from detector.review.queries.visible import visible_to
from detector.review.visitors import Visitor

LABEL_OF_REJECTION: Mapping[str, str] = {
    RejectReason.NOT_SLAG_TRUCK: "not_a_tipper",
    RejectReason.EMPTY: "empty",
    RejectReason.COVERED: "covered",
}
"""What an officer's reason says of the bed; the other reasons say nothing of it that a network could learn."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One case as a label.

    Attributes:
        label: of `evaluate load-state`.
        decision: "confirmed" or "rejected".
        reason: of the rejection; empty for confirmed cases.
    """

    case: Case
    label: str
    decision: str
    reason: str = ""


def find_decided(engine: Engine, visitor: Visitor, period: tuple[datetime, datetime]) -> list[Decided]:
    """The cases of a period that became labels and have a sealed package, in the order in which they were captured.

    Args:
        engine: of the case database.
        visitor: whose districts count.
        period: of capture, aware; the end is excluded.

    Raises:
        StorageError: the database cannot be read.
    """
    stories = {story.case_id: story for story in read_stories(engine, period, visible_to(visitor))}
    decided = [case_id for case_id, story in stories.items() if story.valid or story.rejected]
    with read_session(engine) as session:
        rows = session.scalars(select(CaseRow).where(CaseRow.case_id.in_(decided)).order_by(CaseRow.captured_at))
        cases = [to_case(row) for row in rows]
    found = [_label(case, stories[case.case_id]) for case in cases if case.evidence is not None]
    return [item for item in found if item is not None]


def _label(case: Case, story: Story) -> Decided | None:
    """What the decision teaches; None where it says nothing of the bed."""
    rules = {finding.rule for finding in case.findings}
    if story.rejected:
        label = LABEL_OF_REJECTION.get(story.rejected)
        is_open = case.load is not None and case.load.cover in (Cover.OPEN, Cover.PARTIAL)
        if story.rejected == RejectReason.BELOW_EDGE and is_open:
            label = "loaded"
        return Decided(case, label, "rejected", story.rejected) if label else None
    if "heaped_load" in rules:
        return Decided(case, "heaped", "confirmed")
    return Decided(case, "laden", "confirmed") if "uncovered_load" in rules else None

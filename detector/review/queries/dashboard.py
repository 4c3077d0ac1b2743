"""The dashboard: figures of a period, what waits now and for how long, and the cases behind each number."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Engine, case, func, select

from detector.cases.measures import By, Measures, Story, group, read_stories
from detector.database.sessions import read_session
from detector.database.tables import CaseRow
from detector.entities import BEIJING, Action, AssignmentStatus, CaseStatus
from detector.review.queries.visible import visible_to
from detector.review.visitors import Visitor

AGES = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(days=1), timedelta(days=5))
"""Bounds of the backlog's groups; what is older than the last is the last group."""

WAITING = (
    CaseStatus.CANDIDATE, CaseStatus.IN_REVIEW, CaseStatus.TECHNICALLY_CONFIRMED, CaseStatus.CONFIRMED,
    CaseStatus.FILED, CaseStatus.RETURNED, CaseStatus.DISPATCHED, CaseStatus.IN_HANDLING, CaseStatus.FEEDBACK,
    CaseStatus.REOPENED, CaseStatus.APPEALED,
)  # fmt: skip
"""States in which somebody still owes a step."""

COUNTED: Mapping[str, Callable[[Story], bool]] = {
    "cases": lambda story: True,
    "waiting": lambda story: story.is_waiting,
    "rejected": lambda story: story.rejected is not None,
    "valid": lambda story: story.valid,
    "dispatched": lambda story: story.dispatched_at is not None,
    "disposed": lambda story: story.is_disposed,
    "returned": lambda story: any(part.status == AssignmentStatus.RETURNED for part in story.parts),
    "reworked": lambda story: story.counts[Action.REWORK] > 0,
    "appealed": lambda story: story.counts[Action.APPEAL] > 0,
    "appeals_upheld": lambda story: story.is_appeal_upheld,
}
"""What a number of the dashboard counts; the names of `Measures`."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the first instant to the one before `end`; aware."""

    start: datetime
    end: datetime

    @property
    def first(self) -> date:
        """Its first day in Beijing."""
        return self.start.astimezone(BEIJING).date()

    @property
    def last(self) -> date:
        """Its last day in Beijing, included."""
        return (self.end - timedelta(days=1)).astimezone(BEIJING).date()


@dataclass(frozen=True, slots=True)
class Drill:
    """Which cases are wanted.

    Attributes:
        counted: key of `COUNTED`.
        by, name: group in which they count.
        reason: of the rejection; None for any.
    """

    counted: str
    by: By = By.ALL
    name: str = "all"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the dashboard shows.

    Attributes:
        total: of the period.
        groups: by whatever is asked.
        backlog: (state, group of `AGES`) → cases that wait now, whenever they were captured.
        false_alarms: camera → rejected cases a day.
    """

    total: Measures
    groups: Mapping[By, Mapping[str, Measures]]
    backlog: Mapping[tuple[CaseStatus, int], int]
    false_alarms: Mapping[str, float]


def read_board(engine: Engine, visitor: Visitor, period: Period, now: datetime) -> Board:
    """The dashboard of what a person sees.

    Raises:
        StorageError: the database cannot be read.
    """
    stories = read_stories(engine, (period.start, period.end), visible_to(visitor))
    groups = {by: group(stories, by) for by in By}
    rejected = Counter(story.camera_id for story in stories if story.rejected)
    days = max(1.0, (min(period.end, now) - period.start) / timedelta(days=1))
    alarms = {camera: count / days for camera, count in rejected.most_common()}
    return Board(groups[By.ALL].get("all", Measures()), groups, _count_backlog(engine, visitor, now), alarms)


def find_behind(engine: Engine, visitor: Visitor, period: Period, drill: Drill) -> list[Story]:
    """The cases that a number counts, the latest first.

    Raises:
        StorageError: the database cannot be read.
    """
    stories = read_stories(engine, (period.start, period.end), visible_to(visitor))
    wanted = COUNTED[drill.counted]
    return [
        story
        for story in reversed(stories)
        if wanted(story) and drill.name in story.names(drill.by) and drill.reason in (None, story.rejected)
    ]


def _count_backlog(engine: Engine, visitor: Visitor, now: datetime) -> dict[tuple[CaseStatus, int], int]:
    bands = [(CaseRow.created_at > now - age, number) for number, age in enumerate(AGES)]
    band = case(*bands, else_=len(AGES)).label("band")
    waiting = CaseRow.status.in_([status.value for status in WAITING])
    counted = (
        select(CaseRow.status, band, func.count()).where(waiting, visible_to(visitor)).group_by(CaseRow.status, band)
    )
    with read_session(engine) as session:
        return {(CaseStatus(status), number): count for status, number, count in session.execute(counted)}

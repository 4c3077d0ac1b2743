"""How the work goes: yield of detections, disposal, times, returns, rejects, appeals; by whatever people ask.

Definitions. *Valid*: confirmed by both reviews. *Dispatched*: handed to a department at least once. *Disposed*: every
department has answered and the centre has verified it. Disposal rate: disposed of dispatched. On-time rate: parts of
departments answered by their feedback clock, of those answered. Handling time: from the first dispatch to verification.
A case counts in the period in which it was captured.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from statistics import quantiles

from sqlalchemy import ColumnElement, Engine, and_, select, true

from detector.database.sessions import read_session
from detector.database.tables import AssignmentRow, AuditRow, CaseRow, FindingRow
from detector.entities import BEIJING, Action, AssignmentStatus, CaseStatus

MILESTONES = (
    Action.REJECT, Action.LEGAL_REJECT, Action.LEGAL_CONFIRM, Action.DISPATCH, Action.VERIFY, Action.REWORK,
    Action.RETURN, Action.APPEAL, Action.REVOKE, Action.AMEND, Action.UNDO,
)  # fmt: skip


class By(StrEnum):
    """What cases are grouped by."""

    ALL = "all"
    CAMERA = "camera"
    RULE = "rule"
    DEPARTMENT = "department"
    DISTRICT = "district"
    WEEK = "week"


@dataclass(slots=True)
class Measures:
    """The figures of one group.

    Attributes:
        hours: handling time of each disposed case.
        reject_reasons: reason → cases.
    """

    cases: int = 0
    waiting: int = 0
    rejected: int = 0
    valid: int = 0
    dispatched: int = 0
    disposed: int = 0
    parts: int = 0
    parts_on_time: int = 0
    returned: int = 0
    reworked: int = 0
    appealed: int = 0
    appeals_upheld: int = 0
    hours: list[float] = field(default_factory=list)
    reject_reasons: Counter[str] = field(default_factory=Counter)

    @property
    def disposal_rate(self) -> float | None:
        """Disposed of dispatched; None without any."""
        return self.disposed / self.dispatched if self.dispatched else None

    @property
    def on_time_rate(self) -> float | None:
        """Parts answered in time of parts answered; None without any."""
        return self.parts_on_time / self.parts if self.parts else None

    @property
    def precision(self) -> float | None:
        """Valid of reviewed; None without any."""
        reviewed = self.valid + self.rejected
        return self.valid / reviewed if reviewed else None

    def hours_at(self, share: float) -> float | None:
        """Hours of handling below which this share (0 to 1, steps of 0.01) of cases lies; None without any."""
        if not self.hours:
            return None
        if len(self.hours) == 1:
            return self.hours[0]
        return quantiles(self.hours, n=100, method="inclusive")[round(100 * share) - 1]


@dataclass(slots=True)
class Story:
    """What became of one case, as far as figures need it.

    Attributes:
        rules: that it breaks.
        parts: departments' parts of it.
        rejected: why it was rejected; None where it was not.
        dispatched_at, verified_at: first dispatch and last verification; None where there was none.
        counts: how often each step was taken.
    """

    case_id: str
    camera_id: str
    district: str
    captured_at: datetime
    status: CaseStatus
    rules: list[str] = field(default_factory=list)
    parts: list[AssignmentRow] = field(default_factory=list)
    valid: bool = False
    rejected: str | None = None
    dispatched_at: datetime | None = None
    verified_at: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_waiting(self) -> bool:
        """Whether the review is not done yet."""
        return self.status in (CaseStatus.CANDIDATE, CaseStatus.IN_REVIEW, CaseStatus.TECHNICALLY_CONFIRMED)

    @property
    def is_disposed(self) -> bool:
        """Whether departments have answered and the centre has verified it."""
        return self.dispatched_at is not None and self.verified_at is not None

    @property
    def is_appeal_upheld(self) -> bool:
        """Whether the party was right."""
        return bool(self.counts[Action.REVOKE] + self.counts[Action.AMEND])

    def names(self, by: By) -> list[str]:
        """The groups in which the case counts."""
        if by is By.RULE:
            return self.rules
        if by is By.DEPARTMENT:
            return sorted({part.unit for part in self.parts})
        if by is By.WEEK:
            year, week, _ = self.captured_at.astimezone(BEIJING).isocalendar()
            return [f"{year}-W{week:02}"]
        return [{By.ALL: "all", By.CAMERA: self.camera_id, By.DISTRICT: self.district or "-"}[by]]


def read_stories(
    engine: Engine, period: tuple[datetime, datetime], seen: ColumnElement[bool] | None = None
) -> list[Story]:
    """What became of the cases captured in a period, in the order in which they were captured.

    Args:
        engine: of the case database.
        period: aware; the end is excluded.
        seen: condition on `CaseRow` that narrows them; None for all.

    Raises:
        StorageError: the database cannot be read.
    """
    inside = and_(CaseRow.captured_at >= period[0], CaseRow.captured_at < period[1], true() if seen is None else seen)
    of_period = select(CaseRow.case_id).where(inside).scalar_subquery()
    columns = (CaseRow.case_id, CaseRow.camera_id, CaseRow.district, CaseRow.captured_at, CaseRow.status)
    with read_session(engine) as session:
        rows = session.execute(select(*columns).where(inside).order_by(CaseRow.captured_at, CaseRow.case_id))
        stories = {row.case_id: Story(*row[:4], CaseStatus(row.status)) for row in rows}
        findings = select(FindingRow.case_id, FindingRow.rule).where(FindingRow.case_id.in_(of_period))
        for case_id, rule in session.execute(findings.order_by(FindingRow.position)):
            stories[case_id].rules.append(rule)
        for part in session.scalars(select(AssignmentRow).where(AssignmentRow.case_id.in_(of_period))):
            stories[part.case_id].parts.append(part)
        lines = select(AuditRow.case_id, AuditRow.action, AuditRow.at, AuditRow.reason, AuditRow.after).where(
            AuditRow.case_id.in_(of_period), AuditRow.action.in_([a.value for a in MILESTONES])
        )
        for line in session.execute(lines.order_by(AuditRow.event_id)):
            _tell(stories[line.case_id], line.action, line.at, (line.reason, line.after))
    return list(stories.values())


def group(stories: Iterable[Story], by: By = By.ALL) -> dict[str, Measures]:
    """Figures by group, groups in order; a case with several rules or departments counts in each of them."""
    groups: dict[str, Measures] = defaultdict(Measures)
    for story in stories:
        for name in story.names(by):
            own = [part for part in story.parts if by is not By.DEPARTMENT or part.unit == name]
            _add(groups[name], story, own)
    return dict(sorted(groups.items()))


def measure(engine: Engine, period: tuple[datetime, datetime], by: By = By.ALL) -> dict[str, Measures]:
    """Figures of the cases captured in a period; see `read_stories` and `group`."""
    return group(read_stories(engine, period), by)


def _tell(story: Story, action: str, at: datetime, how: tuple[str | None, str | None]) -> None:
    """Move a story on by one line of the log."""
    reason, after = how
    story.counts[action] += 1
    if action in (Action.REJECT, Action.LEGAL_REJECT):
        story.rejected = reason or "other"
    elif action == Action.LEGAL_CONFIRM:
        story.valid, story.rejected = True, None
    elif action == Action.UNDO:
        story.rejected = None
        story.valid = story.valid and after not in (CaseStatus.IN_REVIEW, CaseStatus.TECHNICALLY_CONFIRMED)
    elif action == Action.DISPATCH and story.dispatched_at is None:
        story.dispatched_at = at
    elif action == Action.VERIFY:
        story.verified_at = at


def _add(group: Measures, story: Story, parts: Sequence[AssignmentRow]) -> None:
    """Count one case."""
    group.cases += 1
    group.waiting += story.is_waiting
    group.valid += story.valid
    if story.rejected:
        group.rejected += 1
        group.reject_reasons[story.rejected] += 1
    group.dispatched += story.dispatched_at is not None
    if story.dispatched_at and story.verified_at:
        group.disposed += 1
        group.hours.append((story.verified_at - story.dispatched_at).total_seconds() / 3600)
    done = [part for part in parts if part.status == AssignmentStatus.DONE and part.done_at]
    group.parts += len(done)
    group.parts_on_time += sum(part.done_at <= part.feedback_due_at for part in done if part.done_at)
    group.returned += sum(part.status == AssignmentStatus.RETURNED for part in parts)
    group.reworked += story.counts[Action.REWORK]
    group.appealed += bool(story.counts[Action.APPEAL])
    group.appeals_upheld += story.is_appeal_upheld

"""How the work goes: yield of detections, disposal, times, returns, rejects, appeals; by whatever people ask.

Definitions. *Valid*: confirmed by both reviews. *Dispatched*: handed to a department at least once. *Disposed*: every
department has answered and the centre has verified it. Disposal rate: disposed of dispatched. On-time rate: parts of
departments answered by their feedback clock, of those answered. Handling time: from the first dispatch to verification.
A case counts in the period in which it was captured.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from statistics import quantiles

from sqlalchemy import Engine, select

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
class _Story:
    """What the log says of one case."""

    valid: bool = False
    rejected: str | None = None
    dispatched_at: datetime | None = None
    verified_at: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)


def measure(engine: Engine, period: tuple[datetime, datetime], by: By = By.ALL) -> dict[str, Measures]:
    """Figures of the cases captured in a period, by group, groups in order.

    Args:
        engine: of the case database.
        period: aware; the end is excluded.
        by: a case with several rules or departments counts in each of them.

    Raises:
        StorageError: the database cannot be read.
    """
    with read_session(engine) as session:
        inside = (CaseRow.captured_at >= period[0]) & (CaseRow.captured_at < period[1])
        cases = session.execute(
            select(CaseRow.case_id, CaseRow.camera_id, CaseRow.district, CaseRow.captured_at, CaseRow.status).where(
                inside
            )
        ).all()
        of_period = select(CaseRow.case_id).where(inside).scalar_subquery()
        rules: dict[str, list[str]] = defaultdict(list)
        for case_id, rule in session.execute(
            select(FindingRow.case_id, FindingRow.rule).where(FindingRow.case_id.in_(of_period))
        ):
            rules[case_id].append(rule)
        parts: dict[str, list[AssignmentRow]] = defaultdict(list)
        for row in session.scalars(select(AssignmentRow).where(AssignmentRow.case_id.in_(of_period))):
            parts[row.case_id].append(row)
        stories: dict[str, _Story] = defaultdict(_Story)
        lines = select(AuditRow.case_id, AuditRow.action, AuditRow.at, AuditRow.reason, AuditRow.after).where(
            AuditRow.case_id.in_(of_period), AuditRow.action.in_([a.value for a in MILESTONES])
        )
        for case_id, action, at, reason, after in session.execute(lines.order_by(AuditRow.event_id)):
            _tell(stories[case_id], action, at, (reason, after))
    groups: dict[str, Measures] = defaultdict(Measures)
    for case_id, camera_id, district, captured_at, status in cases:
        year, week, _ = captured_at.astimezone(BEIJING).isocalendar()
        names = {
            By.ALL: ["all"],
            By.CAMERA: [camera_id],
            By.RULE: rules[case_id],
            By.DEPARTMENT: sorted({part.unit for part in parts[case_id]}),
            By.DISTRICT: [district or "-"],
            By.WEEK: [f"{year}-W{week:02}"],
        }[by]
        for name in names:
            own = [part for part in parts[case_id] if by is not By.DEPARTMENT or part.unit == name]
            _add(groups[name], stories[case_id], CaseStatus(status), own)
    return dict(sorted(groups.items()))


def _tell(story: _Story, action: str, at: datetime, how: tuple[str | None, str | None]) -> None:
    """Move a story on by one line of the log."""
    reason, after = how
    story.counts[action] += 1
    if action in (Action.REJECT, Action.LEGAL_REJECT):
        story.rejected = reason or "other"
    elif action == Action.LEGAL_CONFIRM:
        story.valid, story.rejected = True, None
    elif action == Action.UNDO:
        story.rejected = None
        story.valid = after not in (CaseStatus.IN_REVIEW, CaseStatus.TECHNICALLY_CONFIRMED)
    elif action == Action.DISPATCH and story.dispatched_at is None:
        story.dispatched_at = at
    elif action == Action.VERIFY:
        story.verified_at = at


def _add(group: Measures, story: _Story, status: CaseStatus, parts: Sequence[AssignmentRow]) -> None:
    """Count one case."""
    group.cases += 1
    group.waiting += status in (CaseStatus.CANDIDATE, CaseStatus.IN_REVIEW, CaseStatus.TECHNICALLY_CONFIRMED)
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
    group.appeals_upheld += bool(story.counts[Action.REVOKE] + story.counts[Action.AMEND])

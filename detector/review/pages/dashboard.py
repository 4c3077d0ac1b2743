"""The dashboard: how the work goes, and the cases behind each number."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from detector.cases.measures import By, Measures
from detector.entities import BEIJING, RejectReason, Role
from detector.review.access import allow, page_router
from detector.review.charts import Bar, draw_bars
from detector.review.days import read_day
from detector.review.queries.dashboard import AGES, COUNTED, WAITING, Board, Drill, Period, find_behind, read_board
from detector.review.view import CurrentView, Link, View

router = page_router()
LINKS = (Link("show_dashboard", "dashboard.title", 60),)
READERS = (Role.SUPERVISOR, Role.DISPATCHER, Role.AUDITOR, Role.ADMINISTRATOR)
USUAL_DAYS = 30
LONGEST = timedelta(days=400)
LISTED_MOST = 500
FIGURES = (
    "cases", "waiting", "rejected", "valid", "dispatched", "disposed", "returned", "reworked", "appealed",
    "appeals_upheld",
)  # fmt: skip
RATES: Mapping[str, Callable[[Measures], float | None]] = {
    "precision": lambda m: m.precision,
    "disposal_rate": lambda m: m.disposal_rate,
    "on_time_rate": lambda m: m.on_time_rate,
}
HOURS: Mapping[str, float] = {"median_h": 0.5, "p90_h": 0.9}


@router.get("/dashboard")
@allow(*READERS)
def show_dashboard(view: CurrentView) -> Response:
    """Figures and charts of a period."""
    period = read_period(view)
    board = read_board(view.desk.engine, view.visitor, period, view.desk.now())
    by = _by(view, By.RULE)
    return view.page(
        "dashboard.html", board=board, by=by, bys=[b for b in By if b is not By.ALL], table=_table(view, board, by),
        tiles=_tiles(view, board), charts=_charts(view, board), backlog=_backlog(view, board), columns=_columns(),
        first=period.first, last=period.last, query=_query(view),
        presets=_presets(view),
    )  # fmt: skip


@router.get("/dashboard/cases")
@allow(*READERS)
def show_behind(view: CurrentView) -> Response:
    """The cases behind one number."""
    wanted = _drill(view)
    found = find_behind(view.desk.engine, view.visitor, read_period(view), wanted)
    return view.page(
        "dashboard_cases.html", stories=found[:LISTED_MOST], count=len(found), drill=wanted,
        group=_name(view, wanted.by, wanted.name), query=_query(view),
    )  # fmt: skip


@router.get("/dashboard/table.csv")
@allow(*READERS)
def save_table(view: CurrentView) -> Response:
    """The table as CSV, for spreadsheets."""
    board, by = read_board(view.desk.engine, view.visitor, read_period(view), view.desk.now()), _by(view, By.RULE)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([by.value, *_columns()])
    for name, found in board.groups[by].items():
        values = [getattr(found, figure) for figure in FIGURES]
        values += [rate(found) for rate in RATES.values()] + [found.hours_at(share) for share in HOURS.values()]
        writer.writerow([_plain(name), *("" if value is None else value for value in values)])
    headers = {"Content-Disposition": f'attachment; filename="roadwarden-{by.value}.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _columns() -> list[str]:
    return [*FIGURES, *RATES, *HOURS]


def _tiles(view: View, board: Board) -> list[tuple[str, str, str | None]]:
    """The figures that people ask for first: name, number, page behind it."""
    total = board.total
    tiles: list[tuple[str, str, str | None]] = [
        (name, f"{getattr(total, name):,}", _link(view, Drill(name))) for name in FIGURES
    ]
    rates = [(name, _percent(rate(total)), None) for name, rate in RATES.items()]
    hours = [(name, _hours(view, total.hours_at(share)), None) for name, share in HOURS.items()]
    return [*rates[1:], *hours, *tiles, *rates[:1]]


def _table(view: View, board: Board, by: By) -> list[tuple[str, list[tuple[str, str | None]]]]:
    """One row a group: its name, and its numbers with the page behind each."""
    rows = []
    for name, found in board.groups[by].items():
        cells: list[tuple[str, str | None]] = []
        for figure in FIGURES:
            count = getattr(found, figure)
            cells.append((f"{count:,}", _link(view, Drill(figure, by, name)) if count else None))
        cells += [(_percent(rate(found)), None) for rate in RATES.values()]
        cells += [(_hours(view, found.hours_at(share)), None) for share in HOURS.values()]
        rows.append((_name(view, by, name), cells))
    return rows


def _charts(view: View, board: Board) -> list[Markup]:
    """Pictures of what the tables hold; each bar leads to its cases."""
    t = view.t
    steps = [
        Bar(
            t(f"dashboard.figure.{name}"),
            getattr(board.total, name),
            f"{getattr(board.total, name):,}",
            _link(view, Drill(name)),
        )
        for name in ("cases", "valid", "dispatched", "disposed")
        if board.total.cases
    ]
    reasons = [
        Bar(t.known(f"reject.{reason}", reason), n, f"{n:,}", _link(view, Drill("rejected", reason=reason)))
        for reason, n in board.total.reject_reasons.most_common(12)
    ]
    alarms = [
        Bar(_name(view, By.CAMERA, camera), a_day, f"{a_day:.2f}", _link(view, Drill("rejected", By.CAMERA, camera)))
        for camera, a_day in list(board.false_alarms.items())[:12]
    ]
    charts = [("dashboard.yield", steps), ("dashboard.reasons", reasons), ("dashboard.alarms", alarms)]
    for title, by in (("dashboard.by_week", By.WEEK), ("dashboard.by_unit", By.DEPARTMENT)):
        groups = list(board.groups[by].items())[-12:]
        rates = [
            Bar(
                _name(view, by, name),
                m.disposal_rate,
                _percent(m.disposal_rate),
                _link(view, Drill("dispatched", by, name)),
            )
            for name, m in groups
        ]
        charts.append((title, rates))
    return [Markup(draw_bars(t(title), bars)) for title, bars in charts if bars]


def _backlog(view: View, board: Board) -> list[tuple[str, list[int], int]]:
    """What waits now: state, number by age, sum."""
    rows = []
    for status in WAITING:
        counts = [board.backlog.get((status, band), 0) for band in range(len(AGES) + 1)]
        if any(counts):
            rows.append((view.t(f"status.{status.value}"), counts, sum(counts)))
    return rows


def _presets(view: View) -> list[tuple[str, str]]:
    today = view.desk.now().astimezone(BEIJING).date()
    return [
        (f"dashboard.days.{days}", urlencode({"from": today - timedelta(days=days - 1), "to": today}))
        for days in (1, 7, 30, 90)
    ]


def read_period(view: View) -> Period:
    """From and to as days in Beijing, both included; the last `USUAL_DAYS` where nothing sensible is asked."""
    today = datetime.combine(view.desk.now().astimezone(BEIJING).date(), time(0), BEIJING)
    asked = view.request.query_params
    last = read_day(asked.get("to", "")) or today
    first = read_day(asked.get("from", "")) or last - timedelta(days=USUAL_DAYS - 1)
    return Period(max(min(first, last), last - LONGEST), last + timedelta(days=1))


def _by(view: View, usual: By) -> By:
    asked = view.request.query_params.get("by", "")
    return By(asked) if asked in {by.value for by in By} else usual


def _drill(view: View) -> Drill:
    asked = view.request.query_params
    counted, reason = asked.get("counted", ""), asked.get("reason", "")
    return Drill(
        counted if counted in COUNTED else "cases",
        _by(view, By.ALL),
        asked.get("name", "all")[:64],
        reason if reason in set(RejectReason) else None,
    )


def _query(view: View, **more: str) -> str:
    period = read_period(view)
    return urlencode({"from": period.first, "to": period.last, **more})


def _link(view: View, drill: Drill) -> str:
    words = {"counted": drill.counted, "by": drill.by.value, "name": drill.name, "reason": drill.reason or ""}
    return f"/dashboard/cases?{_query(view, **{k: v for k, v in words.items() if v})}"


def _name(view: View, by: By, name: str) -> str:
    """A group as people call it."""
    if by is By.ALL:
        return view.t("dashboard.all")
    if by is By.RULE:
        return view.t.known(f"rule.{name}", name)
    if by is By.CAMERA and name in view.desk.cameras:
        return view.desk.cameras[name].place or name
    if by in (By.DEPARTMENT, By.DISTRICT):
        return view.unit_name(name)
    return name


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _hours(view: View, value: float | None) -> str:
    """A time as people say it: minutes below an hour."""
    if value is None:
        return "–"
    if value < 1.0:
        return view.t("dashboard.minutes", minutes=f"{60 * value:.0f}")
    return view.t("dashboard.hours", hours=f"{value:.1f}")


def _plain(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text

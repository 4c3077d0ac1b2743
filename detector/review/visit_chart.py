"""When a vehicle was seen, as SVG: one row a day, the hours across, one bar a visit; readable without colour."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from html import escape

from detector.entities import BEIJING, TimelineEntry

ROW_PX, LABEL_PX, HOUR_PX, TOP_PX, LEAST_PX = 20, 84, 34, 26, 5
DAYS_MOST = 62
FILLS = {
    "loop": "#d0453b", "wait": "#c27a12", "pick_up": "#9b6cc9", "set_down": "#3b82c4", "clone_from": "#3b82c4",
    "clone_to": "#d0453b",
}  # fmt: skip
"""Tones that stand out on light and on dark ground."""
OTHER_FILL = "#7d8c99"


def draw_visits(entries: Sequence[TimelineEntry], label: str, describe: Callable[[TimelineEntry], str]) -> str:
    """Visits by day and hour in Beijing time; the length of a bar is how long the vehicle stayed.

    Args:
        entries: of a lead; at least one.
        label: says in words what the picture shows.
        describe: the line that belongs to an entry; shown when it is pointed at.
    """
    by_day: dict[date, list[TimelineEntry]] = defaultdict(list)
    for entry in entries:
        by_day[entry.seen_at.astimezone(BEIJING).date()].append(entry)
    first, last = min(by_day), max(by_day)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if len(days) > DAYS_MOST:
        days = sorted(by_day)
    width, height = LABEL_PX + 24 * HOUR_PX + 12, TOP_PX + ROW_PX * len(days) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="visits" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}" font-family="sans-serif" font-size="11">'
    ]
    for hour in range(0, 25, 2):
        x = LABEL_PX + hour * HOUR_PX
        parts.append(f'<path class="grid" d="M{x} {TOP_PX - 4}V{height - 6}"/>')
        parts.append(f'<text x="{x}" y="{TOP_PX - 9}" text-anchor="middle" fill="currentColor">{hour:02}</text>')
    for number, day in enumerate(days):
        top = TOP_PX + number * ROW_PX
        if day.weekday() >= 5:
            parts.append(
                f'<rect class="weekend" x="{LABEL_PX}" y="{top}" width="{24 * HOUR_PX}" height="{ROW_PX - 2}"/>'
            )
        parts.append(
            f'<text x="{LABEL_PX - 8}" y="{top + 13}" text-anchor="end" fill="currentColor">{day:%m-%d}</text>'
        )
        parts += [_bar(entry, top, describe(entry)) for entry in by_day.get(day, ())]
    return "\n".join([*parts, "</svg>"])


def kind_of(entry: TimelineEntry) -> str:
    """What a visit was, as the scan noted it."""
    return entry.note.partition(" ")[0]


def stay_min(entry: TimelineEntry) -> float:
    """How long it lasted, minutes; 0 for a sighting in passing, and for the distances of cloned plates."""
    kind, _, value = entry.note.partition(" ")
    return float(value) if value and not kind.startswith("clone") else 0.0


def _bar(entry: TimelineEntry, top: int, text: str) -> str:
    at = entry.seen_at.astimezone(BEIJING)
    x = LABEL_PX + (at.hour + at.minute / 60) * HOUR_PX
    length = min(max(LEAST_PX, stay_min(entry) / 60 * HOUR_PX), LABEL_PX + 24 * HOUR_PX - x)
    fill = FILLS.get(kind_of(entry), OTHER_FILL)
    return (
        f'<rect x="{x:.1f}" y="{top + 2}" width="{max(length, 2):.1f}" height="{ROW_PX - 6}" rx="2" fill="{fill}">'
        f"<title>{escape(text)}</title></rect>"
    )

"""Charts as SVG: horizontal bars with their numbers, readable without colour and without a script."""

from collections.abc import Sequence
from html import escape

ROW_PX, LABEL_PX, BAR_PX, MARGIN_PX = 26, 190, 420, 12


def draw_bars(title: str, rows: Sequence[tuple[str, float | None, str]]) -> str:
    """One bar a row.

    Args:
        title: above the chart.
        rows: label, value at least 0 (None: no bar), and the number as text.
    """
    most = max((value for _, value, _ in rows if value is not None), default=0.0) or 1.0
    height = 2 * MARGIN_PX + ROW_PX * (len(rows) + 1)
    width = LABEL_PX + BAR_PX + 110
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="13">',
        f'<text x="{MARGIN_PX}" y="{MARGIN_PX + 14}" font-weight="bold" fill="currentColor">{escape(title)}</text>',
    ]
    for number, (label, value, text) in enumerate(rows, start=1):
        top = MARGIN_PX + ROW_PX * number
        length = 0.0 if value is None else BAR_PX * value / most
        parts += [
            f'<text x="{LABEL_PX - 8}" y="{top + 17}" text-anchor="end" fill="currentColor">{escape(label)}</text>',
            f'<rect x="{LABEL_PX}" y="{top + 5}" width="{length:.1f}" height="{ROW_PX - 10}" fill="#3b6ea5"/>',
            f'<text x="{LABEL_PX + length + 6:.1f}" y="{top + 17}" fill="currentColor">{escape(text)}</text>',
        ]
    return "\n".join([*parts, "</svg>"])

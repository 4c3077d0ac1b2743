"""Charts as SVG: horizontal bars with their numbers, readable without colour and without a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

ROW_PX, LABEL_PX, BAR_PX, MARGIN_PX = 26, 140, 230, 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One row.

    Attributes:
        value: at least 0; None draws no bar.
        text: the number as people read it.
        link: page behind the number; None for none.
    """

    label: str
    value: float | None
    text: str
    link: str | None = None


def draw_bars(title: str, bars: Sequence[Bar], full: float | None = None) -> str:
    """A chart with one bar a row; labels are never cut.

    Args:
        title: stands above.
        bars: in their order.
        full: value of a bar that fills the room (1.0 for rates); None for the largest.
    """
    most = full or max((bar.value for bar in bars if bar.value is not None), default=0.0) or 1.0
    height = 2 * MARGIN_PX + ROW_PX * (len(bars) + 1)
    label_px = max([LABEL_PX, *(_width_px(bar.label) + 8 + MARGIN_PX for bar in bars)])
    width = max(label_px + BAR_PX + 80, _width_px(title) + 2 * MARGIN_PX)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="group" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="13">',
        f'<text x="{MARGIN_PX}" y="{MARGIN_PX + 14}" font-weight="bold" fill="currentColor">{escape(title)}</text>',
    ]
    for number, bar in enumerate(bars, start=1):
        top = MARGIN_PX + ROW_PX * number
        length = 0.0 if bar.value is None else BAR_PX * bar.value / most
        row = (
            f'<text x="{label_px - 8}" y="{top + 17}" text-anchor="end" fill="currentColor">{escape(bar.label)}</text>'
            f'<rect x="{label_px}" y="{top + 5}" width="{length:.1f}" height="{ROW_PX - 10}" fill="#3b6ea5"/>'
            f'<text x="{label_px + length + 6:.1f}" y="{top + 17}" fill="currentColor">{escape(bar.text)}</text>'
        )
        parts.append(row if bar.link is None else f'<a href="{escape(bar.link)}">{row}</a>')
    return "\n".join([*parts, "</svg>"])


def _width_px(text: str) -> int:
    """Room that a text takes at 13 px: a full square for Chinese characters, two thirds for others, bold included."""
    return sum(14 if ord(character) > 0x2E7F else 9 for character in text)

"""Charts whose words are whole."""

import re

from detector.review.charts import Bar, draw_bars


def test_long_names_make_room_and_rates_fill_the_scale() -> None:
    """A department's name of 18 characters is not cut, and 50 % is half of the room."""
    name = "九龙坡区城市管理局石桥铺街道执法大队"
    chart = draw_bars("处置率", [Bar(name, 0.5, "50.0 %"), Bar("a", None, "-")], full=1.0)
    (end,) = re.findall(rf'<text x="([\d.]+)" y="[\d.]+" text-anchor="end" fill="currentColor">{name}', chart)
    assert float(end) >= 13 * len(name)
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', chart)]
    full = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"', draw_bars("", [Bar(name, 1.0, "")], full=1.0))]
    assert widths == [full[0] / 2, 0.0]


def test_without_a_scale_the_longest_bar_fills_the_room() -> None:
    """For counts."""
    few, many = (
        re.findall(r'<rect [^>]*width="([\d.]+)"', draw_bars("n", [Bar("a", value, ""), Bar("b", value / 2, "")]))
        for value in (2.0, 200.0)
    )
    assert few == many

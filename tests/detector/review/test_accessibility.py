"""Every page of the desk, light and dark, judged by axe; a page that nobody listed here fails as well."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.review.app import guarded_routes, make_app
from detector.review.desk import Desk
from tests.detector.review.browser import Open, make_opener, press
from tests.detector.review.desk import OWN_CASE, serve
from tests.detector.review.fillings import SUSPECT, lead_of, open_whole_desk

AXE = Path(__file__).with_name("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "/queue": "/queue?group=all", "/cases/{case_id}": f"/cases/{OWN_CASE}", "/leads": "/leads",
    "/leads/{lead_id}": "/leads/LEAD", "/watch": "/watch", "/interceptions": "/interceptions",
    "/department": "/department", "/search": "/search", "/dashboard": "/dashboard?from=2024-01-01&to=2024-12-31",
    "/dashboard/cases": "/dashboard/cases?from=2024-01-01&to=2024-12-31&counted=cases", "/cameras": "/cameras",
    "/cameras/{camera_id}": "/cameras/gate-03", "/training": "/training?from=2024-01-01&to=2024-12-31",
    "/administration/accounts": "/administration/accounts", "/administration/outbox": "/administration/outbox",
    "/administration/log": "/administration/log", "/administration/keeping": "/administration/keeping",
    "/account": "/account",
}  # fmt: skip
NO_PAGES = {
    "/", "/sign-in", "/sign-in/elsewhere", "/sign-in/back", "/queue/rows", "/interceptions/rows", "/plates/check",
    "/dashboard/table.csv", "/static/{version}/{name}", "/cameras/{camera_id}/picture",
    "/cases/{case_id}/files/{name}", "/cases/{case_id}/photos/{name}",
}  # fmt: skip
"""Files, parts of pages, ways to other pages; and the form of signing in, which a test of its own sees."""


@pytest.fixture(scope="module")
def whole(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, str]]:
    """A desk on which no page is empty, and its address."""
    desk = open_whole_desk(template, tmp_path_factory.mktemp("whole") / "desk")
    with serve(desk) as address:
        yield desk, address


@pytest.fixture
def open_whole(chromium: Any, whole: tuple[Desk, str]) -> Iterator[Open]:
    """Opens its pages."""
    yield from make_opener(chromium, *whole)


def test_every_page_is_listed(whole: tuple[Desk, str]) -> None:
    """What can be read is looked at by the next test, or is named as no page."""
    readable = {route.path for route in guarded_routes(make_app(whole[0])) if "GET" in route.methods}
    assert readable == set(PAGES) | NO_PAGES


@pytest.mark.long
def test_every_page_is_accessible(open_whole: Open, whole: tuple[Desk, str]) -> None:
    """axe finds nothing against WCAG 2.2 AA, light and dark, with what folds and opens, opened."""
    desk, _ = whole
    page = open_whole("supervisor", "/account", script=AXE)
    found = {}
    for address in PAGES.values():
        assert page.goto(address.replace("LEAD", lead_of(desk, SUSPECT))).status == 200, address
        page.evaluate("() => document.querySelectorAll('details').forEach(details => { details.open = true; })")
        found[address] = find_barriers(page)
    page.goto("/search")
    page.select_option("[name=purpose]", "audit")
    page.fill("[name=words]", "复核线索")
    page.fill("[name=plate]", "渝D12345")
    page.click("main form button.main")
    found["/search with what was found"] = find_barriers(page)
    assert {address: lines for address, lines in found.items() if lines} == {}


@pytest.mark.long
def test_signing_in_deciding_and_getting_lost_are_accessible(open_page: Open) -> None:
    """The form, a case before and after it is claimed, the reasons for rejecting, and the page that is not there."""
    assert find_barriers(open_page(script=AXE)) == []
    page = open_page("reviewer", f"/cases/{OWN_CASE}", script=AXE)
    assert find_barriers(page) == []
    press(page, "c")
    page.wait_for_selector("#case[data-mine] video")
    assert find_barriers(page) == []
    page.wait_for_timeout(500)  # a case that has just come takes no decision
    press(page, "x")
    page.wait_for_selector("dialog[open]")
    assert find_barriers(page) == []
    page.goto("/nowhere")
    assert find_barriers(page) == []


def find_barriers(page: Any) -> list[str]:
    """What axe finds: rule and element, one line each; in dark only colours can differ."""
    page.emulate_media(reduced_motion="reduce")
    found = []
    for scheme, only in (("light", RULES), ("dark", ["color-contrast"])):
        page.emulate_media(color_scheme=scheme)
        kind = "tag" if only is RULES else "rule"
        violations = page.evaluate(
            "only => axe.run(document, {runOnly: only}).then(found => found.violations)",
            {"type": kind, "values": only},
        )
        found += [f"{scheme}: {v['id']}: {node['html'][:160]}" for v in violations for node in v["nodes"]]
    return found

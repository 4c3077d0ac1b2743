"""The desk in a real browser: keyboard alone, two officers at once, video, languages, narrow screens, accessibility."""

import json
from typing import Any

import pytest

from detector.entities import Action, CaseStatus
from detector.review.desk import Desk
from tests.detector.review.browser import Open, press, tab_to
from tests.detector.review.desk import BARE_CASE, OWN_CASE, PASSWORD, confirm

pytestmark = pytest.mark.long

PRESS_AS_THE_NEXT_COMES = """key => document.addEventListener("htmx:afterSwap", () => {
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  sessionStorage.pressed = key;
}, { once: true })"""


def on_case(page: Any, case_id: str) -> None:
    """Wait until a case is on the screen and takes keys."""
    page.wait_for_selector(f'#case[data-case="{case_id}"]')
    page.wait_for_timeout(500)


def test_from_candidate_to_closed_by_keyboard_alone(open_page: Open, served: tuple[Desk, str]) -> None:
    """Six people, no mouse: found, confirmed twice, filed, dispatched, accepted, answered, verified, closed."""
    desk, _ = served
    confirm(desk, BARE_CASE, CaseStatus.IN_REVIEW)
    desk.life.perform(BARE_CASE, Action.REJECT, desk.accounts.get("reviewer").actor, reason="duplicate")

    def is_now(status: CaseStatus) -> bool:
        return desk.cases.get(OWN_CASE).status is status

    page = open_page()
    page.keyboard.type("reviewer")
    press(page, "Tab")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    page.wait_for_url("**/queue")
    press(page, "n")
    on_case(page, OWN_CASE)
    press(page, "y")
    page.wait_for_url("**/queue**")
    assert is_now(CaseStatus.TECHNICALLY_CONFIRMED)

    page = open_page("legal")
    press(page, "n")
    on_case(page, OWN_CASE)
    press(page, "y")
    page.wait_for_url("**/queue**")
    page = open_page("legal", f"/cases/{OWN_CASE}")
    on_case(page, OWN_CASE)
    press(page, "f")
    tab_to(page, '[name="basis"]')
    press(page, " ")
    tab_to(page, "dialog[open] button.main")
    press(page, "Enter")
    page.wait_for_selector("#step-file", state="detached")
    assert is_now(CaseStatus.FILED)

    page = open_page("dispatcher", "/queue")
    press(page, "o")
    on_case(page, OWN_CASE)
    press(page, "d")
    tab_to(page, '[name="units"][value="jlp-cg"]')
    press(page, " ")
    tab_to(page, "dialog[open] button.main")
    press(page, "Enter")
    page.wait_for_selector("#step-dispatch", state="detached")
    assert is_now(CaseStatus.DISPATCHED)

    department = open_page("department", f"/cases/{OWN_CASE}")
    on_case(department, OWN_CASE)
    press(department, "y")
    department.wait_for_selector("#step-give_feedback", state="attached")
    tab_to(department, '[data-dialog="step-give_feedback"]')
    department.wait_for_timeout(500)
    press(department, "Enter")
    tab_to(department, "dialog[open] textarea")
    department.keyboard.type("现场核实, 已处理")
    tab_to(department, "dialog[open] button.main")
    press(department, "Enter")
    department.wait_for_selector("#step-give_feedback", state="detached")
    assert is_now(CaseStatus.FEEDBACK)

    page = open_page("dispatcher", f"/cases/{OWN_CASE}")
    on_case(page, OWN_CASE)
    press(page, "v")
    page.wait_for_selector("#step-close", state="attached")
    page.wait_for_timeout(500)
    tab_to(page, '[data-dialog="step-close"]')
    press(page, "Enter")
    tab_to(page, "dialog[open] textarea")
    page.keyboard.type("办结")
    tab_to(page, "dialog[open] button.main")
    press(page, "Enter")
    page.wait_for_selector("#step-close", state="detached")
    assert is_now(CaseStatus.CLOSED)


def test_two_officers_at_once(open_page: Open, served: tuple[Desk, str]) -> None:
    """Both take the next case and get different ones; the list of a third shows who has what without reloading.

    Whoever decides on a page that is no longer true is told, and has the clip again, which rested during the question.
    """
    desk, _ = served
    watcher = open_page("supervisor", "/queue?group=review")
    first, second = open_page("reviewer"), open_page("reviewer2")
    press(first, "n")
    press(second, "n")
    cases = set()
    for page in (first, second):
        page.wait_for_selector("#case[data-mine]")
        cases.add(page.locator("#case").get_attribute("data-case"))
    assert cases == {OWN_CASE, BARE_CASE}
    watcher.wait_for_function(
        "() => document.body.innerText.includes('李明') && document.body.innerText.includes('何洁')"
    )
    page = next(page for page in (first, second) if page.locator("#case").get_attribute("data-case") == OWN_CASE)
    on_case(page, OWN_CASE)
    desk.life.perform(OWN_CASE, Action.NOTE, desk.accounts.get("supervisor").actor, reason="等一下")
    press(page, "y")
    page.wait_for_selector("#said .bad")
    assert "案件已被他人处理" in page.locator("#said").inner_text()
    assert "郑毅 已于" in page.locator("#said").inner_text()
    assert desk.cases.get(OWN_CASE).status is CaseStatus.IN_REVIEW
    clip = "document.querySelector('video')"
    page.wait_for_function(f"() => {clip}.readyState >= 2 && !{clip}.paused")


def test_a_decision_brings_the_next_case_and_undo_the_last(open_page: Open, served: tuple[Desk, str]) -> None:
    """One key; a second press of the same key at once does not decide the case that has just come."""
    desk, _ = served
    page = open_page("reviewer")
    press(page, "n")
    page.wait_for_selector("#case[data-mine]")
    first = page.locator("#case").get_attribute("data-case")
    following = BARE_CASE if first == OWN_CASE else OWN_CASE
    page.wait_for_function("() => document.getElementById('case').dataset.next")
    assert page.locator("#case").get_attribute("data-next") == following
    page.evaluate(PRESS_AS_THE_NEXT_COMES, "y")
    press(page, "x")
    press(page, "2")
    page.wait_for_selector(f'#case[data-case="{following}"]')
    page.wait_for_function("() => sessionStorage.pressed")
    page.wait_for_timeout(700)
    assert desk.cases.get(first).status is CaseStatus.REJECTED
    assert desk.cases.get(following).status is CaseStatus.IN_REVIEW
    assert following in page.url
    press(page, "u")
    page.wait_for_selector(f'#case[data-case="{first}"]')
    assert desk.cases.get(first).status is CaseStatus.IN_REVIEW


def test_the_clip_plays_seeks_and_shows_what_was_seen(open_page: Open) -> None:
    """Frame by frame, in a loop over the deciding seconds, with an overlay and a loupe that a key takes away."""
    page = open_page("reviewer")
    page.goto(f"/cases/{OWN_CASE}")
    on_case(page, OWN_CASE)
    press(page, "c")
    page.wait_for_selector("#case[data-mine] video")
    page.wait_for_function(
        "() => document.querySelector('video').currentTime > 4.6 && !document.querySelector('video').paused"
    )
    press(page, " ")
    page.wait_for_function("() => document.querySelector('video').paused")
    page.click(".strip li:first-child button")
    page.wait_for_function("() => document.querySelector('.strip li:first-child [aria-current]')")
    player = json.loads(page.locator("[data-player]").get_attribute("data-player"))
    now = "() => document.querySelector('video').currentTime"
    before = page.evaluate(now)
    for key, frames in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        press(page, key)
        page.wait_for_function(
            "wanted => Math.abs(document.querySelector('video').currentTime - wanted) < 0.011",
            arg=before + frames / player["fps"],
        )
    drawn = """() => {
        const c = document.querySelector('canvas.over');
        return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(value => value);
    }"""
    page.wait_for_function(drawn)
    press(page, "o")
    page.wait_for_function(f"() => !({drawn})()")
    press(page, "z")
    assert page.locator("canvas.loupe").is_visible()
    page.wait_for_function(drawn.replace("canvas.over", ".strip canvas"))


def test_a_plate_is_corrected_by_its_alternatives_and_checked_while_typing(open_page: Open, served: Any) -> None:
    """What is no plate is told before it is sent; what is one becomes the plate of the case."""
    page = open_page("reviewer", f"/cases/{OWN_CASE}")
    on_case(page, OWN_CASE)
    press(page, "c")
    page.wait_for_selector("#plate")
    press(page, "p")
    press(page, "End", "Backspace")
    page.wait_for_selector("#plate-check .bad")
    page.keyboard.type("6")
    page.wait_for_selector("#plate-check .good")
    press(page, "Enter")
    page.wait_for_selector("h1:has-text('渝D12346')")
    assert served[0].cases.get(OWN_CASE).officer_plate == "渝D12346"


def test_languages_and_colours(open_page: Open) -> None:
    """Switched on any page, kept, and the page stays where it was."""
    page = open_page("reviewer", "/queue?group=all")
    assert page.title().startswith("案件队列")
    page.click('[name="language"]')
    page.wait_for_selector('html[lang="en"]')
    assert "group=all" in page.url
    page.click('[name="theme"]')
    page.wait_for_selector('html[data-theme="dark"]')
    page.wait_for_load_state()
    dark = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    assert dark == "rgb(15, 21, 27)"


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out_on_any_screen(open_page: Open, width: int) -> None:
    """From a telephone to a small laptop no page scrolls sideways."""
    page = open_page("reviewer", viewport={"width": width, "height": 720})
    for path in ("/queue", f"/cases/{OWN_CASE}", "/account"):
        page.goto(path)
        if "/cases" in path:
            press(page, "c")
            page.wait_for_selector("#case[data-mine] video")
        overhang = page.evaluate("() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
        assert overhang <= 0, path


def test_a_camera_without_a_picture_says_so(open_page: Open) -> None:
    """Words instead of the browser's broken frame, in the list and on the camera's own page."""
    for path in ("/cameras", "/cameras/ring"):
        page = open_page("supervisor", path)
        page.wait_for_selector(".nothing")
        assert page.locator(".nothing").first.inner_text() == "没有画面"
        broken = "() => [...document.images].filter((i) => i.complete && i.currentSrc && !i.naturalWidth).length"
        assert page.evaluate(broken) == 0

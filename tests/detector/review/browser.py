"""Pages in a real browser, used by keyboard alone."""

from collections.abc import Callable, Iterator
from typing import Any

from detector.review.desk import Desk
from detector.review.guard import SESSION_COOKIE

PATIENCE_MS = 60_000
Open = Callable[..., Any]


def make_opener(chromium: Any, desk: Desk, address: str) -> Iterator[Open]:
    """Gives what opens a page of the desk in a browser of its own, signed in as somebody; any fault in it fails."""
    faults: list[str] = []
    contexts = []

    def open_page(account: str | None = None, path: str = "/", script: str | None = None, **settings: Any) -> Any:
        context = chromium.new_context(base_url=address, locale="zh-CN", **settings)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if account is not None:
            token = desk.sessions.open(desk.accounts.get(account))
            context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": address}])
        if script is not None:
            context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, faults


def press(page: Any, *keys: str) -> None:
    """Press keys one after the other."""
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Any, selector: str) -> None:
    """Move the focus as somebody without a mouse does."""
    for _ in range(80):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {selector}")

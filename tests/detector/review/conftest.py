"""What tests of the desk share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from detector.review.app import make_app
from detector.review.desk import Desk
from tests.conftest import require
from tests.detector.review.browser import Open, make_opener
from tests.detector.review.desk import Clock, copy_desk, make_template, serve

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People and cases, made once."""
    return make_template(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def clock() -> Clock:
    """Noon, until a test moves it."""
    return Clock()


@pytest.fixture
def desk(template: Path, tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    """A desk whose clock stands still."""
    desk = copy_desk(template, tmp_path / "desk", clock)
    yield desk
    desk.engine.dispose()


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    """Its application."""
    return make_app(desk)


@pytest.fixture
def served(template: Path, tmp_path: Path) -> Iterator[tuple[Desk, str]]:
    """A desk on the real clock, and its address."""
    desk = copy_desk(template, tmp_path / "served")
    with serve(desk) as address:
        yield desk, address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright; one a file, since its event loop hinders those of other tests."""
    require(CHROMIUM.is_file(), "Chromium (Debian package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, served: tuple[Desk, str]) -> Iterator[Open]:
    """Opens a page of the desk in a browser, signed in as somebody."""
    yield from make_opener(chromium, *served)

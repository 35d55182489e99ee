"""A demonstration hospital that really runs, and a browser that really clicks."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.builders.node import Node

from yba.app.demo_people import PASSWORD

ARTEFACTS = Path(
    os.environ.get("YBA_TEST_ARTEFACTS") or Path(__file__).parents[2] / "var" / "screenshots"
)
_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# A busy machine is slow, not wrong.
expect.set_options(timeout=20_000)

Person = Callable[..., Page]


@pytest.fixture(scope="session")
def hospital() -> Generator[Node]:
    """Yield the demo hospital on a free port, with its own database and worker.

    `YBA_TEST_NODE=FOLDER:PORT` uses a demo that runs already (while writing tests).
    """
    given = os.environ.get("YBA_TEST_NODE")
    if given:
        path, _, port = given.rpartition(":")
        yield Node(Path(path), command="demo", port=int(port))
        return
    folder = Path(tempfile.mkdtemp(prefix="yba-journey-"))
    folder.chmod(0o755)
    node = Node(folder, command="demo")
    node.start()
    yield node
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Yield Debian's Chromium, or skip saying that it is absent.

    It ends with its module: its event loop would stand in the way of other tests.
    """
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def person(hospital: Node, browser: Browser) -> Generator[Person]:
    """Return how somebody opens a browser of her own and signs in."""
    contexts: list[BrowserContext] = []

    def sit_down(login: str = "", *, phone: bool = False, language: str = "vi") -> Page:
        size = {"width": 360, "height": 780} if phone else {"width": 1280, "height": 900}
        context = browser.new_context(
            base_url=hospital.base,
            viewport=size,  # type: ignore[arg-type]
            locale="vi-VN" if language == "vi" else "en-GB",
            timezone_id="Asia/Ho_Chi_Minh",
            color_scheme="light",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda problem: pytest.fail(f"script error: {problem}"))
        if login:
            page.goto("/sign-in")
            page.fill("#login", login)
            page.fill("#password", PASSWORD)
            page.click("#sign-in-button")
            page.wait_for_url(lambda address: "/sign-in" not in address)
            page.wait_for_load_state("load")
        return page

    yield sit_down
    for context in contexts:
        context.close()


@pytest.fixture
def keep() -> Callable[[Page, str], None]:
    """Return how a screenshot becomes a test artefact."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)

    def shoot(page: Page, name: str) -> None:
        page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)

    return shoot

"""Every screen is axe clean in light and dark, in both languages, on desk and phone.

Standard: WCAG 2.2 A and AA, and axe's best practices; nothing wider than the screen.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.builders.node import ASSETS, Node

from yba.app.demo_people import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Only what is wrong is asked for: what is right is most of the answer, and slow to write.
_RUN = """
async rules => {
    await Promise.all(document.getAnimations().map(one => one.finished))
    return (await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})).violations
}
"""
_TURN = "theme => { document.documentElement.dataset.theme = theme }"
# Each language is loaded at the desk; then the window narrows and the lights turn over.
LOOKS = {
    "vi": ((1280, "light"), (360, "dark")),
    "en": ((1280, "dark"), (360, "light")),
}
SCREENS = {
    "": ("/sign-in", "/activate", "/boards/queue", "/verify"),
    "letan": ("/desk", "/desk/persons/new", "/no-such-page", "/admin"),
    "bacsi": ("/chart", "first:#queue a[href*='/chart/visits/']"),
    "xetnghiem": ("/laboratory",),
    "nguoidan": (
        "/me",
        "/me/record",
        "/me/access",
        "/me/profile",
        "/me/hidden",
        "/me/share",
        "/me/family",
        "/me/consents",
        "/me/requests",
        "/me/notices",
        "/me/record first:.list a.item",
    ),
    "thungan": ("/cashier",),
    "quantri": ("/admin",),
    "baove": ("/privacy", "/privacy/books"),
}


@pytest.mark.parametrize("login", SCREENS, ids=lambda login: login or "stranger")
def test_every_screen_is_accessible(hospital: Node, browser: Browser, login: str):
    # The rules are read into the page, which its own policy rightly forbids.
    context = browser.new_context(base_url=hospital.base, bypass_csp=True)
    page = context.new_page()
    if login:
        page.goto("/sign-in")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.click("#sign-in-button")
        page.wait_for_url(lambda address: "/sign-in" not in address)
    problems: dict[str, list[str]] = {}
    for language, looks in LOOKS.items():
        width, theme = looks[0]
        for name, value in (("theme", theme), ("lang", language)):
            context.add_cookies([{"name": name, "value": value, "url": hospital.base}])
        for screen in SCREENS[login]:
            page.set_viewport_size({"width": width, "height": 800})
            if not _open(page, screen):
                continue
            assert page.evaluate("document.documentElement.dataset.theme") == theme
            for look in looks:
                found = _problems(page, *look)
                if found:
                    problems[f"{screen} {look} {language}"] = found
    context.close()

    assert problems == {}


def _open(page: Page, screen: str) -> bool:
    """Load a screen, and axe into it; return whether it is there."""
    path, _, first = screen.partition("first:")
    if path.strip():
        page.goto(path.strip())
    if first:
        link = page.locator(first).first
        if not link.count():
            return False
        page.goto(link.get_attribute("href") or "/")
    # What lies under a sticky bar is reached by scrolling; axe would call it too small.
    page.add_style_tag(content=".phone-nav, .sticky-foot, .banner { position: static !important }")
    page.evaluate(_axe())
    return True


def _problems(page: Page, width: int, theme: str) -> list[str]:
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(_TURN, theme)
    violations: list[dict[str, Any]] = page.evaluate(_RUN, _RULES)
    found = list(_named(violations))
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [*found, f"{wide} pixels wide"] if wide > width else found


def _named(violations: list[dict[str, Any]]) -> Iterator[str]:
    for violation in violations:
        places = ", ".join(str(node["target"]) for node in violation["nodes"][:3])
        yield f"{violation['id']}: {places}"


def _axe() -> str:
    script = next(Path(ASSETS).glob("axe.min-*.js"), None)
    if script is None:
        pytest.skip("browser assets are not built (make assets)")
    return script.read_text()

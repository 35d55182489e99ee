"""A passkey in a real browser: made, used to sign in and to prove oneself, taken away again."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.builders.node import Node

from yba.app.demo_people import PASSWORD

_READER = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def desk(hospital: Node, browser: Browser) -> Generator[Page]:
    """Yield the browser of a computer with a fingerprint reader, and a finger on it."""
    context = browser.new_context(base_url=f"http://localhost:{hospital.port}", locale="vi-VN")
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": _READER})
    yield page
    context.close()


def _sign_in(page: Page, login: str) -> None:
    page.goto("/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("#sign-in-button")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def test_a_device_signs_in_and_proves_where_it_was_registered(desk: Page):
    _sign_in(desk, "quantri")
    desk.goto("/account/security")
    desk.fill("#passkey-name", "Máy bàn phòng khám")
    desk.click("#add-passkey")
    expect(desk.locator("#passkeys")).to_contain_text("Máy bàn phòng khám")
    expect(desk.locator("#new-codes li")).to_have_count(10)

    # The browser offers the key in the field of the name; whoever takes it is in.
    desk.locator("#account summary").click()
    with desk.expect_response(lambda answer: answer.url.endswith("/sign-in/passkey")) as came:
        desk.click("#logout")
    assert came.value.status == 303
    desk.wait_for_url(lambda url: "/sign-in" not in url)

    # A browser that cannot has the button, the name and the password as before.
    desk.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = undefined")
    desk.locator("#account summary").click()
    desk.click("#logout")
    desk.wait_for_url("**/sign-in")
    expect(desk.locator("#login")).to_have_attribute("autocomplete", "username webauthn")
    desk.click("#passkey-button")
    desk.wait_for_url(lambda url: "/sign-in" not in url)

    desk.goto("/prove?next=/account/security")
    expect(desk.locator("#prove-secret")).to_have_count(0)
    desk.click("#prove-passkey")
    desk.wait_for_url("**/account/security")

    # As before for whoever comes next.
    desk.locator("#passkeys form button").click()
    expect(desk.locator("#passkeys")).to_have_count(0)


def test_an_address_in_figures_offers_no_passkey(hospital: Node, browser: Browser):
    context: BrowserContext = browser.new_context(base_url=hospital.base)
    page = context.new_page()

    page.goto("/sign-in")

    expect(page.locator("#sign-in-button")).to_be_visible()
    expect(page.locator("#passkey-button")).to_be_hidden()
    context.close()

"""Reception and consulting room without a mouse."""

import pytest
from playwright.sync_api import Page, expect
from tests.journeys.conftest import Person

from yba.app.demo_people import PATIENTS
from yba.foundation.parties.model import IdentifierKind

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KNOWN = PATIENTS[11]


def test_a_known_patient_gets_a_ticket_by_keyboard_alone(person: Person):
    page = person("letan")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(KNOWN.active(IdentifierKind.CCCD))
    page.keyboard.press("Enter")
    expect(page.locator("#reason")).to_be_focused()
    page.keyboard.type("Đau họng hai ngày")
    page.keyboard.press("Alt+5")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ticket-number")).to_be_visible()
    # Enter is all that the next person needs.
    expect(page.locator("#next-person")).to_be_focused()


def test_a_number_nobody_has_leads_to_a_form_that_already_holds_it(person: Person):
    page = person("letan")
    expect(page.locator("#q")).to_be_focused()

    page.keyboard.type("099190012345|987654321|Trương Thị Mới|05091990|Nữ|Số 9 đường Mẫu|01012022")
    page.keyboard.press("Enter")

    expect(page.locator("#name")).to_have_value("Trương Thị Mới")
    expect(page.locator("#birth_date")).to_have_value("05/09/1990")
    expect(page.locator("#cccd")).to_have_value("099190012345")


def test_enter_in_the_chart_never_orders_anything(person: Person):
    page = _chart(person)

    page.fill("#pulse", "88")
    page.press("#pulse", "Enter")
    expect(page.locator("#temperature")).to_be_focused()
    page.fill("#allergy", "Penicillin")
    page.press("#allergy", "Enter")

    expect(page.locator("#banner-allergies")).to_contain_text("Penicillin")
    expect(page.locator("#ordered")).to_have_count(0)


def test_what_was_typed_survives_every_button_of_the_chart(person: Person):
    page = _chart(person)

    page.fill("#findings", "Họng đỏ, amidan không sưng.")
    page.keyboard.press("Alt+d")
    page.keyboard.type("cong thuc mau")
    expect(page.locator("#add_service-options [role=option]").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#basket-patient")).to_be_visible()
    page.keyboard.press("Alt+y")

    expect(page.locator("#ordered")).to_be_visible()
    expect(page.locator("#findings")).to_have_value("Họng đỏ, amidan không sưng.")


def _chart(person: Person) -> Page:
    page = person("bacsi2")
    page.get_by_role("link", name="Nhi").first.click()
    inside = page.locator("#queue a[href*='/chart/visits/']").first
    if page.locator("a[id^=open-]").count():
        inside = page.locator("a[id^=open-]").first
    href = inside.get_attribute("href")
    page.goto(href or "/chart")
    if page.locator("#start-visit").count():
        page.keyboard.press("Alt+v")
        expect(page.locator("#start-visit")).to_have_count(0)
    return page

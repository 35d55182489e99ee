"""J6: the citizen looks back: who read, hide, share for half an hour, act for mother, correct.

Real node, real browsers, two citizens, and a code that is read back from the picture of the screen.
Each step leaves its entry, with name, place and purpose, in "who looked".
"""

import io
import json
import re
from collections.abc import Callable

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect
from tests.builders.node import Node
from tests.journeys.conftest import Person

Keep = Callable[[Page, str], None]
pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAN, DAO = "Nguyễn Thị Lan Anh", "Hoàng Thị Đào"
DOCTOR, PLACE = "BS. Nguyễn Văn Khám", "Bệnh viện Đa khoa Yba"
VIEWER = ("BS. Lê Thị Khách", "Phòng khám Hoa Sen", "Khám tiếp")
WRONG, RIGHT = "Ghi nhầm: tôi không ho khan.", "Ho có đờm trắng."
ADDENDUM = "Bổ sung: người bệnh ho có đờm trắng, không ho khan."


def test_the_citizen_looks_back(person: Person, keep: Keep, hospital: Node):
    phone = person("nguoidan", phone=True)
    _who_looked(phone, keep)
    _hide_a_visit(phone, person("bacsi2"), keep)
    _share(phone, person(phone=True), keep)
    _act_for_mother(phone, person, keep)
    _correct(phone, person("bacsi"), keep)
    _download(phone)
    _everything_is_there(phone, keep)


def _looks(page: Page) -> str:
    page.goto("/me/access")
    return page.locator("#looks").inner_text()


def _who_looked(page: Page, keep: Keep) -> None:
    looks = _looks(page)
    for words in (DOCTOR, PLACE, "Lượt khám ngày", "Khám bệnh, chữa bệnh"):
        assert words in looks
    page.click("#filter summary")
    page.fill("#q", "nguyen van kham")
    page.click("#filter-now")
    expect(page.locator("#looks")).to_contain_text(DOCTOR)
    expect(page.locator("#looks")).not_to_contain_text("Trần Thị Tiếp Đón")
    keep(page, "j6-1-who-looked")


def _visit_of_the_citizen(page: Page) -> str:
    page.goto("/me/record")
    link = page.locator("a[id^='visit-']").first.get_attribute("href")
    assert link is not None
    return link.rsplit("/", 1)[1]


def _hide_a_visit(page: Page, doctor: Page, keep: Keep) -> None:
    """The visit is hidden from a department, and from then on its doctors do not read it."""
    visit = _visit_of_the_citizen(page)
    before = doctor.goto(f"/chart/visits/{visit}")
    assert before is not None
    page.goto(f"/me/hidden?visit={visit}")
    page.select_option(
        "#from", label=page.locator("#from option[value='department:K18']").inner_text()
    )
    page.click("#hide")
    expect(page.locator("#restrictions")).to_contain_text("K18")
    keep(page, "j6-2-hidden")
    after = doctor.goto(f"/chart/visits/{visit}")
    assert after is not None
    assert after.status in (403, 404)
    page.get_by_role("button", name="Hiện lại").first.click()
    expect(page.locator("#restrictions")).to_contain_text("đã hiện lại")


def _code_on(page: Page) -> str:
    """Return what a camera would read from the screen."""
    picture = Image.open(io.BytesIO(page.locator("#new-share").screenshot()))
    [found] = zxingcpp.read_barcodes(picture)
    return found.text


def _open_share(page: Page, path: str, pin: str) -> None:
    page.goto(path)
    page.fill("#pin", pin)
    for field, words in zip(("name", "place", "purpose"), VIEWER, strict=True):
        page.fill(f"#{field}", words)
    page.click("#open-share")


def _share(page: Page, stranger: Page, keep: Keep) -> None:
    page.goto("/me/share")
    page.check("#parts-visits")
    page.click("#share")
    pin = page.locator("#share-pin").inner_text().strip()
    keep(page, "j6-3-share")
    address = _code_on(page)
    path = "/" + address.split("/", 3)[3]
    assert pin not in address

    _open_share(stranger, path, "000000" if pin != "000000" else "000001")
    expect(stranger.locator("#problem")).to_be_visible()
    expect(stranger.locator("body")).not_to_contain_text(LAN)
    _open_share(stranger, path, pin)
    expect(stranger.locator("#shared")).to_contain_text("J06.9")
    assert stranger.url.endswith("/shared")
    expect(stranger.locator("#shared")).not_to_contain_text("Họng đỏ")
    expect(stranger.locator("#part-summary")).to_have_count(0)
    answer = stranger.reload()
    assert answer is not None
    assert "no-store" in answer.headers["cache-control"]
    keep(stranger, "j6-3-shared")

    page.goto("/me/share")
    expect(page.locator("#shares")).to_contain_text(VIEWER[0])
    page.locator(".end-share").first.click()
    expect(page.locator("#shares")).to_contain_text("đã hết")
    ended = stranger.reload()
    assert ended is not None
    assert ended.status == 404
    expect(stranger.locator("body")).not_to_contain_text("J06.9")


def _act_for_mother(page: Page, person: Person, keep: Keep) -> None:
    mother = person("badao", phone=True)
    page.goto("/me/family")
    page.fill("#number", "099147000005")
    page.fill("#birth_date", "30/01/1947")
    page.select_option("#relation", "child")
    page.click("#ask-proxy")
    expect(page.locator("#wards")).to_contain_text("chờ trả lời")
    expect(page.locator(".act-for")).to_have_count(0)

    mother.goto("/me/family")
    expect(mother.locator("#proxies")).to_contain_text(LAN)
    keep(mother, "j6-4-asked")
    mother.locator(".accept-proxy").click()
    expect(mother.locator(".end-proxy")).to_have_count(1)

    page.goto("/me/family")
    page.locator(".act-for").click()
    expect(page.locator("#acting")).to_contain_text(DAO)
    page.goto("/me/profile")
    expect(page.locator("h1")).to_contain_text(DAO)
    keep(page, "j6-4-acting")
    mother_looks = _looks(mother)
    assert LAN in mother_looks
    assert f"thay mặt {DAO}" in mother_looks
    keep(mother, "j6-4-mother-sees")

    mother.goto("/me/family")
    mother.locator(".end-proxy").click()
    page.goto("/me/profile")
    expect(page.locator("h1")).to_contain_text(LAN)
    expect(page.locator("#acting")).to_have_count(0)


def _correct(page: Page, doctor: Page, keep: Keep) -> None:
    visit = _visit_of_the_citizen(page)
    page.goto(f"/me/visits/{visit}")
    page.click("#correct")
    page.fill("#details", WRONG)
    page.fill("#proposed", RIGHT)
    page.click("#send-request")
    page.wait_for_url(re.compile(r"/me/requests/\d+$"))
    asked = page.url
    doctor.goto("/corrections")
    doctor.locator("#corrections a").first.click()
    expect(doctor.locator("body")).to_contain_text(WRONG)
    doctor.fill("#words", ADDENDUM)
    keep(doctor, "j6-5-correction")
    doctor.click("#accept-correction")
    expect(doctor.locator("#answered")).to_contain_text(ADDENDUM)
    page.goto(asked)
    expect(page.locator("#answer")).to_contain_text(ADDENDUM)
    page.goto(f"/me/visits/{visit}")
    expect(page.locator("#rights")).to_contain_text(ADDENDUM)
    keep(page, "j6-5-corrected")


def _download(page: Page) -> None:
    answer = page.request.get("/me/download.json")
    bundle = json.loads(answer.body())
    assert bundle["resourceType"] == "Bundle"
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert {"Patient", "Encounter", "Condition", "Communication"} <= kinds
    visit = _visit_of_the_citizen(page)
    page.goto(f"/me/visits/{visit}")
    link = page.locator("a[href^='/me/documents/']").first.get_attribute("href")
    assert link is not None
    assert page.request.get(link).body().startswith(b"%PDF-")


def _everything_is_there(page: Page, keep: Keep) -> None:
    """Each earlier step appears with name, place and purpose."""
    looks = _looks(page)
    for words in (DOCTOR, PLACE, *VIEWER, "bằng mã bạn đưa", "Đồng ý và quyền của người bệnh"):
        assert words in looks, words
    page.goto("/me/notices")
    expect(page.locator("#notices")).to_contain_text(VIEWER[0])
    expect(page.locator("#notices")).to_contain_text("đã được thực hiện")
    keep(page, "j6-6-notices")

"""J1, thin but real: a citizen's visit from the door of the hospital to her own phone.

Four persons, four browsers, one hospital; every step is what a person would
do, and each leaves a screenshot in `var/screenshots`.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pypdfium2
import pytest
from playwright.sync_api import Page, expect
from tests.builders.node import Node
from tests.journeys.conftest import Person

from yba.kernel.clock import local, local_date, utc_now
from yba.kernel.money import whole_dong
from yba.money.insurance.checks import check_claim
from yba.money.insurance.claim import Claim
from yba.money.insurance.xml import read_claim

Keep = Callable[[Page, str], None]
pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The first patient of the demo comes with her identity card.
CARD = (
    "099185000001||Nguyễn Thị Lan Anh|12031985|Nữ|"
    "Số 1 đường Hoa Mẫu, phường Thử Nghiệm, Thành phố Hà Nội|01012022"
)
CLINIC = "Phòng khám Nội tổng hợp 2"


class Bill(NamedTuple):
    """What the cashier's page says, in whole đồng."""

    total: int
    insurance: int
    patient: int


def test_a_visit_from_the_door_to_the_phone(person: Person, keep: Keep, hospital: Node):
    ticket = _desk(person("letan"), keep)
    _board(person(), keep, ticket)
    doctor = person("bacsi")
    _examine(doctor, keep, ticket)
    _laboratory(person("xetnghiem"), person("xetnghiem2"), keep)
    _treat_and_sign(doctor, keep)
    bill = _cashier(person("thungan"), keep)
    _claim(hospital, bill)
    _citizen(person("nguoidan", phone=True), keep, hospital)


def _desk(page: Page, keep: Keep) -> str:
    # A keyboard-wedge scanner types into whatever has the focus: the scan box.
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(CARD)
    page.keyboard.press("Enter")
    expect(page.locator("#visit-form")).to_be_visible()
    expect(page.locator("body")).to_contain_text("Nguyễn Thị Lan Anh")
    page.fill("#reason", "Đau đầu, chóng mặt hai ngày nay")
    page.check("#clinic-NOI2")
    page.check("#category-1-13")  # self-referred: insurance pays a part
    keep(page, "1-desk")
    page.keyboard.press("Control+Enter")
    number = page.locator("#ticket-number").inner_text().strip()
    assert re.fullmatch(r"B\d{3}", number)
    page.emulate_media(media="print")
    keep(page, "1-slip-80mm")
    page.emulate_media(media="screen")
    return number


def _board(page: Page, keep: Keep, ticket: str) -> None:
    page.goto("/boards/queue")
    expect(page.locator("body")).to_contain_text(ticket)
    expect(page.locator("body")).not_to_contain_text("Lan Anh")
    keep(page, "2-board")


def _pick(page: Page, box: str, text: str) -> None:
    page.fill(f"#{box}", "")
    page.locator(f"#{box}").press_sequentially(text)
    option = page.locator(f"#{box}-options [role=option]").first
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def _examine(page: Page, keep: Keep, ticket: str) -> None:
    page.get_by_role("link", name=CLINIC).click()
    expect(page.locator("#queue")).to_contain_text(ticket)
    keep(page, "3-queue")
    page.keyboard.press("Alt+n")
    page.wait_for_url("**/chart/visits/**")
    if page.locator("#start-visit").count():
        page.click("#start-visit")
    for name, value in {
        "pulse": "82", "temperature": "36,8", "systolic": "152", "diastolic": "94",
        "breaths": "18", "saturation": "98", "weight": "54,5", "height": "158",
    }.items():  # fmt: skip
        page.fill(f"#{name}", value)
    page.fill("#history", "Đau đầu vùng chẩm, không nôn, không yếu liệt.")
    page.fill("#findings", "Tim đều, phổi trong, không dấu thần kinh khu trú.")
    _pick(page, "add_diagnosis", "tang huyet ap nguyen phat")
    expect(page.locator("#diagnosis-rows")).to_contain_text("I10")
    after = local(utc_now() + timedelta(days=14)).date()
    page.fill("#follow_up_on", after.strftime("%d/%m/%Y"))
    page.click("#save-note")
    expect(page.locator("body")).to_contain_text("152")
    keep(page, "3-chart")
    _order(page, keep)


def _laboratory(bench: Page, second: Page, keep: Keep) -> None:
    """One measures, another one verifies and releases."""
    request = "a.item:has-text('Nguyễn Thị Lan Anh')"
    for page in (bench, second):
        page.goto("/laboratory")
        expect(page.locator(request).first).to_be_visible(timeout=20_000)
        page.locator(request).first.click()
    bench.click("#collect")
    boxes = bench.locator("#enter-form [id^='value-']")
    for position in range(boxes.count()):
        boxes.nth(position).fill("7,2")
    keep(bench, "3-laboratory")
    bench.click("#save-values")
    expect(bench.locator("body")).not_to_contain_text("#save-values")
    second.reload()
    second.click("#verify")
    second.click("#release")
    expect(second.locator("#release")).to_have_count(0)
    keep(second, "3-released")


def _treat_and_sign(page: Page, keep: Keep) -> None:
    page.reload()
    expect(page.locator("body")).to_contain_text("7,2")
    _prescribe(page, keep)
    page.click("#sign-close")
    page.locator("#advice").fill("Giảm muối, đo huyết áp hằng ngày.")
    keep(page, "4-sign")
    page.click("#confirm-close")
    expect(page.locator("#visit-closed")).to_be_visible(timeout=30_000)
    keep(page, "4-closed")


def _order(page: Page, keep: Keep) -> None:
    _pick(page, "add_service", "cong thuc mau")
    expect(page.locator("#service-rows")).to_contain_text("tế bào máu")
    expect(page.locator("#basket-split")).to_be_visible()
    keep(page, "3-orders")
    page.click("#order-services")
    expect(page.locator("#ordered")).to_contain_text("tế bào máu")


def _prescribe(page: Page, keep: Keep) -> None:
    _pick(page, "add_drug", "amlodipin 5")
    row = page.locator("#drug-rows [data-row]").first
    row.locator("[name=dose]").fill("1")
    row.locator("[name=times]").fill("1")
    row.locator("[name=days]").fill("14")
    row.locator("[name=quantity]").fill("14")
    page.fill("#drug_advice", "Uống buổi sáng.")
    keep(page, "3-prescription")
    page.click("#issue-prescription")
    expect(page.locator("#drugs-part")).to_contain_text(re.compile(r"[0-9a-z]{12}-[cC]"))


def _cashier(page: Page, keep: Keep) -> Bill:
    expect(page.locator("#waiting-list")).to_contain_text("Nguyễn Thị Lan Anh")
    page.get_by_role("link", name=re.compile("Nguyễn Thị Lan Anh")).first.click()
    keep(page, "5-bill")
    total, insurance, patient = (
        int(re.sub(r"\D", "", page.locator(f"#{name}").inner_text()))
        for name in ("total", "total-insurance", "total-patient")
    )
    assert total == insurance + patient
    assert insurance > 0
    assert patient > 0
    if page.locator("#collect").count():
        page.click("#collect")
    expect(page.locator("#payment-panel svg").first).to_be_visible()
    keep(page, "5-vietqr")
    with page.expect_popup() as popup:
        page.click("#stand-in-bank")
    bank = popup.value
    keep(bank, "5-bank")
    bank.get_by_role("button").last.click()
    expect(page.locator("#paid")).to_be_visible(timeout=15_000)
    keep(page, "5-paid")
    return Bill(total, insurance, patient)


def _claim(hospital: Node, bill: Bill) -> None:
    """Check-in and claim lie on disk; no rule finds an error; they say what the bill says."""
    folder = hospital.folder / "claims"
    paid = _newest(folder, "claim", lambda claim: claim.episodes[0].main["NGAY_TTOAN"] != "")
    main = paid.episodes[0].main
    assert main["HO_TEN"] == "Nguyễn Thị Lan Anh"
    assert main["MA_BENH_CHINH"] == "I10"
    assert main["MA_DOITUONG_KCB"] == "1.13"
    assert {"XML1", "XML2", "XML3", "XML4"} <= set(paid.episodes[0].tables)
    assert whole_dong(Decimal(main["T_TONGCHI_BV"])) == bill.total
    assert whole_dong(Decimal(main["T_BHTT"])) == bill.insurance
    own = Decimal(main["T_BNTT"]) + Decimal(main["T_BNCCT"])
    assert whole_dong(own) == bill.patient
    findings = check_claim(paid, today=local_date(utc_now()))
    assert [finding for finding in findings if finding.severity == "error"] == []
    assert list(folder.rglob("*_check-in_*.xml"))


def _newest(folder: Path, kind: str, fits: Callable[[Claim], bool]) -> Claim:
    """Wait for the worker to have written the newest file that fits."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for path in sorted(folder.rglob(f"*_{kind}_*.xml"), reverse=True):
            claim, _ = read_claim(path.read_bytes())
            if fits(claim) and claim.episodes[0].main["MA_DOITUONG_KCB"] == "1.13":
                return claim
        time.sleep(0.1)
    raise AssertionError("no paid claim was written")


def _citizen(page: Page, keep: Keep, hospital: Node) -> None:
    keep(page, "7-home")
    page.goto("/me/record")
    page.get_by_text("Tăng huyết áp nguyên phát").first.click()
    body = page.locator("body")
    expect(body).to_contain_text("Amlodipin", ignore_case=True)
    expect(body).to_contain_text("14")
    keep(page, "7-visit")
    link = page.locator("a[href$='.pdf']").first.get_attribute("href")
    assert link is not None
    pdf = page.request.get(link).body()
    _verify(pdf, hospital.folder)
    page.goto("/me/access")
    for name in ("BS. Nguyễn Văn Khám", "Trần Thị Tiếp Đón", "Hoàng Thị Thu Ngân"):
        expect(body).to_contain_text(name)
    keep(page, "7-who-looked")


def _verify(pdf: bytes, folder: Path) -> None:
    """An outsider's tool calls the record intact, and one changed byte broken."""
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))
    assert "NGUYỄN THỊ LAN ANH" in text.upper()
    assert "TĂNG HUYẾT ÁP" in text.upper()
    tool = shutil.which("pdfsig")
    if tool is None:
        pytest.skip("pdfsig is not installed (apt-get install poppler-utils)")
    place = len(pdf) // 3
    for name, content, intact in (
        ("record.pdf", pdf, True),
        ("changed.pdf", pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :], False),
    ):
        path = folder / name
        path.write_bytes(content)
        said = subprocess.run([tool, "-nocert", path], capture_output=True, text=True)
        assert ("Signature is Valid" in said.stdout) == intact, said.stdout

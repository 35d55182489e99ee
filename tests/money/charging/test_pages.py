"""The cashier's pages, end to end on the real database: bill, QR, notice, receipt, cash."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from tests.fakes.bank import StandInBank
from tests.money.charging.conftest import Ward, visit_in

from yba.app import asgi
from yba.foundation.accounts import pages as accounts_pages
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.money.charging import pages as charging_pages
from yba.money.payments import endpoints, service
from yba.money.payments import pages as payments_pages
from yba.plumbing import i18n
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database
from yba.plumbing.html import assets, environment, preferences
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState

CASHIER = Actor("cashier-1", "Lê Thị Quầy", frozenset({"cashier"}), frozenset({"cashier.*"}))
SECRET = b"shared with the bank, in page tests only"


@pytest.fixture
async def app(database: Database, tmp_path: Path) -> Starlette:
    """Return the cashier's pages as one small application."""
    config = Settings(profile="demo", data_dir=tmp_path, secret=b"x", bank_secret=SECRET)
    catalogs = i18n.load()
    pages = [
        *charging_pages.PAGES,
        *payments_pages.PAGES,
        *endpoints.PAGES,
        *assets.PAGES,
        *preferences.PAGES,
        *accounts_pages.PAGES,
    ]
    made = Starlette(
        routes=asgi.routes_of(pages),
        exception_handlers={Refusal: asgi._refused},
    )
    made.state.yba = AppState(
        settings=config,
        database=database,
        blobs=BlobStore(tmp_path),
        catalogs=catalogs,
        templates=environment.build(config, catalogs, charging_pages.NAVIGATION),
    )
    return made


def client_of(app: Starlette, actor: Actor | None) -> httpx.AsyncClient:
    async def asked(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        scope["yba.actor"] = actor
        await app(scope, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app=asked), base_url="http://yba.test")


@pytest.fixture
async def cashier(app: Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a cashier's browser."""
    async with client_of(app, CASHIER) as client:
        yield client


@pytest.fixture
async def visit(database: Database, actor: Actor) -> Ward:
    """Return a committed visit of today, with an exam, a blood test and a scan charged."""
    now = utc_now()
    async with database.transaction() as tx:
        ward = await visit_in(tx, actor, now, "1.1")
        for code in ("TEST.EXAM", "TEST.BLOOD", "TEST.SCAN"):
            await ward.charge(code)
    return ward


async def open_till(client: httpx.AsyncClient, database: Database) -> None:
    async with database.transaction() as tx:
        shift = await service.shift_of(tx, actor=CASHIER)
    if shift is None:
        answer = await client.post("/cashier/till/open", data={"cash": "1.000.000"})
        assert answer.status_code == 303


async def test_waiting_visit_is_in_the_list(cashier: httpx.AsyncClient, visit: Ward):
    page = await cashier.get("/cashier")

    assert page.status_code == 200
    assert f'id="bill-{visit.encounter_id}"' in page.text


async def test_bill_shows_each_share_and_the_rule_that_made_it(
    cashier: httpx.AsyncClient, visit: Ward
):
    page = await cashier.get(f"/cashier/bills/{visit.encounter_id}")

    assert 'data-rule="level.digit.4"' in page.text
    assert "Thẻ BHYT mức hưởng số 4: BHYT trả 80%." in page.text
    assert 'data-rule="price.difference"' in page.text
    # 42,100 + 400,000 + 900,000; insured 42,100 + 400,000 + 700,000, of which 20 % is paid.
    assert 'id="total">1.342.100 ₫' in page.text
    assert 'id="total-insurance">913.680 ₫' in page.text
    assert 'id="total-patient">428.420 ₫' in page.text


async def test_bill_speaks_english_too(cashier: httpx.AsyncClient, visit: Ward):
    page = await cashier.get(f"/cashier/bills/{visit.encounter_id}", headers={"cookie": "lang=en"})

    assert "Insurance card of benefit group 4: insurance pays 80%." in page.text


async def test_paid_qr_changes_the_page_and_gives_a_receipt(
    cashier: httpx.AsyncClient, visit: Ward, database: Database
):
    address = f"/cashier/bills/{visit.encounter_id}"
    assert (await cashier.post(f"{address}/collect")).status_code == 303
    page = await cashier.get(address)
    assert "<svg" in page.text
    assert 'id="remaining">428.420 ₫' in page.text
    polled = re.search(r'hx-get="([^"]*payment\?mark=[^"]+)"', page.text)
    assert polled is not None
    unchanged = await cashier.get(polled[1].replace("&amp;", "&"))
    assert unchanged.status_code == 204

    async with database.transaction() as tx:
        request = await service.open_request(tx, bill_id=visit.encounter_id)
    assert request is not None
    signed = StandInBank(SECRET).pay(request.qr, utc_now())
    told = await cashier.post("/payments/bank-notices", content=signed.body, headers=signed.headers)

    assert told.json()["outcome"] == "paid"
    changed = await cashier.get(polled[1].replace("&amp;", "&"))
    assert 'id="paid"' in changed.text
    link = re.search(r'href="(/cashier/receipts/[^"]+)"', changed.text)
    assert link is not None
    receipt = await cashier.get(link[1])
    assert "Bốn trăm hai mươi tám nghìn bốn trăm hai mươi đồng" in receipt.text
    assert (await cashier.get(link[1] + "?paper=80")).status_code == 200


async def test_cash_gives_change_and_the_second_click_nothing(
    cashier: httpx.AsyncClient, visit: Ward, database: Database
):
    await open_till(cashier, database)
    address = f"/cashier/bills/{visit.encounter_id}"
    await cashier.post(f"{address}/collect")

    taken = await cashier.post(f"{address}/cash", data={"tendered": "500.000"})
    again = await cashier.post(f"{address}/cash", data={"tendered": "500.000"})

    receipt = await cashier.get(taken.headers["location"])
    assert "71.580 ₫" in receipt.text
    assert again.status_code == 409
    assert "Chưa thu: lượt khám này đã thanh toán." in again.text


@pytest.mark.parametrize("typed", ["", "abc", "-5", "1e9", "9" * 40, "٣٠٠"])
async def test_cash_that_is_no_amount_is_explained(
    cashier: httpx.AsyncClient, visit: Ward, typed: str
):
    address = f"/cashier/bills/{visit.encounter_id}"
    await cashier.post(f"{address}/collect")

    answer = await cashier.post(f"{address}/cash", data={"tendered": typed})

    assert answer.status_code == 422
    assert "Ghi số tiền chẵn đồng" in answer.text


async def test_second_card_noted_at_the_till_splits_the_bill_anew(
    cashier: httpx.AsyncClient, visit: Ward
):
    address = f"/cashier/bills/{visit.encounter_id}"
    noted = await cashier.post(
        f"{address}/cover",
        data={"card_number": "hn2 01 0000000001", "card_from": "1/1/2026", "card_to": ""},
    )
    wrong = await cashier.post(
        f"{address}/cover", data={"card_number": "HN2010000000001", "card_from": "31/02/2026"}
    )

    page = await cashier.get(address)
    assert (noted.status_code, wrong.status_code) == (303, 422)
    # Only the price difference of the scan is left to the person.
    assert 'id="total-patient">200.000 ₫' in page.text


async def test_refund_waits_for_another_person(
    cashier: httpx.AsyncClient, visit: Ward, database: Database, app: Starlette
):
    await open_till(cashier, database)
    address = f"/cashier/bills/{visit.encounter_id}"
    await cashier.post(f"{address}/collect")
    await cashier.post(f"{address}/cash", data={"tendered": "428420"})
    asked = await cashier.post(
        f"{address}/refund", data={"amount": "28.420", "method": "cash", "reason": "Không chụp"}
    )
    assert asked.status_code == 303
    async with database.transaction() as tx:
        [refund] = await service.refunds_of(tx, bill_id=visit.encounter_id)

    chief = replace(CASHIER, account_id="chief", permissions=frozenset({"cashier.*", "payments.*"}))
    decide = f"/cashier/refunds/{refund.key}"
    own = await cashier.post(decide, data={"decision": "approve"})
    async with client_of(app, chief) as other:
        assert "Không chụp" in (await other.get("/cashier/open-points")).text
        done = await other.post(decide, data={"decision": "approve"})

    assert (own.status_code, done.status_code) == (403, 303)


async def test_transfer_without_a_bill_is_matched_on_the_page(
    cashier: httpx.AsyncClient, visit: Ward
):
    await cashier.post(f"/cashier/bills/{visit.encounter_id}/collect")
    signed = StandInBank(SECRET).notice(
        "0011002233445", 428_420, "nop tien kham", utc_now(), f"FT{visit.encounter_id}"
    )
    await cashier.post("/payments/bank-notices", content=signed.body, headers=signed.headers)
    page = await cashier.get("/cashier/open-points")
    assert f"FT{visit.encounter_id}" in page.text

    await cashier.post(
        "/cashier/assign",
        data={"transaction_id": f"FT{visit.encounter_id}", "bill_id": visit.encounter_id},
    )

    assert 'id="paid"' in (await cashier.get(f"/cashier/bills/{visit.encounter_id}")).text


async def test_unsigned_notice_is_refused(cashier: httpx.AsyncClient):
    answer = await cashier.post(
        "/payments/bank-notices", content=b"{}", headers={"accept": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "payments.notice-refused")


async def test_oversized_notice_is_refused(cashier: httpx.AsyncClient):
    answer = await cashier.post("/payments/bank-notices", content=b"x" * 20_000)

    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/cashier/till", "/cashier/open-points"])
async def test_every_page_of_the_till_opens(cashier: httpx.AsyncClient, path: str):
    assert (await cashier.get(path)).status_code == 200


async def test_day_is_shown_to_who_may_see_it(app: Starlette, cashier: httpx.AsyncClient):
    chief = replace(CASHIER, permissions=frozenset({"payments.day"}))
    async with client_of(app, chief) as other:
        allowed = await other.get("/cashier/day?day=nonsense")
    refused = await cashier.get("/cashier/day")

    assert (allowed.status_code, refused.status_code) == (200, 403)


async def test_doctor_may_not_open_a_bill(app: Starlette, visit: Ward):
    doctor = Actor("doctor", "Bác sĩ", frozenset({"doctor"}), frozenset({"chart.*"}))
    async with client_of(app, doctor) as client:
        assert (await client.get(f"/cashier/bills/{visit.encounter_id}")).status_code == 403


async def test_bill_of_an_unknown_visit_is_not_found(cashier: httpx.AsyncClient):
    assert (await cashier.get("/cashier/bills/nothing")).status_code == 404


async def test_stand_in_bank_shows_what_a_banking_app_would(
    cashier: httpx.AsyncClient, visit: Ward, database: Database
):
    await cashier.post(f"/cashier/bills/{visit.encounter_id}/collect")
    async with database.transaction() as tx:
        request = await service.open_request(tx, bill_id=visit.encounter_id)
    assert request is not None

    page = await cashier.get("/demo/bank", params={"qr": request.qr})

    assert request.purpose in page.text
    assert (await cashier.get("/demo/bank", params={"qr": "nonsense"})).status_code == 422


async def test_stand_in_bank_exists_only_in_the_demonstration(app: Starlette):
    app.state.yba.settings = replace(app.state.yba.settings, profile="hospital")
    async with client_of(app, None) as client:
        assert (await client.get("/demo/bank", params={"qr": "x"})).status_code == 404

"""The claims pages: the list, the rules that are broken, making it again, the file."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from tests.money.insurance.ward import CASHIER, MINUTE, visit

from yba.app import asgi
from yba.foundation.accounts import pages as accounts_pages
from yba.kernel.refusal import Refusal
from yba.money.insurance import pages, service
from yba.money.insurance.xml import read_claim
from yba.plumbing import i18n
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Tx
from yba.plumbing.html import assets, environment, preferences
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState


class OneTransaction:
    """A database whose every transaction is the test's own, so that nothing is committed."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        async with self._tx.connection.transaction():
            yield self._tx

    reading = transaction


@pytest.fixture
async def browser(tx: Tx, tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield the browser of a cashier."""
    config = Settings(profile="demo", data_dir=tmp_path, secret=b"x")
    catalogs = i18n.load()
    shown = [*pages.PAGES, *assets.PAGES, *preferences.PAGES, *accounts_pages.PAGES]
    made = Starlette(
        routes=asgi.routes_of(shown),
        exception_handlers={Refusal: asgi._refused},
    )
    made.state.yba = AppState(
        settings=config,
        database=OneTransaction(tx),  # type: ignore[arg-type]
        blobs=BlobStore(tmp_path),
        catalogs=catalogs,
        templates=environment.build(config, catalogs, pages.NAVIGATION),
    )

    async def asked(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        scope["yba.actor"] = CASHIER
        await made(scope, receive, send)

    transport = httpx.ASGITransport(app=asked)
    async with httpx.AsyncClient(transport=transport, base_url="http://yba.test") as client:
        yield client


@pytest.fixture
async def issued(tx, at, tmp_path):
    """Return a closed visit whose claim was issued."""
    opened = await visit(tx, at)
    await service.claim_of(
        tx,
        actor=CASHIER,
        encounter_id=opened.encounter_id,
        at=at + 40 * MINUTE,
        folder=tmp_path / "claims",
    )
    return opened


async def test_the_list_names_the_patient_and_whether_the_rules_are_kept(browser, issued):
    page = await browser.get("/claims")

    assert page.status_code == 200
    assert "Nguyễn Thị Lan" in page.text
    assert issued.claim_key in page.text
    assert "Không có lỗi" in page.text


async def test_an_empty_list_says_when_claims_come(browser, tx):
    # Other tests of this process may have left claims; the transaction is rolled back.
    await tx.execute("TRUNCATE insurance.claim_file CASCADE")

    page = await browser.get("/claims")

    assert "tự động khi kết thúc lượt khám" in page.text


async def test_a_claim_shows_what_the_rules_say_in_both_languages(browser, issued):
    address = f"/claims/{issued.encounter_id}"

    vietnamese = await browser.get(address)
    english = await browser.get(address, headers={"cookie": "lang=en"})

    assert 'id="claim-ok"' in vietnamese.text
    assert "Kết quả kiểm tra quy tắc" in vietnamese.text
    assert "What the rules say" in english.text


async def test_the_file_is_handed_out_as_it_was_issued(browser, issued):
    answer = await browser.get(f"/claims/{issued.encounter_id}/claim/1.xml")

    claim, _ = read_claim(answer.content)
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["cache-control"] == "no-store"
    assert claim.episodes[0].key == issued.claim_key
    assert "Lan" not in answer.headers["content-disposition"]


async def test_a_damaged_file_is_not_handed_out(browser, issued, tmp_path):
    for path in (tmp_path / "claims").rglob("*_claim_*.xml"):
        path.chmod(0o600)
        path.write_bytes(b"something else")

    answer = await browser.get(f"/claims/{issued.encounter_id}/claim/1.xml")

    assert answer.status_code == 500
    assert "bị hỏng" in answer.text


async def test_making_it_again_without_a_change_keeps_the_version(browser, issued):
    answer = await browser.post(f"/claims/{issued.encounter_id}/issue")

    assert answer.status_code == 303
    again = await browser.get(f"/claims/{issued.encounter_id}")
    assert "/claim/1.xml" in again.text


async def test_an_unknown_visit_has_no_claim_page(browser):
    assert (await browser.get("/claims/0000000000000")).status_code == 404

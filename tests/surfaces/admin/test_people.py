"""The pages of administrators, as one who works here would misuse them, and as they are meant."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.builders.node import ASSETS
from tests.foundation.authorization.conftest import ISSUER, browser_of, speaking

from yba.app import asgi
from yba.foundation.accounts import service as accounts
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

PASSWORD = "ghế xanh trên mái nhà"


@pytest.fixture(scope="module")
async def shell(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[asgi.Shell]:
    """Yield the running application."""
    config = replace(
        Settings(secret=b"only for tests, never elsewhere", profile="demo"),
        data_dir=tmp_path_factory.mktemp("admin"), database_url=database.dsn, base_url=ISSUER,
        connections=4,
    )  # fmt: skip
    assert ASSETS is not None
    shell = asgi.build(config)
    async with shell.running():
        yield shell


@pytest.fixture
async def admin(shell: asgi.Shell, database: Database) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield the browser of an administrator; those of tests before are gone."""
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE accounts.account SET disabled_at = now() WHERE disabled_at IS NULL"
        )
    async with await browser_of(shell, database, "administrator") as browser:
        yield browser


async def _join(admin: httpx.AsyncClient, *roles: str) -> tuple[str, str, str]:
    """Let somebody join by the page; return (account id, login, code)."""
    login = f"new-{new_id()}"
    page = await admin.post(
        "/admin/people",
        data={"login": login, "name": "Tạ Thị Mới", "role": list(roles or ("nurse",))},
    )
    assert page.status_code == 200, page.text[-500:]
    code = re.search(r'class="number code">([A-Z2-9]{12})<', page.text)
    place = re.search(r"/admin/people/([0-9a-z]+)/duties", page.text)
    assert code
    assert place
    return place[1], login, code[1]


def _own(browser: httpx.AsyncClient) -> str:
    return f"/admin/people/{browser.headers['x-account']}"


async def _is_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/account/security")).status_code == 200


async def test_who_joins_sets_her_password_works_and_is_cut_off_at_once(
    shell: asgi.Shell, admin: httpx.AsyncClient
):
    account_id, login, code = await _join(admin)
    async with speaking(shell) as hers:
        opened = await hers.post("/activate", data={"code": code, "password": PASSWORD})
        assert opened.status_code == 303
        assert await _is_in(hers)

        gone = await admin.post(f"/admin/people/{account_id}/leave")
        assert gone.status_code == 303
        assert not await _is_in(hers)
        again = await hers.post("/sign-in", data={"login": login, "password": PASSWORD})
        assert again.status_code == 401

        back = await admin.post(f"/admin/people/{account_id}/come-back")
        assert back.status_code == 200
        # Nothing that ended comes back, the password neither.
        assert not await _is_in(hers)
        assert (
            await hers.post("/activate", data={"code": code, "password": PASSWORD})
        ).status_code != 303


async def test_nobody_promotes_herself(shell: asgi.Shell, admin: httpx.AsyncClient):
    own = _own(admin)
    for roles in (["administrator", "doctor"], ["doctor"], ["administrator", "api"], ["*"]):
        refused = await admin.post(f"{own}/duties", data={"role": roles})
        assert refused.status_code in (403, 422), roles
    assert (await admin.post(f"{own}/review")).status_code == 403
    page = await admin.get(own)
    assert 'id="review"' not in page.text
    assert 'value="doctor" checked' not in page.text
    assert (await admin.get("/chart")).status_code in (403, 404)


async def test_people_are_given_no_role_of_programs(admin: httpx.AsyncClient):
    account_id, _, _ = await _join(admin)
    for role in ("api", "citizen", "unheard"):
        refused = await admin.post(
            f"/admin/people/{account_id}/duties", data={"role": ["nurse", role]}
        )
        assert refused.status_code == 422
        joined = await admin.post(
            "/admin/people", data={"login": f"x-{new_id()}", "name": "Ai Đó", "role": role}
        )
        assert joined.status_code == 422


async def test_the_last_administrator_stays(admin: httpx.AsyncClient):
    own = _own(admin)
    assert (await admin.post(f"{own}/leave")).status_code == 409
    assert await _is_in(admin)
    second, _, _ = await _join(admin, "administrator")
    assert (await admin.post(f"/admin/people/{second}/leave")).status_code == 303
    assert (await admin.post(f"{own}/leave")).status_code == 409
    assert await _is_in(admin)


async def test_other_duties_count_from_the_next_request_on(
    shell: asgi.Shell, admin: httpx.AsyncClient
):
    account_id, _, code = await _join(admin, "administrator")
    async with speaking(shell) as hers:
        await hers.post("/activate", data={"code": code, "password": PASSWORD})
        assert (await hers.get("/admin/people")).status_code == 200
        changed = await admin.post(f"/admin/people/{account_id}/duties", data={"role": "nurse"})
        assert changed.status_code == 303
        assert (await hers.get("/admin/people")).status_code == 403
        assert (await hers.post(f"{_own(admin)}/leave")).status_code == 403


async def test_accounts_of_patients_are_not_managed_here(
    shell: asgi.Shell, database: Database, admin: httpx.AsyncClient
):
    async with await browser_of(shell, database, "citizen", patient_id=new_id()) as citizen:
        place = _own(citizen)
        assert (await admin.get(place)).status_code == 404
        for verb, data in (
            ("duties", {"role": "nurse"}), ("leave", {}), ("code", {}), ("review", {}),
            ("reset", {"reason": "mất điện thoại"}), ("reset/confirm", {}),
        ):  # fmt: skip
            answer = await admin.post(f"{place}/{verb}", data=data)
            assert answer.status_code == 404, verb
        assert await _is_in(citizen)
        assert (await citizen.get("/admin/people")).status_code == 403


@pytest.mark.parametrize(
    ("verb", "data"),
    [
        ("duties", {"role": "nurse"}), ("leave", {}), ("come-back", {}), ("code", {}),
        ("reset", {"reason": "mất điện thoại"}), ("reset/confirm", {}),
    ],
)  # fmt: skip
async def test_a_session_left_open_decides_nothing_without_a_fresh_proof(
    database: Database, admin: httpx.AsyncClient, verb: str, data: Any
):
    account_id, _, _ = await _join(admin)
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE accounts.session SET proven_at = $2 WHERE account_id = $1",
            admin.headers["x-account"], utc_now() - timedelta(minutes=6),
        )  # fmt: skip

    asked = await admin.post(
        f"/admin/people/{account_id}/{verb}", data=data, headers={"accept": "text/html"}
    )

    assert asked.status_code == 403
    assert 'id="prove' in asked.text
    async with database.transaction() as tx:
        left = await accounts.member(tx, account_id=account_id)
    assert (left.roles, left.disabled_at, left.reset_id) == (["nurse"], None, None)


async def test_a_lost_device_needs_two_and_neither_is_its_owner(
    shell: asgi.Shell, database: Database, admin: httpx.AsyncClient
):
    async with await browser_of(shell, database, "administrator") as second:
        assert (
            await admin.post(f"{_own(second)}/reset", data={"reason": "mất điện thoại"})
        ).status_code == 303
        for who in (admin, second):
            assert (await who.post(f"{_own(second)}/reset/confirm")).status_code == 409
        async with await browser_of(shell, database, "administrator") as third:
            done = await third.post(f"{_own(second)}/reset/confirm")
        assert done.status_code == 200
        assert 'id="new-code"' in done.text
        assert not await _is_in(second)

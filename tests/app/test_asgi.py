"""The door of the application: who may enter, what is refused, what is said."""

import re

import httpx
import pytest
from tests.app.people import signed_in

from yba.app import wiring
from yba.app.asgi import RouteWithoutPermission, Shell, routes_of
from yba.foundation.accounts.model import PERMISSIONS
from yba.kernel.actor import Actor
from yba.plumbing.database import Database
from yba.plumbing.web import PUBLIC, SIGNED_IN, Page

PAGES = wiring.pages()
GUARDED = [page for page in PAGES if page.permission != PUBLIC]
# What a stranger may open, argued for one by one: the door itself, looks, files of the shell,
# the public board (numbers only), checking a document, certificates, the bank's signed notice,
# what programs ask before anybody is signed in (each proves itself, or is shown to a person), the
# published face of the audit log (hashes only), the agent at a clinician's PC (it proves its pairing),
# a citizen's share (its secret and PIN), a provider's answer (bound to the browser that asked).
OPEN = {
    "accounts:activate",
    "accounts:activate_now",
    "accounts:external",
    "accounts:external_back",
    "accounts:passkey_options",
    "accounts:second_factor",
    "accounts:sign_in",
    "accounts:sign_in_by_passkey",
    "accounts:sign_in_now",
    "accounts:sign_out",
    "agent:alive",
    "agent:answer",
    "agent:certificates",
    "agent:pair",
    "agent:task",
    "audit:add_checkpoint",
    "audit:check",
    "audit:check_kept",
    "audit:check_script",
    "audit:check_style",
    "audit:checkpoint",
    "audit:tile",
    "authorization:introspect",
    "authorization:jwks",
    "authorization:metadata",
    "authorization:openid",
    "authorization:par",
    "authorization:revoke",
    "authorization:style",
    "authorization:token",
    "authorization:userinfo",
    "boards:changes",
    "boards:numbers",
    "boards:queue",
    "citizen:open_share",
    "citizen:open_share_now",
    "citizen:shared",
    "documents:check",
    "documents:check_file",
    "documents:verify",
    "html:preferences",
    "html:static",
    "payments:bank_notices",
    "payments:check_receipt",
    "payments:stand_in_bank",
    "payments:stand_in_pay",
    "programs:authorize",
    "programs:authorize_posted",
    "programs:leave",
    "programs:leaving",
    "signing:revocations",
    "signing:root",
}


def test_what_strangers_may_open_is_a_short_list():
    assert {page.name for page in PAGES if page.permission == PUBLIC} == OPEN


def _path(page: Page) -> str:
    return re.sub(r"\{[^}]*\}", "x1", re.sub(r"\{\w+:int\}", "1", page.path))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_names_a_permission_that_somebody_has(page: Page):
    assert page.permission
    if page.permission in (PUBLIC, SIGNED_IN):
        return
    holders = [
        role for role, granted in PERMISSIONS.items()
        if Actor("x", "x", permissions=granted).may(page.permission)
    ]  # fmt: skip
    assert holders, f"nobody may open {page.name} ({page.permission})"


def test_a_page_without_permission_stops_the_start():
    with pytest.raises(RouteWithoutPermission):
        routes_of([Page("/x", PAGES[0].endpoint, "x", "")])


@pytest.mark.parametrize("page", GUARDED, ids=lambda page: f"{page.methods[0]} {page.name}")
async def test_a_stranger_is_sent_to_sign_in_or_refused(page: Page, stranger: httpx.AsyncClient):
    for method in page.methods:
        answer = await stranger.request(method, _path(page))
        if method == "GET":
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in")
        else:
            assert answer.status_code == 401


@pytest.mark.parametrize(
    "page",
    [page for page in GUARDED if page.permission != SIGNED_IN],
    ids=lambda page: f"{page.methods[0]} {page.name}",
)
async def test_a_role_without_the_permission_is_refused(
    page: Page, shell: Shell, database: Database
):
    without = next(
        role for role, granted in PERMISSIONS.items()
        if not Actor("x", "x", permissions=granted).may(page.permission)
    )  # fmt: skip
    async with signed_in(shell, database, without) as client:
        answer = await client.request(page.methods[0], _path(page))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.browser_only and "POST" in page.methods],
    ids=lambda page: page.name,
)
@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "http://evil.test"}],
    ids=["fetch-metadata", "origin"],
)
async def test_a_form_from_another_site_is_refused(
    page: Page, headers: dict[str, str], shell: Shell, database: Database
):
    role = next(
        (
            role for role, granted in PERMISSIONS.items()
            if Actor("x", "x", permissions=granted).may(page.permission)
        ),
        "nurse",
    )  # fmt: skip
    async with signed_in(shell, database, role) as client:
        answer = await client.post(_path(page), headers=headers)
    assert answer.status_code == 403


async def test_refusals_speak_the_language_of_the_reader(stranger: httpx.AsyncClient):
    vietnamese = await stranger.get("/nothing-here")
    english = await stranger.get("/nothing-here", headers={"accept-language": "en-GB"})

    assert vietnamese.status_code == english.status_code == 404
    assert "Không tìm thấy" in vietnamese.text
    assert "Not found" in english.text


async def test_programs_get_refusals_as_json(stranger: httpx.AsyncClient):
    answer = await stranger.get("/nothing-here", headers={"accept": "application/json"})

    assert answer.json()["code"] == "not-found"


async def test_every_page_carries_the_security_headers(stranger: httpx.AsyncClient):
    answer = await stranger.get("/sign-in")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_an_oversized_form_is_refused(stranger: httpx.AsyncClient):
    answer = await stranger.post("/sign-in", data={"login": "x" * 2_000_000, "password": "y"})

    assert answer.status_code == 413


async def test_the_next_page_after_signing_in_is_always_ours(shell: Shell, database: Database):
    async with signed_in(shell, database, "nurse") as client:
        for target in ("//evil.test", "https://evil.test/", "/\\evil.test"):
            answer = await client.get("/sign-in", params={"next": target})
            assert answer.headers["location"] == "/"


async def test_health_says_that_the_node_works(stranger: httpx.AsyncClient):
    answer = await stranger.get("/health")

    assert answer.json()["status"] == "ok"

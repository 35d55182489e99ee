"""A walk by everybody through every door: each opens for whom its declaration says, and for nobody else."""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from tests.app.people import signed_in
from tests.builders import care
from tools import render_permissions

from yba.app.asgi import Shell, declared
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.model import PERMISSIONS
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database
from yba.plumbing.web import PUBLIC, SIGNED_IN, Page
from yba.surfaces.fhir_api import operations
from yba.surfaces.fhir_api.audit_events import AUDITOR
from yba.surfaces.fhir_api.interactions import READ, WRITE

NOBODY = "nobody"
LOOKED_AT = [page for page in declared() if "GET" in page.methods]
# A stream that lasts for seconds; its first answer is shown by the tests of the boards.
_STREAMS = {"boards:changes"}
# They lead on, by what they do: home to the first page of a role, away from a door already passed.
_LEADS_ON = {"home", "accounts:sign_in", "accounts:activate", "accounts:prove"}
# Asked without what they need (a pairing, a program's question, a provider's answer), they say so;
# of what this installation does not have (a witnessed log yet, the demonstration), 404.
_NEEDS_MORE = {
    "agent:alive", "audit:checkpoint", "audit:mine", "payments:stand_in_bank",
    "accounts:external_back", "authorization:userinfo", "programs:authorize", "programs:leaving",
    "citizen:shared", "chart:services",
}  # fmt: skip


@pytest.fixture(scope="module")
async def people(shell: Shell, database: Database) -> AsyncGenerator[dict[str, httpx.AsyncClient]]:
    """Yield a client of each role, and one of nobody."""
    async with database.transaction() as tx:
        herself = await care.register(tx, utc_now())
    async with AsyncExitStack() as stack:
        found = {
            role: await stack.enter_async_context(
                signed_in(shell, database, role, patient_id=herself)
            )
            for role in PERMISSIONS
        }
        transport = httpx.ASGITransport(app=shell)  # type: ignore[arg-type]
        nobody = httpx.AsyncClient(transport=transport, base_url="http://yba.test")
        found[NOBODY] = await stack.enter_async_context(nobody)
        yield found


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x1", re.sub(r"\{\w+:int\}", "1", path))


def _is_declared(page: Page, role: str, answer: httpx.Response) -> bool:
    """Return whether this is the answer that the declaration promises to somebody of this role."""
    status = answer.status_code
    if page.permission != PUBLIC:
        if role == NOBODY:
            return status == 303 and answer.headers["location"].startswith("/sign-in?next=/")
        if page.permission != SIGNED_IN and role not in render_permissions.holders(page.permission):
            return status == 403
    if page.name in _LEADS_ON:
        return status in (200, 303) or (role == "api" and status == 403)
    if page.name in _NEEDS_MORE:
        return 200 <= status < 500
    # Nothing is called x1; whether a verb says 404 or refuses, it says no more.
    return status in (200, 403, 404) if "{" in page.path else status == 200


@pytest.mark.parametrize("role", [*PERMISSIONS, NOBODY])
async def test_every_role_gets_the_declared_answer(role: str, people: dict[str, httpx.AsyncClient]):
    wrong: list[str] = []
    for page in LOOKED_AT:
        if page.name in _STREAMS:
            continue
        answer = await people[role].get(_filled(page.path))
        if not _is_declared(page, role, answer):
            wrong.append(f"{page.name} ({page.permission}): {answer.status_code}")
    assert not wrong, wrong


@dataclass(frozen=True)
class Place:
    """One address below the FHIR base and what it asks for."""

    method: str
    path: str
    permission: str


def _places() -> list[Place]:
    found = [
        Place("GET", "Patient/x1", READ), Place("GET", "Patient", READ), Place("GET", "", READ),
        Place("GET", "Patient/x1/_history/1", READ), Place("GET", "Patient/x1/_history", READ),
        Place("GET", "Patient/_history", READ), Place("GET", "_history", READ),
        Place("GET", "Patient/x1/Observation", READ), Place("POST", "Patient/_search", READ),
        Place("POST", "Patient", WRITE),
        Place("PUT", "Patient/x1", WRITE), Place("PATCH", "Patient/x1", WRITE),
        Place("DELETE", "Patient/x1", WRITE), Place("DELETE", "Patient?identifier=x1", WRITE),
        Place("GET", "bulk/x1", "fhir.export"), Place("GET", "bulk/x1/x1.ndjson", "fhir.export"),
    ]  # fmt: skip
    for one in operations.ALL:
        method = "POST" if one.by_post_only else "GET"
        type_ = min(one.types, default="Patient")
        starts = {"system": "", "type": f"{type_}/", "instance": f"{type_}/x1/"}
        found += [
            Place(method, f"{starts[level]}${one.name}", one.permission) for level in one.levels
        ]
    return sorted(found, key=lambda one: (one.path, one.method))


async def _tokens(database: Database) -> dict[str, str]:
    """Return a bearer token for a new account of each role."""
    async with database.transaction() as tx:
        made = {
            role: await accounts.create(
                tx, actor=Actor.system("test"), login=f"bearer-{role}-{new_id()}",
                password="only for a moment", name="Người Kiểm Thử", roles=[role], at=utc_now(),
                patient_id=new_id() if role == "citizen" else None, practitioner_id=new_id(),
                licence="000001/HNO-GPHN",
            )
            for role in PERMISSIONS
        }  # fmt: skip
        return {
            role: await accounts.open_session(
                tx, account_id=account.id, kind="bearer", at=utc_now()
            )
            for role, account in made.items()
        }


async def test_the_trail_answers_auditors_in_full_and_citizens_about_themselves(
    database: Database, people: dict[str, httpx.AsyncClient]
):
    asked = {
        role: (
            await people[NOBODY].get(
                "/fhir/AuditEvent", headers={"authorization": f"Bearer {token}"}
            )
        ).status_code
        for role, token in (await _tokens(database)).items()
    }
    allowed = {*render_permissions.holders(READ), *render_permissions.holders(AUDITOR), "citizen"}

    assert {role for role, status in asked.items() if status == 200} == allowed
    assert {status for status in asked.values() if status != 200} == {403}


async def test_every_fhir_place_answers_by_its_declared_permission(
    database: Database, people: dict[str, httpx.AsyncClient]
):
    client, wrong = people[NOBODY], list[str]()
    tokens = await _tokens(database)
    for place in _places():
        for role, token in {**tokens, NOBODY: ""}.items():
            headers = {"authorization": f"Bearer {token}"} if token else {}
            answer = await client.request(place.method, f"/fhir/{place.path}", headers=headers)
            status = answer.status_code
            if role == NOBODY:
                fits = status == 401 and answer.headers["www-authenticate"].startswith("Bearer")
            elif role not in render_permissions.holders(place.permission):
                fits = status == 403
            else:
                fits = status not in (401, 403) and status < 500
            if not fits:
                wrong.append(f"{place.method} {place.path} ({place.permission}), {role}: {status}")
    assert not wrong, wrong


def test_the_table_for_reviewers_is_what_routes_declare():
    assert render_permissions.PAGE.read_text(encoding="utf-8") == render_permissions.rendered(), (
        "run: python -m tools.render_permissions"
    )

"""The authorization server in this process, a person who is signed in, programs, and what they say."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests import copies
from tests.builders.node import ASSETS

from yba.app import asgi
from yba.foundation.accounts import service as accounts
from yba.foundation.authorization import service as authorization
from yba.foundation.authorization.model import Client
from yba.foundation.authorization.service import Wanted
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

ISSUER = "http://yba.test"
FHIR = ISSUER + "/fhir"
BACK = "https://app.example/back"
SYSTEM = Actor.system("test")


@pytest.fixture(scope="package")
async def database(server: str, shipped: str) -> AsyncGenerator[Database]:
    """Yield one database for all files of this folder: the application starts once."""
    async with copies.copied(server, shipped) as database:
        yield database


@pytest.fixture(scope="package")
async def shell(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[asgi.Shell]:
    """Yield the running application."""
    folder: Path = tmp_path_factory.mktemp("authorization")
    config = replace(
        Settings(secret=b"only for tests, never elsewhere", profile="demo"),
        data_dir=folder,
        database_url=database.dsn,
        base_url=ISSUER,
        connections=4,
    )
    assert ASSETS is not None
    shell = asgi.build(config)
    async with shell.running():
        yield shell


def speaking(shell: asgi.Shell, **options: Any) -> httpx.AsyncClient:
    """Return a client of the application in this process."""
    transport = httpx.ASGITransport(app=shell)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=ISSUER, **options)


@pytest.fixture
async def machine(shell: asgi.Shell) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client without a session."""
    async with speaking(shell) as client:
        yield client


@pytest.fixture
def register(database: Database) -> Any:
    """Return how a program is registered: `client, secret = await register(…)`."""

    async def register_(**wish: Any) -> tuple[Client, str | None]:
        wish.setdefault("name", "Chương trình thử")
        wish.setdefault("redirect_uris", [BACK])
        wish.setdefault(
            "scopes",
            ["openid", "profile", "fhirUser", "launch", "launch/patient", "offline_access",
             "online_access", "patient/*.cruds", "user/*.cruds"],
        )  # fmt: skip
        async with database.transaction() as tx:
            return await authorization.register(
                tx, actor=SYSTEM, wanted=Wanted(**wish), at=utc_now()
            )

    return register_


async def browser_of(
    shell: asgi.Shell, database: Database, *roles: str, patient_id: str | None = None
) -> httpx.AsyncClient:
    """Return a browser in which a new account with these roles is signed in."""
    async with database.transaction() as tx:
        account = await accounts.create(
            tx,
            actor=SYSTEM,
            login=f"p-{new_id()}",
            password="only for a moment, " + new_id(),
            name="Người Kiểm Thử",
            roles=list(roles),
            at=utc_now(),
            patient_id=patient_id,
            practitioner_id=None if patient_id else new_id(),
        )
        token = await accounts.open_session(tx, account_id=account.id, kind="browser", at=utc_now())
    client = speaking(shell, cookies={"session": token})
    client.headers["x-account"] = account.id
    return client


@pytest.fixture
async def citizen(shell: asgi.Shell, database: Database) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield the browser of a citizen who is signed in."""
    async with await browser_of(shell, database, "citizen", patient_id=new_id()) as browser:
        yield browser


@pytest.fixture
async def doctor(shell: asgi.Shell, database: Database) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield the browser of a doctor who is signed in."""
    async with await browser_of(shell, database, "doctor") as browser:
        yield browser


@dataclass
class Ask:
    """One request of a program, as it would be written by a library."""

    client: Client
    scope: str = "openid fhirUser patient/Observation.rs"
    redirect_uri: str = BACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = "state-1"
    more: dict[str, str | None] = field(default_factory=dict[str, str | None])

    @property
    def challenge(self) -> str:
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()

    @property
    def parameters(self) -> dict[str, str]:
        given: dict[str, str | None] = {
            "response_type": "code", "client_id": self.client.id, "scope": self.scope,
            "redirect_uri": self.redirect_uri, "state": self.state, "aud": FHIR,
            "code_challenge": self.challenge, "code_challenge_method": "S256", **self.more,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}


def answer_of(response: httpx.Response) -> dict[str, str]:
    """Return what a redirection to the program says."""
    assert response.status_code == 303, (response.status_code, response.text[:300])
    assert response.headers["location"].startswith(BACK + "?"), response.headers["location"]
    query = parse_qs(urlsplit(response.headers["location"]).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


def fields_of(page: str) -> list[tuple[str, str]]:
    """Return the hidden and ticked fields of the consent form."""
    form = page.split('id="consent"', 1)[1].split("</form>", 1)[0]
    found: list[tuple[str, str]] = []
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="([^"]*)"', tag)
        if name and value and ((kind and kind[1] == "hidden") or " checked" in tag):
            found.append((name[1], value[1].replace("&amp;", "&")))
    return found


async def decide(
    browser: httpx.AsyncClient,
    ask: Ask,
    *,
    decision: str = "allow",
    without: Sequence[str] = (),
    lasting: str = "month",
    patient: str | None = None,
) -> httpx.Response:
    """Open the consent page and press a button; what stands in `without` is unticked."""
    page = await browser.get("/oauth/authorize", params=ask.parameters)
    assert page.status_code == 200, (
        page.status_code,
        page.headers.get("location"),
        page.text[-800:],
    )
    fields = [pair for pair in fields_of(page.text) if pair[1] not in without]
    fields += [("decision", decision), ("lasting", lasting)]
    if patient is not None:
        fields.append(("patient", patient))
    data: dict[str, list[str]] = {}
    for name, value in fields:
        data.setdefault(name, []).append(value)
    return await browser.post("/oauth/decide", data=data)


async def code_for(browser: httpx.AsyncClient, ask: Ask, **how: Any) -> str:
    """Return the code that a person's consent gives."""
    return answer_of(await decide(browser, ask, **how))["code"]


async def exchange(
    machine: httpx.AsyncClient, ask: Ask, code: str, **changed: str | None
) -> httpx.Response:
    """Exchange a code as a public program does."""
    form: dict[str, str | None] = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": ask.redirect_uri,
        "client_id": ask.client.id, "code_verifier": ask.verifier, **changed,
    }  # fmt: skip
    return await machine.post(
        "/oauth/token", data={name: value for name, value in form.items() if value is not None}
    )


async def tokens_for(
    machine: httpx.AsyncClient, browser: httpx.AsyncClient, ask: Ask, **how: Any
) -> dict[str, Any]:
    """Return the tokens at the end of the whole way."""
    answer = await exchange(machine, ask, await code_for(browser, ask, **how))
    assert answer.status_code == 200, answer.text
    return answer.json()

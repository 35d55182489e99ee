"""Tokens: rotation, reuse, revocation, introspection, programs for themselves, and how they prove it.

Sources: OAuth 2.1 sections 2.4, 4.2 and 4.3; RFC 7009, 7523, 7662; SMART App Launch 2.2.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.foundation.authorization.conftest import (
    FHIR,
    ISSUER,
    Ask,
    browser_of,
    speaking,
    tokens_for,
)

from yba.foundation.accounts import service as accounts
from yba.foundation.authorization import service as authorization
from yba.foundation.authorization.errors import ProgramRefused
from yba.foundation.authorization.service import Wanted
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id

SYSTEM = Actor.system("test")
KEY = RSAKey.generate_key(2048, {"kid": "rsa-1"})
CURVE = ECKey.generate_key("P-384", {"kid": "ec-1"})
OTHER = RSAKey.generate_key(2048, {"kid": "rsa-1"})
JWKS = {"keys": [KEY.as_dict(private=False), CURVE.as_dict(private=False)]}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.text


async def refresh(machine: httpx.AsyncClient, client_id: str, token: str, **more: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id, **more}
    return await machine.post("/oauth/token", data=form)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# -- refresh tokens -------------------------------------------------------------------------------


async def test_a_refresh_token_counts_once_and_a_second_use_ends_the_family(
    machine, citizen, register
):
    client, _ = await register()
    first = await tokens_for(machine, citizen, Ask(client, "openid patient/*.rs offline_access"))
    second = (await refresh(machine, client.id, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["patient"] == first["patient"]
    assert (
        await machine.get("/oauth/userinfo", headers=bearer(second["access_token"]))
    ).status_code == 200

    refused(await refresh(machine, client.id, first["refresh_token"]), "invalid_grant")

    refused(await refresh(machine, client.id, second["refresh_token"]), "invalid_grant")
    for token in (first["access_token"], second["access_token"]):
        answer = await machine.get("/oauth/userinfo", headers=bearer(token))
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_without_asking_for_it_nothing_lasts(machine, citizen, register):
    client, _ = await register()
    answer = await tokens_for(machine, citizen, Ask(client, "openid patient/*.rs"))
    assert "refresh_token" not in answer


async def test_refreshing_may_narrow_and_never_widen(machine, citizen, register):
    client, _ = await register()
    scope = "openid patient/Observation.rs patient/Condition.rs offline_access"
    first = await tokens_for(machine, citizen, Ask(client, scope))
    token = first["refresh_token"]
    for wider in ("patient/*.rs", "patient/Observation.cruds", "user/Observation.rs", "openid x y"):
        refused(await refresh(machine, client.id, token, scope=wider), "invalid_scope")
    narrow = (await refresh(machine, client.id, token, scope="patient/Observation.r")).json()
    assert narrow["scope"] == "patient/Observation.r"
    whole = (await refresh(machine, client.id, narrow["refresh_token"])).json()
    assert whole["scope"] == scope


async def test_another_program_cannot_refresh(machine, citizen, register):
    client, _ = await register()
    other, _ = await register()
    first = await tokens_for(machine, citizen, Ask(client, "openid patient/*.rs offline_access"))
    refused(await refresh(machine, other.id, first["refresh_token"]), "invalid_grant")
    assert (await refresh(machine, client.id, first["refresh_token"])).status_code == 200


async def test_an_account_that_is_closed_ends_what_it_granted(shell, database, machine, register):
    client, _ = await register()
    async with await browser_of(shell, database, "citizen", patient_id=new_id()) as browser:
        first = await tokens_for(
            machine, browser, Ask(client, "openid patient/*.rs offline_access")
        )
        account = browser.headers["x-account"]
    async with database.transaction() as tx:
        await accounts.disable(tx, actor=SYSTEM, account_id=account, at=utc_now())
    answer = await machine.get("/oauth/userinfo", headers=bearer(first["access_token"]))
    assert answer.status_code == 401
    refused(await refresh(machine, client.id, first["refresh_token"]), "invalid_grant")


async def test_what_holds_while_signed_in_ends_with_signing_out(shell, database, machine, register):
    client, _ = await register()
    async with await browser_of(shell, database, "citizen", patient_id=new_id()) as browser:
        online = await tokens_for(
            machine, browser, Ask(client, "openid patient/*.rs online_access")
        )
        offline = await tokens_for(
            machine, browser, Ask(client, "openid patient/*.rs offline_access")
        )
        assert (
            await machine.get("/fhir/Observation", headers=bearer(online["access_token"]))
        ).status_code == 200
        # Another session of hers says nothing about what this one let in.
        async with database.transaction() as tx:
            await accounts.open_session(
                tx, account_id=browser.headers["x-account"], kind="browser", at=utc_now()
            )
        asked = await browser.get("/oauth/end-session")
        assert 'id="end-session"' in asked.text
        assert (await browser.post("/oauth/end-session")).status_code == 303
    refused(await refresh(machine, client.id, online["refresh_token"]), "invalid_grant")
    for place in ("/fhir/Observation", "/oauth/userinfo"):
        answer = await machine.get(place, headers=bearer(online["access_token"]))
        assert answer.status_code == 401
    assert (await refresh(machine, client.id, offline["refresh_token"])).status_code == 200


async def test_signing_out_leads_back_to_a_registered_address_only(machine, citizen, register):
    client, _ = await register(logout_uris=["https://app.example/bye"])
    other, _ = await register(logout_uris=["https://other.example/bye"])
    token = (await tokens_for(machine, citizen, Ask(client)))["id_token"]
    good = {
        "id_token_hint": token,
        "post_logout_redirect_uri": "https://app.example/bye",
        "state": "s",
    }
    answer = await machine.get("/oauth/end-session", params=good)
    assert answer.headers["location"] == "https://app.example/bye?state=s"
    for wrong in (
        {**good, "post_logout_redirect_uri": "https://evil.example/"},
        {**good, "post_logout_redirect_uri": "https://other.example/bye"},
        {**good, "client_id": other.id},
        {**good, "id_token_hint": token[:-4] + "AAAA"},
        {"post_logout_redirect_uri": "https://app.example/bye"},
    ):
        refused_ = await machine.get("/oauth/end-session", params=wrong)
        assert refused_.status_code == 410
        assert "location" not in refused_.headers


async def test_a_person_ends_access_at_once(machine, citizen, register):
    client, _ = await register()
    first = await tokens_for(machine, citizen, Ask(client, "openid patient/*.rs offline_access"))
    assert (
        await machine.get("/fhir/Observation", headers=bearer(first["access_token"]))
    ).status_code == 200
    page = await citizen.get("/programs")
    assert client.name in page.text

    assert (await citizen.post(f"/programs/{client.id}/end")).status_code == 303

    assert client.id not in (await citizen.get("/programs")).text
    assert (
        await machine.get("/oauth/userinfo", headers=bearer(first["access_token"]))
    ).status_code == 401
    refused(await refresh(machine, client.id, first["refresh_token"]), "invalid_grant")


# -- revocation and introspection -----------------------------------------------------------------


async def test_a_revoked_access_token_opens_nothing_from_the_next_request_on(
    machine, citizen, register
):
    client, _ = await register()
    token = (await tokens_for(machine, citizen, Ask(client)))["access_token"]
    assert (await machine.get("/fhir/Observation", headers=bearer(token))).status_code == 200

    answer = await machine.post("/oauth/revoke", data={"token": token, "client_id": client.id})

    assert answer.status_code == 200
    assert (await machine.get("/fhir/Observation", headers=bearer(token))).status_code == 401


async def test_every_process_hears_of_a_revocation(shell, database, machine, citizen, register):
    import asyncio

    client, _ = await register()
    token = (await tokens_for(machine, citizen, Ask(client)))["access_token"]
    assert (await machine.get("/fhir/Observation", headers=bearer(token))).status_code == 200
    async with database.transaction() as tx:  # as another process would
        await authorization.take_back(
            tx, actor=Actor(citizen.headers["x-account"], "x"), client_id=client.id, at=utc_now()
        )
    status = 0
    for _ in range(200):
        status = (await machine.get("/fhir/Observation", headers=bearer(token))).status_code
        if status == 401:
            break
        await asyncio.sleep(0)
    assert status == 401


async def test_revoking_a_refresh_token_ends_the_family(machine, citizen, register):
    client, _ = await register()
    first = await tokens_for(machine, citizen, Ask(client, "openid patient/*.rs offline_access"))
    answer = await machine.post(
        "/oauth/revoke", data={"token": first["refresh_token"], "client_id": client.id}
    )
    assert answer.status_code == 200
    assert (
        await machine.get("/oauth/userinfo", headers=bearer(first["access_token"]))
    ).status_code == 401


async def test_a_stranger_revokes_nothing_and_learns_nothing(machine, citizen, register):
    client, _ = await register()
    other, _ = await register()
    token = (await tokens_for(machine, citizen, Ask(client)))["access_token"]
    for value in (token, "made-up", "yrt_made-up"):
        answer = await machine.post("/oauth/revoke", data={"token": value, "client_id": other.id})
        assert (answer.status_code, answer.content) == (200, b"")
    assert (await machine.get("/oauth/userinfo", headers=bearer(token))).status_code == 200


async def test_introspection_tells_only_who_may_know(machine, citizen, register):
    client, _ = await register()
    stranger, secret = await register(method="client_secret_basic")
    server, server_secret = await register(
        method="client_secret_post", redirect_uris=[], grants=["introspect"], scopes=[]
    )
    answer = await tokens_for(machine, citizen, Ask(client))
    data = {"token": answer["access_token"]}

    told = (await machine.post("/oauth/introspect", data=data, auth=(stranger.id, secret))).json()
    assert told == {"active": False}
    public = await machine.post("/oauth/introspect", data={**data, "client_id": client.id})
    refused(public, "invalid_client", 401)
    proof = {"client_id": server.id, "client_secret": server_secret}
    told = (await machine.post("/oauth/introspect", data={**data, **proof})).json()
    assert told["active"] is True
    assert told["client_id"] == client.id
    assert told["aud"] == FHIR
    assert told["iss"] == ISSUER
    assert told["scope"] == answer["scope"]
    assert told["patient"] == answer["patient"]
    await machine.post("/oauth/revoke", data={**data, "client_id": client.id})
    told = (await machine.post("/oauth/introspect", data={**data, **proof})).json()
    assert told == {"active": False}


# -- secrets --------------------------------------------------------------------------------------


async def test_a_program_proves_itself_in_its_one_way(machine, register):
    basic, secret = await register(
        method="client_secret_basic", grants=["client_credentials"], redirect_uris=[],
        scopes=["system/*.rs"],
    )  # fmt: skip
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}
    good = await machine.post("/oauth/token", data=form, auth=(basic.id, secret))
    assert good.json()["scope"] == "system/Patient.rs"
    assert good.json()["expires_in"] == 300
    assert "refresh_token" not in good.json()
    wrong = await machine.post("/oauth/token", data=form, auth=(basic.id, secret + "x"))
    refused(wrong, "invalid_client", 401)
    assert wrong.headers["www-authenticate"].startswith("Basic")
    posted = {**form, "client_id": basic.id, "client_secret": secret}
    refused(await machine.post("/oauth/token", data=posted), "invalid_client", 401)
    both = await machine.post("/oauth/token", data=posted, auth=(basic.id, secret))
    refused(both, "invalid_request")
    refused(
        await machine.post("/oauth/token", data={**form, "client_id": basic.id}),
        "invalid_client", 401,
    )  # fmt: skip
    other = await machine.post(
        "/oauth/token", data={**form, "client_id": "other"}, auth=(basic.id, secret)
    )
    refused(other, "invalid_client", 401)


async def test_a_new_secret_makes_the_old_one_worthless(database, machine, register):
    client, secret = await register(
        method="client_secret_basic", grants=["client_credentials"], redirect_uris=[],
        scopes=["system/*.rs"],
    )  # fmt: skip
    async with database.transaction() as tx:
        fresh = await authorization.renew_secret(
            tx, actor=SYSTEM, client_id=client.id, at=utc_now()
        )
        kept = await tx.value(
            'SELECT secret_sha256 FROM "authorization".client WHERE id = $1', client.id
        )
    assert fresh.encode() not in kept
    form = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    old = await machine.post("/oauth/token", data=form, auth=(client.id, secret))
    refused(old, "invalid_client", 401)
    assert (
        await machine.post("/oauth/token", data=form, auth=(client.id, fresh))
    ).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "x", "password": "y"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "system/*.rs"}, "unauthorized_client"),
    ],
)
async def test_wrong_token_requests(machine: Any, register: Any, form: dict[str, str], error: str):
    client, _ = await register()
    refused(await machine.post("/oauth/token", data={**form, "client_id": client.id}), error)


async def test_what_is_no_form_is_not_read(machine, register):
    client, _ = await register()
    answer = await machine.post(
        "/oauth/token", json={"grant_type": "authorization_code", "client_id": client.id}
    )
    refused(answer, "invalid_request")
    answer = await machine.post(
        "/oauth/token",
        content=f"grant_type=refresh_token&client_id={client.id}&client_id={client.id}",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    refused(answer, "invalid_request")
    answer = await machine.post(f"/oauth/token?grant_type=refresh_token&client_id={client.id}")
    assert answer.status_code == 400


# -- signed assertions (backend services) ---------------------------------------------------------


def assertion(client_id: str, *, key: Any = KEY, header: Any = None, **changed: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": client_id, "sub": client_id, "aud": f"{ISSUER}/oauth/token", "iat": now,
        "exp": now + 240, "jti": new_id(), **changed,
    }  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    algorithm = "ES384" if isinstance(key, ECKey) else "RS384"
    head = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    return jwt.encode(head, claims, key, algorithms=[head["alg"]])


async def ask_for_itself(machine: httpx.AsyncClient, signed: str, **more: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials", "scope": "system/*.rs",
        "client_assertion_type": JWT_BEARER, "client_assertion": signed, **more,
    }  # fmt: skip
    return await machine.post("/oauth/token", data=form)


@pytest.fixture
async def backend(register: Any) -> Any:
    client, secret = await register(
        method="private_key_jwt", jwks=JWKS, grants=["client_credentials"], redirect_uris=[],
        scopes=["system/*.rs"],
    )  # fmt: skip
    assert secret is None
    return client


@pytest.mark.parametrize("key", [KEY, CURVE], ids=["RS384", "ES384"])
async def test_a_program_signs_who_it_is(machine, backend, key):
    answer = await ask_for_itself(machine, assertion(backend.id, key=key))
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    assert (await machine.get("/fhir/Patient", headers=bearer(token))).status_code == 200
    assert (await machine.post("/fhir/Patient", headers=bearer(token), json={})).status_code == 403


async def test_an_assertion_counts_once(machine, backend):
    signed = assertion(backend.id)
    assert (await ask_for_itself(machine, signed)).status_code == 200
    refused(await ask_for_itself(machine, signed), "invalid_client", 401)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other"}, {"sub": "other"}, {"sub": None}, {"iss": None},
        {"aud": "https://evil.example/token"}, {"aud": None}, {"aud": []},
        {"aud": [f"{ISSUER}/oauth/token", "https://evil.example/token"]},
        {"exp": None}, {"exp": int(time.time()) - 60}, {"exp": int(time.time()) + 86_400},
        {"exp": "soon"}, {"exp": True}, {"nbf": int(time.time()) + 86_400},
        {"iat": int(time.time()) + 86_400}, {"jti": None}, {"jti": ""}, {"jti": 7},
        {"jti": "x" * 300},
        {"key": OTHER}, {"header": {"kid": "unknown"}}, {"header": {"kid": None}},
        {"header": {"jku": "https://evil.example/keys"}},
    ],
)  # fmt: skip
async def test_an_assertion_that_is_not_wholly_right_counts_for_nothing(
    machine: Any, backend: Any, changed: dict[str, Any]
):
    refused(await ask_for_itself(machine, assertion(backend.id, **changed)), "invalid_client", 401)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_no_algorithm_is_believed_but_those_of_the_list(machine, backend):
    now = int(time.time())
    claims = {
        "iss": backend.id,
        "sub": backend.id,
        "aud": f"{ISSUER}/oauth/token",
        "exp": now + 60,
        "jti": "x",
    }
    unsigned = f"{_part({'alg': 'none', 'kid': 'rsa-1'})}.{_part(claims)}."
    refused(await ask_for_itself(machine, unsigned), "invalid_client", 401)
    # The public key as if it were a shared secret (RFC 8725 section 2.1).
    signed = f"{_part({'alg': 'HS256', 'kid': 'rsa-1'})}.{_part(claims)}"
    mac = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    confused = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    refused(await ask_for_itself(machine, confused), "invalid_client", 401)
    # A key inside the assertion proves nothing.
    inside = assertion(backend.id, key=OTHER, header={"jwk": OTHER.as_dict(private=False)})
    refused(await ask_for_itself(machine, inside), "invalid_client", 401)
    for garbage in ("", "a", "a.b.c", "....", "e30.e30.e30", "ê.ê.ê"):
        assert (await ask_for_itself(machine, garbage)).status_code in (400, 401)


@pytest.mark.parametrize("scope", ["", "openid", "patient/*.rs", "user/*.rs", "system/*.c", "x"])
async def test_a_program_for_itself_gets_system_scopes_it_was_registered_for(
    machine: Any, backend: Any, scope: str
):
    refused(await ask_for_itself(machine, assertion(backend.id), scope=scope), "invalid_scope")


async def test_keys_may_be_published_and_changed(shell, register, machine, monkeypatch):
    from yba.foundation.authorization import endpoints

    fetched: list[str] = []
    shown = {"keys": [KEY.as_dict(private=False)]}

    def answer(request: httpx.Request) -> httpx.Response:
        fetched.append(str(request.url))
        return httpx.Response(200, json=shown)

    key_sets = authorization.KeySets(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    state = shell._inner.state.yba  # type: ignore[attr-defined]
    monkeypatch.setitem(state.extras, endpoints.KEY_SETS, key_sets)
    client, _ = await register(
        method="private_key_jwt", jwks_uri="https://app.example/keys", scopes=["system/*.rs"],
        grants=["client_credentials"], redirect_uris=[],
    )  # fmt: skip
    for _ in range(3):
        assert (await ask_for_itself(machine, assertion(client.id))).status_code == 200
    assert fetched == ["https://app.example/keys"]
    refused(await ask_for_itself(machine, assertion(client.id, key=CURVE)), "invalid_client", 401)
    await key_sets.close()


# -- registering ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wish",
    [
        {"name": ""}, {"redirect_uris": []}, {"redirect_uris": ["http://app.example/back"]},
        {"redirect_uris": ["https://app.example/*"]}, {"redirect_uris": ["https://a.example/#x"]},
        {"redirect_uris": ["javascript:alert(1)"]}, {"redirect_uris": ["myapp:/back"]},
        {"redirect_uris": ["https://u:p@a.example/"]}, {"redirect_uris": ["https:///back"]},
        {"scopes": ["patient/*.sr"]}, {"scopes": ["system/*.rs"]}, {"method": "private_key_jwt"},
        {"method": "private_key_jwt", "jwks": {"keys": []}},
        {"method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=True)]}},
        {"method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "eA"}]}},
        {"jwks": JWKS}, {"launch_uri": "javascript:alert(1)"}, {"grants": ["password"]},
        {"grants": ["client_credentials"], "method": "none"},
    ],
)  # fmt: skip
async def test_what_cannot_be_safe_is_not_registered(register: Any, wish: dict[str, Any]):
    with pytest.raises(ProgramRefused):
        await register(**wish)


async def test_nobody_registers_by_protocol(machine):
    metadata = (await machine.get("/.well-known/openid-configuration")).json()
    assert "registration_endpoint" not in metadata
    assert (await machine.post("/oauth/register", json={})).status_code == 404


async def test_an_administrator_registers_and_cuts_off_by_page(shell, database, citizen, machine):
    async with await browser_of(shell, database, "administrator") as admin:
        page = await admin.post(
            "/programs/registered",
            data={"name": "Máy đo", "method": "client_secret_post", "scopes": "system/*.rs"},
        )
        client_id = page.text.split('id="made-id">')[1].split("<")[0]
        secret = page.text.split('id="made-secret">')[1].split("<")[0]
        form = {"grant_type": "client_credentials", "scope": "system/*.rs"}
        form |= {"client_id": client_id, "client_secret": secret}
        token = (await machine.post("/oauth/token", data=form)).json()["access_token"]
        assert (await machine.get("/fhir/Patient", headers=bearer(token))).status_code == 200
        assert secret not in (await admin.get("/programs/registered")).text
        await admin.post(f"/programs/registered/{client_id}/end")
    refused(await machine.post("/oauth/token", data=form), "invalid_client", 401)
    for _ in range(100):
        gone = await machine.get("/fhir/Patient", headers=bearer(token))
        if gone.status_code == 401:
            break
    assert gone.status_code == 401
    assert (await citizen.get("/programs/registered")).status_code == 403
    assert (await citizen.post("/programs/registered", data={"name": "x"})).status_code == 403


async def test_signing_keys_rotate_and_are_sealed(database, machine, citizen, register, shell):
    secret = b"only for tests, never elsewhere"
    client, _ = await register()
    before = await tokens_for(machine, citizen, Ask(client))
    async with database.transaction() as tx:
        kid = await authorization.rotate(tx, secret=secret, at=utc_now())
        sealed = await tx.values('SELECT sealed FROM "authorization".signing_key')
    assert all(one.count(".") == 4 and '"d"' not in one for one in sealed)
    after = await tokens_for(machine, citizen, Ask(client))
    keys = (await machine.get("/oauth/jwks")).json()["keys"]
    used = [
        json.loads(base64.urlsafe_b64decode(one["id_token"].split(".")[0] + "=="))["kid"]
        for one in (before, after)
    ]
    assert used[1] == kid != used[0]
    assert {used[0], used[1]} <= {key["kid"] for key in keys}


async def test_the_database_holds_no_token(database, machine, citizen, register):
    client, _ = await register()
    answer = await tokens_for(machine, citizen, Ask(client, "openid patient/*.rs offline_access"))
    async with database.transaction() as tx:
        for table in ("access_token", "refresh_token", "code", "grant_given"):
            for row in await tx.connection.fetch(f'SELECT t::text FROM "authorization".{table} t'):
                assert answer["access_token"] not in row[0]
                assert answer["refresh_token"] not in row[0]


async def test_bearer_tokens_of_the_command_line_still_work(shell, database, machine):
    async with database.transaction() as tx:
        account = await accounts.create(
            tx, actor=SYSTEM, login=f"api-{new_id()}", password="x" * 20 + new_id(), name="Program",
            roles=["api"], at=utc_now(),
        )  # fmt: skip
        token = await accounts.open_session(tx, account_id=account.id, kind="bearer", at=utc_now())
    assert (await machine.get("/fhir/Patient", headers=bearer(token))).status_code == 200
    assert (await machine.get("/oauth/userinfo", headers=bearer(token))).status_code == 401
    async with speaking(shell) as stranger:
        assert (await stranger.get("/fhir/Patient")).status_code == 401


async def test_what_has_ended_long_ago_is_swept(database, machine, backend):
    form = assertion(backend.id)
    token = (await ask_for_itself(machine, form)).json()["access_token"]
    async with database.transaction() as tx:
        await authorization.sweep(tx, at=utc_now())
        count = 'SELECT count(*) FROM "authorization".grant_given WHERE client_id = $1'
        assert await tx.value(count, backend.id) == 1
    assert (await machine.get("/oauth/userinfo", headers=bearer(token))).status_code == 401
    async with database.transaction() as tx:
        await authorization.sweep(tx, at=utc_now() + timedelta(minutes=10))
        assert await tx.value(count, backend.id) == 0


def test_a_wish_has_safe_defaults():
    assert Wanted("x").method == "none"
    assert Wanted("x").is_trusted is False

"""What the list of attacks of RFC 9700 and SMART App Launch asks beside the ordinary way.

The table is in docs/standards/authorization.md: each row names its test, here or in the files beside.
"""


# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from tests.foundation.authorization.conftest import (
    BACK,
    FHIR,
    ISSUER,
    Ask,
    answer_of,
    browser_of,
    code_for,
    decide,
    exchange,
    tokens_for,
)

from yba.fhir import r4
from yba.foundation.access import service as access
from yba.foundation.authorization import service as authorization
from yba.foundation.authorization.model import Client
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id
from yba.plumbing.database import Database

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CURVE = ECKey.generate_key("P-384", {"kid": "own"})
OTHER = ECKey.generate_key("P-384", {"kid": "own"})


def _refused(answer: httpx.Response, error: str = "invalid_grant", status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# -- what leaves by the browser ---------------------------------------------------------------------


async def test_the_answer_leaves_by_a_redirection_that_repeats_no_form_and_no_address(
    citizen, register
):
    client, _ = await register()
    ask = Ask(client)
    page = await citizen.get("/oauth/authorize", params=ask.parameters)
    done = await decide(citizen, ask)

    # RFC 9700 sections 4.2.4 and 4.12: a 307 would repeat the form, a referrer the address.
    assert done.status_code == 303
    for answer in (page, done):
        assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert answer.headers["cache-control"] == "no-store"
    assert ask.verifier not in page.text


@pytest.mark.parametrize("name", ["state", "nonce", "client_id", "scope", "launch", "login_hint"])
@pytest.mark.parametrize("text", ["\x00", "\ud800", "\r\nLocation: https://evil.example"])
async def test_no_letter_in_a_request_breaks_the_server_or_the_answer(
    citizen: httpx.AsyncClient, register: Any, name: str, text: str
):
    client, _ = await register()
    given = {key: value for key, value in Ask(client).parameters.items() if key != name}
    odd = quote(text.encode("utf-8", "surrogatepass"))
    query = f"{urlencode(given)}&{name}={odd}"

    answer = await citizen.get(f"/oauth/authorize?{query}")

    assert answer.status_code in (200, 303, 400), answer.text[-300:]
    assert "evil.example" not in answer.headers.get("location", "").partition("?")[0]


# -- codes ------------------------------------------------------------------------------------------


async def test_a_code_sent_six_times_at_once_gives_tokens_once_and_they_end(
    machine, citizen, register
):
    client, _ = await register()
    ask = Ask(client, scope="openid patient/*.rs")
    code = await code_for(citizen, ask)

    answers = await asyncio.gather(*(exchange(machine, ask, code) for _ in range(6)))

    [token] = [one.json()["access_token"] for one in answers if one.status_code == 200]
    told = await machine.get("/oauth/userinfo", headers=_bearer(token))
    assert told.status_code == 401


async def test_a_code_that_was_slipped_in_does_not_fit_the_verifier_of_the_victim(
    machine, citizen, doctor, register
):
    client, _ = await register()
    attackers, victims = Ask(client), Ask(client)
    slipped = await code_for(doctor, replace(attackers, scope="openid user/Observation.rs"))

    _refused(await exchange(machine, victims, slipped))
    # The same letters of the challenge in the clear prove nothing, nor does leaving them out.
    for verifier in (None, "", attackers.challenge, victims.challenge):
        _refused(await exchange(machine, victims, slipped, code_verifier=verifier))


async def test_tokens_of_one_kind_are_worth_nothing_as_another(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client, scope="openid patient/*.rs offline_access")
    code = await code_for(citizen, ask)
    for wrong in (code, ask.challenge):
        assert (await machine.get("/fhir/Observation", headers=_bearer(wrong))).status_code == 401
    given = (await exchange(machine, ask, code)).json()

    for name in ("refresh_token", "id_token"):
        for place in ("/fhir/Observation", "/oauth/userinfo"):
            answer = await machine.get(place, headers=_bearer(given[name]))
            assert answer.status_code == 401, (name, place)
    access = given["access_token"]
    _refused(
        await machine.post(
            "/oauth/token",
            data={"grant_type": "refresh_token", "refresh_token": access, "client_id": client.id},
        )
    )
    _refused(await exchange(machine, ask, access))
    # In an address a token would be written down by every proxy (RFC 9700 section 4.3.2).
    assert (await machine.get(f"/fhir/Observation?access_token={access}")).status_code == 401
    posted = await machine.post("/oauth/userinfo", data={"access_token": access})
    assert posted.status_code == 401


async def test_an_identity_token_holds_to_its_request_and_its_access_token(
    machine, citizen, register
):
    client, _ = await register()
    given = await tokens_for(machine, citizen, Ask(client, more={"nonce": "n-1"}))
    body = given["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    half = hashlib.sha256(given["access_token"].encode()).digest()[:16]

    assert claims["nonce"] == "n-1"
    assert claims["aud"] == client.id
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    # Only answers that come by the browser carry it, and those have no identity token here.
    assert "c_hash" not in claims


async def test_a_refresh_token_sent_six_times_at_once_ends_the_family(machine, citizen, register):
    client, _ = await register()
    first = await tokens_for(machine, citizen, Ask(client, "openid patient/*.rs offline_access"))
    form = {
        "grant_type": "refresh_token", "refresh_token": first["refresh_token"],
        "client_id": client.id,
    }  # fmt: skip

    answers = await asyncio.gather(*(machine.post("/oauth/token", data=form) for _ in range(6)))

    [given] = [one.json() for one in answers if one.status_code == 200]
    again = {**form, "refresh_token": given["refresh_token"]}
    _refused(await machine.post("/oauth/token", data=again))
    for token in (first["access_token"], given["access_token"]):
        assert (await machine.get("/oauth/userinfo", headers=_bearer(token))).status_code == 401


async def test_asking_silently_prolongs_nothing(machine, citizen, register, database):
    client, _ = await register()
    scope = "openid patient/*.rs offline_access"
    await tokens_for(machine, citizen, Ask(client, scope), lasting="hour")
    ask = Ask(client, scope, more={"prompt": "none"})
    code = answer_of(await citizen.get("/oauth/authorize", params=ask.parameters))["code"]
    await exchange(machine, ask, code)

    async with database.transaction() as tx:
        ends = await tx.values(
            'SELECT expires_at FROM "authorization".grant_given WHERE client_id = $1', client.id
        )
    assert len(ends) == 2
    assert len(set(ends)) == 1


# -- programs that prove themselves -----------------------------------------------------------------


@pytest.fixture
async def backend(register: Any) -> Client:
    client, _ = await register(
        method="private_key_jwt", jwks={"keys": [CURVE.as_dict(private=False)]},
        grants=["client_credentials"], redirect_uris=[], scopes=["system/*.rs"],
    )  # fmt: skip
    return client


def _assertion(client_id: str, key: ECKey = CURVE, **changed: Any) -> str:
    claims = {
        "iss": client_id, "sub": client_id, "aud": f"{ISSUER}/oauth/token", "jti": new_id(),
        "exp": int(time.time()) + 200, **changed.get("claims", {}),
    }  # fmt: skip
    head = {"alg": "ES384", "kid": "own", **changed.get("header", {})}
    # As letters of ASCII, so that halves of letters get through, too.
    body = json.dumps(claims).encode()
    return jws.serialize_compact(head, body, key, algorithms=["ES384"])


def _raw(head: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return an assertion that says whatever it is told to, with a signature of nobody."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()
        for one in (head, claims)
    ]
    return ".".join([*parts, "AAAA"])


async def _itself(machine: httpx.AsyncClient, signed: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials", "scope": "system/*.rs",
        "client_assertion_type": JWT_BEARER, "client_assertion": signed,
    }  # fmt: skip
    return await machine.post("/oauth/token", data=form)


async def test_an_assertion_sent_six_times_at_once_counts_once(machine, backend):
    signed = _assertion(backend.id)
    answers = await asyncio.gather(*(_itself(machine, signed) for _ in range(6)))
    assert sorted(one.status_code for one in answers) == [200, 401, 401, 401, 401, 401]


@pytest.mark.parametrize(
    "header",
    [
        {"x5u": "https://evil.example/c.pem"}, {"x5c": ["MIIB"]}, {"jku": "https://evil.example/k"},
        {"jwk": OTHER.as_dict(private=False)}, {"kid": "../../own"}, {"kid": "own\x00"},
        {"kid": "own' OR '1'='1"}, {"kid": ["own"]}, {"crit": ["exp"], "exp": 1},
        {"b64": False, "crit": ["b64"]}, {"alg": "none"}, {"alg": "nOnE"}, {"alg": ["ES384"]},
        {"alg": "ES256K"}, {"zip": "DEF"},
    ],
)  # fmt: skip
async def test_a_header_brings_no_key_of_its_own(
    machine: Any, backend: Any, header: dict[str, Any]
):
    head = {"alg": "ES384", "kid": "own", **header}
    claims = {
        "iss": backend.id, "sub": backend.id, "aud": f"{ISSUER}/oauth/token", "jti": new_id(),
        "exp": int(time.time()) + 200,
    }  # fmt: skip
    signed = _raw(head, claims)
    if head["alg"] == "ES384" and isinstance(head["kid"], str) and not {"crit", "zip"} & {*head}:
        signed = _assertion(backend.id, OTHER, header=header)
    _refused(await _itself(machine, signed), "invalid_client", 401)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "x" * 5000])
async def test_no_letter_in_an_assertion_breaks_the_server(machine: Any, backend: Any, text: str):
    named = _raw({"alg": "ES384", "kid": "own"}, {"sub": text})
    assert (await _itself(machine, named)).status_code == 401
    assert (await _itself(machine, _assertion(backend.id))).status_code == 200
    signed = _assertion(backend.id, claims={"jti": text})
    assert (await _itself(machine, signed)).status_code == 401
    basic = base64.b64encode(f"{text[:200]}:x".encode("utf-8", "surrogatepass")).decode()
    answer = await machine.post(
        "/oauth/token", data={"grant_type": "client_credentials"},
        headers={"authorization": f"Basic {basic}"},
    )  # fmt: skip
    assert answer.status_code == 401


async def test_an_assertion_for_another_server_or_place_is_not_ours(machine, backend):
    for audience in (
        "https://other.example/oauth/token", f"{ISSUER}/oauth/token/", ISSUER.upper(), FHIR,
        f"{ISSUER}.evil.example", backend.id,
    ):  # fmt: skip
        signed = _assertion(backend.id, claims={"aud": audience})
        _refused(await _itself(machine, signed), "invalid_client", 401)


# -- opened from a chart ----------------------------------------------------------------------------


@pytest.fixture
async def launching(register: Any) -> Client:
    client, _ = await register(launch_uri="https://app.example/launch")
    return client


async def _launch(
    database: Database, browser: httpx.AsyncClient, client: Client, **late: timedelta
) -> tuple[str, str]:
    """Open a chart of somebody new in the browser's name; return (launch, patient)."""
    at = utc_now() - late.get("ago", timedelta())
    async with database.transaction() as tx:
        patient_id = new_id()
        _, launch = await authorization.open_chart(
            tx, actor=Actor(browser.headers["x-account"], "Bác sĩ"), client_id=client.id,
            patient_id=patient_id, encounter_id=None, at=at,
        )  # fmt: skip
    return launch, patient_id


async def test_a_launch_is_of_its_person_its_program_and_its_five_minutes_and_counts_once(
    machine, shell, database, doctor, register, launching
):
    other, _ = await register(launch_uri="https://other.example/launch")
    scope = "launch openid user/Observation.rs"

    async def asked(browser: httpx.AsyncClient, client: Client, launch: str) -> int:
        ask = Ask(client, scope, more={"launch": launch})
        return (await browser.get("/oauth/authorize", params=ask.parameters)).status_code

    launch, _ = await _launch(database, doctor, launching)
    late, _ = await _launch(database, doctor, launching, ago=timedelta(minutes=6))
    assert await asked(doctor, other, launch) == 410
    assert await asked(doctor, launching, late) == 410
    assert await asked(doctor, launching, launch[:-1] + "x") == 410
    async with await browser_of(shell, database, "doctor") as colleague:
        assert await asked(colleague, launching, launch) == 410
    async with database.transaction() as tx:
        actor = Actor(doctor.headers["x-account"], "")
        asked_for = authorization.Asked(launching, BACK, ("launch",), "", launch=launch)
        assert await authorization.opened(tx, actor=actor, asked=asked_for, at=utc_now())
    async with database.transaction() as tx:
        await tx.execute('UPDATE "authorization".launch SET used_at = now()')
    assert await asked(doctor, launching, launch) == 410


async def test_a_visit_is_told_where_a_chart_was_open_and_else_not_said_to_be_granted(
    machine, citizen, doctor, database, register
):
    scopes = ["launch", "launch/patient", "launch/encounter", "openid", "patient/*.rs"]
    client, _ = await register(launch_uri="https://app.example/launch", scopes=scopes)
    alone = await tokens_for(
        machine, citizen, Ask(client, "launch/patient launch/encounter openid patient/*.rs")
    )
    assert alone["scope"] == "launch/patient openid patient/*.rs"
    assert "encounter" not in alone

    patient_id, encounter_id = new_id(), new_id()
    actor = Actor(doctor.headers["x-account"], "Bác sĩ", permissions=frozenset({"*"}))
    async with database.transaction() as tx:
        await record.save(
            tx, actor=actor, resources=[r4.Patient(id=patient_id)], at=utc_now(), note="test"
        )
        await access.relate(
            tx, patient_id=patient_id, kind="visit", why=f"Encounter/{encounter_id}",
            account_id=actor.account_id, at=utc_now(),
        )  # fmt: skip
        _, launch = await authorization.open_chart(
            tx, actor=actor, client_id=client.id, patient_id=patient_id,
            encounter_id=encounter_id, at=utc_now(),
        )  # fmt: skip
    ask = Ask(client, "launch launch/encounter openid", more={"launch": launch})
    opened = await tokens_for(machine, doctor, ask)
    assert (opened["patient"], opened["encounter"]) == (patient_id, encounter_id)
    assert "launch/encounter" in opened["scope"]
    again = await doctor.get("/oauth/authorize", params=replace(ask, state="2").parameters)
    assert again.status_code == 410

"""The way with a person: request, consent, code, tokens; and every way it is refused.

Sources: OAuth 2.1 section 4.1, RFC 7636, RFC 9207, RFC 9126, OpenID Connect Core 3.1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
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

from yba.foundation.accounts import service as accounts
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id


async def test_a_citizen_lets_a_program_read_her_own_record(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client, more={"nonce": "n-1"})

    answer = await tokens_for(machine, citizen, ask)

    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600
    assert answer["scope"] == "openid fhirUser patient/Observation.rs"
    keys = (await machine.get("/oauth/jwks")).json()
    claims = jwt.decode(
        answer["id_token"], KeySet.import_key_set(keys), algorithms=["RS256"]
    ).claims
    assert claims["iss"] == ISSUER
    assert claims["aud"] == client.id
    assert claims["nonce"] == "n-1"
    assert claims["sub"] == citizen.headers["x-account"]
    assert claims["fhirUser"] == f"{FHIR}/Patient/{answer['patient']}"
    assert claims["exp"] > claims["iat"]
    assert "refresh_token" not in answer
    assert all(set(key) & {"d", "p", "q"} == set() for key in keys["keys"])


async def test_the_answer_names_its_issuer_and_keeps_the_state(citizen, register):
    client, _ = await register()
    said = answer_of(await decide(citizen, Ask(client, state="a b&c=d/ệ")))
    assert said["iss"] == ISSUER
    assert said["state"] == "a b&c=d/ệ"


async def test_a_person_may_refuse(citizen, register):
    client, _ = await register()
    said = answer_of(await decide(citizen, Ask(client), decision="deny"))
    assert said["error"] == "access_denied"
    assert said["iss"] == ISSUER


async def test_a_person_may_narrow_what_is_granted(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client, scope="openid patient/Observation.rs patient/Condition.rs")
    answer = await tokens_for(machine, citizen, ask, without=["patient/Condition.rs"])
    assert answer["scope"] == "openid patient/Observation.rs"


async def test_ticking_more_than_was_asked_grants_no_more(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client, scope="openid patient/Observation.rs")
    page = await citizen.get("/oauth/authorize", params=ask.parameters)
    uri = page.text.split('name="request_uri" value="')[1].split('"')[0]
    answer = await citizen.post(
        "/oauth/decide",
        data={"client_id": client.id, "request_uri": uri, "decision": "allow",
              "scope": ["openid", "patient/Observation.rs", "patient/*.cruds", "user/*.cruds"]},
    )  # fmt: skip
    tokens = (await exchange(machine, ask, answer_of(answer)["code"])).json()
    assert tokens["scope"] == "openid patient/Observation.rs"


async def test_a_citizen_cannot_grant_more_than_her_own_record(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client, scope="openid patient/*.cruds user/*.cruds")
    answer = await tokens_for(machine, citizen, ask)
    assert answer["scope"] == "openid patient/*.rs"


async def test_an_administrator_has_no_record_to_grant(shell, database, register):
    client, _ = await register()
    async with await browser_of(shell, database, "administrator") as browser:
        page = await browser.get(
            "/oauth/authorize", params=Ask(client, scope="patient/*.rs").parameters
        )
    assert answer_of(page)["error"] == "access_denied"


async def test_a_stranger_signs_in_first_and_comes_back(machine, register):
    client, _ = await register()
    answer = await machine.get("/oauth/authorize", params=Ask(client).parameters)
    assert answer.status_code == 303
    where = answer.headers["location"]
    assert where.startswith("/sign-in?next=%2Foauth%2Fauthorize%3Fclient_id%3D")
    assert "state-1" not in where


# -- who is told, and who never is ----------------------------------------------------------------

_TRICKS = [
    "https://app.example/back/", "https://app.example/back?x=1", "https://app.example/back#f",
    "https://app.example/Back", "https://APP.example/back", "http://app.example/back",
    "https://app.example:443/back", "https://app.example/other", "https://evil.example/back",
    "https://app.example.evil.example/back", "https://app.example@evil.example/back",
    "https://app.example/back/../evil", "https://app.example/%62ack", "//app.example/back",
    "https://app.example\\@evil.example/back", "javascript:alert(1)", "", "data:text/html,x",
    " https://app.example/back", "https://app.example/back%0d%0aX: y", "http://127.0.0.1/back",
]  # fmt: skip


@pytest.mark.parametrize("address", _TRICKS)
async def test_only_the_registered_address_is_ever_answered(citizen, register, address):
    client, _ = await register()
    answer = await citizen.get(
        "/oauth/authorize", params=Ask(client, redirect_uri=address).parameters
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "refresh" not in answer.text.split("</head>")[0]


async def test_a_program_on_ones_own_machine_may_listen_at_any_port(citizen, register):
    client, _ = await register(redirect_uris=["http://127.0.0.1/back"])
    ask = Ask(client, redirect_uri="http://127.0.0.1:51234/back")
    page = await citizen.get("/oauth/authorize", params=ask.parameters)
    assert page.status_code == 200
    for address in (
        "http://127.0.0.1:51234/other", "http://localhost:51234/back", "http://127.0.0.2/back",
        "https://127.0.0.1/back", "http://127.0.0.1:80@evil.example/back",
        "http://127.0.0.1:99999/back",
    ):  # fmt: skip
        refused = await citizen.get(
            "/oauth/authorize", params=replace(ask, redirect_uri=address).parameters
        )
        assert refused.status_code == 400, address


async def test_an_unknown_program_is_told_to_the_person(citizen, register):
    client, _ = await register()
    answer = await citizen.get(
        "/oauth/authorize", params=Ask(replace(client, id="nobody")).parameters
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "patient/Observation.sr"}, "invalid_scope"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"scope": 'patient/"x".rs'}, "invalid_scope"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "https://evil.example/fhir"}, "invalid_request"),
        ({"aud": FHIR + ".evil.example"}, "invalid_request"),
        ({"resource": "https://evil.example/fhir"}, "invalid_target"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "unheard"}, "invalid_request"),
        ({"prompt": "none"}, "consent_required"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://app.example/r"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"scope": "launch patient/*.rs"}, "invalid_request"),
        ({"launch": "made-up"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_is_told_to_the_program(
    citizen: httpx.AsyncClient, register: Any, changed: dict[str, str | None], error: str
):
    client, _ = await register()
    answer = await citizen.get("/oauth/authorize", params=Ask(client, more=changed).parameters)
    said = answer_of(answer)
    assert said["error"] == error
    assert said["state"] == "state-1"
    assert said["iss"] == ISSUER
    assert "code" not in said


async def test_a_parameter_given_twice_is_refused(citizen, register):
    client, _ = await register()
    pairs = [*Ask(client).parameters.items(), ("scope", "patient/*.cruds")]
    answer = await citizen.get("/oauth/authorize", params=pairs)
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_nobody_signed_in_is_told_to_a_program_that_must_not_ask(machine, register):
    client, _ = await register()
    answer = await machine.get(
        "/oauth/authorize", params=Ask(client, more={"prompt": "none"}).parameters
    )
    assert answer_of(answer)["error"] == "login_required"


async def test_what_was_granted_before_needs_no_question_when_none_may_be_asked(
    machine, citizen, register
):
    client, _ = await register()
    await tokens_for(machine, citizen, Ask(client, scope="openid patient/*.rs"))
    ask = Ask(client, scope="openid patient/Observation.rs", more={"prompt": "none"})
    code = answer_of(await citizen.get("/oauth/authorize", params=ask.parameters))["code"]
    assert (await exchange(machine, ask, code)).status_code == 200
    wider = replace(ask, scope="openid patient/*.rs offline_access")
    refused = await citizen.get("/oauth/authorize", params=wider.parameters)
    assert answer_of(refused)["error"] == "consent_required"


async def test_another_site_cannot_press_the_button(citizen, register):
    client, _ = await register()
    ask = Ask(client)
    page = await citizen.get("/oauth/authorize", params=ask.parameters)
    uri = page.text.split('name="request_uri" value="')[1].split('"')[0]
    data = {"client_id": client.id, "request_uri": uri, "decision": "allow", "scope": "openid"}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://app.example"}):
        answer = await citizen.post("/oauth/decide", data=data, headers=headers)
        assert answer.status_code == 403


async def test_the_consent_page_may_lead_to_this_program_alone(citizen, register):
    client, _ = await register()
    page = await citizen.get("/oauth/authorize", params=Ask(client).parameters)
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://app.example;" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store"


async def test_a_request_by_form_is_kept_and_asked_for_by_page(citizen, register):
    client, _ = await register()
    answer = await citizen.post(
        "/oauth/authorize", data=Ask(client).parameters, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 303
    page = await citizen.get(answer.headers["location"])
    assert page.status_code == 200


async def test_a_request_answered_once_is_gone(citizen, register):
    client, _ = await register()
    ask = Ask(client)
    page = await citizen.get("/oauth/authorize", params=ask.parameters)
    uri = page.text.split('name="request_uri" value="')[1].split('"')[0]
    data = {
        "client_id": client.id,
        "request_uri": uri,
        "decision": "allow",
        "scope": ["openid", "patient/Observation.rs"],
    }
    assert "code" in answer_of(await citizen.post("/oauth/decide", data=data))
    again = await citizen.post("/oauth/decide", data=data)
    assert again.status_code == 410


async def test_a_fresh_sign_in_is_asked_for_and_then_believed(shell, database, machine, register):
    client, _ = await register()
    async with await browser_of(shell, database, "citizen", patient_id=new_id()) as browser:
        for wish in ({"prompt": "login"}, {"max_age": "0"}):
            sent = await browser.get("/oauth/authorize", params=Ask(client, more=wish).parameters)
            assert sent.status_code == 303
            assert sent.headers["location"].startswith("/prove?next=%2Foauth%2Fauthorize")
        recent = await browser.get(
            "/oauth/authorize", params=Ask(client, more={"max_age": "600"}).parameters
        )
        assert recent.status_code == 200
        silent = Ask(client, more={"max_age": "0", "prompt": "none"})
        answer = await browser.get("/oauth/authorize", params=silent.parameters)
        assert answer_of(answer)["error"] == "login_required"
        here = unquote(sent.headers["location"].partition("next=")[2])
        assert (await browser.get(here)).status_code == 303
        async with database.transaction() as tx:  # as a fresh proof does
            token = await accounts.open_session(
                tx, account_id=browser.headers["x-account"], kind="browser", at=utc_now()
            )
        browser.cookies.set("session", token)
        assert (await browser.get(here)).status_code == 200


# -- codes ----------------------------------------------------------------------------------------


def _refused(answer: httpx.Response, error: str = "invalid_grant", status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_a_code_counts_once_and_a_second_use_ends_its_tokens(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client, scope="openid patient/*.rs offline_access")
    code = await code_for(citizen, ask)
    first = (await exchange(machine, ask, code)).json()
    bearer = {"authorization": f"Bearer {first['access_token']}"}
    assert (await machine.get("/oauth/userinfo", headers=bearer)).status_code == 200
    assert (await machine.get("/fhir/Observation", headers=bearer)).status_code == 200

    _refused(await exchange(machine, ask, code))

    assert (await machine.get("/oauth/userinfo", headers=bearer)).status_code == 401
    assert (await machine.get("/fhir/Observation", headers=bearer)).status_code == 401
    refreshed = await machine.post(
        "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": first["refresh_token"],
              "client_id": client.id},
    )  # fmt: skip
    _refused(refreshed)


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": None},
        {"code_verifier": "x" * 43},
        {"code_verifier": "short"},
        {"redirect_uri": BACK + "/other"},
        {"code": "made-up"},
    ],
)
async def test_a_code_is_worth_nothing_without_what_belongs_to_it(
    machine: httpx.AsyncClient, citizen: httpx.AsyncClient, register: Any, changed: dict[str, Any]
):
    client, _ = await register()
    ask = Ask(client)
    code = await code_for(citizen, ask)
    _refused(await exchange(machine, ask, **{"code": code, **changed}))


async def test_the_challenge_itself_is_no_verifier(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client)
    code = await code_for(citizen, ask)
    _refused(await exchange(machine, ask, code, code_verifier=ask.challenge))


async def test_another_program_cannot_use_a_code(machine, citizen, register):
    client, _ = await register()
    other, _ = await register()
    ask = Ask(client)
    code = await code_for(citizen, ask)
    _refused(await exchange(machine, ask, code, client_id=other.id))
    assert (await exchange(machine, ask, code)).status_code == 200


async def test_a_code_lives_for_a_minute(machine, citizen, register, database):
    client, _ = await register()
    ask = Ask(client)
    code = await code_for(citizen, ask)
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE \"authorization\".code SET expires_at = expires_at - interval '61 s'"
        )
    _refused(await exchange(machine, ask, code))


async def test_a_token_for_another_base_is_refused(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client)
    code = await code_for(citizen, ask)
    _refused(
        await exchange(machine, ask, code, resource="https://evil.example/fhir"), "invalid_target"
    )


async def test_a_token_without_audience_opens_no_record(machine, citizen, register):
    client, _ = await register()
    ask = Ask(client, scope="openid profile", more={"aud": None})
    answer = await tokens_for(machine, citizen, ask)
    bearer = {"authorization": f"Bearer {answer['access_token']}"}
    assert (await machine.get("/oauth/userinfo", headers=bearer)).json()["name"] == "Người Kiểm Thử"
    assert (await machine.get("/fhir/Observation", headers=bearer)).status_code == 401


# -- pushed requests ------------------------------------------------------------------------------


async def test_a_request_pushed_ahead_is_asked_for_by_its_name(machine, citizen, register):
    client, secret = await register(method="client_secret_basic")
    ask = Ask(client)
    pushed = await machine.post("/oauth/par", data=ask.parameters, auth=(client.id, secret))
    assert pushed.status_code == 201
    uri = pushed.json()["request_uri"]
    page = await citizen.get(
        "/oauth/authorize",
        params={"client_id": client.id, "request_uri": uri, "scope": "patient/*.cruds"},
    )
    assert page.status_code == 200
    assert "patient/Observation.rs" in page.text
    assert "cruds" not in page.text.split(chr(34) + "consent" + chr(34))[1]


async def test_only_the_program_itself_pushes_and_asks(machine, citizen, register):
    client, secret = await register(method="client_secret_basic")
    other, _ = await register()
    ask = Ask(client)
    _refused(await machine.post("/oauth/par", data=ask.parameters), "invalid_client", 401)
    wrong = replace(ask, redirect_uri="https://evil.example/")
    answer = await machine.post("/oauth/par", data=wrong.parameters, auth=(client.id, secret))
    _refused(answer, "invalid_request")
    uri = (await machine.post("/oauth/par", data=ask.parameters, auth=(client.id, secret))).json()[
        "request_uri"
    ]
    stolen = await citizen.get(
        "/oauth/authorize", params={"client_id": other.id, "request_uri": uri}
    )
    assert stolen.status_code == 410

"""Signing in with another's word: what is believed, and everything that is not."""

import warnings
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.fakes.identity_provider import IdentityProvider

from yba.foundation.accounts import external, service
from yba.foundation.accounts.errors import ExternalRefused, NotLinked
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database

with warnings.catch_warnings():
    # The library announces that it will move to another HTTP client.
    warnings.simplefilter("ignore")
    from authlib.integrations.httpx_client import OAuth2Client

BACK = "https://yba.test/sign-in/external/back"


@pytest.fixture
def elsewhere(at: datetime) -> Generator[IdentityProvider]:
    provider = IdentityProvider(subject=f"person-{new_id()}", now=at.timestamp())
    yield provider
    provider.close()


def _trusted(elsewhere: IdentityProvider) -> external.Provider:
    return external.Provider(elsewhere.issuer, elsewhere.client_id, elsewhere.client_secret, "SSO")


async def _come_back(
    database: Database, elsewhere: IdentityProvider, at: datetime, **changed: Any
) -> external.Answered:
    """Go there and come back, as a browser does; `changed` is what somebody tampers with."""
    provider = _trusted(elsewhere)
    metadata = await external.metadata_of(provider)
    async with database.transaction() as tx:
        place, state = await external.begin(
            tx, provider=provider, metadata=metadata, back=BACK, target="/chart", at=at,
            account_id=changed.pop("account_id", None),
        )  # fmt: skip
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(place)
    query = {n: v[0] for n, v in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    given: dict[str, Any] = {
        "state": query["state"], "own_state": state, "code": query["code"], "issuer": query["iss"],
        "at": at + changed.pop("late", timedelta()), **changed,
    }  # fmt: skip
    async with database.transaction() as tx:
        return await external.answered(tx, provider=provider, metadata=metadata, back=BACK, **given)


async def test_whoever_comes_back_is_known_by_issuer_and_subject(
    database: Database, elsewhere: IdentityProvider, at: datetime
):
    found = await _come_back(database, elsewhere, at)

    assert (found.subject, found.next, found.methods) == (elsewhere.subject, "/chart", ("fed",))
    assert elsewhere.asked[0]["code_challenge_method"] == "S256"


async def test_two_factors_seen_there_count_here(
    database: Database, elsewhere: IdentityProvider, at: datetime
):
    for amr, methods in (
        (("pwd", "otp"), ("fed", "mfa")),
        (("fpt", "hwk"), ("fed", "mfa")),
        (("mfa",), ("fed", "mfa")),
        # One alone is one, however strong.
        (("hwk",), ("fed",)),
        (("otp", "sms"), ("fed",)),
    ):
        elsewhere.amr = amr
        assert (await _come_back(database, elsewhere, at)).methods == methods


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["yba", "another"]},
        {"aud": ["yba", "another"], "azp": "another"},
        {"nonce": "of another browser"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iss_answer": "https://evil.example"},
        {"metadata_issuer": "https://evil.example"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_is_refused(
    database: Database, elsewhere: IdentityProvider, at: datetime, lie: dict[str, Any]
):
    elsewhere.lies = lie

    with pytest.raises(ExternalRefused):
        await _come_back(database, elsewhere, at)


@pytest.mark.parametrize("forge", ["none", "hmac", "other-key"])
async def test_a_token_that_its_keys_did_not_sign_is_refused(
    database: Database, elsewhere: IdentityProvider, at: datetime, forge: str
):
    elsewhere.forge = forge

    with pytest.raises(ExternalRefused):
        await _come_back(database, elsewhere, at)


@pytest.mark.parametrize(
    "tampered",
    [
        {"own_state": ""},
        {"own_state": "of another browser"},
        {"state": "never given", "own_state": "never given"},
        {"code": "of somebody else"},
    ],
    ids=str,
)
async def test_an_answer_for_another_browser_is_refused(
    database: Database, elsewhere: IdentityProvider, at: datetime, tampered: dict[str, Any]
):
    with pytest.raises(ExternalRefused):
        await _come_back(database, elsewhere, at, **tampered)


async def test_an_answer_that_took_too_long_is_refused(
    database: Database, elsewhere: IdentityProvider, at: datetime
):
    with pytest.raises(ExternalRefused):
        await _come_back(database, elsewhere, at, late=timedelta(minutes=11))


async def test_an_identity_opens_only_the_account_that_was_linked(
    database: Database, elsewhere: IdentityProvider, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        accounts = [
            await service.create(
                tx, actor=actor, login=f"linked-{new_id()}", password="ghế xanh trên mái nhà",
                name="Đỗ Thị Thử", roles=["nurse"], at=at,
            )
            for _ in range(2)
        ]  # fmt: skip
        with pytest.raises(NotLinked):
            await service.sign_in_from_elsewhere(
                tx, issuer=elsewhere.issuer, subject=elsewhere.subject, methods=("fed",), at=at
            )
        first, second = (Actor(account.id, account.name) for account in accounts)
        await external.link(
            tx, actor=first, issuer=elsewhere.issuer, subject=elsewhere.subject, at=at
        )
        with pytest.raises(ExternalRefused):
            await external.link(
                tx, actor=second, issuer=elsewhere.issuer, subject=elsewhere.subject, at=at
            )
        done = await service.sign_in_from_elsewhere(
            tx, issuer=elsewhere.issuer, subject=elsewhere.subject, methods=("fed",), at=at
        )
        # The same subject at another provider is another person.
        with pytest.raises(NotLinked):
            await service.sign_in_from_elsewhere(
                tx, issuer="https://other.example", subject=elsewhere.subject, methods=(), at=at
            )
        who = await service.recognise(tx, token=done.token, kind="browser", at=at)

    assert who is not None
    assert who.account_id == accounts[0].id
    assert who.methods == {"fed"}


def test_the_stand_in_speaks_openid_connect(elsewhere: IdentityProvider):
    client = OAuth2Client(
        elsewhere.client_id, elsewhere.client_secret, redirect_uri=BACK, scope="openid",
        code_challenge_method="S256",
    )  # fmt: skip
    about = httpx.get(f"{elsewhere.issuer}/.well-known/openid-configuration").json()
    verifier = "v" * 50
    place, _ = client.create_authorization_url(
        about["authorization_endpoint"], code_verifier=verifier, nonce="n"
    )
    location = httpx.get(place).headers["location"]

    token = client.fetch_token(
        about["token_endpoint"], authorization_response=location, code_verifier=verifier
    )

    keys = KeySet.import_key_set(httpx.get(about["jwks_uri"]).json())
    claims = jwt.decode(token["id_token"], keys).claims
    assert claims["iss"] == about["issuer"]
    assert claims["nonce"] == "n"

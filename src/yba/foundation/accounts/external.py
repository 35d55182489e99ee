"""Signing in with another's word: an OpenID provider that the installation trusts.

Main rule: an identity there is issuer and subject together, and belongs to an account only after its
owner was signed in here and there at once. An answer counts once, for the browser that asked; keys,
issuer, audience, nonce and time of its token are checked, and algorithms are a short list.
Standards: OpenID Connect Core 1.0 §3.1, Discovery 1.0 §4.3, RFC 7636 (S256), RFC 9207, RFC 8176.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from yba.foundation.accounts import external_store as store
from yba.foundation.accounts.errors import ExternalRefused
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

_REQUEST_LIFE = timedelta(minutes=10)
_CLOCK_SKEW = 60
_SECONDS = 10.0
_LARGEST_ANSWER = 256 * 1024
_log = structlog.get_logger("yba.accounts")
ALGORITHMS = ["RS256", "PS256", "ES256", "RS384", "ES384"]
# RFC 8176: what one knows, has, is. Two of them are two factors; one alone is not.
_KINDS = (
    {"pwd", "pin", "kba"},
    {"otp", "hwk", "swk", "pop", "sc", "sms", "tel"},
    {"fpt", "face", "iris", "retina", "vbm"},
)


@dataclass(frozen=True, slots=True)
class Provider:
    """Who is trusted, and what we are there. `strong` are values of `acr` that mean two factors."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    strong: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Identity:
    """One person there who is an account here."""

    issuer: str
    subject: str
    account_id: str
    linked_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Who came back: the identity there, how it was proven, and where she wanted to go."""

    subject: str
    methods: tuple[str, ...]
    next: str
    account_id: str | None


@dataclass(frozen=True, slots=True)
class _Request:
    nonce: str
    verifier: str
    next: str
    account_id: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says of itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


async def metadata_of(provider: Provider) -> Metadata:
    """Return where the provider answers. Raises ExternalRefused if it is not who was trusted."""
    place = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
    found = await _get(place)
    if found.get("issuer") != provider.issuer:
        _refuse("its description names another issuer")
    try:
        return Metadata(*(_same_kind(provider, found[name]) for name in Metadata.__slots__))
    except (KeyError, TypeError):
        _refuse("its description is incomplete")


def _same_kind(provider: Provider, url: object) -> str:
    """Return an address that is at least as safe as the issuer's own."""
    text = str(url)
    if urlsplit(text).scheme not in ("https", urlsplit(provider.issuer).scheme):
        _refuse("one of its addresses is not safe")
    return text


async def begin(
    tx: Tx,
    *,
    provider: Provider,
    metadata: Metadata,
    back: str,
    target: str,
    at: datetime,
    account_id: str | None = None,
) -> tuple[str, str]:
    """Return where the browser goes, and the state by which its answer is known.

    With `account_id` the answer will link that account.
    """
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    await tx.execute(store.FORGET_REQUESTS, at)
    await tx.execute(
        store.KEEP_REQUEST, _digest(state), nonce, verifier, target, account_id,
        at + _REQUEST_LIFE,
    )  # fmt: skip
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": "openid",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
    }
    if account_id is not None:
        # Whoever links must prove there, too, that it is her now.
        query["prompt"] = "login"
    joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return metadata.authorization_endpoint + joint + urlencode(query), state


async def answered(
    tx: Tx,
    *,
    provider: Provider,
    metadata: Metadata,
    back: str,
    state: str,
    own_state: str,
    code: str,
    issuer: str | None,
    at: datetime,
) -> Answered:
    """Return who came back. Raises ExternalRefused.

    `own_state` is what this browser was given; `issuer` is the answer's `iss`, if it had one.
    """
    kept = await tx.row(_Request, store.TAKE_REQUEST, _digest(state))
    if kept is None or kept.expires_at < at or not secrets.compare_digest(state, own_state):
        _refuse("the answer does not belong to a request of this browser")
    if issuer is not None and issuer != provider.issuer:
        _refuse("the answer is from another provider")
    token = await _exchanged(provider, metadata, back, code, kept.verifier)
    claims = await _checked(provider, metadata, token, kept.nonce, at)
    return Answered(str(claims["sub"]), _methods(provider, claims), kept.next, kept.account_id)


async def _exchanged(
    provider: Provider, metadata: Metadata, back: str, code: str, verifier: str
) -> str:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "client_id": provider.client_id,
        "code_verifier": verifier,
    }
    try:
        async with _client() as client:
            answer = await client.post(
                metadata.token_endpoint,
                data=fields,
                auth=(provider.client_id, provider.client_secret),
            )
        found = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        _refuse("it did not answer")
    token = found.get("id_token") if isinstance(found, dict) else None
    if not isinstance(token, str):
        _refuse("it did not confirm the code")
    return token


async def _checked(
    provider: Provider, metadata: Metadata, token: str, nonce: str, at: datetime
) -> dict[str, Any]:
    """Return the claims of an id token after every check of OpenID Connect Core §3.1.3.7."""
    try:
        keys = KeySet.import_key_set(await _get(metadata.jwks_uri))  # type: ignore[arg-type]
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, KeyError, TypeError):
        _refuse("its token is not signed by its keys")
    now = int(at.timestamp())
    audience = claims.get("aud")
    parties = audience if isinstance(audience, list) else [audience]
    is_right = (
        claims.get("iss") == provider.issuer
        and provider.client_id in parties
        and (len(parties) == 1 or claims.get("azp") == provider.client_id)
        and claims.get("azp", provider.client_id) == provider.client_id
        and isinstance(claims.get("exp"), int)
        and claims["exp"] > now - _CLOCK_SKEW
        and isinstance(claims.get("iat"), int)
        and claims["iat"] < now + _CLOCK_SKEW
        and secrets.compare_digest(str(claims.get("nonce", "")), nonce)
        and isinstance(claims.get("sub"), str)
        and 0 < len(claims["sub"]) < 256
    )
    if not is_right:
        _refuse("its token is not meant for this sign-in")
    return claims


def _methods(provider: Provider, claims: dict[str, Any]) -> tuple[str, ...]:
    """Return how the person was proven there; what is not said counts as a password."""
    said = claims.get("amr")
    methods = set(map(str, said)) if isinstance(said, list) else set[str]()
    seen = sum(bool(kind & methods) for kind in _KINDS)
    if "mfa" in methods or seen > 1 or claims.get("acr") in provider.strong:
        return ("fed", "mfa")
    return ("fed",)


async def identity(tx: Tx, *, issuer: str, subject: str, at: datetime) -> Identity | None:
    """Return whose account an identity is, and note that it was used."""
    return await tx.row(Identity, store.USE_IDENTITY, issuer, subject, at)


async def identities_of(tx: Tx, *, account_id: str) -> list[Identity]:
    """Return the identities linked to an account."""
    return await tx.rows(Identity, store.IDENTITIES_OF, account_id)


async def link(tx: Tx, *, actor: Actor, issuer: str, subject: str, at: datetime) -> None:
    """Link an identity to the actor's account. Raises ExternalRefused if it is somebody else's."""
    owner = await tx.value(store.LINK, issuer, subject, actor.account_id, at)
    if owner != actor.account_id:
        _refuse("that identity belongs to another account here")
    await audit.record(tx, actor=actor, action="C", what="accounts.link_identity", at=at)


async def unlink(tx: Tx, *, actor: Actor, issuer: str, at: datetime) -> None:
    """Take an identity from the actor's account; one that is not there changes nothing."""
    if await tx.execute(store.UNLINK, issuer, actor.account_id):
        await audit.record(tx, actor=actor, action="D", what="accounts.unlink_identity", at=at)


# -- plumbing -------------------------------------------------------------------------------------


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=_SECONDS)


async def _get(url: str) -> dict[str, Any]:
    try:
        async with _client() as client:
            answer = await client.get(url)
        if answer.status_code != 200 or len(answer.content) > _LARGEST_ANSWER:
            _refuse("it did not answer")
        found = answer.json()
    except (httpx.HTTPError, ValueError):
        _refuse("it did not answer")
    if not isinstance(found, dict):
        _refuse("it did not answer")
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _refuse(reason: str) -> NoReturn:
    """Raise ExternalRefused; the reason is for the operator, and names nobody."""
    _log.warning("accounts.external-refused", reason=reason)
    raise ExternalRefused

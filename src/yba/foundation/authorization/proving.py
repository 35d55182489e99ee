"""How a program proves who it is: not at all, by a secret, or by a signature.

Main rule: exactly the one way it is registered for; an assertion counts once and for five minutes.
Standards: RFC 6749 section 2.3, RFC 7521, RFC 7523 section 3, HL7 SMART App Launch 2.2 "Client
Authentication: Asymmetric (public key)".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard
from urllib.parse import unquote_plus

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from yba.foundation.authorization import keys, programs, store
from yba.foundation.authorization.errors import ProgramRefused, ProtocolError
from yba.foundation.authorization.model import (
    ASSERTION_ALGORITHMS,
    ASSERTION_LIFE,
    SKEW,
    Client,
)
from yba.plumbing.database import Database

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_ASSERTION = 8192
_LONGEST_JTI = 255
_LONGEST_KEY_SET = 64 * 1024
_FETCHED_FOR_SECONDS = 300.0
_FETCHED_AGAIN_AFTER_SECONDS = 20.0


def _refused(reason: str) -> ProtocolError:
    return ProtocolError("invalid_client", reason, 401)


@dataclass(slots=True)
class KeySets:
    """The key sets that programs publish, fetched and kept for five minutes."""

    http: httpx.AsyncClient | None = None
    _kept: dict[str, tuple[float, KeySet]] = field(default_factory=dict[str, tuple[float, KeySet]])
    _tried: dict[str, float] = field(default_factory=dict[str, float])

    async def of(self, client: Client, kid: object) -> KeySet:
        """Return the keys of a program; an unknown `kid` makes us look again, not too often."""
        if client.jwks is not None:
            return programs.usable_keys(client.jwks)
        address = client.jwks_uri or ""
        now = time.monotonic()
        kept = self._kept.get(address)
        if kept is not None and now - kept[0] < _FETCHED_FOR_SECONDS:
            known = any(key.kid == kid for key in kept[1].keys)
            if known or now - kept[0] < _FETCHED_AGAIN_AFTER_SECONDS:
                return kept[1]
        if now - self._tried.get(address, -1e9) < 1.0:
            raise _refused("the key set could not be fetched just now")
        self._tried[address] = now
        found = programs.usable_keys(await self._fetch(address))
        self._kept[address] = (now, found)
        return found

    async def _fetch(self, address: str) -> Any:
        if self.http is None:
            self.http = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=5)
        try:
            async with self.http.stream("GET", address) as answer:
                if answer.status_code != 200:
                    raise _refused("the key set could not be fetched")
                content = b""
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > _LONGEST_KEY_SET:
                        raise _refused("the key set is too large")
            return httpx.Response(200, content=content).json()
        except (httpx.HTTPError, ValueError):
            raise _refused("the key set could not be fetched") from None

    async def close(self) -> None:
        """Let go of connections."""
        client, self.http = self.http, None
        if client is not None:
            await client.aclose()


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents as its program."""

    client_id: str
    method: str
    proof: str = ""


def presented(authorization: str, form: Mapping[str, str]) -> Presented:
    """Return the program a request names and its proof. Raises ProtocolError."""
    found: list[Presented] = []
    form_id = form.get("client_id", "")
    if authorization:
        found.append(_basic(authorization))
    if "client_secret" in form:
        found.append(Presented(form_id, "client_secret_post", form["client_secret"]))
    if "client_assertion" in form or "client_assertion_type" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise ProtocolError("invalid_client", "the type of the assertion is not known", 401)
        assertion = form.get("client_assertion", "")
        found.append(Presented(_subject(assertion), "private_key_jwt", assertion))
    if len(found) > 1:
        raise ProtocolError("invalid_request", "a program proves itself in one way only")
    if not found:
        if not form_id:
            raise _refused("no program is named")
        return Presented(form_id, "none")
    if form_id and form_id != found[0].client_id:
        raise _refused("two programs are named")
    return found[0]


def _basic(authorization: str) -> Presented:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _refused("this way to prove itself is not known")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _refused("the header cannot be read") from None
    name, colon, secret = text.partition(":")
    if not colon:
        raise _refused("the header cannot be read")
    return Presented(unquote_plus(name), "client_secret_basic", unquote_plus(secret))


def _subject(assertion: str) -> str:
    """Return whom an assertion speaks of, unverified: only to find the key."""
    if len(assertion) > _LONGEST_ASSERTION or assertion.count(".") != 2:
        raise _refused("the assertion cannot be read")
    try:
        body = keys.json_part(assertion, 1)
    except ValueError:
        raise _refused("the assertion cannot be read") from None
    subject = body.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _refused("the assertion names no program")
    return subject


async def prove(
    database: Database,
    *,
    key_sets: KeySets,
    given: Presented,
    audiences: frozenset[str],
    at: datetime,
) -> Client:
    """Return the program that made a request. Raises ProtocolError invalid_client.

    `audiences` are the addresses that an assertion may be made out to. Works in transactions of its
    own: an assertion is used up even where the request is refused afterwards.
    """
    async with database.reading() as tx:
        client = await programs.client(tx, client_id=given.client_id)
    if client is None or given.method != client.method:
        raise _refused("the program is not known, or proves itself in another way")
    match given.method:
        case "none":
            return client
        case "client_secret_basic" | "client_secret_post":
            digest = hashlib.sha256(given.proof.encode()).digest()
            if not hmac.compare_digest(digest, client.secret_sha256 or b""):
                raise _refused("the secret is wrong")
            return client
        case _:
            jti, expires = await _verified(key_sets, client, given.proof, audiences, at)
            async with database.transaction() as tx:
                digest = hashlib.sha256(jti.encode()).digest()
                if not await tx.execute(store.ADD_ASSERTION, client.id, digest, expires):
                    raise _refused("the assertion was used before")
            return client


async def _verified(
    key_sets: KeySets, client: Client, assertion: str, audiences: frozenset[str], at: datetime
) -> tuple[str, datetime]:
    """Return (jti, end) of a good assertion. Raises ProtocolError invalid_client."""
    try:
        header = keys.header_of(assertion)
    except ValueError:
        raise _refused("the assertion cannot be read") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ASSERTION_ALGORITHMS:
        raise _refused("the algorithm is not accepted")
    if not isinstance(kid, str):
        raise _refused("the assertion names no key")
    if "jku" in header and header["jku"] != client.jwks_uri:
        raise _refused("the assertion points to a key set that is not registered")
    try:
        known = await key_sets.of(client, kid)
    except ProgramRefused:
        raise _refused("the key set cannot be used") from None
    key = next((one for one in known.keys if one.kid == kid), None)
    if key is None or key.as_dict().get("alg", algorithm) != algorithm:
        raise _refused("the key is not known")
    try:
        claims = jwt.decode(assertion, key, algorithms=[algorithm]).claims
    except (JoseError, ValueError, TypeError):
        raise _refused("the signature is wrong") from None
    return _claims(claims, client.id, audiences, at)


def _claims(
    claims: Mapping[str, Any], client_id: str, audiences: frozenset[str], at: datetime
) -> tuple[str, datetime]:
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise _refused("iss and sub must both be the program")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or len(named) != 1 or named[0] not in audiences:
        raise _refused("the assertion is made out to somebody else")
    expires, jti = claims.get("exp"), claims.get("jti")
    now = at.timestamp()
    if not _is_moment(expires) or expires <= now - SKEW.total_seconds():
        raise _refused("the assertion has expired")
    if expires > now + (ASSERTION_LIFE + SKEW).total_seconds():
        raise _refused("the assertion lives longer than five minutes")
    for name in ("nbf", "iat"):
        moment = claims.get(name)
        if moment is not None and (not _is_moment(moment) or moment > now + SKEW.total_seconds()):
            raise _refused("the assertion is not valid yet")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI or not jti.isprintable():
        raise _refused("the assertion has no jti")
    # Remembered for as long as the clock may still accept it.
    return jti, datetime.fromtimestamp(expires, UTC) + 2 * SKEW


def _is_moment(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11

"""The keys that sign identity tokens: made here, sealed at rest, changed by rotation.

Main rule: the private part is stored only sealed (JWE, A256GCM) by a key derived from the node's own
secret, which lies outside the database. Who copies the database can sign nothing.
Standards: RFC 7517, 7518, 7519; OpenID Connect Core 10.1.1 (rotation of signing keys).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, RSAKey

from yba.foundation.authorization import store
from yba.foundation.authorization.model import KEY_LIFE, KEY_SHOWN_AFTER, SKEW
from yba.kernel.ids import new_id
from yba.plumbing.database import Tx

ALGORITHM = "RS256"
_BITS = 2048
_LONGEST_PART = 8192
_SEAL = ("dir", "A256GCM")


@dataclass(frozen=True, slots=True)
class _Stored:
    id: str
    public: dict[str, Any]
    sealed: str
    created_at: datetime
    retired_at: datetime | None


def _seal_key(secret: bytes) -> OctKey:
    return OctKey.import_key(hmac.digest(secret, b"authorization.signing_key", hashlib.sha256))


def _sealed(key: RSAKey, secret: bytes) -> str:
    content = json.dumps(key.as_dict(private=True)).encode()
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, content, _seal_key(secret))


def _unsealed(stored: _Stored, secret: bytes) -> RSAKey | None:
    """Return the private key, or None where the node's secret has been replaced."""
    try:
        opened = jwe.decrypt_compact(stored.sealed, _seal_key(secret), algorithms=list(_SEAL))
    except JoseError:
        return None
    return RSAKey.import_key(json.loads(opened.plaintext or b""))


async def _stored(tx: Tx, at: datetime) -> list[_Stored]:
    return await tx.rows(_Stored, store.KEYS, at - KEY_SHOWN_AFTER)


async def _make(tx: Tx, *, secret: bytes, at: datetime) -> tuple[str, RSAKey]:
    kid = new_id()
    key = await asyncio.to_thread(RSAKey.generate_key, _BITS, {"kid": kid})
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    await tx.execute(store.ADD_KEY, kid, public, _sealed(key, secret), at)
    await tx.execute(store.RETIRE_KEYS, kid, at)
    return kid, key


async def rotate(tx: Tx, *, secret: bytes, at: datetime) -> str:
    """Make a new key sign from now on and return its id; the old ones are shown for two days."""
    await tx.execute(store.ONE_KEYMAKER)
    kid, _ = await _make(tx, secret=secret, at=at)
    return kid


async def _signing(tx: Tx, *, secret: bytes, at: datetime) -> tuple[str, RSAKey]:
    """Return the key that signs now; makes one where there is none, or it is too old."""
    for attempt in (1, 2):
        for stored in await _stored(tx, at):
            if stored.retired_at is None and at - stored.created_at < KEY_LIFE:
                key = _unsealed(stored, secret)
                if key is not None:
                    return stored.id, key
        if attempt == 1:
            await tx.execute(store.ONE_KEYMAKER)
    return await _make(tx, secret=secret, at=at)


async def sign(tx: Tx, claims: Mapping[str, Any], *, secret: bytes, at: datetime) -> str:
    """Return the claims as a signed JWT."""
    kid, key = await _signing(tx, secret=secret, at=at)
    return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": kid}, dict(claims), key)


async def published(tx: Tx, *, secret: bytes, at: datetime) -> list[dict[str, Any]]:
    """Return the public keys (RFC 7517) with which signatures of now and lately are checked."""
    await _signing(tx, secret=secret, at=at)
    return [stored.public for stored in await _stored(tx, at)]


async def own_claims(
    tx: Tx, token: str, *, issuer: str, at: datetime, even_expired: bool = False
) -> dict[str, Any] | None:
    """Return the claims of an identity token that we signed, or None.

    `even_expired` as for the hint of a log-out (OpenID Connect RP-Initiated Logout 1.0, section 2).
    """
    known = {stored.id: stored.public for stored in await _stored(tx, at)}
    try:
        kid = header_of(token).get("kid")
        public = known.get(kid) if isinstance(kid, str) else None
        if public is None:
            return None
        claims = jwt.decode(token, RSAKey.import_key(public), algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError):
        return None
    if claims.get("iss") != issuer:
        return None
    expires = claims.get("exp")
    if not isinstance(expires, int):
        return None
    if not even_expired and expires <= (at - SKEW).timestamp():
        return None
    return claims


def json_part(token: str, number: int) -> dict[str, Any]:
    """Return one part of a JWS as JSON, unverified. Raises ValueError."""
    part = token.split(".")[number]
    if len(part) > _LONGEST_PART or not part.isascii():
        raise ValueError("too long")
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return cast(dict[str, Any], found)


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a JWS, unverified. Raises ValueError."""
    return json_part(token, 0)

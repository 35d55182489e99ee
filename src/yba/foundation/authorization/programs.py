"""Programs: registered by an administrator, shown, given a new secret, cut off.

Main rule: nobody registers a program but an administrator. A secret is shown once and kept as a hash.
Standard: metadata names as in RFC 7591; redirection addresses as in RFC 8252 and OAuth 2.1 section 2.3.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from yba.foundation.audit import service as audit
from yba.foundation.authorization import store
from yba.foundation.authorization.errors import ProgramRefused
from yba.foundation.authorization.events import ProgramDisabled
from yba.foundation.authorization.model import (
    GRANTS,
    METHODS,
    Client,
    Method,
    origin_of,
    refuse_address,
)
from yba.foundation.authorization.scopes import PLAIN, granted_of, resource_scope
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import NotFound
from yba.plumbing import outbox
from yba.plumbing.database import Tx

MOST_PROGRAMS = 500
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{2,99}", re.ASCII)
_MOST_KEYS = 20
_SMALLEST_RSA = 2048
_CURVES = ("P-256", "P-384")
_PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A program as an administrator describes it."""

    name: str
    method: Method = "none"
    redirect_uris: Sequence[str] = ()
    scopes: Sequence[str] = ()
    grants: Sequence[str] = ("authorization_code", "refresh_token")
    jwks: Any = None
    jwks_uri: str | None = None
    launch_uri: str | None = None
    logout_uris: Sequence[str] = ()
    is_trusted: bool = False
    id: str | None = None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def usable_keys(jwks: Any) -> KeySet:
    """Return the keys of a JWKS with which a program may sign. Raises ProgramRefused if none may."""
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(listed, list) or not listed or len(listed) > _MOST_KEYS:
        raise ProgramRefused(reason="the key set must be a JWKS with public keys")
    found: list[RSAKey | ECKey] = []
    for one in listed:
        if not isinstance(one, dict) or _PRIVATE & one.keys():
            raise ProgramRefused(reason="the key set must hold public keys only")
        if one.get("use", "sig") != "sig":
            continue
        try:
            if one.get("kty") == "RSA":
                rsa = RSAKey.import_key(one)
                if rsa.raw_value.key_size >= _SMALLEST_RSA:
                    found.append(rsa)
            elif one.get("kty") == "EC" and one.get("crv") in _CURVES:
                found.append(ECKey.import_key(one))
        except (JoseError, ValueError, TypeError):
            raise ProgramRefused(reason="the key set cannot be read") from None
    if not found:
        raise ProgramRefused(reason="the key set holds no RSA key from 2048 bits, P-256 or P-384")
    return KeySet(list(found))


def _checked(wanted: Wanted) -> Wanted:
    """Return the wish if it may be registered. Raises ProgramRefused."""
    if not wanted.name.strip() or len(wanted.name) > 100 or not wanted.name.isprintable():
        raise ProgramRefused(reason="a program needs a name of at most 100 letters")
    if wanted.method not in METHODS:
        raise ProgramRefused(reason="the way to prove itself must be one of " + ", ".join(METHODS))
    if wanted.id is not None and not _ID.fullmatch(wanted.id):
        raise ProgramRefused(reason="the identifier must be 3 to 100 plain letters and digits")
    grants = set(wanted.grants)
    if not grants or not grants <= {*GRANTS, "introspect"}:
        raise ProgramRefused(reason="the grants must be among " + ", ".join(GRANTS))
    if "client_credentials" in grants and wanted.method == "none":
        raise ProgramRefused(reason="a program that acts for itself must prove itself")
    if "authorization_code" in grants and not wanted.redirect_uris:
        raise ProgramRefused(reason="the address that answers are sent to is missing")
    for address in wanted.redirect_uris:
        refuse_address(address, private_scheme=True)
    for address in wanted.logout_uris:
        refuse_address(address, private_scheme=True)
    for address in (wanted.launch_uri, wanted.jwks_uri):
        if address:
            refuse_address(address)
    _check_scopes(wanted)
    if wanted.method == "private_key_jwt":
        if (wanted.jwks is None) == (not wanted.jwks_uri):
            raise ProgramRefused(reason="give either a key set or the address of one")
        if wanted.jwks is not None:
            usable_keys(wanted.jwks)
    elif wanted.jwks is not None or wanted.jwks_uri:
        raise ProgramRefused(reason="a key set belongs to private_key_jwt only")
    return wanted


def _check_scopes(wanted: Wanted) -> None:
    for scope in wanted.scopes:
        if scope not in PLAIN and resource_scope(scope) is None:
            raise ProgramRefused(reason="a scope cannot be understood")
    granted = granted_of(tuple(wanted.scopes))
    if granted.has_context("system") and "client_credentials" not in wanted.grants:
        raise ProgramRefused(reason="system scopes are for programs that act for themselves")


async def register(
    tx: Tx, *, actor: Actor, wanted: Wanted, at: datetime
) -> tuple[Client, str | None]:
    """Register a program; return it with its secret, which is shown this once, if it has one.

    Raises ProgramRefused.
    """
    _checked(wanted)
    has_secret = wanted.method.startswith("client_secret")
    secret = secrets.token_urlsafe(32) if has_secret else None
    client_id = wanted.id or new_id()
    created = await tx.execute(
        store.ADD_CLIENT, client_id, wanted.name.strip(), wanted.method,
        _digest(secret) if secret else None, wanted.jwks, wanted.jwks_uri,
        list(wanted.redirect_uris), list(wanted.logout_uris), wanted.launch_uri,
        list(dict.fromkeys(wanted.scopes)), sorted(set(wanted.grants)), wanted.is_trusted, at,
        actor.account_id,
    )  # fmt: skip
    if not created:
        raise ProgramRefused(reason="another program has this identifier")
    await audit.record(tx, actor=actor, action="C", what="authorization.register", at=at)
    await tell(tx)
    found = await client(tx, client_id=client_id)
    assert found is not None
    return found, secret


async def client(tx: Tx, *, client_id: str) -> Client | None:
    """Return a program that is not cut off, or None."""
    if not client_id.isprintable() or not 0 < len(client_id) <= 200:
        return None
    return await tx.row(Client, store.CLIENT, client_id)


async def clients(tx: Tx, *, limit: int = MOST_PROGRAMS) -> list[Client]:
    """Return at most `limit` programs by name, those cut off last."""
    return await tx.rows(Client, store.CLIENTS, limit)


async def opened_from_charts(tx: Tx, *, limit: int = 20) -> list[Client]:
    """Return the programs that a patient's chart can open, by name."""
    return await tx.rows(Client, store.OPENED_FROM_CHARTS, limit)


async def renew_secret(tx: Tx, *, actor: Actor, client_id: str, at: datetime) -> str:
    """Return a new secret; the old one is worth nothing from now on. Raises NotFound."""
    secret = secrets.token_urlsafe(32)
    if not await tx.execute(store.RENEW, client_id, _digest(secret)):
        raise NotFound
    await audit.record(tx, actor=actor, action="U", what="authorization.renew_secret", at=at)
    return secret


async def disable(tx: Tx, *, actor: Actor, client_id: str, at: datetime) -> None:
    """Cut a program off at once, with everything it was granted. Raises NotFound."""
    if not await tx.execute(store.DISABLE_CLIENT, client_id, at):
        raise NotFound
    await tx.execute(store.REVOKE_OF_CLIENT, client_id, at)
    await audit.record(tx, actor=actor, action="U", what="authorization.disable", at=at)
    await outbox.publish(tx, ProgramDisabled(client_id=client_id, at=at))
    await tell(tx)


async def tell(tx: Tx) -> None:
    """Tell every process, when `tx` commits, to forget whom it recognised."""
    await tx.execute(store.TELL, "")


async def origins(tx: Tx) -> frozenset[str]:
    """Return the web origins of all programs: where a browser may ask from."""
    found = {origin_of(address) for address in await tx.values(store.REDIRECTIONS)}
    return frozenset(origin for origin in found if origin)

"""Tokens: given for a code, for an earlier token, or to a program for itself; recognised; ended.

Main rule: a code and a refresh token count once. Whoever comes with one a second time ends everything
that was granted with it. Access tokens are random values kept as hashes, so that ending them is
immediate.
Standards: OAuth 2.1 sections 3.2, 4.1.3, 4.2, 4.3; RFC 7009, 7662; OpenID Connect Core 3.1.3; SMART App
Launch 2.2 "Exchange code for token", "Backend Services".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from yba.foundation.accounts import service as accounts
from yba.foundation.audit import service as audit
from yba.foundation.authorization import keys, programs, store
from yba.foundation.authorization.errors import Ended, ProtocolError
from yba.foundation.authorization.granting import grantable, may_read, may_write, still_represents
from yba.foundation.authorization.model import (
    ACCESS_LIFE,
    IDENTITY_LIFE,
    SYSTEM_LIFE,
    Client,
    Grant,
)
from yba.foundation.authorization.requests import digest
from yba.foundation.authorization.scopes import (
    FHIR_USER,
    OFFLINE,
    ONLINE,
    OPENID,
    PROFILE,
    SENSITIVE,
    granted_of,
    is_within,
    narrow,
    split,
)
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database, Tx

ACCESS_PREFIX, REFRESH_PREFIX = "yat_", "yrt_"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Server:
    """Where this authorization server is, and what seals its keys."""

    issuer: str
    fhir_base: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class _Code:
    grant_id: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Refresh:
    grant_id: str
    scopes: list[str]
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Access:
    """A living access token."""

    grant_id: str
    scopes: list[str]
    issued_at: datetime
    expires_at: datetime
    client_id: str
    client_name: str
    account_id: str | None
    audience: str | None
    patient_id: str | None
    encounter_id: str | None
    session_id: str | None
    methods: list[str]
    proven_at: datetime | None


def _invalid(reason: str) -> ProtocolError:
    return ProtocolError("invalid_grant", reason)


async def _person(tx: Tx, account_id: str, at: datetime) -> Actor | None:
    """Return an account as somebody who acts now, or None if it was cut off."""
    return await accounts.actor_of(tx, account_id=account_id, at=at)


async def _stays_signed_in(tx: Tx, grant: Grant | Access, at: datetime) -> bool:
    """Return whether the person is still signed in, where the grant counts no longer than that.

    It is the session in which she let the program in: another of hers says nothing about it.
    """
    if OFFLINE in grant.scopes or grant.session_id is None:
        return True
    return await accounts.session_is_open(tx, session_id=grant.session_id, at=at)


async def _still_holds(tx: Tx, person: Actor, grant: Grant, at: datetime) -> bool:
    """Return whether what a grant rests on is still so: her session, her acting for a child."""
    if not await _stays_signed_in(tx, grant, at):
        return False
    return await still_represents(tx, actor=person, grant=grant, at=at)


# -- giving ---------------------------------------------------------------------------------------


async def give(
    database: Database, *, server: Server, client: Client, form: Mapping[str, str], at: datetime
) -> dict[str, Any]:
    """Answer a token request. Raises ProtocolError; what a refusal must end is ended before."""
    wanted = form.get("grant_type", "")
    if not wanted:
        raise ProtocolError("invalid_request", "grant_type is missing")
    work = {
        "authorization_code": _for_code,
        "refresh_token": _for_refresh,
        "client_credentials": _for_itself,
    }.get(wanted)
    if work is None:
        raise ProtocolError("unsupported_grant_type", "this grant_type is not known")
    if wanted not in client.grants:
        raise ProtocolError("unauthorized_client", "the program is not registered for this")
    target = form.get("resource")
    if target is not None and target.rstrip("/") != server.fhir_base:
        raise ProtocolError("invalid_target", "resource is not the FHIR base of this server")
    async with database.transaction() as tx:
        answer = await work(tx, server, client, form, at)
    if isinstance(answer, ProtocolError):
        raise answer
    return answer


async def _for_code(
    tx: Tx, server: Server, client: Client, form: Mapping[str, str], at: datetime
) -> dict[str, Any] | ProtocolError:
    """Answer a code; an error is returned, not raised, so that what it ends stays ended."""
    code, verifier = form.get("code", ""), form.get("code_verifier", "")
    if not code or len(code) > _LONGEST:
        return ProtocolError("invalid_request", "code is missing")
    found = await tx.row(_Code, store.CODE, digest(code))
    grant = await tx.row(Grant, store.GRANT, found.grant_id) if found else None
    if found is None or grant is None or grant.client_id != client.id:
        return _invalid("the code is not known")
    if found.used_at is not None:
        await _end(tx, grant, "code-used-twice", at)
        return Ended("the code was used before; everything granted with it has ended")
    if found.expires_at <= at or not grant.is_open(at):
        return _invalid("the code has expired")
    if form.get("redirect_uri", found.redirect_uri) != found.redirect_uri:
        return _invalid("redirect_uri is not that of the request")
    if not _VERIFIER.fullmatch(verifier) or not _fits(verifier, found.challenge):
        return _invalid("code_verifier does not fit")
    person = await _person(tx, grant.account_id or "", at)
    if person is None or not await _still_holds(tx, person, grant, at):
        return _invalid("the account was closed or signed out, or acts for the patient no longer")
    await tx.execute(store.USE_CODE, digest(code), at)
    return await _answer(
        tx, server, client, grant, person, scopes=grant.scopes, nonce=found.nonce, at=at
    )


def _fits(verifier: str, challenge: str) -> bool:
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(hashed, challenge.encode())


def _half(token: str) -> str:
    """Return what binds an identity token to its access token (OpenID Connect Core 3.1.3.6)."""
    left = hashlib.sha256(token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(left).rstrip(b"=").decode()


async def _for_refresh(
    tx: Tx, server: Server, client: Client, form: Mapping[str, str], at: datetime
) -> dict[str, Any] | ProtocolError:
    token = form.get("refresh_token", "")
    if not token or len(token) > _LONGEST:
        return ProtocolError("invalid_request", "refresh_token is missing")
    found = await tx.row(_Refresh, store.REFRESH, digest(token))
    grant = await tx.row(Grant, store.GRANT, found.grant_id) if found else None
    if found is None or grant is None or grant.client_id != client.id:
        return _invalid("the token is not known")
    if found.used_at is not None:
        await _end(tx, grant, "refresh-used-twice", at)
        return Ended("the token was used before; everything granted with it has ended")
    if found.expires_at <= at or not grant.is_open(at):
        return _invalid("the token has expired")
    person = await _person(tx, grant.account_id or "", at)
    if person is None or not await _still_holds(tx, person, grant, at):
        await _end(tx, grant, "account", at)
        return Ended("the account was closed or signed out, or acts for the patient no longer")
    scopes = found.scopes
    if "scope" in form:
        scopes = split(form["scope"])
        if not is_within(scopes, found.scopes):
            return ProtocolError("invalid_scope", "more than was granted")
    await tx.execute(store.USE_REFRESH, digest(token), at)
    return await _answer(
        tx, server, client, grant, person, scopes=scopes, refreshed=found.scopes, at=at
    )


async def _for_itself(
    tx: Tx, server: Server, client: Client, form: Mapping[str, str], at: datetime
) -> dict[str, Any] | ProtocolError:
    asked = split(form.get("scope", ""))
    limits = [scope for scope in client.scopes if scope.startswith("system/") or scope == SENSITIVE]
    scopes = narrow(asked, limits)
    if not granted_of(tuple(scopes)).resources:
        return ProtocolError("invalid_scope", "nothing of this may be granted to this program")
    grant_id = new_id()
    await tx.execute(
        store.ADD_GRANT, grant_id, client.id, None, scopes, server.fhir_base, None, None, None, [],
        None, at, at + SYSTEM_LIFE,
    )  # fmt: skip
    token = ACCESS_PREFIX + secrets.token_urlsafe(32)
    await tx.execute(store.ADD_ACCESS, digest(token), grant_id, scopes, at, at + SYSTEM_LIFE)
    await audit.record(
        tx, actor=_program(client.id, client.name, scopes), action="E", what="authorization.token",
        at=at,
    )  # fmt: skip
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(SYSTEM_LIFE.total_seconds()),
        "scope": " ".join(scopes),
    }


async def _answer(
    tx: Tx,
    server: Server,
    client: Client,
    grant: Grant,
    person: Actor,
    *,
    scopes: list[str],
    nonce: str | None = None,
    refreshed: list[str] | None = None,
    at: datetime,
) -> dict[str, Any]:
    """Return new tokens of a grant. `refreshed`: the scopes of the refresh token that was used."""
    # A role that was taken away since is not granted again.
    scopes = list(grantable(person, scopes))
    until = min(at + ACCESS_LIFE, grant.expires_at)
    token = ACCESS_PREFIX + secrets.token_urlsafe(32)
    await tx.execute(store.ADD_ACCESS, digest(token), grant.id, scopes, at, until)
    answer: dict[str, Any] = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int((until - at).total_seconds()),
        "scope": " ".join(scopes),
    }
    lasting = {OFFLINE, ONLINE} & {*grant.scopes}
    if refreshed is not None or ("refresh_token" in client.grants and lasting):
        refresh = REFRESH_PREFIX + secrets.token_urlsafe(32)
        whole = refreshed or grant.scopes
        await tx.execute(store.ADD_REFRESH, digest(refresh), grant.id, whole, at, grant.expires_at)
        answer["refresh_token"] = refresh
    if OPENID in scopes:
        claims = identity(server, grant, person, scopes)
        claims |= {"aud": client.id, "exp": int((at + IDENTITY_LIFE).timestamp())}
        claims |= {"iat": int(at.timestamp())}
        claims["at_hash"] = _half(token)
        if nonce is not None:
            claims["nonce"] = nonce
        answer["id_token"] = await keys.sign(tx, claims, secret=server.secret, at=at)
    if grant.patient_id is not None:
        answer["patient"] = grant.patient_id
        answer["need_patient_banner"] = True
        answer["smart_style_url"] = f"{server.issuer}/oauth/smart-style.json"
    if grant.encounter_id is not None:
        answer["encounter"] = grant.encounter_id
    await audit.record(
        tx, actor=replace(person, client_id=client.id), action="E", what="authorization.token",
        at=at, patient_id=grant.patient_id,
    )  # fmt: skip
    return answer


def identity(server: Server, grant: Grant, person: Actor, scopes: list[str]) -> dict[str, Any]:
    """Return who signed in, as an identity token tells it (OpenID Connect Core 2)."""
    claims: dict[str, Any] = {
        "iss": server.issuer,
        "sub": person.account_id,
        "auth_time": int((grant.proven_at or grant.created_at).timestamp()),
        "acr": assurance(grant.methods),
    }
    if grant.methods:
        claims["amr"] = list(grant.methods)
    if grant.session_id is not None:
        claims["sid"] = hashlib.sha256(grant.session_id.encode()).hexdigest()[:32]
    return claims | told_of(server, person, scopes)


def assurance(methods: list[str]) -> str:
    """Return how sure the sign-in was: two factors, or one."""
    strong = {"hwk", "swk", "mfa", "fpt"} & {*methods} or len({*methods} & {"pwd", "otp"}) == 2
    return "urn:yba:acr:two-factors" if strong else "urn:yba:acr:one-factor"


def told_of(server: Server, person: Actor, scopes: list[str]) -> dict[str, Any]:
    """Return what a program may be told of the person: her name, her FHIR resource."""
    claims: dict[str, Any] = {}
    if PROFILE in scopes:
        claims["name"] = person.name
    if FHIR_USER in scopes:
        if person.practitioner_id:
            claims["fhirUser"] = f"{server.fhir_base}/Practitioner/{person.practitioner_id}"
        elif person.patient_id:
            claims["fhirUser"] = f"{server.fhir_base}/Patient/{person.patient_id}"
    return claims


async def _end(tx: Tx, grant: Grant, why: str, at: datetime) -> None:
    if await tx.execute(store.REVOKE_GRANT, grant.id, at, why):
        await audit.record(
            tx, actor=Actor(f"client:{grant.client_id}", "", purpose="HOPERAT"), action="U",
            what="authorization.revoke", at=at, patient_id=grant.patient_id,
        )  # fmt: skip
    await programs.tell(tx)


# -- recognising ----------------------------------------------------------------------------------


async def living(tx: Tx, *, token: str, at: datetime) -> Access | None:
    """Return an access token that still counts, or None.

    One that was given while somebody is signed in counts no longer than that session.
    """
    if not token.startswith(ACCESS_PREFIX) or len(token) > _LONGEST:
        return None
    found = await tx.row(Access, store.ACCESS, digest(token), at)
    if found is None or not await _stays_signed_in(tx, found, at):
        return None
    return found


async def recognise(tx: Tx, *, token: str, audience: str, at: datetime) -> Actor | None:
    """Return who acts with an access token for `audience`, or None.

    She may what both her role and the scopes allow; `scopes`, `client_id` and `patient_context` say
    the rest.
    """
    found = await living(tx, token=token, at=at)
    if found is None or found.audience != audience:
        return None
    if found.account_id is None:
        return _program(found.client_id, found.client_name, found.scopes)
    person = await _person(tx, found.account_id, at)
    if person is None:
        return None
    granted = granted_of(tuple(found.scopes))
    permissions: set[str] = set()
    if may_read(person) and granted.any_letter("rs"):
        permissions.add("fhir.read")
    if may_write(person) and granted.any_letter("cud"):
        permissions.add("fhir.write")
    return replace(
        person,
        permissions=frozenset(permissions),
        client_id=found.client_id,
        scopes=tuple(found.scopes),
        patient_context=found.patient_id,
        session_id=found.session_id,
        methods=frozenset(found.methods),
        proven_at=found.proven_at,
    )


def _program(client_id: str, name: str, scopes: list[str]) -> Actor:
    """Return a program that acts for itself."""
    granted = granted_of(tuple(scopes))
    permissions: set[str] = set()
    if granted.any_letter("rs"):
        permissions |= {"fhir.read", "fhir.export"}
    if granted.any_letter("cud"):
        permissions.add("fhir.write")
    return Actor(
        f"client:{client_id}", name, roles=frozenset({"api"}), permissions=frozenset(permissions),
        purpose="HOPERAT", client_id=client_id, scopes=tuple(scopes),
    )  # fmt: skip


async def told(tx: Tx, *, server: Server, token: str, at: datetime) -> dict[str, Any] | None:
    """Return what userinfo tells, or None if the token does not count or has no `openid`."""
    found = await living(tx, token=token, at=at)
    if found is None or found.account_id is None:
        return None
    if OPENID not in found.scopes:
        raise ProtocolError("insufficient_scope", "the token has no openid scope", 403)
    person = await _person(tx, found.account_id, at)
    if person is None:
        return None
    return {"sub": person.account_id, **told_of(server, person, found.scopes)}


async def introspect(
    tx: Tx, *, server: Server, client: Client, token: str, at: datetime
) -> dict[str, Any]:
    """Return what is to know about a token (RFC 7662), or that it counts no longer.

    A program learns of its own tokens; one registered to introspect, of all.
    """
    if token.startswith(REFRESH_PREFIX):
        return await _introspected_refresh(tx, server, client, token, at)
    found = await living(tx, token=token, at=at)
    if found is None or (found.client_id != client.id and "introspect" not in client.grants):
        return {"active": False}
    person = await _person(tx, found.account_id, at) if found.account_id else None
    if found.account_id and person is None:
        return {"active": False}
    answer: dict[str, Any] = {
        "active": True,
        "scope": " ".join(found.scopes),
        "client_id": found.client_id,
        "token_type": "Bearer",
        "exp": int(found.expires_at.timestamp()),
        "iat": int(found.issued_at.timestamp()),
        "iss": server.issuer,
        "sub": found.account_id or found.client_id,
    }
    if found.audience:
        answer["aud"] = found.audience
    if found.patient_id:
        answer["patient"] = found.patient_id
    if found.encounter_id:
        answer["encounter"] = found.encounter_id
    if person is not None and OPENID in found.scopes:
        answer |= told_of(server, person, found.scopes)
    return answer


async def _introspected_refresh(
    tx: Tx, server: Server, client: Client, token: str, at: datetime
) -> dict[str, Any]:
    found = await tx.row(_Refresh, store.REFRESH, digest(token)) if len(token) <= _LONGEST else None
    grant = await tx.row(Grant, store.GRANT, found.grant_id) if found else None
    if (
        found is None or grant is None or found.used_at is not None or not grant.is_open(at)
        or grant.client_id != client.id or found.expires_at <= at
    ):  # fmt: skip
        return {"active": False}
    return {
        "active": True, "scope": " ".join(found.scopes), "client_id": client.id,
        "exp": int(found.expires_at.timestamp()), "iss": server.issuer, "sub": grant.account_id,
    }  # fmt: skip


async def revoke(tx: Tx, *, client: Client, token: str, at: datetime) -> None:
    """End a token of this program (RFC 7009); a refresh token ends its whole family.

    A token that is not known, or another's, changes nothing: nobody learns which it was.
    """
    if not token or len(token) > _LONGEST:
        return
    if token.startswith(REFRESH_PREFIX):
        found = await tx.row(_Refresh, store.REFRESH, digest(token))
        grant = await tx.row(Grant, store.GRANT, found.grant_id) if found else None
        if grant is not None and grant.client_id == client.id:
            await _end(tx, grant, "program", at)
    elif await tx.execute(store.REVOKE_ACCESS, digest(token), client.id, at):
        await programs.tell(tx)


async def sweep(tx: Tx, *, at: datetime) -> int:
    """Delete what ended before `at` and nothing refers to any more; return how much."""
    return sum([await tx.execute(statement, at) for statement in store.SWEEP])

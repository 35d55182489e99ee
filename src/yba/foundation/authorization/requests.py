"""What a program asks a person: read, checked, and answered by a redirection.

Main rule: nothing is sent to an address before program and address are known to belong together; then
every refusal goes there, with state and issuer. Only codes, only PKCE with S256.
Standards: OAuth 2.1 section 4.1, RFC 7636, RFC 8707, RFC 9126, RFC 9207, OpenID Connect Core 3.1.2,
SMART App Launch 2.2 "Obtain authorization code".
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from yba.foundation.authorization import programs, store
from yba.foundation.authorization.errors import ProgramUnknown, ProtocolError, RequestGone
from yba.foundation.authorization.model import PUSHED_LIFE, Client, matches_redirection
from yba.foundation.authorization.scopes import (
    LAUNCH,
    LAUNCH_ENCOUNTER,
    LAUNCH_PATIENT,
    OPENID,
    granted_of,
    narrow,
    split,
)
from yba.plumbing.database import Tx

PUSHED = "urn:ietf:params:oauth:request_uri:"
PROMPTS = frozenset(("none", "login", "consent", "select_account"))
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LONGEST_VALUE = 2000
# What this server understands of a request; what it does not understand is ignored (OAuth 2.1, 3.1).
_KNOWN = (
    "client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
    "code_challenge", "code_challenge_method", "prompt", "max_age", "aud", "resource", "launch",
    "login_hint", "acr_values", "ui_locales", "request", "request_uri", "registration",
)  # fmt: skip


class SentBack(Exception):
    """A refusal that belongs to the program: sent by redirection to its registered address."""

    def __init__(self, location: str) -> None:
        super().__init__("sent back")
        self.location = location


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be shown to a person."""

    client: Client
    redirect_uri: str
    # What is both asked for and registered.
    scopes: tuple[str, ...]
    challenge: str
    state: str | None = None
    nonce: str | None = None
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    audience: str | None = None
    launch: str | None = None
    login_hint: str = ""
    pushed: str | None = None
    begun_at: datetime | None = None

    @property
    def needs_patient(self) -> bool:
        """Return whether the program must be told of one patient."""
        granted = granted_of(self.scopes)
        return granted.has_context("patient") or bool(
            granted.plain & {LAUNCH_PATIENT, LAUNCH_ENCOUNTER}
        )

    def back(self, issuer: str, **answer: str) -> str:
        """Return the address that brings an answer to the program."""
        values = {**answer, "iss": issuer}
        if self.state is not None:
            values["state"] = self.state
        return with_query(self.redirect_uri, values)

    def refused(self, issuer: str, error: str, reason: str) -> SentBack:
        """Return the refusal to be sent to the program."""
        return SentBack(self.back(issuer, error=error, error_description=reason))


def with_query(address: str, values: Mapping[str, str]) -> str:
    """Return an address with further query parameters; those it has are kept."""
    parts = urlsplit(address)
    query = "&".join(part for part in (parts.query, urlencode(values)) if part)
    return urlunsplit(parts._replace(query=query))


def digest(text: str) -> bytes:
    """Return what is kept of a secret value."""
    return hashlib.sha256(text.encode()).digest()


def parameters_of(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters of a request, empty ones left out. Raises ProtocolError if one is doubled.

    Source: OAuth 2.1 section 3.1: "Request and response parameters MUST NOT be included more than once".
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in _KNOWN and name not in _OF_TOKENS:
            continue
        if name in found:
            raise ProtocolError("invalid_request", "a parameter is given twice")
        if len(value) > _LONGEST_VALUE and name != "client_assertion":
            raise ProtocolError("invalid_request", "a parameter is too long")
        if not is_storable(value):
            raise ProtocolError("invalid_request", "a parameter holds letters that no text has")
        if value:
            found[name] = value
    return found


def is_storable(text: str) -> bool:
    """Return whether a text of a stranger is one that can be kept: no NUL, no half letters."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


_OF_TOKENS = (
    "grant_type", "code", "code_verifier", "refresh_token", "client_secret", "client_assertion",
    "client_assertion_type", "token", "token_type_hint", "access_token",
)  # fmt: skip


async def push(
    tx: Tx, *, client: Client, given: Mapping[str, str], issuer: str, fhir_base: str, at: datetime
) -> str:
    """Keep a checked request and return its one-time address (RFC 9126). Raises ProtocolError."""
    if "request_uri" in given:
        raise ProtocolError("invalid_request", "request_uri has no place here")
    asked = await _known(tx, {**given, "client_id": client.id}, pushed=None, at=at)
    try:
        _complete(asked, given, issuer=issuer, fhir_base=fhir_base)
    except _Refused as refused:
        raise ProtocolError(refused.error, refused.reason) from None
    return await keep(tx, client_id=client.id, given=given, at=at)


async def keep(tx: Tx, *, client_id: str, given: Mapping[str, str], at: datetime) -> str:
    """Keep a request as it is, and return its address."""
    name = secrets.token_urlsafe(32)
    kept = {key: value for key, value in given.items() if key in _KNOWN and key != "request_uri"}
    kept["begun_at"] = at.isoformat()
    await tx.execute(store.PUSH, digest(name), client_id, kept, at + PUSHED_LIFE)
    return PUSHED + name


async def read(
    tx: Tx, *, given: Mapping[str, str], issuer: str, fhir_base: str, at: datetime
) -> Asked:
    """Return what is asked for.

    Raises ProgramUnknown where the person must be told instead of the program, SentBack where the
    program is told by redirection, RequestGone for a pushed request that is used or too old.
    """
    pushed = given.get("request_uri")
    if pushed is not None and pushed.startswith(PUSHED):
        found: Any = await tx.value(
            store.PUSHED, digest(pushed.removeprefix(PUSHED)), given.get("client_id", ""), at
        )
        if found is None:
            raise RequestGone
        # What stands in the address beside it is not believed (RFC 9126 section 4).
        given = {**found, "client_id": given["client_id"]}
    else:
        pushed = None
    asked = await _known(tx, given, pushed=pushed, at=at)
    try:
        return _complete(asked, given, issuer=issuer, fhir_base=fhir_base)
    except _Refused as refused:
        raise asked.refused(issuer, refused.error, refused.reason) from None


async def _known(tx: Tx, given: Mapping[str, str], *, pushed: str | None, at: datetime) -> Asked:
    """Return a request whose program and address belong together. Raises ProgramUnknown."""
    client = await programs.client(tx, client_id=given.get("client_id", ""))
    if client is None or "authorization_code" not in client.grants:
        raise ProgramUnknown(reason="client_id")
    redirect_uri = given.get("redirect_uri", "")
    if not any(matches_redirection(known, redirect_uri) for known in client.redirect_uris):
        raise ProgramUnknown(reason="redirect_uri")
    begun = given.get("begun_at") if pushed else None
    return Asked(
        client, redirect_uri, (), "", given.get("state"), pushed=pushed,
        begun_at=datetime.fromisoformat(begun) if begun else at,
    )  # fmt: skip


class _Refused(Exception):
    def __init__(self, error: str, reason: str) -> None:
        super().__init__(error)
        self.error = error
        self.reason = reason


def _complete(asked: Asked, given: Mapping[str, str], *, issuer: str, fhir_base: str) -> Asked:
    """Return the request with everything that it asks for. Raises _Refused."""
    del issuer
    if "request" in given:
        raise _Refused("request_not_supported", "request objects are not read")
    if "request_uri" in given and asked.pushed is None:
        raise _Refused("request_uri_not_supported", "only pushed requests are read")
    if "registration" in given:
        raise _Refused("registration_not_supported", "programs are registered by administrators")
    if given.get("response_type") is None:
        raise _Refused("invalid_request", "response_type is missing")
    if given["response_type"] != "code":
        raise _Refused("unsupported_response_type", "response_type must be code")
    if given.get("response_mode", "query") != "query":
        raise _Refused("invalid_request", "response_mode must be query")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise _Refused("invalid_request", "PKCE with S256 is required")
    prompts = frozenset(given.get("prompt", "").split())
    if not prompts <= PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise _Refused("invalid_request", "prompt cannot be understood")
    max_age = given.get("max_age")
    if max_age is not None and not (max_age.isascii() and max_age.isdigit() and len(max_age) < 10):
        raise _Refused("invalid_request", "max_age must be a whole number of seconds")
    scopes = narrow(split(given.get("scope", "")), asked.client.scopes)
    granted = granted_of(tuple(scopes))
    scopes = [name for name in scopes if not name.startswith("system/")]
    if not scopes or not (granted.resources or OPENID in scopes or LAUNCH_PATIENT in scopes):
        raise _Refused("invalid_scope", "nothing of this may be granted to this program")
    return Asked(
        asked.client, asked.redirect_uri, tuple(scopes), challenge, asked.state,
        given.get("nonce"), prompts, None if max_age is None else int(max_age),
        _audience(given, fhir_base, needed=bool(granted.resources)), _launch(given, scopes),
        given.get("login_hint", ""), asked.pushed, asked.begun_at,
    )  # fmt: skip


def _audience(given: Mapping[str, str], fhir_base: str, *, needed: bool) -> str | None:
    """Return whom the tokens are for: this FHIR base, or nobody. Raises _Refused.

    A program that was lured into asking us for a token to be sent elsewhere names another base here
    (SMART App Launch 2.2, `aud`; RFC 8707).
    """
    named = {given[name] for name in ("aud", "resource") if name in given}
    if not named:
        if needed:
            raise _Refused("invalid_request", "aud is missing: the FHIR base the token is for")
        return None
    if any(name.rstrip("/") != fhir_base for name in named):
        error = "invalid_target" if "resource" in given else "invalid_request"
        raise _Refused(error, "aud is not the FHIR base of this server")
    return fhir_base


def _launch(given: Mapping[str, str], scopes: Sequence[str]) -> str | None:
    launch = given.get("launch")
    if (LAUNCH in scopes) != (launch is not None):
        raise _Refused("invalid_request", "launch and its scope belong together")
    return launch

"""Passkeys: keys that live in the person's device and answer to this site alone.

Main rule: a challenge is used once, by the browser it was given to; the device must have seen the
person (PIN or biometrics), so a passkey is two factors. A counter that went back is a copied key.
Standard: W3C Web Authentication Level 3; ceremony checks by the library `webauthn`.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from yba.foundation.accounts import factor_store as store
from yba.foundation.accounts.errors import NothingToProveWith, PasskeyRefused
from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

CHALLENGE_LIFE = timedelta(minutes=5)
_CHALLENGE_BYTES = 32
_LONGEST_NAME = 60
Purpose = Literal["sign-in", "add"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys are valid: the origin of this installation."""

    origin: str
    name: str

    @property
    def id(self) -> str:
        """Return the relying party's id: the host."""
        return urlsplit(self.origin).hostname or "localhost"


@dataclass(frozen=True, slots=True)
class Passkey:
    """One registered key."""

    credential_id: bytes
    account_id: str
    public_key: bytes
    sign_count: int
    transports: list[str]
    name: str
    created_at: datetime
    last_used_at: datetime | None

    @property
    def id(self) -> str:
        """Return the credential's id as hexadecimal text, for forms."""
        return self.credential_id.hex()

    def descriptor(self) -> PublicKeyCredentialDescriptor:
        """Return how a browser is told of it."""
        known = {kind.value for kind in AuthenticatorTransport}
        return PublicKeyCredentialDescriptor(
            id=self.credential_id,
            transports=[AuthenticatorTransport(t) for t in self.transports if t in known],
        )


@dataclass(frozen=True, slots=True)
class Challenge:
    """What one browser was asked to have signed."""

    challenge: bytes
    account_id: str | None
    expires_at: datetime


def new_holder() -> str:
    """Return a secret by which a browser proves that a challenge was given to it."""
    return secrets.token_urlsafe(24)


def _digest(holder: str) -> bytes:
    return hashlib.sha256(holder.encode()).digest()


def _handle(account_id: str) -> bytes:
    """Return how a device knows an account: bytes that tell nothing about the person (§14.6.1)."""
    return hashlib.sha256(account_id.encode()).digest()


def _refuse_frames(client_data: bytes) -> None:
    """Raise PasskeyRefused if the device answered to a page inside another one (§7.2 step 13)."""
    try:
        said = json.loads(client_data)
    except (ValueError, RecursionError):
        raise PasskeyRefused from None
    if not isinstance(said, dict) or said.get("crossOrigin") or "topOrigin" in said:
        raise PasskeyRefused


def _response(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    response = answer.get("response")
    return response if isinstance(response, dict) else {}


def _bytes_in(response: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64url_to_bytes(str(response.get(name) or ""))
    except ValueError:
        raise PasskeyRefused from None


async def options_to_add(
    tx: Tx, *, actor: Actor, login: str, site: Site, holder: str, at: datetime
) -> Mapping[str, Any]:
    """Return what `navigator.credentials.create` is called with."""
    known = await passkeys_of(tx, account_id=actor.account_id)
    challenge = await _keep(tx, holder, "add", actor.account_id, at)
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=site.name,
        user_id=_handle(actor.account_id),
        user_name=login,
        user_display_name=actor.name,
        challenge=challenge,
        exclude_credentials=[one.descriptor() for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return json.loads(webauthn.options_to_json(options))


async def add(
    tx: Tx,
    *,
    actor: Actor,
    answer: Mapping[str, Any],
    name: str,
    site: Site,
    asked: Challenge,
    at: datetime,
) -> Passkey:
    """Register the key that a device has made for this challenge. Raises PasskeyRefused."""
    if asked.account_id != actor.account_id:
        raise PasskeyRefused
    response = _response(answer)
    _refuse_frames(_bytes_in(response, "clientDataJSON"))
    try:
        made = webauthn.verify_registration_response(
            credential=dict(answer),
            expected_challenge=asked.challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise PasskeyRefused from None
    transports = response.get("transports", [])
    inserted = await tx.execute(
        store.ADD_PASSKEY,
        made.credential_id,
        actor.account_id,
        made.credential_public_key,
        made.sign_count,
        [str(one) for one in transports][:8] if isinstance(transports, list) else [],
        name.strip()[:_LONGEST_NAME] or "Passkey",
        at,
    )
    if not inserted:
        raise PasskeyRefused
    await audit.record(tx, actor=actor, action="C", what="accounts.add_passkey", at=at)
    [found] = [
        one
        for one in await passkeys_of(tx, account_id=actor.account_id)
        if one.credential_id == made.credential_id
    ]
    return found


async def options_to_prove(
    tx: Tx, *, site: Site, holder: str, at: datetime, account_id: str | None = None
) -> Mapping[str, Any]:
    """Return what `navigator.credentials.get` is called with.

    Without `account_id` the device itself says whose key it is; nothing tells who has an account.
    """
    known = await passkeys_of(tx, account_id=account_id) if account_id else []
    if account_id and not known:
        raise NothingToProveWith
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=await _keep(tx, holder, "sign-in", account_id, at),
        allow_credentials=[one.descriptor() for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return json.loads(webauthn.options_to_json(options))


async def take_challenge(tx: Tx, *, holder: str, purpose: Purpose, at: datetime) -> Challenge:
    """Return the challenge given to this browser; it is gone once `tx` commits.

    Take it in a transaction of its own: what is refused afterwards must not bring it back.
    Raises PasskeyRefused.
    """
    kept = await tx.row(Challenge, store.TAKE_CHALLENGE, _digest(holder), purpose)
    if kept is None or kept.expires_at < at:
        raise PasskeyRefused
    return kept


def named_in(answer: Mapping[str, Any]) -> bytes | None:
    """Return the id of the key that an answer names, if it names one."""
    try:
        return base64url_to_bytes(str(answer["rawId"]))
    except (KeyError, ValueError):
        return None


async def owner_of(tx: Tx, *, credential_id: bytes) -> str | None:
    """Return whose key that is, if it is anybody's."""
    key = await tx.row(Passkey, store.PASSKEY, credential_id)
    return key.account_id if key else None


async def prove(
    tx: Tx, *, answer: Mapping[str, Any], asked: Challenge, site: Site, at: datetime
) -> Passkey:
    """Return the key that signed the challenge. Raises PasskeyRefused.

    A counter that did not rise, where the key counts, is refused: somebody has copied the key.
    """
    credential_id = named_in(answer)
    key = await tx.row(Passkey, store.PASSKEY, credential_id) if credential_id else None
    if key is None or (asked.account_id is not None and key.account_id != asked.account_id):
        raise PasskeyRefused
    response = _response(answer)
    _refuse_frames(_bytes_in(response, "clientDataJSON"))
    # Whose key the device says it is (§7.2 step 6); a device that was told of its key need not say so.
    handle = _bytes_in(response, "userHandle")
    if handle and handle != _handle(key.account_id):
        raise PasskeyRefused
    try:
        proven = webauthn.verify_authentication_response(
            credential=dict(answer),
            expected_challenge=asked.challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise PasskeyRefused from None
    await tx.execute(store.PASSKEY_USED, credential_id, proven.new_sign_count, at)
    return key


async def passkeys_of(tx: Tx, *, account_id: str) -> list[Passkey]:
    """Return the keys of an account, oldest first."""
    return await tx.rows(Passkey, store.PASSKEYS_OF, account_id)


async def remove(tx: Tx, *, actor: Actor, credential_id: bytes, at: datetime) -> None:
    """Take a key out of use; one that is not there changes nothing."""
    if await tx.execute(store.REMOVE_PASSKEY, credential_id, actor.account_id):
        await audit.record(tx, actor=actor, action="D", what="accounts.remove_passkey", at=at)


async def _keep(
    tx: Tx, holder: str, purpose: Purpose, account_id: str | None, at: datetime
) -> bytes:
    challenge = secrets.token_bytes(_CHALLENGE_BYTES)
    await tx.execute(store.FORGET_CHALLENGES, at)
    await tx.execute(
        store.KEEP_CHALLENGE, _digest(holder), challenge, purpose, account_id, at + CHALLENGE_LIFE
    )
    return challenge

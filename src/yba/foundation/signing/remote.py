"""Keys at a remote signing service, reached by the CSC API (version 2).

The service holds the key; its holder allows each act herself: in an app
("implicit"), with a PIN and a one-time code ("explicit"), or on the service's
own page ("oauth2code"). The act is bound to the very hashes that are signed
(signature activation data of SCAL2), so one confirmation covers a basket and
nothing else.

This server proves who it is with OAuth 2.0 client credentials; the token
lives in memory only. No PIN, code or token is stored or logged.

Standard: Cloud Signature Consortium API 2.0.0.2 §8, §11; Decree 23/2025 art. 37(4).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from asn1crypto import x509 as asn1_x509

from yba.foundation.signing.errors import (
    KeyNotHere,
    PinMissing,
    RemoteRefused,
    RemoteUnreachable,
)
from yba.foundation.signing.model import Consent, KeyRef

_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA_SHA256 = "1.2.840.113549.1.1.11"
_RSA = "1.2.840.113549.1.1.1"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_SECONDS = 60.0  # the holder may have to find her telephone
_EARLY = timedelta(seconds=30)
# RFC 6749 §5.2 and CSC §10.3: what is the signer's to mend, not the service's.
_WORDS_OF_REFUSAL = frozenset({"invalid_otp", "invalid_pin", "access_denied", "invalid_request"})


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """What this installation is to the service."""

    address: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteCredential:
    """One key of the service: its certificates and how its holder allows an act."""

    credential_id: str
    certificate: bytes
    chain: tuple[bytes, ...]
    algorithms: tuple[str, ...]
    mode: str
    asked: tuple[str, ...]
    most_signatures: int
    is_enabled: bool


class RemoteKeys:
    """The key place "remote": a signing service behind the CSC API."""

    name = "remote"

    def __init__(self, account: RemoteAccount, *, client: httpx.AsyncClient | None = None) -> None:
        self._account = account
        self._client = client
        self._token = ""
        self._token_until = datetime.min.replace(tzinfo=UTC)

    def __repr__(self) -> str:
        return f"RemoteKeys({self._account.address})"

    async def credentials(self, user_id: str, *, at: datetime) -> list[RemoteCredential]:
        """Return the keys that the service holds for a person (`user_id` of the service)."""
        answer = await self._call("credentials/list", {"userID": user_id}, at)
        return [await self.credential(str(one), at=at) for one in answer.get("credentialIDs", [])]

    async def credential(self, credential_id: str, *, at: datetime) -> RemoteCredential:
        """Return what the service says of one key. Raises KeyNotHere, RemoteUnreachable."""
        answer = await self._call(
            "credentials/info",
            {"credentialID": credential_id, "certificates": "chain", "authInfo": True},
            at,
        )
        try:
            return _credential(credential_id, answer)
        except (KeyError, TypeError, ValueError) as error:
            raise KeyNotHere(certificate=credential_id) from error

    async def sign(
        self, key: KeyRef, digests: Sequence[bytes], consent: Consent
    ) -> Sequence[bytes]:
        """Return one signature for each digest; the holder confirms once for all.

        Raises PinMissing, RemoteRefused, RemoteUnreachable, KeyNotHere.
        """
        known = await self.credential(key.label, at=consent.at)
        if not known.is_enabled:
            raise KeyNotHere(certificate=key.label)
        if len(digests) > known.most_signatures:
            done: list[bytes] = []
            if known.mode != "implicit":
                # A PIN or code serves one act, so what does not fit in one is refused whole.
                raise RemoteRefused(reason=f"numSignatures > {known.most_signatures}")
            for start in range(0, len(digests), known.most_signatures):
                part = digests[start : start + known.most_signatures]
                done += await self._signed(known, part, consent)
            return done
        return await self._signed(known, digests, consent)

    async def _signed(
        self, known: RemoteCredential, digests: Sequence[bytes], consent: Consent
    ) -> list[bytes]:
        hashes = [base64.b64encode(digest).decode() for digest in digests]
        shared: dict[str, Any] = {
            "credentialID": known.credential_id,
            "hashes": hashes,
            "hashAlgorithmOID": _SHA256,
        }
        asking = shared | {
            "numSignatures": len(hashes),
            "authData": _proof(known, consent),
            "description": consent.summary[:200],
        }
        allowed = await self._call("credentials/authorize", asking, consent.at)
        return await self._with_activation(known, shared, str(allowed.get("SAD", "")), consent.at)

    async def sign_activated(
        self, known: RemoteCredential, digests: Sequence[bytes], activation: str, *, at: datetime
    ) -> list[bytes]:
        """Sign with activation data that the holder obtained on the service's own page."""
        shared: dict[str, Any] = {
            "credentialID": known.credential_id,
            "hashes": [base64.b64encode(digest).decode() for digest in digests],
            "hashAlgorithmOID": _SHA256,
        }
        return await self._with_activation(known, shared, activation, at)

    async def _with_activation(
        self, known: RemoteCredential, shared: Mapping[str, Any], activation: str, at: datetime
    ) -> list[bytes]:
        wanted = {**shared, "SAD": activation, "signAlgo": _method(known)}
        answer = await self._call("signatures/signHash", wanted, at)
        try:
            values = [base64.b64decode(one, validate=True) for one in answer["signatures"]]
        except (KeyError, TypeError, ValueError) as error:
            raise RemoteUnreachable from error
        if len(values) != len(shared["hashes"]):
            raise RemoteUnreachable
        return values

    def authorisation_address(
        self,
        known: RemoteCredential,
        digests: Sequence[bytes],
        *,
        redirect_uri: str,
        state: str,
        code_challenge: str,
    ) -> str:
        """Return where the holder allows these very hashes ("oauth2code", CSC §8.4.2)."""
        url_safe = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in digests]
        query = {
            "response_type": "code",
            "client_id": self._account.client_id,
            "redirect_uri": redirect_uri,
            "scope": "credential",
            "credentialID": known.credential_id,
            "numSignatures": str(len(digests)),
            "hashes": ",".join(url_safe),
            "hashAlgorithmOID": _SHA256,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "state": state,
        }
        return f"{self._account.address}/oauth2/authorize?{urlencode(query)}"

    async def activation_for(self, *, code: str, redirect_uri: str, code_verifier: str) -> str:
        """Return the activation data for the code that the holder came back with."""
        answer = await self._posted(
            f"{self._account.address}/oauth2/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": code_verifier,
                "client_id": self._account.client_id,
                "client_secret": self._account.client_secret,
            },
        )
        return str(answer.get("access_token", ""))

    async def _call(self, method: str, body: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        token = await self._service_token(at)
        return await self._posted(
            f"{self._account.address}/csc/v2/{method}",
            json=dict(body),
            headers={"authorization": f"Bearer {token}"},
        )

    async def _service_token(self, at: datetime) -> str:
        if self._token and at < self._token_until:
            return self._token
        answer = await self._posted(
            f"{self._account.address}/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "scope": "service",
                "client_id": self._account.client_id,
                "client_secret": self._account.client_secret,
            },
        )
        self._token = str(answer.get("access_token", ""))
        self._token_until = at + timedelta(seconds=int(answer.get("expires_in", 0))) - _EARLY
        return self._token

    async def _posted(self, address: str, **content: Any) -> dict[str, Any]:
        try:
            if self._client is not None:
                answer = await self._client.post(address, **content)
            else:
                async with httpx.AsyncClient(timeout=_SECONDS) as client:
                    answer = await client.post(address, **content)
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise RemoteUnreachable from error
        if not isinstance(found, dict):
            raise RemoteUnreachable
        if answer.status_code >= 500:
            raise RemoteUnreachable
        if answer.status_code >= 400:
            self._token = ""
            word = str(found.get("error", ""))
            raise RemoteRefused(reason=word if word in _WORDS_OF_REFUSAL else "refused")
        return found


def _credential(credential_id: str, answer: Mapping[str, Any]) -> RemoteCredential:
    certificates = [base64.b64decode(one) for one in answer["cert"]["certificates"]]
    auth = answer.get("auth", {})
    return RemoteCredential(
        credential_id=credential_id,
        certificate=certificates[0],
        chain=tuple(certificates[1:]),
        algorithms=tuple(answer["key"]["algo"]),
        mode=str(auth.get("mode", "implicit")),
        asked=tuple(str(one["id"]) for one in auth.get("objects", [])),
        most_signatures=int(answer.get("multisign", 1)),
        is_enabled=answer["key"].get("status") == "enabled",
    )


def _proof(known: RemoteCredential, consent: Consent) -> list[dict[str, str]]:
    """Return what the holder entered, under the names that the service asks for."""
    if known.mode != "explicit":
        return []
    given: list[dict[str, str]] = []
    for name in known.asked:
        secret = consent.code if "OTP" in name.upper() else consent.secret
        if secret is None or secret.is_empty:
            raise PinMissing
        given.append({"id": name, "value": secret.take().decode()})
    return given


def _method(known: RemoteCredential) -> str:
    key = asn1_x509.Certificate.load(known.certificate).public_key
    wanted = (_ECDSA_SHA256,) if key.algorithm == "ec" else (_RSA_SHA256, _RSA)
    for method in wanted:
        if method in known.algorithms:
            return method
    raise KeyNotHere(certificate=known.credential_id)

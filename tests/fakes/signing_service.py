"""A stand-in for a remote signing service: the CSC API 2.0 as RemoteKeys speaks it.

It is as strict as the specification: a service token for every call, hashes
bound to the activation data (SCAL2), activation data that serve once, and a
PIN and a one-time code where the credential asks for them. Runs in the
caller's process as an ASGI application.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.authority import TestAuthority

_SHA256 = "2.16.840.1.101.3.4.2.1"
_ALGORITHMS = {"rsa": ["1.2.840.113549.1.1.11"], "ec": ["1.2.840.10045.4.3.2"]}
_PREHASHED = utils.Prehashed(hashes.SHA256())


@dataclass
class SigningService:
    """Keys of the test authority, behind the CSC API."""

    authority: TestAuthority
    mode: str = "explicit"
    pin: str = "7391"
    otp: str = "204816"
    client: tuple[str, str] = ("benh-vien", "bi-mat")
    most: int = 100
    is_down: bool = False
    descriptions: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _tokens: set[str] = field(default_factory=set)
    _activations: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    _codes: dict[str, tuple[str, tuple[str, ...], str]] = field(default_factory=dict)

    def application(self) -> Starlette:
        """Return the service."""
        return Starlette(
            routes=[
                Route("/oauth2/token", self._token, methods=["POST"]),
                Route("/csc/v2/{group}/{method}", self._call, methods=["POST"]),
            ]
        )

    def allow(self, credential: str, digests: list[bytes], verifier: str) -> str:
        """Return the code that a holder comes back with after allowing on the service's page."""
        code = secrets.token_urlsafe(16)
        challenge = hashlib.sha256(verifier.encode()).digest()
        wanted = tuple(base64.b64encode(one).decode() for one in digests)
        self._codes[code] = (credential, wanted, base64.urlsafe_b64encode(challenge).decode())
        return code

    async def _token(self, request: Request) -> JSONResponse:
        form = await request.form()
        if (form.get("client_id"), form.get("client_secret")) != self.client:
            return _error("invalid_client", 401)
        if form.get("grant_type") == "authorization_code":
            found = self._codes.pop(str(form.get("code")), None)
            challenge = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
            if found is None or found[2] != base64.urlsafe_b64encode(challenge).decode():
                return _error("invalid_grant", 400)
            return JSONResponse({"access_token": self._activated(*found[:2]), "token_type": "SAD"})
        token = secrets.token_urlsafe(16)
        self._tokens.add(token)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    async def _call(self, request: Request) -> JSONResponse:
        if self.is_down:
            return _error("server_error", 503)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._tokens:
            return _error("invalid_token", 401)
        name = "/".join(request.path_params.values())
        self.calls.append(name)
        body = await request.json()
        answers = {
            "credentials/list": self._list,
            "credentials/info": self._info,
            "credentials/authorize": self._authorize,
            "signatures/signHash": self._sign,
        }
        return answers[name](body)

    def _list(self, _: dict[str, Any]) -> JSONResponse:
        return JSONResponse({"credentialIDs": ["doctor", "doctor-ec"]})

    def _info(self, body: dict[str, Any]) -> JSONResponse:
        label = body["credentialID"]
        if label not in ("doctor", "doctor-ec"):
            return _error("invalid_request", 400)
        chain = [self.authority.certificate(label), *self.authority.chain]
        kind = "rsa" if isinstance(self.authority.key(label), rsa.RSAPrivateKey) else "ec"
        asked = [{"type": "Password", "id": "PIN"}, {"type": "Password", "id": "OTP"}]
        return JSONResponse(
            {
                "key": {"status": "enabled", "algo": _ALGORITHMS[kind], "len": 2048},
                "cert": {"certificates": [base64.b64encode(one).decode() for one in chain]},
                "auth": {
                    "mode": self.mode,
                    "expression": "PIN AND OTP",
                    "objects": asked if self.mode == "explicit" else [],
                },
                "SCAL": "2",
                "multisign": self.most,
            }
        )

    def _authorize(self, body: dict[str, Any]) -> JSONResponse:
        if body["numSignatures"] != len(body["hashes"]) or body["numSignatures"] > self.most:
            return _error("invalid_request", 400)
        given = {one["id"]: one["value"] for one in body.get("authData", [])}
        if self.mode == "explicit" and given.get("PIN") != self.pin:
            return _error("invalid_pin", 400)
        if self.mode == "explicit" and given.get("OTP") != self.otp:
            return _error("invalid_otp", 400)
        if self.mode == "oauth2code":
            return _error("invalid_request", 400)
        self.descriptions.append(body["description"])
        return JSONResponse({"SAD": self._activated(body["credentialID"], tuple(body["hashes"]))})

    def _activated(self, credential: str, wanted: tuple[str, ...]) -> str:
        activation = secrets.token_urlsafe(24)
        self._activations[activation] = (credential, wanted)
        return activation

    def _sign(self, body: dict[str, Any]) -> JSONResponse:
        allowed = self._activations.pop(body["SAD"], None)
        if allowed != (body["credentialID"], tuple(body["hashes"])):
            return _error("invalid_request", 400)
        if body["hashAlgorithmOID"] != _SHA256:
            return _error("invalid_request", 400)
        key = self.authority.key(body["credentialID"])
        values: list[str] = []
        for one in body["hashes"]:
            digest = base64.b64decode(one)
            value = (
                key.sign(digest, padding.PKCS1v15(), _PREHASHED)
                if isinstance(key, rsa.RSAPrivateKey)
                else key.sign(digest, ec.ECDSA(_PREHASHED))
            )
            values.append(base64.b64encode(value).decode())
        return JSONResponse({"signatures": values})


def _error(word: str, status: int) -> JSONResponse:
    return JSONResponse({"error": word, "error_description": "stand-in"}, status_code=status)

"""A device with one passkey after another: makes keys, counts, signs; and lies when asked to.

Standard: W3C Web Authentication Level 3 §6; attestation "none". Held to the library that checks
real devices by tests/foundation/accounts/test_passkeys.py, and to Chromium by the journey.
"""

import base64
import hashlib
import json
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One device, used at `origin`."""

    origin: str
    verifies: bool = True
    handle: bytes = b""
    framed_by: str = ""
    counter: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(20))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: Mapping[str, Any], *, origin: str = "") -> dict[str, Any]:
        """Answer navigator.credentials.create."""
        client = self._client("webauthn.create", options["challenge"], origin)
        self.handle = base64.urlsafe_b64decode(options["user"]["id"] + "==")
        numbers = self.key.public_key().public_numbers()
        public = cbor2.dumps({
            1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32),
        })  # fmt: skip
        attested = (
            bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + public
        )
        data = self._data(options["rp"]["id"], _ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {
                "clientDataJSON": _text(client),
                "attestationObject": _text(statement),
                "transports": ["internal"],
            }
        )

    def get(self, options: Mapping[str, Any], *, origin: str = "") -> dict[str, Any]:
        """Answer navigator.credentials.get."""
        client = self._client("webauthn.get", options["challenge"], origin)
        data = self._data(options["rpId"], 0)
        signed = data + hashlib.sha256(client).digest()
        return self._answer(
            {
                "clientDataJSON": _text(client),
                "authenticatorData": _text(data),
                "signature": _text(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                **({"userHandle": _text(self.handle)} if self.handle else {}),
            }
        )

    def _client(self, type_: str, challenge: str, origin: str) -> bytes:
        said: dict[str, Any] = {
            "type": type_, "challenge": challenge, "origin": origin or self.origin,
        }  # fmt: skip
        if self.framed_by:
            said |= {"crossOrigin": True, "topOrigin": self.framed_by}
        return json.dumps(said).encode()

    def _data(self, site: str, more: int) -> bytes:
        self.counter += 1
        flags = _PRESENT | more | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(site.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        id_ = _text(self.credential_id)
        return {
            "id": id_, "rawId": id_, "type": "public-key", "response": response,
            "clientExtensionResults": {},
        }  # fmt: skip

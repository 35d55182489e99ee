"""JAdES: a signature over content that stays where it is, as a detached JWS.

B-B is the compact form; with a time stamp it is the flattened JSON form,
which has room for what nobody signs.

Standards: RFC 7515 (and appendix F, detached content), ETSI TS 119 182-1.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils

from yba.foundation.signing.checking.jose import padless

_CURVES = {"secp256r1": "ES256"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """Content that waits for its signature value."""

    digest: bytes
    protected: str = field(repr=False)
    method: str = "RS256"


def prepare(
    content: bytes, *, certificate: bytes, chain: tuple[bytes, ...] = (), at: datetime
) -> Prepared:
    """Return the SHA-256 digest to sign over `content`.

    `certificate` and `chain` are in DER. Raises ValueError for a key that is
    neither RSA nor on the curve P-256.
    """
    key = x509.load_der_x509_certificate(certificate).public_key()
    method = _CURVES[key.curve.name] if isinstance(key, ec.EllipticCurvePublicKey) else "RS256"
    header = {
        "alg": method,
        "crit": ["sigT"],
        "sigT": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "typ": "jose",
        "x5c": [base64.b64encode(one).decode() for one in (certificate, *chain)],
        "x5t#S256": padless(hashlib.sha256(certificate).digest()),
    }
    protected = padless(json.dumps(header, separators=(",", ":")).encode())
    digest = hashlib.sha256(f"{protected}.{padless(content)}".encode()).digest()
    return Prepared(digest, protected, method)


def stamped(prepared: Prepared, signature: bytes) -> bytes:
    """Return the SHA-256 digest that a time stamp of the signature covers (§5.3.4)."""
    return hashlib.sha256(_value(prepared, signature).encode()).digest()


def finish(prepared: Prepared, signature: bytes, *, token: bytes | None = None) -> bytes:
    """Return the JWS without its content: compact, or JSON if there is a time stamp.

    `signature` is PKCS#1 v1.5 or, for a curve, DER.
    """
    value = _value(prepared, signature)
    if token is None:
        return f"{prepared.protected}..{value}".encode()
    tokens = [{"val": base64.b64encode(token).decode()}]
    stamp = {"sigTst": {"tstTokens": tokens}}
    unsigned = padless(json.dumps(stamp, separators=(",", ":")).encode())
    whole = {"header": {"etsiU": [unsigned]}, "protected": prepared.protected, "signature": value}
    return json.dumps(whole, separators=(",", ":")).encode()


def _value(prepared: Prepared, signature: bytes) -> str:
    if prepared.method == "RS256":
        return padless(signature)
    r, s = utils.decode_dss_signature(signature)
    return padless(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

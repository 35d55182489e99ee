"""Asking an authority for a certificate: a request that the key itself signs.

The private key stays where it is (a token, a module, the folder of this machine); the authority
learns the public half and that whoever asks holds the other. What it certifies, it checks itself.

Standard: PKCS#10 (RFC 2986); RSASSA-PKCS1-v1_5 or ECDSA with SHA-256 (RFC 8017, RFC 5758).
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from asn1crypto import csr, keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yba.foundation.signing.keys import SoftwareKeys
from yba.foundation.signing.tokens import TokenKey, Tokens

# Signs one SHA-256 digest.
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the certificate is to name; empty parts are left out.

    `identifier` is what the authority identifies a person or organisation by, written as ETSI EN
    319 412-1 §5.1.3 asks (such as `IDCVN-0990…` or `TINVN-01…`).
    """

    name: str
    organisation: str = ""
    unit: str = ""
    identifier: str = ""
    email: str = ""
    country: str = "VN"

    def distinguished_name(self) -> x509.Name:
        """Return it as X.509 writes it."""
        parts = {
            "country_name": self.country,
            "organization_name": self.organisation,
            "organizational_unit_name": self.unit,
            "common_name": self.name,
            "serial_number": self.identifier,
            "email_address": self.email,
        }
        return x509.Name.build(
            {name: value for name, value in parts.items() if value}, use_printable=False
        )


def request_for(public_key: bytes, subject: Subject, sign: Sign) -> bytes:
    """Return a certificate request in DER for a key (SubjectPublicKeyInfo in DER)."""
    info = keys.PublicKeyInfo.load(public_key)
    about = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": subject.distinguished_name(),
            "subject_pk_info": info,
            "attributes": csr.CRIAttributes([]),
        }
    )
    algorithm = "sha256_ecdsa" if info.algorithm == "ec" else "sha256_rsa"
    return csr.CertificationRequest(
        {
            "certification_request_info": about,
            "signature_algorithm": {"algorithm": algorithm},
            "signature": sign(hashlib.sha256(about.dump()).digest()),
        }
    ).dump()


def software_request(store: SoftwareKeys, label: str, subject: Subject) -> bytes:
    """Return a request for a key of this machine, made now if there is none of that label yet."""
    public = store.public_key(label).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return request_for(public, subject, lambda digest: store.sign_now(label, [digest])[0])


def token_request(tokens: Tokens, key: TokenKey, subject: Subject, pin: bytes) -> bytes:
    """Return a request for a key on a token; the PIN serves this act alone.

    Raises PinMissing, PinWrong, PinLocked, TokenRemoved, KeyNotHere.
    """
    public = tokens.public_key(key, pin)
    return request_for(public, subject, lambda digest: tokens.sign(key, [digest], pin)[0])


def as_pem(request: bytes) -> str:
    """Return a request as authorities take it in a form or by e-mail."""
    body = base64.b64encode(request).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    label = "CERTIFICATE REQUEST"
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))

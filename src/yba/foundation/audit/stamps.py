"""Time stamps of checkpoints: a stranger's word that the log had this root on that day.

Any RFC 3161 authority will do; who asks it is handed in. A check needs the token alone, and the
authority's root certificates where they are given.

Standards: RFC 3161 §2.4, RFC 5652 §5.4, RFC 5816.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

Stamper = Callable[[bytes], Awaitable[bytes]]
"""Returns the RFC 3161 token (DER, a CMS ContentInfo) over a SHA-256 digest, or raises."""

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_LONGEST_CHAIN = 6


class BadStamp(ValueError):
    """The token is damaged, of something else, or not an authority's."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says."""

    at: datetime
    authority: str
    is_trusted: bool
    """Whether its chain ends in a root that was given."""


def read_stamp(token: bytes, *, digest: bytes, roots: Sequence[x509.Certificate] = ()) -> Stamp:
    """Return what `token` says about `digest` (SHA-256). Raises BadStamp unless it does."""
    try:
        return _read(token, digest, roots)
    except BadStamp:
        raise
    # Damaged DER is answered with many kinds of exception.
    except Exception as problem:
        raise BadStamp("the time stamp cannot be read") from problem


def _read(token: bytes, digest: bytes, roots: Sequence[x509.Certificate]) -> Stamp:
    content: Any = cms.ContentInfo.load(token, strict=True)
    if content["content_type"].native != "signed_data":
        raise BadStamp("the time stamp is not signed data")
    signed = content["content"]
    info: Any = signed["encap_content_info"]["content"].parsed
    if not isinstance(info, tsp.TSTInfo):
        raise BadStamp("the time stamp holds no statement of a time")
    stated: Any = info["message_imprint"]
    if stated["hash_algorithm"]["algorithm"].native != "sha256":
        raise BadStamp("the time stamp uses another digest")
    if stated["hashed_message"].native != digest:
        raise BadStamp("the time stamp is of another checkpoint")
    certificates = [
        x509.load_der_x509_certificate(choice.chosen.dump()) for choice in signed["certificates"]
    ]
    signer = _check_signature(signed, certificates)
    at: Any = info["gen_time"].native
    if not signer.not_valid_before_utc <= at <= signer.not_valid_after_utc:
        raise BadStamp("the certificate of the authority was not valid at that time")
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise BadStamp("the certificate is not for time stamps")
    return Stamp(at, signer.subject.rfc4514_string(), _is_trusted(signer, certificates, roots, at))


def _check_signature(signed: Any, certificates: list[x509.Certificate]) -> x509.Certificate:
    """Return the certificate whose key signed. Raises BadStamp."""
    (signer_info,) = signed["signer_infos"]
    serial = signer_info["sid"].chosen["serial_number"].native
    signer = next((c for c in certificates if c.serial_number == serial), None)
    if signer is None:
        raise BadStamp("the time stamp lacks its certificate")
    digest_name = signer_info["digest_algorithm"]["algorithm"].native
    content = signed["encap_content_info"]["content"].contents
    attributes = {
        attribute["type"].native: attribute["values"] for attribute in signer_info["signed_attrs"]
    }
    expected = hashlib.new(digest_name, content).digest()
    if attributes["message_digest"][0].native != expected:
        raise BadStamp("the content of the time stamp was changed")
    message = signer_info["signed_attrs"].untag().dump()
    algorithm = signer_info["signature_algorithm"].signature_algo
    _verify(signer, signer_info["signature"].native, message, algorithm, _HASHES[digest_name]())
    return signer


def _verify(
    signer: x509.Certificate,
    signature: bytes,
    message: bytes,
    algorithm: str,
    digest: hashes.HashAlgorithm,
) -> None:
    key = signer.public_key()
    try:
        match key:
            case rsa.RSAPublicKey() if algorithm == "rsassa_pss":
                pss = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
                key.verify(signature, message, pss, digest)
            case rsa.RSAPublicKey():
                key.verify(signature, message, padding.PKCS1v15(), digest)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, message, ec.ECDSA(digest))
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
            case _:
                raise BadStamp("the key of the authority is of an unknown kind")
    except InvalidSignature:
        raise BadStamp("the signature of the time stamp does not fit") from None


def _is_trusted(
    leaf: x509.Certificate,
    helpful: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
) -> bool:
    """Return whether `leaf` leads to one of `roots` over authorities that were valid at `at`."""
    current = leaf
    for _ in range(_LONGEST_CHAIN):
        if current in roots:
            return True
        above = next((c for c in [*roots, *helpful] if _issued(c, current, at)), None)
        if above is None or above == current:
            return False
        current = above
    return False


def _issued(issuer: x509.Certificate, subject: x509.Certificate, at: datetime) -> bool:
    try:
        subject.verify_directly_issued_by(issuer)
        limits = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return limits.value.ca and issuer.not_valid_before_utc <= at <= issuer.not_valid_after_utc

"""One signer of a CMS container: does the value fit, whose certificate is it.

Shared by PDF, CAdES and time stamps. The mathematics is pyHanko's; which
methods are still safe is decided here.

Standards: RFC 5652 §5, RFC 5035 (signing certificate), ETSI TS 119 312.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from asn1crypto import cms, core, crl, ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from yba.foundation.signing.checking import words
from yba.foundation.signing.checking.revocation import Evidence

HASHES = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})
_WEAK_HASHES = frozenset({"md2", "md4", "md5", "sha1", "sha224"})
_LEAST_RSA_BITS = 2048
_LEAST_CURVE_BITS = 256
_MOST_SIGNERS = 50


_CERTIFICATE_VALUES = "1.2.840.113549.1.9.16.2.23"
_REVOCATION_VALUES = "1.2.840.113549.1.9.16.2.24"
# archive-time-stamp-v3 (EN 319 122-1 §5.5.3), -v2 and the first one (its annex A.2).
_ARCHIVE_STAMPS = (
    "0.4.0.1733.2.4",
    "1.2.840.113549.1.9.16.2.48",
    "1.2.840.113549.1.9.16.2.27",
)


class _Certificates(core.SequenceOf):
    _child_spec = asn1_x509.Certificate


class _Lists(core.SequenceOf):
    _child_spec = crl.CertificateList


class _Answers(core.SequenceOf):
    _child_spec = ocsp.BasicOCSPResponse


class _Revocations(core.Sequence):
    _fields = [
        ("crl_vals", _Lists, {"explicit": 0, "optional": True}),
        ("ocsp_vals", _Answers, {"explicit": 1, "optional": True}),
        ("other", core.Any, {"explicit": 2, "optional": True}),
    ]


class Unreadable(Exception):
    """The container is not what it should be; carries the sentence that says so."""

    def __init__(self, problem: str = words.UNREADABLE_SIGNATURE) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Container:
    """A signed CMS container and what it brings along."""

    signed_data: Any
    signers: tuple[Any, ...]
    evidence: Evidence

    @property
    def content_type(self) -> str:
        """Return what kind of content was signed, by its name in asn1crypto."""
        return cast("str", self.signed_data["encap_content_info"]["content_type"].native)

    @property
    def content(self) -> bytes | None:
        """Return the content that travels inside, or None if it is detached."""
        content: Any = self.signed_data["encap_content_info"]["content"]
        if content is None or isinstance(content, core.Void):
            return None
        return bytes(content)


@dataclass(frozen=True, slots=True)
class Integrity:
    """Whether the digest is the signed one, the value fits, the method is safe."""

    intact: bool
    value_fits: bool
    is_safe: bool

    @property
    def holds(self) -> bool:
        """Return whether all of it is so."""
        return self.intact and self.value_fits and self.is_safe

    def problems(self) -> list[str]:
        """Return what is wrong in plain words."""
        if not self.is_safe:
            return [words.WEAK_METHOD]
        if not self.intact:
            return [words.CONTENT_CHANGED]
        return [] if self.value_fits else [words.VALUE_BROKEN]


def opened(content: bytes) -> Container:
    """Return a container. Raises Unreadable for anything else."""
    try:
        message: Any = cms.ContentInfo.load(content)
        if message["content_type"].native != "signed_data":
            raise Unreadable
        signed: Any = message["content"]
        signers = tuple(signed["signer_infos"])
        if not 0 < len(signers) <= _MOST_SIGNERS:
            raise Unreadable
        return Container(signed, signers, _evidence(signed, signers))
    except Unreadable:
        raise
    # asn1crypto answers hostile bytes with many kinds of exception.
    except Exception as error:
        raise Unreadable from error


def _evidence(signed: Any, signers: tuple[Any, ...]) -> Evidence:
    certificates = [
        choice.chosen.dump()
        for choice in signed["certificates"] or ()
        if choice.name == "certificate"
    ]
    crls: list[bytes] = []
    ocsps: list[bytes] = []
    for choice in signed["crls"] or ():
        if choice.name == "certificate_list":
            crls.append(choice.chosen.dump())
        elif choice.name == "other":
            other: Any = choice.chosen
            if other["other_rev_info_format"].native == "ocsp_response":
                ocsps.append(other["other_rev_info"].parsed.dump())
    for signer in signers:
        _archival(signer, crls, ocsps)
        _values(signer, certificates, crls, ocsps)
    return Evidence(tuple(certificates), tuple(crls), tuple(ocsps))


def _archival(signer: Any, crls: list[bytes], ocsps: list[bytes]) -> None:
    """Collect what Adobe's signed attribute of revocations holds."""
    for value in attribute_values(signer, "signed_attrs", "adobe_revocation_info_archival"):
        crls.extend(one.dump() for one in value["crl"] or ())
        ocsps.extend(one.dump() for one in value["ocsp"] or ())


def _values(signer: Any, certificates: list[bytes], crls: list[bytes], ocsps: list[bytes]) -> None:
    """Collect the unsigned attributes of CAdES-LT (ETSI EN 319 122-1 annex A.1)."""
    for value in attribute_values(signer, "unsigned_attrs", _CERTIFICATE_VALUES):
        certificates.extend(one.dump() for one in _Certificates.load(value.dump()))
    for value in attribute_values(signer, "unsigned_attrs", _REVOCATION_VALUES):
        parsed: Any = _Revocations.load(value.dump())
        crls.extend(one.dump() for one in parsed["crl_vals"] or ())
        ocsps.extend(_response(one) for one in parsed["ocsp_vals"] or ())


def _response(basic: Any) -> bytes:
    """Return a whole OCSP response around a basic one."""
    whole: Any = ocsp.OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {
                "response_type": "basic_ocsp_response",
                "response": basic,
            },
        }
    )
    return whole.dump()


def attribute_values(signer: Any, kind: str, name: str) -> list[Any]:
    """Return the values of the attribute `name` (name or dotted id) of a signer."""
    attributes: Any = signer[kind]
    # An absent field is Void, which has no items.
    if isinstance(attributes, core.Void):
        return []
    return [
        value
        for attribute in attributes
        if name in (attribute["type"].native, attribute["type"].dotted)
        for value in attribute["values"]
    ]


def has_archive_stamp(signer: Any) -> bool:
    """Return whether a signer carries an archive time stamp of CAdES."""
    return any(attribute_values(signer, "unsigned_attrs", name) for name in _ARCHIVE_STAMPS)


def certificate_of(signer: Any, certificates: tuple[bytes, ...]) -> bytes:
    """Return the signer's certificate. Raises Unreadable if it is not there."""
    sid: Any = signer["sid"]
    for content in certificates:
        parsed: Any = asn1_x509.Certificate.load(content)
        if sid.name == "subject_key_identifier":
            if parsed.key_identifier == sid.chosen.native:
                return content
        elif (
            parsed.serial_number == sid.chosen["serial_number"].native
            and parsed.issuer.dump() == sid.chosen["issuer"].dump()
        ):
            return content
    raise Unreadable(words.NO_CERTIFICATE)


def integrity(signer: Any, certificate: bytes, content_type: str, digest: bytes) -> Integrity:
    """Return whether the signer's value fits `digest`, the hash of the content.

    Raises Unreadable if required attributes are missing or contradict each other.
    """
    is_safe = has_safe_hash(signer) and has_safe_key(loaded(certificate))
    parsed: Any = asn1_x509.Certificate.load(certificate)
    try:
        intact, fits = validate_sig_integrity(signer, parsed, content_type, digest)
    except SignatureValidationError as error:
        raise Unreadable from error
    return Integrity(intact, fits, is_safe)


def has_safe_hash(signer: Any) -> bool:
    """Return whether digest and signature method of a signer are still safe."""
    algorithm: Any = signer["signature_algorithm"]
    if signer["digest_algorithm"]["algorithm"].native not in HASHES:
        return False
    try:
        return algorithm.hash_algo not in _WEAK_HASHES
    # EdDSA and plain RSA name no hash of their own.
    except (ValueError, KeyError):
        return True


def has_safe_key(certificate: x509.Certificate) -> bool:
    """Return whether a public key is long enough (ETSI TS 119 312 §8)."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _LEAST_RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.key_size >= _LEAST_CURVE_BITS
    return isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey))


def digest_of(content: bytes, signer: Any) -> bytes:
    """Return the hash of `content` by the signer's digest method. Raises Unreadable."""
    name = str(signer["digest_algorithm"]["algorithm"].native)
    if name not in HASHES | _WEAK_HASHES:
        raise Unreadable(words.UNKNOWN_METHOD)
    try:
        return hashlib.new(name, content).digest()
    except ValueError:
        raise Unreadable(words.WEAK_METHOD) from None


def stated_time(signer: Any) -> datetime | None:
    """Return the time of signing as the signer stated it."""
    for value in attribute_values(signer, "signed_attrs", "signing_time"):
        stated = value.native
        if isinstance(stated, datetime):
            return stated
    return None


def is_cades(signer: Any) -> bool:
    """Return whether the signer names his certificate under his signature."""
    return bool(
        attribute_values(signer, "signed_attrs", "signing_certificate_v2")
        or attribute_values(signer, "signed_attrs", "signing_certificate")
    )


def loaded(certificate: bytes) -> x509.Certificate:
    """Return a parsed certificate. Raises Unreadable."""
    try:
        return x509.load_der_x509_certificate(certificate)
    except (ValueError, TypeError) as error:
        raise Unreadable from error


def loadable(certificates: tuple[bytes, ...]) -> list[x509.Certificate]:
    """Return those certificates that can be parsed."""
    found: list[x509.Certificate] = []
    for content in certificates:
        try:
            found.append(loaded(content))
        except Unreadable:
            continue
    return found

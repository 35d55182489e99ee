"""Was a certificate revoked? Answered from lists and answers that lie at hand.

A list (CRL) or an answer (OCSP) counts when its authority signed it and the
moment in question lies in its window, or when it was made later than that
moment. An older one proves nothing of the moment: it may be replayed. One
rule holds without a window: whoever says "revoked" is believed.

Standards: RFC 5280 §5 and §6.3, RFC 6960 §3.2 and §4.2.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from yba.foundation.signing.checking.model import Revocation
from yba.foundation.signing.checking.paths import Purpose, path_to_root

_SKEW = timedelta(minutes=5)
_MOST = 64
_SAFE = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Certificates, lists and answers in DER that a file or a caller brings along.

    `standing_lists` are lists that are known to be in force whatever their
    date says, such as those this installation keeps for its own authority.
    """

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    standing_lists: tuple[bytes, ...] = ()

    def __add__(self, other: "Evidence") -> "Evidence":
        """Return both together."""
        return Evidence(
            self.certificates + other.certificates,
            self.crls + other.crls,
            self.ocsps + other.ocsps,
            self.standing_lists + other.standing_lists,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one certificate, or of a whole path, at a moment."""

    state: Revocation
    since: datetime | None = None
    # RFC 5280 §5.3.1: after these the key may be in other hands.
    is_compromised: bool = False


_COMPROMISED = frozenset(
    {
        x509.ReasonFlags.key_compromise,
        x509.ReasonFlags.ca_compromise,
        x509.ReasonFlags.aa_compromise,
        x509.ReasonFlags.unspecified,
    }
)
_NOTHING = Standing(Revocation.UNKNOWN)


def standing_of_path(
    chain: tuple[x509.Certificate, ...], evidence: Evidence, *, at: datetime
) -> Standing:
    """Return the worst that is known of a path below its root at the moment `at`."""
    answers = [
        standing_of(certificate, issuer, evidence, at=at) for certificate, issuer in pairwise(chain)
    ]
    for state in (Revocation.REVOKED, Revocation.UNKNOWN, Revocation.GOOD):
        for answer in answers:
            if answer.state is state:
                return answer
    return Standing(Revocation.NOT_OFFERED)


def standing_of(
    certificate: x509.Certificate, issuer: x509.Certificate, evidence: Evidence, *, at: datetime
) -> Standing:
    """Return what `evidence` says of `certificate` at `at`; `issuer` issued it."""
    answers = [
        *_from_lists(certificate, issuer, evidence.standing_lists, at, always=True),
        *_from_lists(certificate, issuer, evidence.crls[:_MOST], at, always=False),
        *_from_answers(certificate, issuer, evidence.ocsps[:_MOST], at),
    ]
    # It does not matter that one place does not know yet what another knows.
    revoked = [one for one in answers if one.since is not None]
    if revoked:
        first = min(revoked, key=lambda one: one.since or at)
        if first.since is not None and first.since <= at:
            return first
        return Standing(Revocation.GOOD, first.since, first.is_compromised)
    if any(one.state is Revocation.GOOD for one in answers):
        return Standing(Revocation.GOOD)
    return _NOTHING if _offers_revocation(certificate) else Standing(Revocation.NOT_OFFERED)


def _offers_revocation(certificate: x509.Certificate) -> bool:
    try:
        extensions = certificate.extensions
        for extension in extensions:
            value = extension.value
            if isinstance(value, x509.CRLDistributionPoints):
                return True
            if isinstance(value, x509.AuthorityInformationAccess) and any(
                one.access_method == AuthorityInformationAccessOID.OCSP for one in value
            ):
                return True
    except (ValueError, x509.DuplicateExtension):
        return True
    return False


def _covers(start: datetime | None, end: datetime | None, at: datetime) -> bool:
    """Return whether a statement made at `start` and good until `end` tells of `at`."""
    if start is None:
        return False
    return start >= at or at <= (end if end is not None else start + _SKEW) + _SKEW


def _from_lists(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    lists: Iterable[bytes],
    at: datetime,
    *,
    always: bool,
) -> Iterable[Standing]:
    for content in lists:
        listed = _list(content)
        if listed is None or not _speaks_for(content, certificate, issuer):
            continue
        entry = listed.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None:
            standing = _entry(entry)
            if standing is not None:
                yield standing
        elif always or _covers(listed.last_update_utc, listed.next_update_utc, at):
            yield Standing(Revocation.GOOD)


def _entry(entry: x509.RevokedCertificate) -> Standing | None:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except (x509.ExtensionNotFound, ValueError):
        reason = x509.ReasonFlags.unspecified
    if reason is x509.ReasonFlags.remove_from_crl:
        return None
    return Standing(Revocation.REVOKED, entry.revocation_date_utc, reason in _COMPROMISED)


@lru_cache(maxsize=64)
def _list(content: bytes) -> x509.CertificateRevocationList | None:
    try:
        return x509.load_der_x509_crl(content)
    except (ValueError, TypeError):
        return None


@lru_cache(maxsize=256)
def _speaks_for(content: bytes, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether a list is the issuer's own and is about such certificates."""
    listed = _list(content)
    try:
        if (
            listed is None
            or listed.issuer != issuer.subject
            or not isinstance(listed.signature_hash_algorithm, _SAFE)
        ):
            return False
        for extension in listed.extensions:
            if isinstance(extension.value, x509.DeltaCRLIndicator):
                return False
            if isinstance(extension.value, x509.IssuingDistributionPoint):
                if not _in_scope(extension.value, certificate):
                    return False
            elif extension.critical:
                return False
        return listed.is_signature_valid(issuer.public_key())  # pyright: ignore[reportArgumentType]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _in_scope(point: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    if point.indirect_crl or point.only_contains_attribute_certs or point.only_some_reasons:
        return False
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        is_authority = constraints.ca
    except x509.ExtensionNotFound:
        is_authority = False
    return not (point.only_contains_user_certs if is_authority else point.only_contains_ca_certs)


def _from_answers(
    certificate: x509.Certificate, issuer: x509.Certificate, answers: Iterable[bytes], at: datetime
) -> Iterable[Standing]:
    for content in answers:
        answer = _answer(content)
        if answer is None or not _is_genuine(content, issuer):
            continue
        try:
            for single in answer.responses:
                standing = _single(single, certificate, issuer, at)
                if standing is not None:
                    yield standing
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue


def _single(
    single: ocsp.OCSPSingleResponse,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    at: datetime,
) -> Standing | None:
    if single.serial_number != certificate.serial_number:
        return None
    if single.issuer_key_hash != _key_hash(issuer, single.hash_algorithm):
        return None
    if single.issuer_name_hash != _hash(issuer.subject.public_bytes(), single.hash_algorithm):
        return None
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        reason = single.revocation_reason or x509.ReasonFlags.unspecified
        return Standing(Revocation.REVOKED, single.revocation_time_utc, reason in _COMPROMISED)
    if single.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        return None
    if not _covers(single.this_update_utc, single.next_update_utc, at):
        return None
    return Standing(Revocation.GOOD)


def _hash(content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _key_hash(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    # RFC 6960 §4.1.1: the BIT STRING of the key without tag, length, unused bits.
    if isinstance(algorithm, hashes.SHA1):
        return x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest
    whole = issuer.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    from asn1crypto.keys import PublicKeyInfo

    return _hash(bytes(PublicKeyInfo.load(whole)["public_key"].contents)[1:], algorithm)


@lru_cache(maxsize=64)
def _answer(content: bytes) -> ocsp.OCSPResponse | None:
    try:
        answer = ocsp.load_der_ocsp_response(content)
        is_answer = answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return answer if is_answer else None


@lru_cache(maxsize=256)
def _is_genuine(content: bytes, issuer: x509.Certificate) -> bool:
    """Return whether the issuer, or one it named for this, signed the answer."""
    answer = _answer(content)
    if answer is None:
        return False
    try:
        if _signed_by(answer, issuer):
            return True
        for one in answer.certificates[:8]:
            path = path_to_root(one, (), (issuer,), at=answer.produced_at_utc, purpose=Purpose.OCSP)
            # RFC 6960 §4.2.2.2: issued directly by the authority in question.
            if isinstance(path, tuple) and len(path) == 2 and _signed_by(answer, one):
                return True
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return False


def _signed_by(answer: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    algorithm = answer.signature_hash_algorithm
    key = certificate.public_key()
    try:
        if isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
            key.verify(answer.signature, answer.tbs_response_bytes)
            return True
        if not isinstance(algorithm, _SAFE):
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
            return True
    except InvalidSignature:
        return False
    return False

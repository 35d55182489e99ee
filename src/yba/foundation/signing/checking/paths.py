"""From a certificate to an authority we trust.

The path is built and checked by the library `cryptography` (names,
signatures, dates, key sizes, path lengths, name constraints, unknown
critical extensions); what a key may be used for is judged here.

Standards: RFC 5280 §6; RFC 3161 §2.3 (time-stamp authorities); RFC 9336.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from yba.foundation.signing.checking import words

Chain = tuple[x509.Certificate, ...]

_T = TypeVar("_T", bound=x509.ExtensionType)
_MOST_CERTIFICATES = 64
_OLDEST_PART = timedelta(seconds=1)
# Purposes under which signatures on documents are made in practice: RFC 9336,
# Adobe's and Microsoft's document signing, and those of persons' certificates.
_SIGNING_PURPOSES = frozenset(
    {
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
        ObjectIdentifier("1.2.840.113583.1.1.5"),
        ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),
    }
)


class Purpose(Enum):
    """What a certificate is needed for."""

    SIGNING = "signing"
    TIME_STAMPING = "time-stamping"
    OCSP = "ocsp"


@dataclass(frozen=True, slots=True)
class NoPath:
    """Why no trusted path was found: a sentence of `words`."""

    problem: str


def _is_authority(_: Policy, __: x509.Certificate, found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("not an authority")


def _may_certify(_: Policy, __: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("may not certify")


_AUTHORITIES = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_certify)
)
_HOLDERS = ExtensionPolicy.permit_all()


def path_to_root(
    leaf: x509.Certificate,
    others: Iterable[x509.Certificate],
    roots: Sequence[x509.Certificate],
    *,
    at: datetime,
    purpose: Purpose = Purpose.SIGNING,
) -> Chain | NoPath:
    """Return the certificates from `leaf` to one of `roots` as valid at `at`, or why not."""
    if not _serves(leaf, purpose):
        return NoPath(words.WRONG_PURPOSE)
    if leaf in roots:
        return (leaf,) if _in_date(leaf, at) else NoPath(words.EXPIRED)
    helpful = list(dict.fromkeys(others))[:_MOST_CERTIFICATES]
    found = _built(leaf, helpful, roots, at)
    if found:
        return found
    if not _in_date(leaf, at) or any(not _in_date(one, at) for one in helpful):
        # It may still be known whose it is; then only the date is at fault.
        youngest = max([leaf, *helpful], key=lambda one: one.not_valid_before_utc)
        if _built(leaf, helpful, roots, youngest.not_valid_before_utc + _OLDEST_PART):
            return NoPath(words.EXPIRED)
    return NoPath(words.UNKNOWN_AUTHORITY)


def _built(
    leaf: x509.Certificate,
    others: list[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
) -> Chain:
    if not roots:
        return ()
    try:
        verifier = (
            PolicyBuilder()
            .store(Store(list(roots)))
            .time(at.replace(tzinfo=None))
            .extension_policies(ca_policy=_AUTHORITIES, ee_policy=_HOLDERS)
            .build_client_verifier()
        )
        return tuple(verifier.verify(leaf, others).chain)
    # Damaged extensions surface as ValueError in the middle of the search.
    except (VerificationError, ValueError, TypeError):
        return ()


def _in_date(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _serves(certificate: x509.Certificate, purpose: Purpose) -> bool:
    """Return whether the key may be used for `purpose`."""
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        return False
    usage = _value(extensions, x509.KeyUsage)
    purposes = _value(extensions, x509.ExtendedKeyUsage)
    if purpose is Purpose.SIGNING:
        # RFC 5280 §4.2.1.3: nonRepudiation is what a statement needs; the bit
        # digitalSignature alone is for logging in.
        is_binding = usage is None or usage.content_commitment
        constraints = _value(extensions, x509.BasicConstraints)
        if constraints is not None and constraints.ca:
            return False
        return is_binding and (purposes is None or not _SIGNING_PURPOSES.isdisjoint(purposes))
    if purposes is None:
        return False
    if purpose is Purpose.OCSP:
        return ExtendedKeyUsageOID.OCSP_SIGNING in purposes
    may_sign = usage is None or usage.digital_signature or usage.content_commitment
    # RFC 3161 §2.3: this purpose, no other, and critical.
    critical = extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical
    return may_sign and critical and list(purposes) == [ExtendedKeyUsageOID.TIME_STAMPING]


def _value(extensions: x509.Extensions, kind: type[_T]) -> _T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None

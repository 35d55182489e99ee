"""A certificate in the words of a reader."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID, ObjectIdentifier

from yba.foundation.signing.checking.model import CertificateSummary


def common_name(certificate: x509.Certificate) -> str:
    """Return the holder's common name, else the organisation, else what there is."""
    return _named(certificate.subject)


def summary(certificate: x509.Certificate) -> CertificateSummary:
    """Return what a reader wants to know of a certificate."""
    content = certificate.public_bytes(serialization.Encoding.DER)
    return CertificateSummary(
        name=common_name(certificate),
        organisation=_part(certificate.subject, NameOID.ORGANIZATION_NAME),
        licence=_part(certificate.subject, NameOID.SERIAL_NUMBER),
        issuer=_named(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        fingerprint=hashlib.sha256(content).hexdigest(),
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
    )


def _named(name: x509.Name) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        found = _part(name, oid)
        if found:
            return found
    return name.rfc4514_string()


def _part(name: x509.Name, oid: ObjectIdentifier) -> str:
    return ", ".join(str(one.value) for one in name.get_attributes_for_oid(oid))

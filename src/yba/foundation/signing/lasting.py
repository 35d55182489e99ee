"""Signatures that can be checked when everybody who made them is gone.

`with_evidence` writes certificates, OCSP answers and revocation lists into
the file (B-LT); `with_document_stamp` puts a time stamp over everything so
far (B-LTA, and B-T for what was signed while no stamp was to be had: the
baseline lets a document time stamp prove the time). A stamp is renewed
before its authority's certificate ends: evidence about the old one first,
then a new one over both.

Every step is an incremental update: no earlier byte changes.

Standards: ETSI EN 319 142-1 §5.4 (DSS, document time stamp), §6.3 (levels),
ISO 32000-2 §12.8.4 and §12.8.5.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from asn1crypto import cms, crl, ocsp
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore

from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.errors import UnreadablePdf
from yba.foundation.signing.reading import PdfFileReader

# Room for a token with its certificates, as hexadecimal digits.
_RESERVED = 2 * 12 * 1024


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate that somebody (or a time-stamp authority) signed this file with."""

    certificate: bytes
    others: tuple[bytes, ...]
    is_time_stamp: bool


def signers_of(pdf: bytes) -> list[Signer]:
    """Return whose evidence a file needs: signers, and authorities of its time stamps.

    Raises UnreadablePdf.
    """
    found: list[Signer] = []
    try:
        reader = PdfFileReader(BytesIO(pdf), strict=False)
        for embedded in reader.embedded_signatures:
            is_stamp = embedded.sig_object_type == "/DocTimeStamp"
            found.append(_signer(embedded.signed_data, is_time_stamp=is_stamp))
            for attribute in embedded.signer_info["unsigned_attrs"] or ():
                if attribute["type"].native == "signature_time_stamp_token":
                    found += [
                        _signer(token["content"], is_time_stamp=True)
                        for token in attribute["values"]
                    ]
    # As in pades: a damaged file raises anything.
    except Exception as error:
        raise UnreadablePdf from error
    return found


def _signer(signed: cms.SignedData, *, is_time_stamp: bool) -> Signer:
    [info] = signed["signer_infos"]
    name = info["sid"].chosen
    certificates = [one.chosen for one in signed["certificates"]]
    [leaf] = [
        one
        for one in certificates
        if one.serial_number == name["serial_number"].native and one.issuer == name["issuer"]
    ]
    others = tuple(one.dump() for one in certificates if one is not leaf)
    return Signer(leaf.dump(), others, is_time_stamp)


def with_evidence(pdf: bytes, evidence: Evidence) -> bytes:
    """Return the file with a document security store that holds `evidence` too."""
    output = BytesIO(pdf)
    try:
        DocumentSecurityStore.add_dss(
            output,
            None,
            certs=[asn1_x509.Certificate.load(one) for one in evidence.certificates],
            ocsps=[ocsp.OCSPResponse.load(one) for one in evidence.ocsps],
            crls=[crl.CertificateList.load(one) for one in evidence.crls],
            strict=False,
        )
    except Exception as error:
        raise UnreadablePdf from error
    return output.getvalue()


def with_document_stamp(pdf: bytes, timestamper: TimeStamper, *, field_name: str) -> bytes:
    """Return the file with a time stamp over all of it.

    Raises whatever the authority's failure is; the caller tries later.
    """
    stamping = PdfTimeStamper(timestamper, field_name=field_name)
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    output = asyncio.run(stamping.async_timestamp_pdf(writer, "sha256", bytes_reserved=_RESERVED))
    return output.getvalue()


def stamped_until(pdf: bytes) -> datetime | None:
    """Return until when the certificate of the last document time stamp is valid."""
    stamps = [one for one in signers_of(pdf) if one.is_time_stamp]
    if not stamps:
        return None
    return asn1_x509.Certificate.load(stamps[-1].certificate).not_valid_after

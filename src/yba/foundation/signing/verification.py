"""Checking a signed file of any kind: who, when, whether it still is what was signed.

Pure: bytes and trusted certificates in, findings in plain words out; nothing
is fetched. No input, however malformed, raises: what cannot be read is a
finding. What each format demands is in the package `checking`.

Standards: ETSI EN 319 102-1 §5 (validation of AdES signatures).
"""

import hashlib
from datetime import datetime

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.checking import cades, jose, pdf, provenance, words, xml
from yba.foundation.signing.checking.claims import Asked
from yba.foundation.signing.checking.model import Format, Verdict, Verification
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.checking.words import (
    CHANGED_AFTER,
    CONTENT_CHANGED,
    ENCRYPTED,
    EXPIRED,
    NO_SIGNATURE,
    NOT_A_PDF,
    NOT_READABLE,
    PART_ONLY,
    REVOKED,
    TIME_NOT_PROVEN,
    UNKNOWN_AUTHORITY,
    UNREADABLE_SIGNATURE,
    VALUE_BROKEN,
)

__all__ = [
    "CHANGED_AFTER",
    "CONTENT_CHANGED",
    "ENCRYPTED",
    "EXPIRED",
    "NOT_A_PDF",
    "NOT_READABLE",
    "NO_SIGNATURE",
    "PART_ONLY",
    "REVOKED",
    "TIME_NOT_PROVEN",
    "UNKNOWN_AUTHORITY",
    "UNREADABLE_SIGNATURE",
    "VALUE_BROKEN",
    "Asked",
    "Evidence",
    "verify",
    "verify_pdf",
]

# A PDF may begin with other bytes (ISO 32000-1 annex H.3.4.1).
_PDF_WITHIN = 1024
_DER_SEQUENCE = b"\x30"
_SPACE = b" \t\r\n"


def verify(data: bytes, asked: Asked, *, content: bytes | None = None) -> Verification:
    """Return what is found in `data`, whatever its format; never raises.

    `content` is the signed file where the signature lies in one of its own
    (CAdES, JWS). Blocks; call it from a worker thread, not from a coroutine.
    """
    try:
        return _checked(data, asked, content)
    # Last resort, and those that are no Exception worth telling apart:
    # a nesting bomb ends in RecursionError, a zip bomb in MemoryError.
    except Exception:
        digest = hashlib.sha256(data).hexdigest()
        return Verification(digest, Verdict.UNREADABLE, problems=(words.NOT_READABLE,))


def verify_pdf(data: bytes, trust: Trust, *, at: datetime) -> Verification:
    """Return what is found in a PDF at the moment `at`; never raises.

    Blocks for about 10 ms; call it from a worker thread, not from a coroutine.
    The verdict is VALID only if every signature is intact and trusted and
    the last one covers the whole file.
    """
    try:
        return pdf.check(data, Asked(trust, at))
    except Exception:
        digest = hashlib.sha256(data).hexdigest()
        return Verification(
            digest, Verdict.UNREADABLE, problems=(words.NOT_A_PDF,), format=Format.PDF
        )


def _checked(data: bytes, asked: Asked, content: bytes | None) -> Verification:
    format_ = format_of(data)
    match format_:
        case Format.PDF:
            return pdf.check(data, asked)
        case Format.CMS:
            return cades.check(data, asked, content)
        case Format.XML:
            return xml.check(data, asked)
        case Format.FHIR:
            return provenance.check(data, asked)
        case Format.JOSE:
            return jose.check(data, asked, content)
        case Format.UNKNOWN:
            digest = hashlib.sha256(data).hexdigest()
            return Verification(digest, Verdict.UNREADABLE, problems=(words.NOT_READABLE,))


def format_of(data: bytes) -> Format:
    """Return what kind of file the first bytes look like."""
    if b"%PDF-" in data[:_PDF_WITHIN]:
        return Format.PDF
    if data.startswith((_DER_SEQUENCE, b"-----BEGIN")):
        return Format.CMS
    # A byte order mark may stand before text of any encoding.
    start = data[:_PDF_WITHIN].lstrip(b"\xef\xbb\xbf\xff\xfe\x00" + _SPACE)
    if start.startswith(b"<"):
        return Format.XML
    if start.startswith((b"{", b"[")):
        return Format.FHIR if b'"resourceType"' in data else Format.JOSE
    if start.startswith(b"eyJ") or (start[:64].isalnum() and b"." in data):
        return Format.JOSE
    return Format.UNKNOWN

"""Checking a signed PDF: who, when, whether it still is what was signed.

Pure: bytes and trusted certificates in, findings in plain words out; nothing
is fetched. No input, however malformed, raises: what cannot be read is a
finding. Stricter than the standard in one respect: the container in the file
must be exactly the bytes of its DER value, written in one letter case and
padded with zeros only, so that no byte of a signed file can change unseen.

Standards: ETSI EN 319 102-1 §5.3 (basic validation), ISO 32000-2 §12.8.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Any, cast

from asn1crypto import parser
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import load_der_x509_certificate, load_der_x509_crl
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.model import CertificateSummary, Finding, Verdict, Verification
from yba.plumbing.i18n import N_

# pyHanko logs the details of broken certificates; our answer says it in words.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)

NOT_A_PDF = N_("The file is damaged or is not a PDF.")
ENCRYPTED = N_("The file is protected by a password and cannot be checked.")
NO_SIGNATURE = N_("The file carries no digital signature.")
CONTENT_CHANGED = N_("The content is not what was signed: it was changed after signing.")
VALUE_BROKEN = N_("The signature itself is damaged.")
CHANGED_AFTER = N_("Something was added to the file after it was signed.")
PART_ONLY = N_("The signature covers only a part of the file.")
UNKNOWN_AUTHORITY = N_("The signer's certificate comes from an authority that is not trusted here.")
REVOKED = N_("The signer's certificate was revoked.")
EXPIRED = N_("The signer's certificate was not valid at the time of this check.")
UNREADABLE_SIGNATURE = N_("One signature cannot be read.")
TIME_NOT_PROVEN = N_("The time of signing is the signer's own statement, without a time stamp.")

_OUT_OF_DATE = frozenset(
    {"EXPIRED", "NOT_YET_VALID", "OUT_OF_BOUNDS_NO_POE", "OUT_OF_BOUNDS_NOT_REVOKED"}
)


def verify_pdf(data: bytes, trust: Trust, *, at: datetime) -> Verification:
    """Return what is found in `data` at the moment `at`; never raises.

    Blocks for about 25 ms; call it from a worker thread, not from a coroutine.
    The verdict is VALID only if every signature is intact and trusted and
    the last one covers the whole file.
    """
    digest = hashlib.sha256(data).hexdigest()
    try:
        reader = PdfFileReader(BytesIO(data), strict=False)
        if reader.encrypted:
            return Verification(digest, Verdict.UNREADABLE, problems=(ENCRYPTED,))
        embedded = list(reader.embedded_regular_signatures)
    # The reader meets hostile bytes first, and says so in many exceptions.
    except Exception:
        return Verification(digest, Verdict.UNREADABLE, problems=(NOT_A_PDF,))
    if not embedded:
        return Verification(digest, Verdict.UNSIGNED, problems=(NO_SIGNATURE,))
    findings = asyncio.run(_findings(embedded, data, trust, at))
    problems = tuple(dict.fromkeys(p for finding in findings for p in finding.problems))
    return Verification(digest, _verdict(findings), findings, problems)


def _verdict(findings: tuple[Finding, ...]) -> Verdict:
    if not findings[-1].covers_whole_document:
        return Verdict.INVALID
    if any(finding.changed_after or not finding.intact for finding in findings):
        return Verdict.INVALID
    if not all(finding.trusted for finding in findings):
        return Verdict.UNTRUSTED
    return Verdict.VALID


async def _findings(
    embedded: list[EmbeddedPdfSignature], data: bytes, trust: Trust, at: datetime
) -> tuple[Finding, ...]:
    return tuple([await _finding(signature, data, trust, at) for signature in embedded])


async def _finding(
    signature: EmbeddedPdfSignature, data: bytes, trust: Trust, at: datetime
) -> Finding:
    try:
        status = await async_validate_pdf_signature(signature, _context(trust, at))
        tidy = _is_tidy(signature, data) and _is_orderly(signature, trust)
        return _judged(status, tidy, trust)
    # A container can be anything; see verify_pdf.
    except Exception:
        return Finding(
            who="",
            when=None,
            time_is_proven=False,
            certificate=None,
            intact=False,
            covers_whole_document=False,
            changed_after=False,
            trusted=False,
            problems=(UNREADABLE_SIGNATURE,),
        )


def _context(trust: Trust, at: datetime) -> ValidationContext:
    roots, intermediates = _parsed(trust)
    return ValidationContext(
        trust_roots=roots,
        other_certs=intermediates,
        moment=at,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


@lru_cache(maxsize=16)
def _parsed(
    trust: Trust,
) -> tuple[list[asn1_x509.Certificate], list[asn1_x509.Certificate]]:
    return (
        [asn1_x509.Certificate.load(der) for der in trust.roots],
        [asn1_x509.Certificate.load(der) for der in trust.intermediates],
    )


@lru_cache(maxsize=16)
def _revoked(trust: Trust) -> Mapping[tuple[bytes, int], datetime]:
    """Return when each certificate was revoked, by issuer and serial number.

    Our own lists are believed as our own roots are, and do not grow stale:
    a list that is out of date may lack an entry, but never loses one.
    """
    lists = [load_der_x509_crl(der) for der in trust.crls]
    return {
        (one.issuer.public_bytes(), entry.serial_number): entry.revocation_date_utc
        for one in lists
        for entry in one
    }


def _is_revoked(status: PdfSignatureStatus, trust: Trust, proven_at: datetime | None) -> bool:
    certificate = status.signing_cert
    at = _revoked(trust).get((certificate.issuer.dump(), certificate.serial_number))
    # Only a time stamp shows that somebody signed before the revocation.
    return at is not None and (proven_at is None or at <= proven_at)


def _judged(status: PdfSignatureStatus, tidy: bool, trust: Trust) -> Finding:
    covers = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    partial = status.coverage not in (
        SignatureCoverageLevel.ENTIRE_FILE,
        SignatureCoverageLevel.ENTIRE_REVISION,
    )
    level = status.modification_level
    # A second signature fills a form field; anything beyond is a change.
    changed = level is None or level > ModificationLevel.FORM_FILLING
    intact = status.intact and status.valid and tidy
    stamp = status.timestamp_validity
    proven = stamp is not None and stamp.valid and stamp.trusted
    stamped_at = stamp.timestamp if proven and stamp is not None else None
    certificate = _summary(status.signing_cert)
    revoked = _is_revoked(status, trust, stamped_at)
    problems = [
        *_when(not status.intact, CONTENT_CHANGED),
        *_when(status.intact and not intact, VALUE_BROKEN),
        *_when(partial, PART_ONLY),
        *_when(changed and not partial, CHANGED_AFTER),
        *_when(revoked, REVOKED),
        *_when(not revoked, *_trust_problems(status)),
        *_when(not proven, TIME_NOT_PROVEN),
    ]
    return Finding(
        who=certificate.name,
        when=stamped_at or status.signer_reported_dt,
        time_is_proven=proven,
        certificate=certificate,
        intact=intact and not partial,
        covers_whole_document=covers and tidy,
        changed_after=changed,
        trusted=status.trusted and intact and not revoked,
        problems=tuple(problems),
    )


def _when(condition: bool, *problems: str) -> Iterable[str]:
    return problems if condition else ()


def _trust_problems(status: PdfSignatureStatus) -> Iterable[str]:
    if status.trusted or not (status.intact and status.valid):
        return ()
    if status.revoked:
        return (REVOKED,)
    indication = status.trust_problem_indic
    if indication is not None and indication.standard_name in _OUT_OF_DATE:
        return (EXPIRED,)
    return (UNKNOWN_AUTHORITY,)


def _summary(certificate: asn1_x509.Certificate) -> CertificateSummary:
    subject = certificate.subject.native
    issuer = certificate.issuer.native
    return CertificateSummary(
        name=_text(subject.get("common_name")),
        organisation=_text(subject.get("organization_name")),
        licence=_text(subject.get("serial_number")),
        issuer=_text(issuer.get("common_name")),
        serial=f"{certificate.serial_number:x}",
        fingerprint=hashlib.sha256(certificate.dump()).hexdigest(),
        valid_from=certificate.not_valid_before,
        valid_to=certificate.not_valid_after,
    )


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return "" if value is None else str(value)


def _is_tidy(signature: EmbeddedPdfSignature, data: bytes) -> bool:
    """Return whether the gap in the byte range holds the container and nothing else."""
    ranges = cast("list[int]", signature.byte_range)
    numbers = [int(number) for number in ranges]
    if len(numbers) != 4 or numbers[0] != 0:
        return False
    gap = data[numbers[1] : numbers[2]]
    if gap[:1] != b"<" or gap[-1:] != b">":
        return False
    digits = gap[1:-1]
    if digits not in (digits.lower(), digits.upper()):
        return False
    try:
        content = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return False
    parsed = cast("tuple[int, int, int, bytes, bytes, bytes]", parser.parse(content))
    used = sum(len(part) for part in parsed[3:])
    return not content[used:].strip(b"\0")


def _is_orderly(signature: EmbeddedPdfSignature, trust: Trust) -> bool:
    """Return whether the parts of the container that nothing signs are consistent.

    The cryptography does not look at them, so a changed byte there would
    pass: version, list of digest algorithms, certificates on the way.
    """
    signed: Any = signature.signed_data
    signer: Any = signature.signer_info
    # RFC 5652 §5.1: version 1 with an issuer and serial number, else 3.
    version = "v1" if signer["sid"].name == "issuer_and_serial_number" else "v3"
    if signed["version"].native != version or signer["version"].native != version:
        return False
    if len(signed["signer_infos"]) != 1:
        return False
    if version == "v1":
        # Names compare without regard to case; the bytes must be the same too.
        certificate = signature.signer_cert
        if signer["sid"].chosen["issuer"].dump() != certificate.issuer.dump():
            return False
    wanted = signer["digest_algorithm"].dump()
    if [algorithm.dump() for algorithm in signed["digest_algorithms"]] != [wanted]:
        return False
    return all(_fits(other, trust) for other in signature.other_embedded_certs)


def _fits(certificate: asn1_x509.Certificate, trust: Trust) -> bool:
    """Return whether an embedded certificate is not a damaged copy of one we know."""
    content = certificate.dump()
    known = (*trust.roots, *trust.intermediates)
    if content in known:
        return True
    subject = certificate.subject.dump()
    parsed_roots, parsed_intermediates = _parsed(trust)
    authorities = (*parsed_roots, *parsed_intermediates)
    if any(authority.subject.dump() == subject for authority in authorities):
        return False
    issuer = certificate.issuer.dump()
    candidates = [x for x in authorities if x.subject.dump() == issuer]
    return not candidates or any(_is_issued_by(content, x.dump()) for x in candidates)


def _is_issued_by(certificate: bytes, authority: bytes) -> bool:
    try:
        issuer = load_der_x509_certificate(authority)
        load_der_x509_certificate(certificate).verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True

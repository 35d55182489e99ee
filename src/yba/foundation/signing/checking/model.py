"""What a check found: one shape for every format."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from yba.plumbing.i18n import N_

# Verification reads a whole file into memory.
MAX_FILE_BYTES = 20 * 1024 * 1024


class Format(StrEnum):
    """What kind of signed file it is."""

    PDF = "pdf"
    CMS = "cms"
    XML = "xml"
    JOSE = "jose"
    FHIR = "fhir"
    UNKNOWN = "unknown"


class Revocation(StrEnum):
    """What is known of the certificates at the moment that counts."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    # No certificate of the chain names a place where revocations are told.
    NOT_OFFERED = "not-offered"


@dataclass(frozen=True, slots=True)
class CertificateSummary:
    """What a reader wants to know of a certificate."""

    name: str
    organisation: str
    licence: str
    issuer: str
    serial: str
    fingerprint: str
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One signature of a file, judged.

    `intact`: the signed bytes are the ones that were signed. `trusted`: the
    certificate leads to an authority we trust, was in date and not revoked
    at the moment that counts: `when` if `time_is_proven`, else the moment of
    the check. `changed_after`: something was added that a later signature
    does not explain. `covered` names the part that was signed (an element, a
    resource), empty for a whole file. `level` is the AdES level that was
    reached, or "basic". `problems` are msgids in plain words.
    """

    who: str
    when: datetime | None
    time_is_proven: bool
    certificate: CertificateSummary | None
    intact: bool
    covers_whole_document: bool
    changed_after: bool
    trusted: bool
    problems: tuple[str, ...] = ()
    level: str = ""
    covered: str = ""
    authority: str = ""
    revocation: Revocation = Revocation.UNKNOWN
    revoked_at: datetime | None = None
    stamped_by: str = ""


class Verdict(StrEnum):
    """The answer in one word."""

    VALID = "valid"
    INVALID = "invalid"
    UNTRUSTED = "untrusted"
    UNSIGNED = "unsigned"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of a file found; the last signature speaks for the whole."""

    sha256: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = field(default=())
    format: Format = Format.UNKNOWN

    @property
    def is_valid(self) -> bool:
        """Return whether every signature holds and the last covers the whole file."""
        return self.verdict is Verdict.VALID

    @property
    def last(self) -> Finding | None:
        """Return the signature that was put last."""
        return self.findings[-1] if self.findings else None


VERDICT_WORDS = {
    Verdict.VALID: N_("The signature is valid and the document has not been changed."),
    Verdict.INVALID: N_("The signature is NOT valid: do not rely on this document."),
    Verdict.UNTRUSTED: N_("The document is unchanged, but we cannot confirm who signed it."),
    Verdict.UNSIGNED: N_("This document carries no digital signature."),
    Verdict.UNREADABLE: N_("This file cannot be read as a signed document."),
}

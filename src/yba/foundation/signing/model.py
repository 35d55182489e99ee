"""The words of signing: keys, consent, certificates, and what a check found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from yba.plumbing.i18n import N_

# Verification reads a whole file into memory.
MAX_FILE_BYTES = 20 * 1024 * 1024


class SignerRole(StrEnum):
    """In what capacity somebody signs."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    ORGANISATION = "organisation"


class HolderKind(StrEnum):
    """To whom a certificate belongs."""

    PERSON = "person"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class KeyRef:
    """Where a private key lives and what it is called there; never the key."""

    place: str
    label: str


@dataclass(frozen=True, slots=True)
class Consent:
    """The signer's will: who confirmed, what was shown, how and when.

    `method` names the confirmation ("session", "password", "pin", "passkey");
    the secret itself is never part of it.
    """

    account_id: str
    summary: str
    method: str
    at: datetime


class KeyPlace(Protocol):
    """A place that holds private keys and signs digests with them.

    The software store of this package, a PKCS#11 token and a remote signing
    service all look like this. One consent may cover many digests, so a
    basket of documents costs one confirmation.
    """

    name: str

    async def sign(
        self, key: KeyRef, digests: Sequence[bytes], consent: Consent
    ) -> Sequence[bytes]:
        """Return one RSASSA-PKCS1-v1_5 signature for each SHA-256 digest, in order.

        Raises KeyNotHere if this place does not hold `key`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Holder:
    """A person or organisation that gets a certificate.

    `holder_id` is the practitioner's or facility's id; `licence` is the
    number of the practising licence, empty for an organisation.
    """

    kind: HolderKind
    holder_id: str
    name: str
    organisation: str
    licence: str = ""


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A certificate together with the reference to its key."""

    certificate_id: int
    holder: Holder
    key: KeyRef
    der: bytes
    fingerprint: str
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """A signed file and what is remembered about its signature."""

    content: bytes
    sha256: str
    signature_id: int
    signer_name: str
    fingerprint: str
    level: str
    signed_at: datetime


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
    certificate leads to an authority we trust, is in date and not revoked.
    `changed_after`: something was added that a later signature does not
    explain. `problems` are msgids in plain words.
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
    Verdict.UNREADABLE: N_("This file cannot be read as a PDF document."),
}

"""The words of signing: keys, consent, certificates, and what a check found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from yba.foundation.signing.checking.model import (
    MAX_FILE_BYTES,
    VERDICT_WORDS,
    CertificateSummary,
    Finding,
    Format,
    Revocation,
    Verdict,
    Verification,
)
from yba.foundation.signing.checking.words import CODES
from yba.foundation.signing.secret import Secret

# What a check found has its own file and is known to others under this name.
__all__ = [
    "CODES",
    "MAX_FILE_BYTES",
    "VERDICT_WORDS",
    "CertificateSummary",
    "Consent",
    "Finding",
    "Format",
    "HolderKind",
    "Holder",
    "KeyPlace",
    "KeyRef",
    "Revocation",
    "SignedPdf",
    "SignerRole",
    "SigningCertificate",
    "Verdict",
    "Verification",
]


class SignerRole(StrEnum):
    """In what capacity somebody signs."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    HEAD = "head"
    CO_SIGNER = "co-signer"
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

    `method` names the confirmation ("session", "password", "pin", "passkey").
    `lines` are what a signer sees of each paper, one for each digest, for
    places that show it. A `secret` (a PIN) and a one-time `code` serve one act;
    they are no part of what is kept or shown.
    """

    account_id: str
    summary: str
    method: str
    at: datetime
    lines: tuple[str, ...] = ()
    secret: Secret | None = field(default=None, repr=False, compare=False)
    code: Secret | None = field(default=None, repr=False, compare=False)


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
        """Return one signature for each SHA-256 digest, in order; all or none.

        Keys of RSA answer with RSASSA-PKCS1-v1_5, keys on a curve with an
        ECDSA-Sig-Value in DER. Raises KeyNotHere if this place does not hold `key`.
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
    """A certificate together with the reference to its key.

    `chain` are its issuers as they are embedded beside it; empty for the
    authority of this installation, which knows its own. `title` is the
    office that the certificate states (Decree 23/2025 on titled persons).
    """

    certificate_id: int
    holder: Holder
    key: KeyRef
    der: bytes
    fingerprint: str
    valid_from: datetime
    valid_to: datetime
    chain: tuple[bytes, ...] = ()
    title: str = ""


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

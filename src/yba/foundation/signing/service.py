"""The verbs of signing: sign a PDF, check a PDF, revoke a certificate.

`Signing` holds what one process needs; build it once with `open_signing`.
Heavy work runs in worker threads, so the event loop stays free.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import anyio.to_thread
import structlog

from yba.foundation.audit import service as audit
from yba.foundation.signing import pades, store, verification
from yba.foundation.signing.authority import Trust
from yba.foundation.signing.certificates import (
    certificate_in_use,
    holder_of,
    revoke_certificate,
    seal_of,
)
from yba.foundation.signing.entries import (
    ResourceSignature,
    SignedXml,
    sign_resource,
    sign_xml,
)
from yba.foundation.signing.errors import FileTooLarge
from yba.foundation.signing.guard import guarded_verification
from yba.foundation.signing.installation import (
    Signing,
    open_at_start,
    open_signing,
    signing_from,
    signing_of,
)
from yba.foundation.signing.model import (
    MAX_FILE_BYTES,
    Consent,
    SignedPdf,
    SignerRole,
    SigningCertificate,
    Verification,
)
from yba.kernel.actor import Actor
from yba.kernel.clock import local
from yba.kernel.ids import encode_id, new_snowflake
from yba.plumbing.database import Tx

__all__ = [
    "ResourceSignature",
    "SignatureEvidence",
    "SignedXml",
    "Signing",
    "certificate_in_use",
    "confirmed",
    "holder_of",
    "open_at_start",
    "open_signing",
    "revoke_certificate",
    "seal_of",
    "sign_pdf",
    "sign_resource",
    "sign_xml",
    "signatures_of",
    "signing_from",
    "signing_of",
    "verify_pdf",
    "verify_stranger",
]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignatureEvidence:
    """What is kept of one signature."""

    signature_id: int
    document: str
    input_sha256: str
    signed_sha256: str
    role: str
    level: str
    fingerprint: str
    account_id: str
    signer_name: str
    shown: str
    method: str
    signed_at: datetime


async def sign_pdf(
    tx: Tx,
    *,
    signing: Signing,
    actor: Actor,
    pdf: bytes,
    document: str,
    reason: str,
    consent: Consent,
    at: datetime,
    role: SignerRole = SignerRole.AUTHOR,
) -> SignedPdf:
    """Sign `pdf` as `actor` (or as the organisation, by role) and keep the evidence.

    `document` is the FHIR reference of what is signed, `reason` stands in the
    signature. A first certificate is issued when the holder has none. With a
    time-stamp authority the level is B-T; when it does not answer, the
    signature is B-B and says so. Writes audit and evidence inside `tx`.

    Raises MayNotSign, UnreadablePdf, KeyNotHere, CertificateNotValid.
    """
    is_seal = role is SignerRole.ORGANISATION
    holder = seal_of(signing) if is_seal else holder_of(actor, signing)
    certificate = await certificate_in_use(tx, signing=signing, holder=holder, at=at)
    content, level = await _signed(signing, certificate, pdf, reason, consent, at)
    signature_id = new_snowflake()
    digest = hashlib.sha256(content).hexdigest()
    await tx.execute(
        store.INSERT_SIGNATURE,
        signature_id,
        document,
        hashlib.sha256(pdf).hexdigest(),
        digest,
        role.value,
        level,
        certificate.fingerprint,
        consent.account_id,
        certificate.holder.name,
        consent.summary,
        consent.method,
        at,
    )
    await audit.record(
        tx, actor=actor, action="E", what="signing.sign_pdf", at=at, references=[document]
    )
    return SignedPdf(
        content=content,
        sha256=digest,
        signature_id=signature_id,
        signer_name=certificate.holder.name,
        fingerprint=certificate.fingerprint,
        level=level,
        signed_at=at,
    )


async def _signed(
    signing: Signing,
    certificate: SigningCertificate,
    pdf: bytes,
    reason: str,
    consent: Consent,
    at: datetime,
) -> tuple[bytes, str]:
    note = pades.SigningNote(
        field_name=f"Signature-{encode_id(new_snowflake())}",
        reason=reason,
        location=signing.organisation,
        name=certificate.holder.name,
        at=at,
    )
    prepared = await anyio.to_thread.run_sync(
        partial(
            pades.prepare,
            pdf,
            certificate=certificate.der,
            chain=signing.authority.chain(),
            note=note,
            with_timestamp=signing.timestamper is not None,
        )
    )
    place = signing.place(certificate.key.place)
    [signature] = await place.sign(certificate.key, [prepared.digest], consent)
    if signing.timestamper is not None:
        stamped = partial(pades.finish, prepared, signature, timestamper=signing.timestamper)
        try:
            return await anyio.to_thread.run_sync(stamped), "B-T"
        # Whatever keeps the authority from answering must not stop a doctor;
        # the evidence row says that the time stamp is missing.
        except Exception as error:
            _log.warning("signing.no_time_stamp", error=type(error).__name__)
    return await anyio.to_thread.run_sync(pades.finish, prepared, signature), "B-B"


async def signatures_of(tx: Tx, *, document: str) -> list[SignatureEvidence]:
    """Return the evidence of every signature on a document, oldest first."""
    return await tx.rows(SignatureEvidence, store.SIGNATURES_OF, document)


async def verify_stranger(data: bytes, *, trust: Trust, at: datetime) -> Verification:
    """Check a file that anybody may have sent, in a process with limits.

    Raises FileTooLarge beyond 20 MB, CheckBusy when too many wait already.
    """
    return await guarded_verification(data, trust=trust, at=at)


async def verify_pdf(data: bytes, *, trust: Trust, at: datetime) -> Verification:
    """Check a file in a worker thread; see verification.verify_pdf.

    Raises FileTooLarge beyond 20 MB, and nothing else.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FileTooLarge(limit=MAX_FILE_BYTES // (1024 * 1024))
    return await anyio.to_thread.run_sync(partial(verification.verify_pdf, data, trust, at=at))


def confirmed(actor: Actor, *, summary: str, at: datetime, method: str = "session") -> Consent:
    """Return the signer's consent as the surface obtained it."""
    return Consent(account_id=actor.account_id, summary=summary, method=method, at=local(at))

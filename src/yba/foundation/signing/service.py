"""The verbs of signing: sign a PDF, check a PDF, revoke a certificate.

`Signing` holds what one process needs; build it once with `open_signing`.
Heavy work runs in worker threads, so the event loop stays free.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

import anyio.to_thread

from yba.foundation.signing import store, verification
from yba.foundation.signing.agents import (
    Agent,
    agents_of,
    begin_pairing,
    end_agent,
    named_certificates,
)
from yba.foundation.signing.authority import Trust
from yba.foundation.signing.batch import (
    FinishedPaper,
    Paper,
    ReadyPaper,
    keep_evidence,
    prepare_batch,
    sign_batch,
)
from yba.foundation.signing.certificates import (
    ProvenKey,
    certificate_in_use,
    certificates_in_use,
    holder_of,
    link_proven,
    linked_certificate,
    prove_key,
    revoke_certificate,
    seal_of,
    usable_status,
)
from yba.foundation.signing.checking.model import Revocation
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
from yba.foundation.signing.prolonging import Prolonged, prolong
from yba.foundation.signing.regulation import (
    OFFICES,
    Officer,
    RegulationLine,
    appoint,
    decide_order,
    officers,
    regulation,
)
from yba.foundation.signing.requests import (
    Delegation,
    Seat,
    SigningRequest,
    Step,
    delegate,
    delegations_of,
    end_delegation,
    forget,
    mark_signed,
    officer_of,
    open_of,
    open_request,
    postpone,
    refuse,
    roles_of,
    steps_of,
    take_turn,
    waiting_for,
    waiting_seals,
    withdraw,
    withdraw_one,
)
from yba.foundation.signing.secret import Secret
from yba.kernel.actor import Actor
from yba.kernel.clock import local
from yba.plumbing.database import Tx

__all__ = [
    "Agent",
    "OFFICES",
    "Delegation",
    "FinishedPaper",
    "Officer",
    "Paper",
    "Prolonged",
    "ProvenKey",
    "ReadyPaper",
    "RegulationLine",
    "ResourceSignature",
    "Revocation",
    "Seat",
    "Secret",
    "SignatureEvidence",
    "SignedXml",
    "Signing",
    "SigningCertificate",
    "SigningRequest",
    "Step",
    "Tx",
    "agents_of",
    "appoint",
    "begin_pairing",
    "certificate_in_use",
    "certificates_in_use",
    "confirmed",
    "decide_order",
    "delegate",
    "delegations_of",
    "end_agent",
    "end_delegation",
    "forget",
    "holder_of",
    "keep_evidence",
    "link_proven",
    "linked_certificate",
    "mark_signed",
    "named_certificates",
    "officer_of",
    "officers",
    "open_at_start",
    "open_of",
    "open_request",
    "open_signing",
    "postpone",
    "prepare_batch",
    "prolong",
    "prove_key",
    "refuse",
    "regulation",
    "revoke_certificate",
    "roles_of",
    "seal_of",
    "sign_batch",
    "sign_pdf",
    "sign_resource",
    "sign_xml",
    "signatures_of",
    "signing_from",
    "signing_of",
    "steps_of",
    "take_turn",
    "usable_status",
    "verify_pdf",
    "verify_stranger",
    "waiting_for",
    "waiting_seals",
    "withdraw",
    "withdraw_one",
]


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
    on_behalf_of: str
    certificate_state: str


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
    signature. A first certificate is issued when the holder has none. The
    authorities are asked about the certificate first. With a time-stamp
    authority the level is B-T; when it does not answer, or its stamp proves
    nothing, the signature is B-B and says so. Writes audit and evidence
    inside `tx`. For keys that make their holder wait, use the steps of `batch`.

    Raises MayNotSign, UnreadablePdf, KeyNotHere, CertificateNotValid,
    CertificateRevoked, CertificateUntrusted, CertificateWrongPurpose.
    """
    is_seal = role is SignerRole.ORGANISATION
    holder = seal_of(signing) if is_seal else holder_of(actor, signing)
    certificate = await certificate_in_use(tx, signing=signing, holder=holder, at=at)
    status = await usable_status(signing, certificate.der, certificate.chain, at=at)
    paper = Paper(pdf=pdf, line=consent.summary, reason=reason, role=role)
    [ready] = await prepare_batch(signing=signing, certificate=certificate, papers=[paper], at=at)
    if ready.refusal is not None:
        raise ready.refusal
    [finished] = await sign_batch(
        signing=signing, certificate=certificate, ready=[ready], consent=consent, at=at
    )
    return await keep_evidence(
        tx,
        actor=actor,
        certificate=certificate,
        state=status.state,
        document=document,
        finished=finished,
        consent=consent,
        at=at,
    )


async def signatures_of(tx: Tx, *, document: str) -> list[SignatureEvidence]:
    """Return the evidence of every signature on a document, oldest first."""
    return await tx.rows(SignatureEvidence, store.SIGNATURES_OF, document)


async def verify_stranger(
    data: bytes, *, trust: Trust, at: datetime, content: bytes | None = None
) -> Verification:
    """Check a file of any kind that anybody may have sent, in a process with limits.

    `content` is the signed file where `data` holds only the signature.
    Raises FileTooLarge beyond 20 MB, CheckBusy when too many wait already.
    """
    return await guarded_verification(data, trust=trust, at=at, content=content)


async def verify_pdf(data: bytes, *, trust: Trust, at: datetime) -> Verification:
    """Check a file in a worker thread; see verification.verify_pdf.

    Raises FileTooLarge beyond 20 MB, and nothing else.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FileTooLarge(limit=MAX_FILE_BYTES // (1024 * 1024))
    return await anyio.to_thread.run_sync(partial(verification.verify_pdf, data, trust, at=at))


def confirmed(
    actor: Actor,
    *,
    summary: str,
    at: datetime,
    method: str = "session",
    secret: Secret | None = None,
    code: Secret | None = None,
) -> Consent:
    """Return the signer's consent as the surface obtained it, with a PIN or code for one act."""
    return Consent(
        account_id=actor.account_id,
        summary=summary,
        method=method,
        at=local(at),
        secret=secret,
        code=code,
    )

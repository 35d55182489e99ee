"""Many PDFs, one confirmation: prepare all, sign all digests at once, finish each.

The three steps stand apart because the middle one may last a minute (a
person looks for her token) and must not hold a database transaction open:

    ready = await prepare_batch(signing=…, certificate=…, papers=…, at=…)
    done = await sign_batch(signing=…, certificate=…, ready=ready, consent=…)
    await keep_evidence(tx, …)

All digests are signed or none. A paper that cannot be prepared is left out
with its refusal; a time-stamp authority that does not answer, or is not to
be believed, leaves the paper at B-B.

Standard: ETSI EN 319 142-1 §6.3; CSC API (multi-hash signatures).
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import anyio.to_thread
import structlog

from yba.foundation.audit import service as audit
from yba.foundation.signing import pades, store
from yba.foundation.signing.certificates import fits_key
from yba.foundation.signing.checking import stamps
from yba.foundation.signing.checking.model import Revocation
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.errors import PossessionNotProven
from yba.foundation.signing.installation import Signing
from yba.foundation.signing.model import Consent, SignedPdf, SignerRole, SigningCertificate
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id, new_snowflake
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx

_log = structlog.get_logger(__name__)
_SKEW = timedelta(minutes=5)
_STAMPS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Paper:
    """One PDF to sign: `line` is what the signer reads, `reason` stands in the signature.

    `on_behalf_of` names whoever delegated the signature, empty for oneself.
    """

    pdf: bytes = field(repr=False)
    line: str
    reason: str
    role: SignerRole = SignerRole.AUTHOR
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class ReadyPaper:
    """A paper with its digest, or the refusal that keeps it from being signed."""

    paper: Paper
    prepared: pades.Prepared | None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class FinishedPaper:
    """A signed paper that is not yet written down anywhere."""

    paper: Paper
    content: bytes = field(repr=False)
    level: str


async def prepare_batch(
    *, signing: Signing, certificate: SigningCertificate, papers: Sequence[Paper], at: datetime
) -> list[ReadyPaper]:
    """Return each paper with the digest to sign, in order."""
    return [await _prepared(signing, certificate, paper, at) for paper in papers]


async def _prepared(
    signing: Signing, certificate: SigningCertificate, paper: Paper, at: datetime
) -> ReadyPaper:
    behalf = f" — ký thay {paper.on_behalf_of}" if paper.on_behalf_of else ""
    note = pades.SigningNote(
        field_name=f"Signature-{encode_id(new_snowflake())}",
        reason=paper.reason + behalf,
        location=signing.organisation,
        name=certificate.holder.name,
        at=at,
    )
    prepare = partial(
        pades.prepare,
        paper.pdf,
        certificate=certificate.der,
        chain=certificate.chain or signing.authority.chain(),
        note=note,
        with_timestamp=signing.timestamper is not None,
    )
    try:
        return ReadyPaper(paper, await anyio.to_thread.run_sync(prepare))
    except Refusal as refusal:
        return ReadyPaper(paper, None, refusal)


async def sign_batch(
    *,
    signing: Signing,
    certificate: SigningCertificate,
    ready: Sequence[ReadyPaper],
    consent: Consent,
    at: datetime,
) -> list[FinishedPaper]:
    """Sign every prepared paper with one confirmation; return them in order.

    Raises what the key's place refuses, and PossessionNotProven if what came
    back is not of the certificate's key. Then nothing is signed.
    """
    todo = [(one.paper, one.prepared) for one in ready if one.prepared is not None]
    if not todo:
        return []
    digests = [prepared.digest for _, prepared in todo]
    shown = replace(consent, lines=tuple(paper.line for paper, _ in todo))
    place = signing.place(certificate.key.place)
    values = await place.sign(certificate.key, digests, shown)
    if len(values) != len(digests) or not all(
        fits_key(certificate.der, digest, value)
        for digest, value in zip(digests, values, strict=True)
    ):
        raise PossessionNotProven
    limit = asyncio.Semaphore(_STAMPS_AT_ONCE)

    async def finish(paper: Paper, prepared: pades.Prepared, value: bytes) -> FinishedPaper:
        async with limit:
            content, level = await _finished(signing, prepared, value, at)
        return FinishedPaper(paper, content, level)

    return list(
        await asyncio.gather(
            *(
                finish(paper, prepared, value)
                for (paper, prepared), value in zip(todo, values, strict=True)
            )
        )
    )


async def _finished(
    signing: Signing, prepared: pades.Prepared, value: bytes, at: datetime
) -> tuple[bytes, str]:
    if signing.timestamper is not None:
        trust = signing.trust()

        def believed(token: bytes) -> bool:
            stamp = stamps.judged(token, value, trust, Evidence(), at=at)
            return stamp.moment is not None and abs(stamp.moment - at) <= _SKEW

        stamped = partial(
            pades.finish,
            prepared,
            value,
            timestamper=signing.timestamper,
            believed=believed,
        )
        try:
            return await anyio.to_thread.run_sync(stamped), "B-T"
        # Whatever keeps the authority from answering must not stop a doctor;
        # the evidence row says that the time stamp is missing.
        except Exception as error:
            _log.warning("signing.no_time_stamp", error=type(error).__name__)
    return await anyio.to_thread.run_sync(pades.finish, prepared, value), "B-B"


async def keep_evidence(
    tx: Tx,
    *,
    actor: Actor,
    certificate: SigningCertificate,
    state: Revocation,
    document: str,
    finished: FinishedPaper,
    consent: Consent,
    at: datetime,
) -> SignedPdf:
    """Write down who signed what, how he confirmed, and what was known of his certificate."""
    paper = finished.paper
    digest = hashlib.sha256(finished.content).hexdigest()
    signature_id = new_snowflake()
    await tx.execute(
        store.INSERT_EVIDENCE,
        signature_id,
        document,
        hashlib.sha256(paper.pdf).hexdigest(),
        digest,
        paper.role.value,
        finished.level,
        certificate.fingerprint,
        consent.account_id,
        certificate.holder.name,
        paper.line,
        consent.method,
        at,
        paper.on_behalf_of,
        state.value,
    )
    await audit.record(
        tx, actor=actor, action="E", what="signing.sign_pdf", at=at, references=[document]
    )
    return SignedPdf(
        content=finished.content,
        sha256=digest,
        signature_id=signature_id,
        signer_name=certificate.holder.name,
        fingerprint=certificate.fingerprint,
        level=finished.level,
        signed_at=at,
    )

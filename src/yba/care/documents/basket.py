"""The basket: papers that wait for somebody's signature, signed with one confirmation.

`sign_basket` composes and prints every chosen paper, signs all of them with
one act of the key, and writes each down. No transaction is open while a
person looks for her token. Each paper has its own outcome: one that cannot be
signed does not keep the others back; a key that fails keeps all of them back.

A paper of which the first signature exists is not composed anew: the next
signer signs the very file, after those before her.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import anyio.to_thread

from yba.care.documents import composing, keeping, store
from yba.care.documents.errors import (
    DocumentNotFound,
    NothingReleased,
    PrescriptionNotInForce,
    VisitStillOpen,
)
from yba.care.documents.keeping import Draft, New
from yba.care.documents.model import Document, Facility, Kind, Signable, SignerBlock
from yba.care.encounters import service as encounters
from yba.care.encounters.model import VisitState
from yba.foundation.audit import service as audit
from yba.foundation.signing import service as signatures
from yba.foundation.signing.errors import RequestClosed
from yba.foundation.signing.model import Consent, Holder, SignerRole
from yba.foundation.signing.service import (
    FinishedPaper,
    Paper,
    Seat,
    SigningRequest,
)
from yba.kernel.actor import Actor
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Database, Tx

if TYPE_CHECKING:
    from yba.care.documents.service import Archive

# What a new version of a signed paper gives as its reason when nobody wrote one.
_REASONS = {
    Kind.OUTPATIENT_RECORD: "Hồ sơ được hoàn thiện sau khi mở lại lượt khám",
    Kind.LABORATORY_REPORT: "Có thêm hoặc sửa kết quả xét nghiệm",
    Kind.PRESCRIPTION: "",
}

_SEALING = "Chữ ký số của cơ sở"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One paper of the basket, and which of its signatures is meant."""

    request_id: int
    position: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one chosen paper: a document, or a refusal."""

    chosen: Chosen
    summary: str = ""
    document: Document | None = None
    level: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Page:
    """A chosen paper, ready for the key."""

    chosen: Chosen
    request: SigningRequest
    draft: Draft | None
    document: Document | None
    pdf: bytes


async def _composed(
    tx: Tx, archive: "Archive", actor: Actor, request: SigningRequest, at: datetime
) -> New:
    """Return what a request is about, as it stands now. Raises what forbids signing it."""
    kind = Kind(request.kind)
    sheet: Signable
    if kind is Kind.PRESCRIPTION:
        issued, sheet = await composing.prescription_sheet(
            tx, actor=actor, facility=archive.facility, code=request.about, at=at
        )
        if not composing.is_in_force(issued):
            raise PrescriptionNotInForce
    elif kind is Kind.OUTPATIENT_RECORD:
        view, sheet = await composing.outpatient_record(
            tx, actor=actor, facility=archive.facility, encounter_id=request.about, at=at
        )
        if view.state is not VisitState.FINISHED:
            raise VisitStillOpen
    else:
        view = await encounters.visit(tx, actor=actor, encounter_id=request.about, at=at)
        if not view.results:
            raise NothingReleased
        sheet = composing.laboratory_report(
            view,
            facility=archive.facility,
            performer=SignerBlock(name=request.holder_name),
            at=at,
        )
    sheet = _with_signer(sheet, actor, request)
    return New(kind, request.about, request.encounter_id, request.patient_id, sheet)


def _with_signer(sheet: Signable, actor: Actor, request: SigningRequest) -> Signable:
    """Print who really signs; a delegate is printed as such ("ký thay")."""
    name = actor.name
    if request.on_behalf_of:
        name = f"{actor.name} (ký thay {request.on_behalf_of})"
    block = SignerBlock(name=name, licence=actor.licence)
    if hasattr(sheet, "performer"):
        return replace(sheet, performer=block)  # type: ignore[call-arg]
    return replace(sheet, doctor=block) if request.on_behalf_of else sheet  # type: ignore[call-arg]


async def _page(tx: Tx, archive: "Archive", actor: Actor, chosen: Chosen, at: datetime) -> _Page:
    request = await signatures.take_turn(
        tx, actor=actor, request_id=chosen.request_id, position=chosen.position, at=at
    )
    if request.document:
        document = await _document(tx, request)
        content = await anyio.to_thread.run_sync(archive.blobs.get, document.sha256)
        return _Page(chosen, request, None, document, content)
    new = await _composed(tx, archive, actor, request, at)
    draft = await keeping.draft_of(tx, archive=archive, new=new, reason=_REASONS[new.kind], at=at)
    if isinstance(draft, Document):
        raise RequestClosed
    return _Page(chosen, request, draft, None, draft.pdf)


async def _document(tx: Tx, request: SigningRequest) -> Document:
    found = await store.document(tx, request.document.rpartition("/")[2])
    if found is None:
        raise DocumentNotFound
    return found


async def preview(
    tx: Tx, *, archive: "Archive", actor: Actor, chosen: Chosen, at: datetime
) -> bytes:
    """Return the page that a signer is about to sign; the look is audited."""
    page = await _page(tx, archive, actor, chosen, at)
    await audit.record(
        tx,
        actor=actor,
        action="R",
        what="documents.preview",
        at=at,
        patient_id=page.request.patient_id,
    )
    return page.pdf


async def sign_basket(
    database: Database,
    *,
    archive: "Archive",
    actor: Actor,
    chosen: Sequence[Chosen],
    consent: Consent,
    at: datetime,
) -> list[Outcome]:
    """Sign the chosen papers with one confirmation; return one outcome for each, in order.

    Raises what keeps all of them back: MayNotSign, a certificate that is not
    in force, and everything that the place of the key refuses. Then nothing
    is signed.
    """
    holder = signatures.holder_of(actor, archive.signing)
    return await _signed(database, archive, actor, holder, chosen, consent, at)


async def seal(
    database: Database,
    *,
    archive: "Archive",
    actor: Actor,
    chosen: Sequence[Chosen],
    at: datetime,
) -> list[Outcome]:
    """Put the organisation's seal under papers that wait for it; see sign_basket."""
    consent = signatures.confirmed(actor, summary=_SEALING, at=at, method="system")
    holder = signatures.seal_of(archive.signing)
    return await _signed(database, archive, actor, holder, chosen, consent, at)


async def _signed(
    database: Database,
    archive: "Archive",
    actor: Actor,
    holder: Holder,
    chosen: Sequence[Chosen],
    consent: Consent,
    at: datetime,
) -> list[Outcome]:
    signing = archive.signing
    outcomes: dict[Chosen, Outcome] = {}
    pages: list[_Page] = []
    async with database.transaction() as tx:
        certificate = await signatures.certificate_in_use(tx, signing=signing, holder=holder, at=at)
        for one in dict.fromkeys(chosen):
            try:
                pages.append(await _page(tx, archive, actor, one, at))
            except Refusal as refusal:
                outcomes[one] = Outcome(one, refusal=refusal)
    status = await signatures.usable_status(signing, certificate.der, certificate.chain, at=at)
    papers = [_paper(page) for page in pages]
    ready = await signatures.prepare_batch(
        signing=signing, certificate=certificate, papers=papers, at=at
    )
    for page, one in zip(pages, ready, strict=True):
        if one.refusal is not None:
            outcomes[page.chosen] = Outcome(page.chosen, page.request.summary, refusal=one.refusal)
    finished = await signatures.sign_batch(
        signing=signing, certificate=certificate, ready=ready, consent=consent, at=at
    )
    pages = [page for page in pages if page.chosen not in outcomes]
    vouch_as = (
        SignerRole.AUTHOR if certificate.key.place == signing.keys.name else SignerRole.ORGANISATION
    )
    for page, done in zip(pages, finished, strict=True):
        try:
            async with database.transaction() as tx:
                document = await _written(
                    tx, archive, actor, page, done, certificate, status.state, consent, vouch_as, at
                )
            outcomes[page.chosen] = Outcome(page.chosen, page.request.summary, document, done.level)
        except Refusal as refusal:
            outcomes[page.chosen] = Outcome(page.chosen, page.request.summary, refusal=refusal)
    return [outcomes[one] for one in dict.fromkeys(chosen)]


def _paper(page: _Page) -> Paper:
    kind = Kind(page.request.kind)
    return Paper(
        pdf=page.pdf,
        line=page.request.summary,
        reason=keeping.NAMES[kind],
        role=SignerRole(page.request.role),
        on_behalf_of=page.request.on_behalf_of,
    )


async def _written(
    tx: Tx,
    archive: "Archive",
    actor: Actor,
    page: _Page,
    done: FinishedPaper,
    certificate: signatures.SigningCertificate,
    state: signatures.Revocation,
    consent: Consent,
    vouch_as: SignerRole,
    at: datetime,
) -> Document:
    """Write one signed paper down, unless somebody was faster in the meantime."""
    request = await signatures.take_turn(
        tx,
        actor=actor,
        request_id=page.chosen.request_id,
        position=page.chosen.position,
        at=at,
    )
    reference = page.draft.reference if page.draft else request.document
    signed = await signatures.keep_evidence(
        tx,
        actor=actor,
        certificate=certificate,
        state=state,
        document=reference,
        finished=done,
        consent=consent,
        at=at,
    )
    if page.draft is not None:
        latest = await store.latest(tx, kind=request.kind, about=request.about)
        if (latest.document_id if latest else None) != page.draft.replaces:
            raise RequestClosed
        document = await keeping.enter(
            tx,
            archive=archive,
            actor=actor,
            draft=page.draft,
            signed=signed,
            consent=consent,
            at=at,
            vouch_as=vouch_as,
        )
    else:
        document = await _document(tx, request)
        if page.document is None or document.sha256 != page.document.sha256:
            raise RequestClosed
        await keeping.revise(
            tx,
            archive=archive,
            actor=actor,
            document=document,
            content=done.content,
            what="signature",
            level=done.level,
            stamped_until=None,
            at=at,
        )
        await store.expect_lasting(tx, document_id=document.document_id, level=done.level, at=at)
    await signatures.mark_signed(
        tx,
        request_id=page.chosen.request_id,
        position=page.chosen.position,
        signed_by=actor.practitioner_id or signatures.seal_of(archive.signing).holder_id,
        signature_id=signed.signature_id,
        document=reference,
        at=at,
    )
    return document


async def signs_at_once(tx: Tx, *, archive: "Archive", actor: Actor) -> bool:
    """Return whether a person's key signs without asking her each time."""
    holder = signatures.holder_of(actor, archive.signing)
    certificate = await signatures.linked_certificate(tx, holder=holder)
    return certificate is None or certificate.key.place == archive.signing.keys.name


async def seats_of(
    tx: Tx, *, facility: Facility, kind: Kind, author: Seat, at: datetime
) -> list[Seat]:
    """Return who signs a paper after its author, as the facility's regulation says."""
    seats: list[Seat] = []
    for role in await signatures.roles_of(tx, kind=kind.value, at=at):
        if role is SignerRole.AUTHOR:
            seats.append(author)
        elif role is SignerRole.ORGANISATION:
            seats.append(Seat(role, facility.code, facility.name))
        else:
            officer = await signatures.officer_of(tx, role=role, at=at)
            if officer is not None:
                seats.append(officer)
    return seats or [author]


async def passed_on(
    tx: Tx,
    *,
    archive: "Archive",
    actor: Actor,
    document: Document,
    signature_id: int,
    at: datetime,
) -> None:
    """After a signature outside the basket: the step is done, the next one waits."""
    author = Seat(SignerRole.AUTHOR, actor.practitioner_id or "", actor.name)
    kind = Kind(document.kind)
    request_id = await signatures.open_request(
        tx,
        kind=document.kind,
        about=document.about,
        encounter_id=document.encounter_id,
        patient_id=document.patient_id,
        summary=keeping.NAMES[kind],
        seats=await seats_of(tx, facility=archive.facility, kind=kind, author=author, at=at),
        at=at,
    )
    await signatures.mark_signed(
        tx,
        request_id=request_id,
        position=1,
        signed_by=actor.practitioner_id or "",
        signature_id=signature_id,
        document=f"DocumentReference/{document.document_id}",
        at=at,
    )

"""The verbs of documents: compose, sign, correct, show, copy on paper, check.

Signing is one transaction: render, sign, store the bytes by their hash,
write DocumentReference and Provenance, enter the register, audit, publish.
The bytes are stored before the commit; a transaction that fails leaves at
worst a file that nothing refers to.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio.to_thread

from yba.care.documents import basket, composing, keeping, paper, store
from yba.care.documents.access import (
    require_release,
    require_see,
    require_sign,
    visible,
    visible_document,
)
from yba.care.documents.basket import Chosen as Chosen
from yba.care.documents.basket import Outcome as Outcome
from yba.care.documents.basket import preview as preview
from yba.care.documents.basket import sign_basket as sign_basket
from yba.care.documents.basket import signs_at_once as signs_at_once
from yba.care.documents.errors import (
    NothingReleased,
    PrescriptionNotInForce,
    VisitStillOpen,
)
from yba.care.documents.keeping import CODE_LENGTH, New, pdf_of
from yba.care.documents.model import (
    Document,
    Facility,
    Kind,
    OutpatientRecord,
    PaperCopy,
    QueueSlip,
    Receipt,
    SignerBlock,
)
from yba.care.documents.papers import erase_papers as erase_papers
from yba.care.documents.papers import signed_paper as signed_paper
from yba.care.encounters import service as encounters
from yba.care.encounters.model import VisitState
from yba.foundation.audit import service as audit
from yba.foundation.signing import service as signatures
from yba.foundation.signing.model import SignerRole, Verification
from yba.foundation.signing.service import Signing
from yba.kernel.actor import Actor
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Tx
from yba.plumbing.settings import Settings


@dataclass(frozen=True, slots=True)
class Archive:
    """What documents need of the installation: keys, bytes, fonts, head of the paper."""

    signing: Signing
    blobs: BlobStore
    fonts: Path
    facility: Facility
    address: str

    def check_address(self, short_id: str) -> str:
        """Return where anybody can check a document."""
        return f"{self.address}/verify/{short_id}"


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to an uploaded file: what is in it, and whether it is one of ours."""

    verification: Verification
    document: Document | None


def archive_from(settings: Settings, blobs: BlobStore, *, at: datetime) -> Archive:
    """Open the archive of an installation; founds the demonstration authority on first use."""
    signing = signatures.signing_from(settings, at=at)
    return archive_with(signing, settings, blobs)


def archive_with(signing: Signing, settings: Settings, blobs: BlobStore) -> Archive:
    """Return the archive over a signing folder that is already open."""
    return Archive(
        signing=signing,
        blobs=blobs,
        fonts=settings.assets_dir / "fonts",
        facility=facility_of(settings),
        address=settings.base_url,
    )


def facility_of(settings: Settings) -> Facility:
    """Return the head of every paper of this installation."""
    return Facility(
        code=settings.facility_code,
        name=settings.facility_name,
        address=settings.facility_address,
        phone=settings.facility_phone,
    )


async def compose_outpatient_record(
    tx: Tx, *, archive: Archive, actor: Actor, encounter_id: str, at: datetime
) -> OutpatientRecord:
    """Return the outpatient record of a visit as it stands now. Raises VisitNotFound."""
    _, sheet = await composing.outpatient_record(
        tx, actor=actor, facility=archive.facility, encounter_id=encounter_id, at=at
    )
    return sheet


async def draft_pdf(
    tx: Tx, *, archive: Archive, actor: Actor, encounter_id: str, at: datetime
) -> bytes:
    """Return the record of a visit as a watermarked draft; nothing is kept."""
    sheet = await compose_outpatient_record(
        tx, archive=archive, actor=actor, encounter_id=encounter_id, at=at
    )
    return await pdf_of(archive, sheet, None, at)


async def sign_outpatient_record(
    tx: Tx,
    *,
    archive: Archive,
    actor: Actor,
    encounter_id: str,
    at: datetime,
    reason: str = "",
    method: str = "session",
) -> Document:
    """Sign the record of a closed visit as its doctor; return the document in force.

    Signing what is signed already and has not changed returns the same
    document. A changed record becomes a new version, with a `reason`.

    Raises VisitNotFound, VisitStillOpen, AccessRefused, NotTheTreatingDoctor,
    ReasonMissing, and what signing refuses.
    """
    view, sheet = await composing.outpatient_record(
        tx, actor=actor, facility=archive.facility, encounter_id=encounter_id, at=at
    )
    require_sign(actor, view.doctor.practitioner_id if view.doctor else "")
    if view.state is not VisitState.FINISHED:
        raise VisitStillOpen
    new = New(Kind.OUTPATIENT_RECORD, encounter_id, encounter_id, view.patient_id, sheet)
    return await _sign(tx, archive, actor, new, reason=reason, method=method, at=at)


async def sign_prescription(
    tx: Tx, *, archive: Archive, actor: Actor, code: str, at: datetime, method: str = "session"
) -> Document:
    """Sign one prescription as its prescriber; a second call returns the same document.

    Raises PrescriptionNotInForce, AccessRefused, NotTheTreatingDoctor.
    """
    issued, sheet = await composing.prescription_sheet(
        tx, actor=actor, facility=archive.facility, code=code, at=at
    )
    require_sign(actor, issued.prescriber_id)
    known = await store.latest(tx, kind=Kind.PRESCRIPTION.value, about=code)
    if known is not None:
        return known
    if not composing.is_in_force(issued):
        raise PrescriptionNotInForce
    new = New(Kind.PRESCRIPTION, code, issued.encounter_id, issued.patient_id, sheet)
    return await _sign(tx, archive, actor, new, reason="", method=method, at=at)


async def sign_laboratory_report(
    tx: Tx,
    *,
    archive: Archive,
    actor: Actor,
    encounter_id: str,
    at: datetime,
    reason: str = "",
    method: str = "session",
) -> Document:
    """Sign the released results of a visit as the one who answers for them.

    Further or corrected results make a new version, with a `reason`.
    Raises VisitNotFound, AccessRefused, NothingReleased, ReasonMissing.
    """
    view = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    require_release(actor)
    if not view.results:
        raise NothingReleased
    performer = SignerBlock(name=actor.name, licence=actor.licence)
    sheet = composing.laboratory_report(view, facility=archive.facility, performer=performer, at=at)
    new = New(Kind.LABORATORY_REPORT, encounter_id, encounter_id, view.patient_id, sheet)
    return await _sign(tx, archive, actor, new, reason=reason, method=method, at=at)


async def _sign(
    tx: Tx, archive: Archive, actor: Actor, new: New, *, reason: str, method: str, at: datetime
) -> Document:
    draft = await keeping.draft_of(tx, archive=archive, new=new, reason=reason, at=at)
    if isinstance(draft, Document):
        return draft
    consent = signatures.confirmed(actor, summary=f"{new.title} {new.about}", at=at, method=method)
    signed = await signatures.sign_pdf(
        tx,
        signing=archive.signing,
        actor=actor,
        pdf=draft.pdf,
        document=draft.reference,
        reason=new.title,
        consent=consent,
        at=at,
        role=SignerRole.AUTHOR,
    )
    document = await keeping.enter(
        tx, archive=archive, actor=actor, draft=draft, signed=signed, consent=consent, at=at
    )
    await basket.passed_on(
        tx, archive=archive, actor=actor, document=document, signature_id=signed.signature_id, at=at
    )
    return document


async def receipt_pdf(*, archive: Archive, receipt: Receipt, at: datetime) -> bytes:
    """Return a receipt as PDF."""
    return await pdf_of(archive, receipt, None, at)


async def queue_slip_pdf(*, archive: Archive, slip: QueueSlip, at: datetime) -> bytes:
    """Return an 80 mm slip as PDF."""
    return await pdf_of(archive, slip, None, at)


async def document(tx: Tx, *, actor: Actor, document_id: str, at: datetime) -> Document:
    """Return what is known of a document. Raises DocumentNotFound."""
    return await visible_document(tx, actor=actor, document_id=document_id, at=at)


async def documents_of(
    tx: Tx,
    *,
    actor: Actor,
    at: datetime,
    encounter_id: str | None = None,
    patient_id: str | None = None,
) -> list[Document]:
    """Return the documents of a visit or of a patient, newest first, superseded ones too.

    Name one of the two. Whoever may see none by role gets DocumentNotFound; others those that the
    record shows them.
    """
    if encounter_id is not None:
        found = await store.of_encounter(tx, encounter_id)
        for patient in {one.patient_id for one in found}:
            require_see(actor, patient)
        return await visible(tx, actor=actor, documents=found, at=at)
    if patient_id is None:
        raise ValueError("name a visit or a patient")
    require_see(actor, patient_id)
    found = await store.of_patient(tx, patient_id)
    return await visible(tx, actor=actor, documents=found, at=at)


async def document_bytes(
    tx: Tx, *, archive: Archive, actor: Actor, document_id: str, at: datetime
) -> tuple[Document, bytes]:
    """Return a document and the very bytes that were signed; the look is audited.

    Raises DocumentNotFound, BlobDamaged.
    """
    found = await visible_document(tx, actor=actor, document_id=document_id, at=at)
    content = await anyio.to_thread.run_sync(archive.blobs.get, found.sha256)
    await _audit_look(tx, actor, found, "documents.read", at)
    return found, content


async def paper_copy(
    tx: Tx, *, archive: Archive, actor: Actor, document_id: str, at: datetime
) -> tuple[Document, bytes]:
    """Return a document for the printer, with the marks of a paper copy, counted.

    Its pages are those of the signed file. The copy itself is not signed:
    the marks say where the electronic original is checked (Decree 137/2024).
    """
    found = await visible_document(tx, actor=actor, document_id=document_id, at=at)
    content = await anyio.to_thread.run_sync(archive.blobs.get, found.sha256)
    number = await store.insert_copy(
        tx, document_id=document_id, account_id=actor.account_id, person=actor.name, at=at
    )
    copy = PaperCopy(
        system="Yba",
        owner=archive.facility.name,
        number=number,
        person=actor.name,
        at=at,
        address=archive.check_address(found.short_id),
        short_id=found.short_id,
        sha256=found.sha256,
        superseded=found.replaced_by is not None,
    )
    marks = partial(paper.with_marks, content, copy, fonts=archive.fonts)
    pages = await anyio.to_thread.run_sync(marks)
    await _audit_look(tx, actor, found, "documents.print", at)
    return found, pages


async def _audit_look(tx: Tx, actor: Actor, found: Document, what: str, at: datetime) -> None:
    await audit.record(
        tx,
        actor=actor,
        action="R",
        what=what,
        at=at,
        patient_id=found.patient_id,
        references=[f"DocumentReference/{found.document_id}"],
    )


async def registered(tx: Tx, *, short_id: str) -> Document | None:
    """Return the register's entry for a public code, however it was typed.

    For the public page: show who signed and when, never whom it is about.
    """
    code = "".join(letter for letter in short_id.lower() if letter.isalnum())
    return await store.with_short_id(tx, code) if len(code) == CODE_LENGTH else None


async def check_upload(
    tx: Tx, *, archive: Archive, content: bytes, at: datetime, signed: bytes | None = None
) -> Checked:
    """Check a file that a stranger brings; nothing of it is kept.

    `signed` is the signed file where `content` holds only the signature.
    Raises FileTooLarge, CheckBusy.
    """
    found = await signatures.verify_stranger(
        content, trust=archive.signing.trust(), at=at, content=signed
    )
    return Checked(found, await store.with_hash(tx, found.sha256))

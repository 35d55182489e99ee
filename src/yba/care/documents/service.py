"""The verbs of documents: compose, sign, correct, show, copy on paper, check.

Signing is one transaction: render, sign, store the bytes by their hash,
write DocumentReference and Provenance, enter the register, audit, publish.
The bytes are stored before the commit; a transaction that fails leaves at
worst a file that nothing refers to.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio.to_thread
import orjson

from yba.care.documents import composing, fhir, paper, sheets, store
from yba.care.documents.access import require_release, require_see, require_sign, visible_document
from yba.care.documents.errors import (
    NothingReleased,
    PrescriptionNotInForce,
    ReasonMissing,
    VisitStillOpen,
)
from yba.care.documents.events import DocumentSigned
from yba.care.documents.model import (
    Document,
    Facility,
    Kind,
    OutpatientRecord,
    PaperCopy,
    QueueSlip,
    Receipt,
    Sealing,
    Signable,
    SignerBlock,
)
from yba.care.documents.rendering import render
from yba.care.encounters import service as encounters
from yba.care.encounters.model import VisitState
from yba.fhir import r4
from yba.foundation.audit import service as audit
from yba.foundation.record import service as record
from yba.foundation.signing import service as signatures
from yba.foundation.signing.model import SignerRole, Verification
from yba.foundation.signing.service import Signing
from yba.kernel.actor import Actor
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish
from yba.plumbing.settings import Settings

# Letters and digits that nobody confuses when reading aloud.
_CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE_LENGTH = 12
_NAMES = {
    Kind.OUTPATIENT_RECORD: "Bệnh án ngoại trú",
    Kind.PRESCRIPTION: "Đơn thuốc",
    Kind.LABORATORY_REPORT: "Phiếu kết quả xét nghiệm",
}


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


@dataclass(frozen=True, slots=True)
class _New:
    """A paper that is about to be signed."""

    kind: Kind
    about: str
    encounter_id: str
    patient_id: str
    sheet: Signable


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
        facility=Facility(
            code=settings.facility_code,
            name=settings.facility_name,
            address=settings.facility_address,
            phone=settings.facility_phone,
        ),
        address=settings.base_url,
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
    return await _pdf(archive, sheet, None, at)


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
    new = _New(Kind.OUTPATIENT_RECORD, encounter_id, encounter_id, view.patient_id, sheet)
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
    new = _New(Kind.PRESCRIPTION, code, issued.encounter_id, issued.patient_id, sheet)
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
    new = _New(Kind.LABORATORY_REPORT, encounter_id, encounter_id, view.patient_id, sheet)
    return await _sign(tx, archive, actor, new, reason=reason, method=method, at=at)


async def _sign(
    tx: Tx, archive: Archive, actor: Actor, new: _New, *, reason: str, method: str, at: datetime
) -> Document:
    earlier = await store.latest(tx, kind=new.kind.value, about=new.about)
    content_hash = _content_hash(new.sheet)
    if earlier is not None:
        if earlier.content_hash == content_hash:
            return earlier
        if not reason.strip():
            raise ReasonMissing(fields={"reason": ReasonMissing.message})
    sealing = _sealing(archive, earlier, reason.strip(), at)
    draft = await _pdf(archive, new.sheet, sealing, at)
    title = _NAMES[new.kind]
    consent = signatures.confirmed(actor, summary=f"{title} {new.about}", at=at, method=method)
    signed = await signatures.sign_pdf(
        tx,
        signing=archive.signing,
        actor=actor,
        pdf=draft,
        document=f"DocumentReference/{sealing.document_id}",
        reason=title,
        consent=consent,
        at=at,
        role=SignerRole.AUTHOR,
    )
    await anyio.to_thread.run_sync(archive.blobs.put, signed.content)
    document = Document(
        document_id=sealing.document_id,
        short_id=sealing.short_id,
        kind=new.kind.value,
        about=new.about,
        encounter_id=new.encounter_id,
        patient_id=new.patient_id,
        version=sealing.version,
        replaces=earlier.document_id if earlier else None,
        reason=sealing.reason,
        sha256=signed.sha256,
        content_hash=content_hash,
        size=len(signed.content),
        signer_name=signed.signer_name,
        signer_licence=actor.licence,
        facility=archive.facility.name,
        signed_at=at,
        replaced_by=None,
    )
    await store.insert(tx, document)
    author = encounters.author_of(actor)
    entry = fhir.document_reference(document, content=signed.content, author=author, title=title)
    vouched = await signatures.sign_resource(
        tx,
        signing=archive.signing,
        actor=actor,
        resource=orjson.loads(r4.encode(entry)),
        consent=consent,
        at=at,
    )
    provenance = fhir.provenance(record.new_id(), document, author=author, signed=vouched)
    await _file(tx, actor, document, [entry, provenance], at)
    return document


async def _file(
    tx: Tx, actor: Actor, document: Document, resources: list[object], at: datetime
) -> None:
    if document.replaces:
        old = await record.read(
            tx, actor=actor, type_=r4.DocumentReference, id_=document.replaces, at=at
        )
        old.status = "superseded"
        resources.append(old)
    await record.save(tx, actor=actor, resources=resources, at=at, note="documents.sign")
    await publish(
        tx,
        DocumentSigned(
            document_id=document.document_id,
            kind=document.kind,
            encounter_id=document.encounter_id,
            patient_id=document.patient_id,
            version=document.version,
            sha256=document.sha256,
            at=at,
        ),
    )


def _content_hash(sheet: Signable) -> str:
    """Return a hash of what a sheet says, whatever its version and moment of signing."""
    content = orjson.dumps(sheet, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def _sealing(archive: Archive, earlier: Document | None, reason: str, at: datetime) -> Sealing:
    short_id = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
    return Sealing(
        document_id=record.new_id(),
        short_id=short_id,
        address=archive.check_address(short_id),
        version=earlier.version + 1 if earlier else 1,
        reason=reason if earlier else "",
        at=at,
    )


async def _pdf(
    archive: Archive, sheet: Signable | Receipt | QueueSlip, sealing: Sealing | None, at: datetime
) -> bytes:
    words = sheets.words_of(sheet, sealing, at=at)
    return await render(sheets.template_of(sheet), words, fonts=archive.fonts, at=at)


async def receipt_pdf(*, archive: Archive, receipt: Receipt, at: datetime) -> bytes:
    """Return a receipt as PDF."""
    return await _pdf(archive, receipt, None, at)


async def queue_slip_pdf(*, archive: Archive, slip: QueueSlip, at: datetime) -> bytes:
    """Return an 80 mm slip as PDF."""
    return await _pdf(archive, slip, None, at)


async def document(tx: Tx, *, actor: Actor, document_id: str) -> Document:
    """Return what is known of a document. Raises DocumentNotFound."""
    return await visible_document(tx, actor=actor, document_id=document_id)


async def documents_of(
    tx: Tx, *, actor: Actor, encounter_id: str | None = None, patient_id: str | None = None
) -> list[Document]:
    """Return the documents of a visit or of a patient, newest first, superseded ones too.

    Name one of the two. Whoever may not see them gets DocumentNotFound.
    """
    if encounter_id is not None:
        found = await store.of_encounter(tx, encounter_id)
        for patient in {one.patient_id for one in found}:
            require_see(actor, patient)
        return found
    if patient_id is None:
        raise ValueError("name a visit or a patient")
    require_see(actor, patient_id)
    return await store.of_patient(tx, patient_id)


async def document_bytes(
    tx: Tx, *, archive: Archive, actor: Actor, document_id: str, at: datetime
) -> tuple[Document, bytes]:
    """Return a document and the very bytes that were signed; the look is audited.

    Raises DocumentNotFound, BlobDamaged.
    """
    found = await visible_document(tx, actor=actor, document_id=document_id)
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
    found = await visible_document(tx, actor=actor, document_id=document_id)
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
    return await store.with_short_id(tx, code) if len(code) == _CODE_LENGTH else None


async def check_upload(tx: Tx, *, archive: Archive, content: bytes, at: datetime) -> Checked:
    """Check a file that a stranger brings; nothing of it is kept.

    Raises FileTooLarge, CheckBusy.
    """
    found = await signatures.verify_stranger(content, trust=archive.signing.trust(), at=at)
    return Checked(found, await store.with_hash(tx, found.sha256))

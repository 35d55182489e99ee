"""From a composed sheet to a document of the register, and what is added to it later.

`draft_of` prints the page, `enter` writes the signed page down: bytes by
their hash, register, DocumentReference, Provenance, event. `revise` adds a
further signature, evidence or a time stamp: a revision of the same document.
"""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import anyio.to_thread
import orjson

from yba.care.documents import fhir, sheets, store
from yba.care.documents.errors import ReasonMissing
from yba.care.documents.events import DocumentSigned
from yba.care.documents.model import Document, Kind, QueueSlip, Receipt, Sealing, Signable
from yba.care.documents.rendering import render
from yba.care.encounters import service as encounters
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.signing import service as signatures
from yba.foundation.signing.model import Consent, SignedPdf, SignerRole
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

if TYPE_CHECKING:
    from yba.care.documents.service import Archive

# Letters and digits that nobody confuses when reading aloud.
CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH = 12
NAMES = {
    Kind.OUTPATIENT_RECORD: "Bệnh án ngoại trú",
    Kind.PRESCRIPTION: "Đơn thuốc",
    Kind.LABORATORY_REPORT: "Phiếu kết quả xét nghiệm",
}


@dataclass(frozen=True, slots=True)
class New:
    """A paper that is about to be signed."""

    kind: Kind
    about: str
    encounter_id: str
    patient_id: str
    sheet: Signable

    @property
    def title(self) -> str:
        """What it is called in its signature."""
        return NAMES[self.kind]


@dataclass(frozen=True, slots=True)
class Draft:
    """The very page that will be signed, with its number and version."""

    new: New
    sealing: Sealing
    replaces: str | None
    content_hash: str
    pdf: bytes

    @property
    def reference(self) -> str:
        """Return the FHIR reference of the document to be."""
        return f"DocumentReference/{self.sealing.document_id}"


async def draft_of(
    tx: Tx, *, archive: "Archive", new: New, reason: str, at: datetime
) -> Draft | Document:
    """Return the page to sign, or the document in force if nothing has changed since.

    Raises ReasonMissing if it replaces a signed version.
    """
    earlier = await store.latest(tx, kind=new.kind.value, about=new.about)
    content_hash = content_hash_of(new.sheet)
    if earlier is not None:
        if earlier.content_hash == content_hash:
            return earlier
        if not reason.strip():
            raise ReasonMissing(fields={"reason": ReasonMissing.message})
    sealing = _sealing(archive, earlier, reason.strip(), at)
    return Draft(
        new=new,
        sealing=sealing,
        replaces=earlier.document_id if earlier else None,
        content_hash=content_hash,
        pdf=await pdf_of(archive, new.sheet, sealing, at),
    )


async def enter(
    tx: Tx,
    *,
    archive: "Archive",
    actor: Actor,
    draft: Draft,
    signed: SignedPdf,
    consent: Consent,
    at: datetime,
    vouch_as: SignerRole = SignerRole.AUTHOR,
) -> Document:
    """Write a signed page down as a document in force.

    The entry of the record is signed too, by the same person; where her key
    asks her each time, the organisation vouches for it (`vouch_as`).
    """
    new, sealing = draft.new, draft.sealing
    await anyio.to_thread.run_sync(archive.blobs.put, signed.content)
    document = Document(
        document_id=sealing.document_id,
        short_id=sealing.short_id,
        kind=new.kind.value,
        about=new.about,
        encounter_id=new.encounter_id,
        patient_id=new.patient_id,
        version=sealing.version,
        replaces=draft.replaces,
        reason=sealing.reason,
        sha256=signed.sha256,
        content_hash=draft.content_hash,
        size=len(signed.content),
        signer_name=signed.signer_name,
        signer_licence=actor.licence,
        facility=archive.facility.name,
        signed_at=at,
        replaced_by=None,
    )
    await store.insert(tx, document)
    await store.expect_lasting(tx, document_id=document.document_id, level=signed.level, at=at)
    author = encounters.author_of(actor)
    entry = fhir.document_reference(
        document, content=signed.content, author=author, title=new.title
    )
    vouched = await signatures.sign_resource(
        tx,
        signing=archive.signing,
        actor=actor,
        resource=orjson.loads(r4.encode(entry)),
        consent=replace(consent, secret=None, code=None),
        at=at,
        role=vouch_as,
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


async def revise(
    tx: Tx,
    *,
    archive: "Archive",
    actor: Actor,
    document: Document,
    content: bytes,
    what: str,
    level: str,
    stamped_until: datetime | None,
    at: datetime,
) -> None:
    """Hand out `content` as this document from now on; earlier revisions stay.

    `what` is "signature", "evidence" or "renewal". The entry of the record
    gets a new version with the new hash.
    """
    digest = await anyio.to_thread.run_sync(archive.blobs.put, content)
    await store.insert_revision(
        tx,
        document_id=document.document_id,
        what=what,
        level=level,
        sha256=digest,
        size=len(content),
        stamped_until=stamped_until,
        at=at,
    )
    entry = await record.read(
        tx, actor=actor, type_=r4.DocumentReference, id_=document.document_id, at=at
    )
    changed = replace(document, sha256=digest, size=len(content))
    fhir.renew_attachment(entry, changed, content=content, at=at)
    await record.save(tx, actor=actor, resources=[entry], at=at, note=f"documents.{what}")


def content_hash_of(sheet: Signable) -> str:
    """Return a hash of what a sheet says, whatever its version and moment of signing."""
    content = orjson.dumps(sheet, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def _sealing(archive: "Archive", earlier: Document | None, reason: str, at: datetime) -> Sealing:
    short_id = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    return Sealing(
        document_id=record.new_id(),
        short_id=short_id,
        address=archive.check_address(short_id),
        version=earlier.version + 1 if earlier else 1,
        reason=reason if earlier else "",
        at=at,
    )


async def pdf_of(
    archive: "Archive",
    sheet: Signable | Receipt | QueueSlip,
    sealing: Sealing | None,
    at: datetime,
) -> bytes:
    """Return a sheet as a page; without `sealing` it is a watermarked draft."""
    words = sheets.words_of(sheet, sealing, at=at)
    return await render(sheets.template_of(sheet), words, fonts=archive.fonts, at=at)

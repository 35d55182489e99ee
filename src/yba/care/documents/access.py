"""The only way to a document: who may see it, who may sign it.

Main rule: a paper is seen by whom the record shows its DocumentReference: relation, restricted
category and what the person hides decide there. Who keeps the archive sees every paper.
"""

from collections.abc import Sequence
from datetime import datetime

from yba.care.documents import store
from yba.care.documents.errors import DocumentNotFound, NotTheTreatingDoctor
from yba.care.documents.model import Document
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx

_SEE = ("documents.read", "chart.read")


def may_see(actor: Actor, patient_id: str) -> bool:
    """Whether an actor may see a patient's papers: treating staff, or the patient herself."""
    return actor.patient_id == patient_id or any(map(actor.may, _SEE))


def require_see(actor: Actor, patient_id: str) -> None:
    """Raise DocumentNotFound for whoever may not know of the document."""
    if not may_see(actor, patient_id):
        raise DocumentNotFound


def require_sign(actor: Actor, doctor_id: str) -> None:
    """Raise unless `actor` may sign and is the doctor called `doctor_id`.

    An empty `doctor_id` means that nobody has been named yet.
    """
    if not actor.may("documents.sign"):
        raise AccessRefused
    if doctor_id and actor.practitioner_id != doctor_id:
        raise NotTheTreatingDoctor


def require_release(actor: Actor) -> None:
    """Raise AccessRefused unless `actor` answers for laboratory results."""
    if not actor.may("laboratory.release"):
        raise AccessRefused


async def visible(
    tx: Tx, *, actor: Actor, documents: Sequence[Document], at: datetime
) -> list[Document]:
    """Return those of these documents that the record shows to the actor."""
    if not documents or actor.may("archive.read"):
        return list(documents)
    query = "_id=" + ",".join(one.document_id for one in documents)
    shown = await record.search(
        tx, actor=actor, type_=r4.DocumentReference, query=query, count=len(documents), at=at
    )
    ids = {one.id for one in shown}
    return [one for one in documents if one.document_id in ids]


async def visible_document(tx: Tx, *, actor: Actor, document_id: str, at: datetime) -> Document:
    """Return a document that the actor may see. Raises DocumentNotFound."""
    found = await store.document(tx, document_id)
    if found is None:
        raise DocumentNotFound
    require_see(actor, found.patient_id)
    if not await visible(tx, actor=actor, documents=[found], at=at):
        raise DocumentNotFound
    return found

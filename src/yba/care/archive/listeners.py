"""How visits and papers reach the archive: after commit, at least once, so each step may repeat."""

from collections.abc import Awaitable, Callable

from yba.care.archive import service, store
from yba.care.archive.events import RecordDestroyed
from yba.care.archive.model import State
from yba.care.documents.events import DocumentSigned
from yba.care.encounters.events import VisitCancelled, VisitOpened, VisitReopened, VisitStarted
from yba.kernel.actor import Actor
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Tx

_ACTOR = Actor.system("archive")
_LATE = "signed after archiving"


async def begin(tx: Tx, event: VisitOpened) -> None:
    """Every visit has a medical record."""
    await service.begin(
        tx,
        actor=_ACTOR,
        encounter_id=event.encounter_id,
        patient_id=event.patient_id,
        claim_key=event.claim_key,
        at=event.at,
    )


async def start(tx: Tx, event: VisitStarted) -> None:
    """Treatment began."""
    await service.start(tx, actor=_ACTOR, encounter_id=event.encounter_id, at=event.at)


async def cancel(tx: Tx, event: VisitCancelled) -> None:
    """A visit opened by mistake leaves a record with a visible mark."""
    found = await store.record(tx, event.encounter_id)
    if found is not None and not found.cancelled and found.state in (State.DRAFT, State.ACTIVE):
        await service.cancel_mark(
            tx, actor=_ACTOR, encounter_id=event.encounter_id, reason="visit cancelled", at=event.at
        )


async def reopen(tx: Tx, event: VisitReopened) -> None:
    """A visit that is being corrected has an open record."""
    found = await store.record(tx, event.encounter_id)
    if found is not None and found.state == State.CLOSED:
        await service.reopen_record(
            tx, actor=_ACTOR, encounter_id=event.encounter_id, reason=event.reason, at=event.at
        )


async def receive_paper(tx: Tx, event: DocumentSigned) -> None:
    """What is signed after archiving is an annex beside the record, not a part of it."""
    found = await store.record(tx, event.encounter_id)
    if found is not None and found.state == State.ARCHIVED:
        await service.add_annex(
            tx,
            actor=_ACTOR,
            encounter_id=event.encounter_id,
            document_id=event.document_id,
            reason=_LATE,
            at=event.at,
        )


def remove_files(blobs: BlobStore) -> Callable[[Tx, RecordDestroyed], Awaitable[None]]:
    """Return the listener that removes the files of destroyed records."""

    async def remove(_tx: Tx, event: RecordDestroyed) -> None:
        for digest in event.files:
            blobs.remove(digest)

    return remove

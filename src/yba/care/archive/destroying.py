"""Destruction when the period has passed: list, approval by somebody else, destruction, minutes.

What is destroyed: the visit's part of the record with every version, its papers and their files,
and the private part of the audit entries that are about it alone. What remains: that it was
destroyed, on which list, by whom, under which approval. Copies on paper and backups are named in
the minutes for those who must destroy them by hand.
"""

import hashlib
from datetime import datetime

from yba.care.archive import store
from yba.care.archive.access import require
from yba.care.archive.errors import (
    ArchiveReasonMissing,
    NotApproved,
    NotDue,
    NothingDue,
    RecordHeld,
    RecordNotFound,
    SamePerson,
)
from yba.care.archive.events import RecordDestroyed
from yba.care.archive.model import KIND_WORDS, Destruction, Line, Record, State
from yba.care.documents import service as documents
from yba.care.documents.service import Archive
from yba.foundation.audit import service as audit
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import local, local_date
from yba.kernel.ids import new_id
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

_MOST = 1000
_TRACES = 500


async def due_records(tx: Tx, *, actor: Actor, at: datetime) -> list[Record]:
    """Return archived records whose period has passed, not held, on no list; oldest first."""
    require(actor, "archive.read")
    return await store.due(tx, on=local_date(at), limit=_MOST)


async def destructions(tx: Tx, *, actor: Actor) -> list[Destruction]:
    """Return the lists for destruction, newest first."""
    require(actor, "archive.read")
    return await store.destructions(tx)


async def lines_of(tx: Tx, *, actor: Actor, destruction_id: str) -> tuple[Destruction, list[Line]]:
    """Return a list with its records. Raises RecordNotFound."""
    require(actor, "archive.read")
    found = await store.destruction(tx, destruction_id)
    if found is None:
        raise RecordNotFound
    return found, await store.lines(tx, destruction_id)


async def propose_destruction(tx: Tx, *, actor: Actor, reason: str, at: datetime) -> str:
    """Make a list of all records that are due; return its id.

    Raises NothingDue, ArchiveReasonMissing, AccessRefused.
    """
    require(actor, "archive.manage")
    if not reason.strip():
        raise ArchiveReasonMissing(fields={"reason": ArchiveReasonMissing.message})
    found = await store.due(tx, on=local_date(at), limit=_MOST)
    if not found:
        raise NothingDue
    destruction_id = new_id()
    await store.propose(
        tx,
        destruction_id=destruction_id,
        who=(actor.account_id, actor.name),
        reason=reason.strip(),
        records=found,
        at=at,
    )
    await _trace(tx, actor, "archive.propose_destruction", destruction_id, at)
    return destruction_id


async def approve_destruction(tx: Tx, *, actor: Actor, destruction_id: str, at: datetime) -> None:
    """The head of the facility approves a list; again changes nothing.

    Raises SamePerson for whoever made the list, RecordNotFound, AccessRefused.
    """
    require(actor, "archive.approve")
    found = await store.destruction(tx, destruction_id, lock=True)
    if found is None:
        raise RecordNotFound
    if found.proposed_by == actor.account_id:
        raise SamePerson
    who = (actor.account_id, actor.name)
    if await store.approve(tx, destruction_id, who=who, at=at):
        await _trace(tx, actor, "archive.approve_destruction", destruction_id, at)


async def carry_out(
    tx: Tx, *, archive: Archive, actor: Actor, destruction_id: str, at: datetime
) -> str:
    """Destroy the records of an approved list; return the hash of the signed minutes.

    All or nothing, in one transaction: a record that was held or whose period was raised since
    stops the whole list. The files go after the commit. Again changes nothing.
    Raises NotApproved, RecordHeld, NotDue, RecordNotFound, AccessRefused.
    """
    require(actor, "archive.destroy")
    found = await store.destruction(tx, destruction_id, lock=True)
    if found is None:
        raise RecordNotFound
    if found.minutes is not None:
        return found.minutes
    if found.approved_at is None:
        raise NotApproved
    lines = await store.lines(tx, destruction_id)
    resources = papers = 0
    for line in lines:
        await _check(tx, line, at)
    for line in lines:
        gone, files = await _destroy(tx, actor, line, destruction_id, at)
        resources += gone
        papers += files
    minutes = await documents.signed_paper(
        tx,
        archive=archive,
        actor=actor,
        template="destruction_minutes",
        words=_minutes_words(archive, found, lines, actor, (resources, papers), at),
        title="Biên bản tiêu hủy hồ sơ bệnh án",
        reference=f"List/{destruction_id}",
        at=at,
    )
    digest = hashlib.sha256(minutes).hexdigest()
    await store.done(
        tx, destruction_id, who=(actor.account_id, actor.name), resources=resources,
        documents=papers, minutes=digest, at=at,
    )  # fmt: skip
    await _trace(tx, actor, "archive.destroy", destruction_id, at)
    return digest


async def minutes_of(tx: Tx, *, archive: Archive, actor: Actor, destruction_id: str) -> bytes:
    """Return the signed minutes of a destruction. Raises RecordNotFound, BlobDamaged."""
    require(actor, "archive.read")
    found = await store.destruction(tx, destruction_id)
    if found is None or found.minutes is None:
        raise RecordNotFound
    return archive.blobs.get(found.minutes)


async def _check(tx: Tx, line: Line, at: datetime) -> None:
    found = await store.record(tx, line.encounter_id, lock=True)
    if found is None or found.state != State.ARCHIVED:
        raise RecordNotFound
    if found.held:
        raise RecordHeld
    if not found.is_due(local_date(at)):
        raise NotDue


async def _destroy(
    tx: Tx, actor: Actor, line: Line, destruction_id: str, at: datetime
) -> tuple[int, int]:
    """Remove one record; return how many resources and papers went."""
    found = await store.record(tx, line.encounter_id)
    assert found is not None
    references = await record.erase_visit(
        tx, actor=actor, encounter_id=line.encounter_id, patient_id=found.patient_id, at=at
    )
    files = await documents.erase_papers(tx, encounter_id=line.encounter_id)
    await _erase_traces(tx, actor, found.patient_id, set(references), at)
    await store.destroyed(tx, line.encounter_id, at)
    await store.add_step(
        tx, line.encounter_id, what="destroy", state=State.DESTROYED, reason=destruction_id,
        who=(actor.account_id, actor.name), at=at,
    )  # fmt: skip
    await publish(tx, RecordDestroyed(encounter_id=line.encounter_id, files=tuple(files), at=at))
    return len(references), len(files)


async def _erase_traces(
    tx: Tx, actor: Actor, patient_id: str, gone: set[str], at: datetime
) -> None:
    """Empty the private part of the audit entries that are about destroyed resources alone."""
    before: int | None = None
    while traces := await audit.who_looked(tx, patient_id=patient_id, limit=_TRACES, before=before):
        before = traces[-1].id
        about = [one.id for one in traces if one.resources and set(one.resources) <= gone]
        if about:
            await audit.erase(tx, actor=actor, event_ids=about, at=at)


def _minutes_words(
    archive: Archive,
    found: Destruction,
    lines: list[Line],
    actor: Actor,
    counts: tuple[int, int],
    at: datetime,
) -> dict[str, object]:
    assert found.approved_at is not None
    return {
        "facility": {
            "name": archive.facility.name,
            "authority": archive.facility.authority,
            "contact": archive.facility.address,
            "code": archive.facility.code,
        },
        "number": found.destruction_id,
        "at": f"{local(at):%H:%M ngày %d/%m/%Y}",
        "reason": found.reason,
        "proposer": found.proposer,
        "proposed_at": f"{local(found.proposed_at):%d/%m/%Y}",
        "approver": found.approver or "",
        "approved_at": f"{local(found.approved_at):%d/%m/%Y}",
        "executor": actor.name,
        "resources": str(counts[0]),
        "papers": str(counts[1]),
        "lines": [
            {
                "key": one.claim_key,
                "kind": _KIND_VI.get(one.retention, one.retention),
                "until": f"{one.keep_until:%d/%m/%Y}",
            }
            for one in lines
        ],
    }


# The minutes are a Vietnamese paper, whatever the language of the screen.
_KIND_VI = {
    "ordinary": "Nội trú, ngoại trú thông thường",
    "psychiatric": "Tâm thần",
    "work-accident": "Tai nạn lao động",
    "traffic-accident": "Tai nạn giao thông",
    "aesthetic-surgery": "Phẫu thuật thẩm mỹ",
    "transplant": "Ghép, hiến mô tạng",
    "death": "Tử vong",
}
assert _KIND_VI.keys() <= KIND_WORDS.keys()


async def _trace(tx: Tx, actor: Actor, what: str, destruction_id: str, at: datetime) -> None:
    await audit.record(
        tx, actor=actor, action="E", what=what, at=at, references=[f"List/{destruction_id}"]
    )

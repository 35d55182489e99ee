"""The verbs of clinics, tickets, queues and boards.

A queue is work of kind "visit" at the place of a clinic, so boards hear of
every change through channel `work` at commit.
"""

from dataclasses import replace
from datetime import datetime

from yba.care.scheduling import fhir, store
from yba.care.scheduling.errors import (
    ClinicClosed,
    ClinicCodeInUse,
    ClinicNotFound,
    QueueEmpty,
    TicketNotFound,
)
from yba.care.scheduling.model import (
    BoardClinic,
    Clinic,
    ClinicLoad,
    PriorityLimits,
    PriorityReason,
    QueueEntry,
    Ticket,
    priority_of,
    queue_since,
    ticket_number,
)
from yba.foundation.audit import service as audit
from yba.foundation.record import service as record
from yba.foundation.rules import service as rules
from yba.foundation.work import service as work
from yba.foundation.work.model import WorkItem
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_id
from yba.plumbing.database import Tx

KIND = "visit"
_SHOWN_ON_BOARD = 5


async def add_clinic(tx: Tx, *, actor: Actor, clinic: Clinic, at: datetime) -> str:
    """Add or change a clinic and its Location, and return its id.

    An empty `clinic_id` means a new one. Raises ClinicCodeInUse.
    """
    kept = clinic if clinic.clinic_id else replace(clinic, clinic_id=new_id())
    if await store.is_code_taken(tx, kept):
        raise ClinicCodeInUse
    await store.put_clinic(tx, kept)
    await record.save(
        tx, actor=actor, resources=[fhir.location_of(kept)], at=at, note="scheduling.add_clinic"
    )
    return kept.clinic_id


async def set_clinic_open(
    tx: Tx, *, actor: Actor, clinic_id: str, is_open: bool, at: datetime
) -> None:
    """Open or close a clinic for new tickets; those waiting stay."""
    known = await clinic(tx, clinic_id=clinic_id)
    await add_clinic(tx, actor=actor, clinic=replace(known, open=is_open), at=at)


async def clinics(tx: Tx, *, facility_code: str | None = None) -> list[Clinic]:
    """Return all clinics in the order of the desk."""
    return await store.clinics(tx, facility_code=facility_code)


async def clinic(tx: Tx, *, clinic_id: str) -> Clinic:
    """Return one clinic. Raises ClinicNotFound."""
    found = await store.clinics(tx, clinic_id=clinic_id)
    if not found:
        raise ClinicNotFound
    return found[0]


async def clinics_with_load(
    tx: Tx, *, at: datetime, facility_code: str | None = None
) -> list[ClinicLoad]:
    """Return clinics with the length of their queues now, in one statement."""
    return await store.load(tx, since=queue_since(at), facility_code=facility_code)


async def issue_ticket(
    tx: Tx,
    *,
    actor: Actor,
    clinic_id: str,
    patient_id: str,
    encounter_id: str,
    at: datetime,
    birth_date: str = "",
    priority: PriorityReason = PriorityReason.NONE,
) -> Ticket:
    """Issue the clinic's next number of the local day.

    Numbers are unique and without gaps: the counter row stays locked until
    `tx` ends, so call this last. Raises ClinicNotFound, ClinicClosed.
    """
    place = await clinic(tx, clinic_id=clinic_id)
    if not place.open:
        raise ClinicClosed
    day = local_date(at)
    limits = PriorityLimits(
        child_under_years=int(rules.limit("queue.child_under_years", day)),
        elderly_from_years=int(rules.limit("queue.elderly_from_years", day)),
    )
    rank, why = priority_of(priority, birth_date, day, limits)
    sequence = await store.next_number(tx, clinic_id=clinic_id, day=day)
    item_id = await work.add(
        tx,
        actor=actor,
        kind=KIND,
        place=clinic_id,
        at=at,
        patient_id=patient_id,
        focus=f"Encounter/{encounter_id}" if encounter_id else "",
        number=ticket_number(place.ticket_prefix, sequence),
        priority=rank,
    )
    await store.add_ticket(
        tx,
        item_id=item_id,
        clinic_id=clinic_id,
        day=day,
        sequence=sequence,
        encounter_id=encounter_id,
        patient_id=patient_id,
        priority_reason=why.value,
        at=at,
    )
    return await ticket(tx, item_id=item_id)


async def ticket(tx: Tx, *, item_id: int) -> Ticket:
    """Return a ticket with how many wait before it now. Raises TicketNotFound."""
    found = await store.ticket(tx, item_id=item_id)
    if found is None:
        raise TicketNotFound
    return found


async def ticket_of_visit(tx: Tx, *, encounter_id: str) -> Ticket | None:
    """Return the newest ticket of a visit."""
    return await store.ticket(tx, encounter_id=encounter_id)


async def call_next(tx: Tx, *, actor: Actor, clinic_id: str, at: datetime) -> QueueEntry:
    """Call the first waiting patient; two callers never get the same one.

    Raises QueueEmpty if nobody waits.
    """
    item = await work.claim_next(tx, actor=actor, kind=KIND, place=clinic_id, at=at)
    if item is None:
        raise QueueEmpty
    return await _called(tx, actor, item, at, "scheduling.call_next")


async def call(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> QueueEntry:
    """Call one patient, or call once more; also one who was absent."""
    item = await work.claim(tx, actor=actor, item_id=item_id, at=at)
    return await _called(tx, actor, item, at, "scheduling.call")


async def mark_absent(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> None:
    """Nobody came when the number was called; it can be called again."""
    item = await work.miss(tx, actor=actor, item_id=item_id, at=at)
    await _audit(tx, actor, item, at, "scheduling.mark_absent")


async def return_to_queue(
    tx: Tx, *, actor: Actor, item_id: int, at: datetime, reason: str = ""
) -> None:
    """Let the patient wait again, in the old place of the order."""
    item = await work.put_back(tx, actor=actor, item_id=item_id, at=at, reason=reason)
    await _audit(tx, actor, item, at, "scheduling.return_to_queue")


async def transfer(
    tx: Tx, *, actor: Actor, item_id: int, clinic_id: str, at: datetime, reason: str = ""
) -> Ticket:
    """Send a waiting patient to another clinic under a number of that clinic.

    Raises ClinicNotFound, ClinicClosed.
    """
    place = await clinic(tx, clinic_id=clinic_id)
    if not place.open:
        raise ClinicClosed
    day = local_date(at)
    sequence = await store.next_number(tx, clinic_id=clinic_id, day=day)
    number = ticket_number(place.ticket_prefix, sequence)
    item = await work.move(
        tx, actor=actor, item_id=item_id, place=clinic_id, at=at, number=number, reason=reason
    )
    await store.move_ticket(tx, item_id=item_id, clinic_id=clinic_id, day=day, sequence=sequence)
    await _audit(tx, actor, item, at, "scheduling.transfer")
    return await ticket(tx, item_id=item_id)


async def start(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> WorkItem:
    """The patient is in the room."""
    return await work.start(tx, actor=actor, item_id=item_id, at=at)


async def finish(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> WorkItem:
    """The patient has left the room."""
    return await work.finish(tx, actor=actor, item_id=item_id, at=at)


async def cancel_ticket(
    tx: Tx, *, actor: Actor, item_id: int, at: datetime, reason: str = ""
) -> None:
    """The patient will not come; the number is not given again."""
    item = await work.cancel(tx, actor=actor, item_id=item_id, at=at, reason=reason)
    await _audit(tx, actor, item, at, "scheduling.cancel_ticket")


async def queue(
    tx: Tx, *, clinic_id: str | None, at: datetime, mine_of: str | None = None
) -> list[QueueEntry]:
    """Return the open tickets of a clinic, in the room first, in one statement.

    `mine_of` is an account: others' patients in the room are then left out.
    """
    return await store.queue(tx, since=queue_since(at), clinic_id=clinic_id, account_id=mine_of)


async def board(tx: Tx, *, at: datetime, clinic_ids: list[str] | None = None) -> list[BoardClinic]:
    """Return what the public board shows: numbers only, in one statement."""
    return await store.board(tx, since=queue_since(at), clinic_ids=clinic_ids, show=_SHOWN_ON_BOARD)


async def _called(tx: Tx, actor: Actor, item: WorkItem, at: datetime, what: str) -> QueueEntry:
    await store.note_call(tx, item_id=item.item_id, at=at)
    await _audit(tx, actor, item, at, what)
    entries = await store.queue(tx, since=item.created_at, item_id=item.item_id)
    if not entries:
        raise TicketNotFound
    return entries[0]


async def _audit(tx: Tx, actor: Actor, item: WorkItem, at: datetime, what: str) -> None:
    await audit.record(
        tx,
        actor=actor,
        action="E",
        what=what,
        at=at,
        patient_id=item.patient_id or None,
        references=[item.focus] if item.focus else [],
    )

"""The verbs of the archive: complete, archive, keep, hold, let read. Destruction: `destroying`.

Every verb locks the record, adds a step, and is audited in the caller's transaction.
"""

from collections.abc import Sequence
from datetime import date, datetime

from yba.care.archive import store
from yba.care.archive.access import readable_record, require, require_copy
from yba.care.archive.completing import gaps
from yba.care.archive.destroying import (
    approve_destruction,
    carry_out,
    destructions,
    due_records,
    lines_of,
    minutes_of,
    propose_destruction,
)
from yba.care.archive.errors import (
    ArchiveReasonMissing,
    NoSuchWay,
    NotComplete,
    RecordIsArchived,
    RecordNotFound,
    UnknownCircumstance,
)
from yba.care.archive.events import RecordArchived
from yba.care.archive.model import (
    GROUND_WORDS,
    KIND_WORDS,
    READ_ON_THE_SPOT,
    Gap,
    Hold,
    Keeping,
    Record,
    State,
    Step,
    circumstances,
    keeping,
)
from yba.care.documents import service as documents
from yba.care.encounters import service as encounters
from yba.care.encounters.model import VisitView
from yba.care.orders import service as orders
from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Action
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

__all__ = [
    "closed_for_good",
    "add_annex", "add_circumstance", "allow_reading", "approve_destruction", "archive_record",
    "begin", "cancel_mark", "carry_out", "circumstances_of", "close_record", "destructions",
    "due_records", "hand_over", "holds", "lift_hold", "lines_of", "minutes_of", "missing",
    "place_hold", "propose_destruction", "record", "records", "reopen_record", "restore_record",
    "start", "steps",
]  # fmt: skip

_PAGE = 50


async def begin(
    tx: Tx, *, actor: Actor, encounter_id: str, patient_id: str, claim_key: str, at: datetime
) -> None:
    """A visit was opened: its record exists from now on. Again changes nothing."""
    added = await store.begin(
        tx, encounter_id=encounter_id, patient_id=patient_id, claim_key=claim_key, at=at
    )
    if added:
        await _step(tx, actor, encounter_id, "begin", State.DRAFT, "", at)


async def start(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> None:
    """Treatment began. Again changes nothing."""
    found = await store.record(tx, encounter_id, lock=True)
    if found is not None and found.state == State.DRAFT:
        await store.move(tx, encounter_id, State.ACTIVE, at)
        await _step(tx, actor, encounter_id, "activate", State.ACTIVE, "", at)


async def record(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> Record:
    """Return a record; the look is audited. Raises RecordNotFound."""
    found = await readable_record(tx, actor=actor, encounter_id=encounter_id, at=at)
    await _trace(tx, actor, "R", "archive.read", found, at)
    return found


async def records(
    tx: Tx,
    *,
    actor: Actor,
    state: str = "",
    key: str = "",
    held: bool = False,
    due_on: date | None = None,
    page: int = 1,
) -> tuple[list[Record], bool]:
    """Return one page of 50 records, newest first, and whether there are more.

    `key` is a claim key or a visit's id, whole. Raises AccessRefused.
    """
    require(actor, "archive.read")
    found = await store.listed(
        tx,
        state=state if state in set(State) else "",
        key=key,
        held=held,
        due_on=due_on,
        limit=_PAGE + 1,
        offset=(max(page, 1) - 1) * _PAGE,
    )
    return found[:_PAGE], len(found) > _PAGE


async def steps(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> list[Step]:
    """Return what happened to a record. Raises RecordNotFound."""
    await readable_record(tx, actor=actor, encounter_id=encounter_id, at=at)
    return await store.steps(tx, encounter_id)


async def holds(tx: Tx, *, actor: Actor, encounter_id: str | None = None) -> list[Hold]:
    """Return the holds in force, of one record also those that ended."""
    require(actor, "archive.read")
    return await store.holds(tx, encounter_id=encounter_id, ended=encounter_id is not None)


async def missing(
    tx: Tx, *, actor: Actor, encounter_id: str, at: datetime
) -> tuple[VisitView, tuple[Gap, ...]]:
    """Return the visit and what its record still lacks. Raises RecordNotFound."""
    await readable_record(tx, actor=actor, encounter_id=encounter_id, at=at)
    return await _gaps(tx, encounter_id, at)


async def _gaps(tx: Tx, encounter_id: str, at: datetime) -> tuple[VisitView, tuple[Gap, ...]]:
    # The check reads for the archive: who may see the record may know what it lacks.
    reader = Actor.system("archive")
    view = await encounters.visit(tx, actor=reader, encounter_id=encounter_id, at=at)
    papers = await documents.documents_of(tx, actor=reader, encounter_id=encounter_id, at=at)
    issued = await orders.prescriptions_of(tx, actor=reader, encounter_id=encounter_id, at=at)
    return view, gaps(view, papers, issued)


async def close_record(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> None:
    """The treating doctor declares the record complete.

    Raises RecordNotFound, AccessRefused, NoSuchWay, NotComplete with every gap.
    """
    require(actor, "archive.complete")
    found = await _locked(tx, actor, encounter_id, at)
    if found.state != State.ACTIVE or found.cancelled:
        raise NoSuchWay
    view = await _require_complete(tx, encounter_id, at)
    ended = local_date(view.closed_at or at)
    for kind in sorted(
        circumstances(
            outcome=view.closing.outcome if view.closing else "",
            injury_cause=view.injury_cause,
            diagnoses=[one.code for one in view.diagnoses],
        )
    ):
        await store.add_circumstance(tx, encounter_id, kind, "visit", at)
    await store.move(tx, encounter_id, State.CLOSED, at)
    await _keep(tx, encounter_id, ended, at)
    await _step(tx, actor, encounter_id, "close", State.CLOSED, "", at)
    await _trace(tx, actor, "U", "archive.close", found, at)


async def _require_complete(tx: Tx, encounter_id: str, at: datetime) -> VisitView:
    view, found = await _gaps(tx, encounter_id, at)
    if found:
        raise NotComplete(fields={f"{n}.{gap.code}": gap.sentence for n, gap in enumerate(found)})
    return view


async def _keep(tx: Tx, encounter_id: str, ended_on: date, at: datetime) -> Keeping:
    kept = keeping(await store.circumstances(tx, encounter_id), ended_on=ended_on)
    await store.keep(
        tx, encounter_id, ended_on=ended_on, retention=kept.kind, until=kept.keep_until, at=at
    )
    return kept


async def reopen_record(
    tx: Tx, *, actor: Actor, encounter_id: str, reason: str, at: datetime
) -> None:
    """Take up a closed record again, to correct it. An archived one stays as it is.

    Raises ArchiveReasonMissing, RecordNotFound, RecordIsArchived, NoSuchWay, AccessRefused.
    """
    require(actor, "archive.complete")
    found = await _locked(tx, actor, encounter_id, at)
    if found.state in (State.ARCHIVED, State.DESTROYED):
        raise RecordIsArchived
    if found.state != State.CLOSED:
        raise NoSuchWay
    why = _required(reason)
    await store.move(tx, encounter_id, State.ACTIVE, at)
    await _step(tx, actor, encounter_id, "reopen", State.ACTIVE, why, at)
    await _trace(tx, actor, "U", "archive.reopen", found, at)


async def archive_record(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> None:
    """Take a complete record into the archive: from now on it is immutable.

    Raises RecordNotFound, AccessRefused, NoSuchWay, NotComplete (a result came after closing).
    """
    require(actor, "archive.manage")
    found = await _locked(tx, actor, encounter_id, at)
    if found.state != State.CLOSED:
        raise NoSuchWay
    await _require_complete(tx, encounter_id, at)
    await store.move(tx, encounter_id, State.ARCHIVED, at)
    await _step(tx, actor, encounter_id, "archive", State.ARCHIVED, "", at)
    await _trace(tx, actor, "U", "archive.archive", found, at)
    await publish(tx, RecordArchived(encounter_id=encounter_id, patient_id=found.patient_id, at=at))


async def add_annex(
    tx: Tx, *, actor: Actor, encounter_id: str, document_id: str, reason: str, at: datetime
) -> bool:
    """Put a signed paper beside an archived record; return whether it is new.

    Raises RecordNotFound, NoSuchWay, DocumentNotFound, ArchiveReasonMissing.
    """
    found = await _locked(tx, actor, encounter_id, at)
    if found.state != State.ARCHIVED:
        raise NoSuchWay
    paper = await documents.document(tx, actor=actor, document_id=document_id, at=at)
    if paper.encounter_id != encounter_id:
        raise RecordNotFound
    why = _required(reason)
    if not await store.add_annex(tx, encounter_id, document_id=document_id, reason=why, at=at):
        return False
    await _step(tx, actor, encounter_id, "annex", State.ARCHIVED, why, at)
    await _trace(tx, actor, "U", "archive.annex", found, at)
    return True


async def cancel_mark(
    tx: Tx, *, actor: Actor, encounter_id: str, reason: str, at: datetime
) -> None:
    """Mark a record as cancelled: everybody sees it, nothing is removed.

    Raises RecordNotFound, AccessRefused, RecordIsArchived, NoSuchWay, ArchiveReasonMissing.
    """
    require(actor, "archive.manage")
    found = await _locked(tx, actor, encounter_id, at)
    if found.state in (State.ARCHIVED, State.DESTROYED):
        raise RecordIsArchived
    if found.cancelled:
        raise NoSuchWay
    why = _required(reason)
    await store.mark_cancelled(tx, encounter_id, True, at)
    await _step(tx, actor, encounter_id, "cancel", State(found.state), why, at)
    await _trace(tx, actor, "U", "archive.cancel", found, at)


async def restore_record(
    tx: Tx, *, actor: Actor, encounter_id: str, reason: str, at: datetime
) -> None:
    """Take the mark of cancellation away; a right of its own (Circular 13/2025/TT-BYT).

    Raises RecordNotFound, AccessRefused, NoSuchWay, ArchiveReasonMissing.
    """
    require(actor, "archive.restore")
    found = await _locked(tx, actor, encounter_id, at)
    if not found.cancelled:
        raise NoSuchWay
    why = _required(reason)
    await store.mark_cancelled(tx, encounter_id, False, at)
    await _step(tx, actor, encounter_id, "restore", State(found.state), why, at)
    await _trace(tx, actor, "U", "archive.restore", found, at)


async def add_circumstance(
    tx: Tx, *, actor: Actor, encounter_id: str, kind: str, at: datetime
) -> None:
    """Enter a fact that may keep the record longer (death, transplant, incident …).

    It never makes the period shorter. Raises UnknownCircumstance, RecordNotFound, AccessRefused.
    """
    require(actor, "archive.manage")
    if kind not in KIND_WORDS or kind in ("register", "health-check", "health-book", "ordinary"):
        raise UnknownCircumstance
    found = await _locked(tx, actor, encounter_id, at)
    if found.state == State.DESTROYED:
        raise NoSuchWay
    if not await store.add_circumstance(tx, encounter_id, kind, "person", at):
        return
    if found.ended_on is not None:
        await _keep(tx, encounter_id, found.ended_on, at)
    await _step(tx, actor, encounter_id, "raise-retention", State(found.state), kind, at)
    await _trace(tx, actor, "U", "archive.raise_retention", found, at)


async def circumstances_of(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> list[str]:
    """Return the kinds that apply to a record beside the ordinary one."""
    await readable_record(tx, actor=actor, encounter_id=encounter_id, at=at)
    return await store.circumstances(tx, encounter_id)


async def place_hold(
    tx: Tx, *, actor: Actor, encounter_id: str, ordered_by: str, reason: str, at: datetime
) -> str:
    """Block the destruction of a record by order of somebody; return the hold's id.

    Raises ArchiveReasonMissing, RecordNotFound, NoSuchWay (destroyed), AccessRefused.
    """
    require(actor, "archive.manage")
    found = await _locked(tx, actor, encounter_id, at)
    if found.state == State.DESTROYED:
        raise NoSuchWay
    who, why = _required(ordered_by), _required(reason)
    hold_id = new_id()
    await store.add_hold(
        tx, hold_id=hold_id, encounter_id=encounter_id, ordered_by=who, reason=why,
        account=actor.account_id, at=at,
    )  # fmt: skip
    await _step(tx, actor, encounter_id, "hold", State(found.state), why, at)
    await _trace(tx, actor, "U", "archive.hold", found, at)
    return hold_id


async def lift_hold(
    tx: Tx, *, actor: Actor, encounter_id: str, hold_id: str, reason: str, at: datetime
) -> None:
    """End a hold. Raises ArchiveReasonMissing, RecordNotFound, NoSuchWay, AccessRefused."""
    require(actor, "archive.manage")
    found = await _locked(tx, actor, encounter_id, at)
    known = {one.hold_id for one in await store.holds(tx, encounter_id=encounter_id)}
    why = _required(reason)
    if hold_id not in known or not await store.end_hold(
        tx, hold_id=hold_id, reason=why, account=actor.account_id, at=at
    ):
        raise NoSuchWay
    await _step(tx, actor, encounter_id, "lift-hold", State(found.state), why, at)
    await _trace(tx, actor, "U", "archive.lift_hold", found, at)


async def allow_reading(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    account_id: str,
    ground: str,
    purpose: str,
    until: datetime,
    at: datetime,
    may_copy: bool = False,
) -> None:
    """Let an account read one record on a ground of the law, until a moment.

    Grounds "on the spot" never allow copies. Raises UnknownCircumstance for another ground,
    ArchiveReasonMissing, NoSuchWay for an end that has passed, RecordNotFound, AccessRefused.
    Source: Law 15/2023/QH15 art. 69.
    """
    require(actor, "archive.manage")
    if ground not in GROUND_WORDS:
        raise UnknownCircumstance
    if until <= at:
        raise NoSuchWay
    found = await _locked(tx, actor, encounter_id, at)
    why = _required(purpose)
    await store.add_reader(
        tx, reader_id=new_id(), encounter_id=encounter_id, account_id=account_id, ground=ground,
        may_copy=may_copy and ground not in READ_ON_THE_SPOT, purpose=why,
        given_by=actor.account_id, at=at, until=until,
    )  # fmt: skip
    await _step(tx, actor, encounter_id, "reader", State(found.state), why, at)
    await _trace(tx, actor, "U", "archive.allow_reading", found, at)


async def hand_over(
    tx: Tx, *, actor: Actor, encounter_id: str, request: str, at: datetime
) -> Record:
    """Note that a copy leaves on a written request; call before making it.

    `request` is the number and date of the request (Form 04 of Circular 25/2025). The patient
    herself needs none for her own copy. Raises RecordNotFound, CopyNotAllowed,
    ArchiveReasonMissing.
    """
    found = await readable_record(tx, actor=actor, encounter_id=encounter_id, at=at, lock=True)
    if found.state == State.DESTROYED:
        raise RecordNotFound
    await require_copy(tx, actor=actor, found=found, at=at)
    own = bool(found.patient_id) and actor.patient_id == found.patient_id
    why = request.strip() if own else _required(request)
    await _step(tx, actor, encounter_id, "hand-over", State(found.state), why, at)
    await _trace(tx, actor, "E", "archive.hand_over", found, at)
    return found


async def _locked(tx: Tx, actor: Actor, encounter_id: str, at: datetime) -> Record:
    return await readable_record(tx, actor=actor, encounter_id=encounter_id, at=at, lock=True)


def _required(reason: str) -> str:
    text = reason.strip()
    if not text:
        raise ArchiveReasonMissing(fields={"reason": ArchiveReasonMissing.message})
    return text


async def _step(
    tx: Tx, actor: Actor, encounter_id: str, what: str, state: State, reason: str, at: datetime
) -> None:
    who = (actor.account_id, actor.name)
    await store.add_step(tx, encounter_id, what=what, state=state, reason=reason, who=who, at=at)


async def _trace(
    tx: Tx, actor: Actor, action: Action, what: str, found: Record, at: datetime
) -> None:
    await audit.record(
        tx,
        actor=actor,
        action=action,
        what=what,
        at=at,
        patient_id=found.patient_id or None,
        references=[f"Encounter/{found.encounter_id}"],
    )


async def closed_for_good(tx: Tx, encounter_ids: Sequence[str]) -> dict[str, Refusal]:
    """Return why nothing of these visits may be changed by a program, for those that are archived."""
    closed = await store.closed_for_good(tx, encounter_ids=encounter_ids)
    return {encounter_id: RecordIsArchived() for encounter_id in closed}

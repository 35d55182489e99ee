"""How a visit ends: closed complete, reopened for correction, or cancelled."""

from datetime import datetime

from yba.care.encounters import fhir, store
from yba.care.encounters import view as views
from yba.care.encounters.access import locked_visit, writable_visit
from yba.care.encounters.errors import (
    ReasonMissing,
    VisitDetailsWrong,
    VisitNotCancellable,
    VisitNotClosed,
    VisitNotComplete,
    VisitNotFound,
)
from yba.care.encounters.events import VisitCancelled, VisitClosed, VisitReopened
from yba.care.encounters.model import Closing, VisitState, VisitView
from yba.care.encounters.store import VisitRow
from yba.care.scheduling import service as scheduling
from yba.fhir import r4
from yba.foundation.access import service as access
from yba.foundation.record import service as record
from yba.foundation.terminology import service as terminology
from yba.foundation.work import service as work
from yba.foundation.work.model import OPEN_STATES
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_
from yba.plumbing.outbox import publish

_OUTCOME = N_("This outcome is not in the list in force.")
_DISCHARGE = N_("This way of leaving is not in the list in force.")
_DESTINATION = N_("A transfer needs the code of the receiving facility.")
_TRANSFERS = ("2", "5")


async def close_visit(
    tx: Tx, *, actor: Actor, encounter_id: str, closing: Closing, at: datetime
) -> None:
    """Close a visit that has all that the record and the claim need.

    Raises VisitNotComplete whose `fields` name what is missing, AccessRefused,
    VisitNotFound, VisitClosedAlready.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    await _check(tx, closing, at)
    view, encounter = await _view(tx, actor, row, at)
    if view.missing:
        fields = {f"missing_{n}": msgid for n, msgid in enumerate(view.missing, 1)}
        raise VisitNotComplete(fields=fields, count=len(view.missing))
    await record.save(
        tx,
        actor=actor,
        resources=[fhir.closed(encounter, closing, at)],
        at=at,
        note="encounters.close_visit",
    )
    await store.set_state(
        tx, encounter_id=encounter_id, state=VisitState.FINISHED.value, closed_at=at
    )
    await access.end(tx, why=f"Encounter/{encounter_id}", at=at)
    if row.item_id is not None and await _is_open(tx, row.item_id):
        await scheduling.finish(tx, actor=actor, item_id=row.item_id, at=at)
    await publish(
        tx,
        VisitClosed(
            encounter_id=encounter_id,
            claim_key=row.claim_key,
            patient_id=row.patient_id,
            facility_code=row.facility_code,
            outcome=closing.outcome,
            discharge_type=closing.discharge_type,
            at=at,
        ),
    )


async def reopen_visit(
    tx: Tx, *, actor: Actor, encounter_id: str, reason: str, at: datetime
) -> None:
    """Take up a closed visit again to correct it; the reason is kept.

    Raises ReasonMissing, VisitNotFound, NotTreating, VisitNotClosed, AccessRefused.
    """
    row = await locked_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    if VisitState(row.state) != VisitState.FINISHED:
        raise VisitNotClosed
    if not reason.strip():
        raise ReasonMissing
    encounter = await record.read(tx, actor=actor, type_=r4.Encounter, id_=encounter_id, at=at)
    fhir.set_extension(encounter, "reopened-because", reason.strip())
    await record.save(
        tx,
        actor=actor,
        resources=[fhir.reopened(encounter, at)],
        at=at,
        note="encounters.reopen_visit",
    )
    await store.set_state(tx, encounter_id=encounter_id, state=VisitState.IN_PROGRESS.value)
    await access.reopen(tx, why=f"Encounter/{encounter_id}")
    await publish(
        tx,
        VisitReopened(
            encounter_id=encounter_id, patient_id=row.patient_id, reason=reason.strip(), at=at
        ),
    )


async def cancel_visit(
    tx: Tx, *, actor: Actor, encounter_id: str, reason: str, at: datetime
) -> None:
    """Cancel a visit opened by mistake, before a doctor has begun.

    Raises ReasonMissing, VisitNotCancellable, VisitNotFound, AccessRefused.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="desk.register", at=at
    )
    if VisitState(row.state) != VisitState.ARRIVED:
        raise VisitNotCancellable
    if not reason.strip():
        raise ReasonMissing
    encounter = await record.read(tx, actor=actor, type_=r4.Encounter, id_=encounter_id, at=at)
    fhir.move_status(encounter, "cancelled", at)
    fhir.set_extension(encounter, "cancelled-because", reason.strip())
    await record.save(tx, actor=actor, resources=[encounter], at=at, note="encounters.cancel_visit")
    await store.set_state(tx, encounter_id=encounter_id, state=VisitState.CANCELLED.value)
    await access.end(tx, why=f"Encounter/{encounter_id}", at=at, at_once=True)
    if row.item_id is not None and await _is_open(tx, row.item_id):
        await scheduling.cancel_ticket(
            tx, actor=actor, item_id=row.item_id, at=at, reason=reason.strip()
        )
    await publish(tx, VisitCancelled(encounter_id=encounter_id, patient_id=row.patient_id, at=at))


async def _check(tx: Tx, closing: Closing, at: datetime) -> None:
    on = local_date(at)
    problems: dict[str, str] = {}
    if not await terminology.concept(tx, system="ket_qua_dtri", code=closing.outcome, on=on):
        problems["outcome"] = _OUTCOME
    if not await terminology.concept(tx, system="ma_loai_rv", code=closing.discharge_type, on=on):
        problems["discharge_type"] = _DISCHARGE
    if closing.discharge_type in _TRANSFERS and len(closing.transferred_to) != 5:
        problems["transferred_to"] = _DESTINATION
    if problems:
        raise VisitDetailsWrong(fields=problems)


async def _view(
    tx: Tx, actor: Actor, row: VisitRow, at: datetime
) -> tuple[VisitView, r4.Encounter]:
    chart = await record.chart(
        tx, actor=actor, patient_id=row.patient_id, types=list(views.TYPES), at=at
    )
    for encounter in chart.of(r4.Encounter):
        if encounter.id == row.encounter_id:
            return views.visit_view(chart, encounter), encounter
    raise access.unknown(actor, VisitNotFound(), at=at)


async def _is_open(tx: Tx, item_id: int) -> bool:
    return (await work.item(tx, item_id=item_id)).state in OPEN_STATES

"""Ordering services: checked against the list in force, one record write a basket."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from yba.care.encounters.access import require, visible_visit, writable_visit
from yba.care.encounters.service import About
from yba.care.orders import fhir
from yba.care.orders.errors import (
    CancellationReasonMissing,
    NothingOrdered,
    OrderNeedsConfirmation,
    OrderNotCancellable,
    OrderNotFound,
    OrderRefused,
)
from yba.care.orders.events import OrderCancelled, OrderPlaced
from yba.care.orders.model import OrderedService, ServiceLine
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import Concept, fits_sex
from yba.foundation.work import service as work
from yba.foundation.work.model import State
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.refusal import NotFound
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_
from yba.plumbing.outbox import publish

_UNKNOWN = N_("This service is not in the list in force.")
_QUANTITY = N_("The quantity must be more than zero.")
_SEX = N_("This service does not fit the patient's sex.")
_AGAIN = N_("Already ordered in this visit.")
_MOST = 200


async def order_services(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    lines: Sequence[ServiceLine],
    at: datetime,
    confirmed: bool = False,
) -> list[OrderedService]:
    """Order services during a visit; the laboratory hears of its own at commit.

    Raises NothingOrdered, OrderRefused with a reason a code, and
    OrderNeedsConfirmation for what was ordered before unless `confirmed`.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="orders.place", at=at
    )
    if not lines:
        raise NothingOrdered
    services = await terminology.concepts_of(
        tx, system="service", codes=[line.service_code for line in lines], on=local_date(at)
    )
    patient = await record.read(tx, actor=actor, type_=r4.Patient, id_=row.patient_id, at=at)
    _check(lines, services, patient)
    if not confirmed:
        await _refuse_repetition(tx, actor, encounter_id, lines, at)
    about = About(patient_id=row.patient_id, encounter_id=encounter_id, actor=actor, at=at)
    requests = [
        fhir.service_request(record.new_id(), line, services[line.service_code], about)
        for line in lines
    ]
    await record.save(tx, actor=actor, resources=requests, at=at, note="orders.order_services")
    ordered = [fhir.ordered_service(request) for request in requests]
    await publish(
        tx,
        OrderPlaced(
            encounter_id=encounter_id,
            patient_id=row.patient_id,
            request_ids=tuple(order.request_id for order in ordered),
            service_codes=tuple(order.service_code for order in ordered),
            quantities=tuple(str(order.quantity) for order in ordered),
            at=at,
        ),
    )
    return ordered


async def orders_of(
    tx: Tx, *, actor: Actor, encounter_id: str, at: datetime
) -> list[OrderedService]:
    """Return the services ordered in a visit, in the order of ordering."""
    await visible_visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    return await _orders(tx, actor, encounter_id, at)


async def order(tx: Tx, *, actor: Actor, request_id: str, at: datetime) -> OrderedService:
    """Return one ordered service. Raises OrderNotFound."""
    return fhir.ordered_service(await _request(tx, actor, request_id, at))


async def cancel_order(tx: Tx, *, actor: Actor, request_id: str, reason: str, at: datetime) -> None:
    """Cancel a service that nobody has begun.

    Raises CancellationReasonMissing, OrderNotFound, OrderNotCancellable.
    """
    require(actor, "orders.place")
    if not reason.strip():
        raise CancellationReasonMissing
    request = await _request(tx, actor, request_id, at)
    item = await work.item_of(tx, kind="laboratory", focus=f"ServiceRequest/{request_id}")
    begun = item is not None and item.state not in (State.WAITING, State.CANCELLED)
    if request.status != "active" or begun:
        raise OrderNotCancellable
    known = fhir.ordered_service(request)
    await writable_visit(
        tx, actor=actor, encounter_id=known.encounter_id, permission="orders.place", at=at
    )
    request.status = "revoked"
    request.note = [*(request.note or []), r4.Annotation(text=reason.strip())]
    await record.save(tx, actor=actor, resources=[request], at=at, note="orders.cancel_order")
    if item is not None and item.state == State.WAITING:
        await work.cancel(tx, actor=actor, item_id=item.item_id, at=at, reason=reason.strip())
    await publish(
        tx,
        OrderCancelled(
            encounter_id=known.encounter_id,
            patient_id=known.patient_id,
            request_id=request_id,
            at=at,
        ),
    )


async def complete_order(tx: Tx, *, actor: Actor, request_id: str, at: datetime) -> None:
    """Mark a service as done; doing it again changes nothing. Raises OrderNotFound."""
    request = await _request(tx, actor, request_id, at)
    request.status = "completed"
    await record.save(tx, actor=actor, resources=[request], at=at, note="orders.complete_order")


def _check(
    lines: Sequence[ServiceLine], services: Mapping[str, Concept], patient: r4.Patient
) -> None:
    problems: dict[str, str] = {}
    for line in lines:
        service = services.get(line.service_code)
        if service is None:
            problems[line.service_code] = _UNKNOWN
        elif line.quantity <= Decimal(0):
            problems[line.service_code] = _QUANTITY
        elif not fits_sex(service, patient.gender):
            problems[line.service_code] = _SEX
    if problems:
        raise OrderRefused(fields=problems)


async def _refuse_repetition(
    tx: Tx, actor: Actor, encounter_id: str, lines: Sequence[ServiceLine], at: datetime
) -> None:
    active = {
        known.service_code
        for known in await _orders(tx, actor, encounter_id, at)
        if known.status in ("active", "completed")
    }
    seen: set[str] = set()
    again: dict[str, str] = {}
    for line in lines:
        if line.service_code in active or line.service_code in seen:
            again[line.service_code] = _AGAIN
        seen.add(line.service_code)
    if again:
        raise OrderNeedsConfirmation(fields=again)


async def _orders(tx: Tx, actor: Actor, encounter_id: str, at: datetime) -> list[OrderedService]:
    found = await record.search(
        tx,
        actor=actor,
        type_=r4.ServiceRequest,
        query=f"encounter=Encounter/{encounter_id}",
        count=_MOST,
        at=at,
    )
    # Ids rise with time, so they give the order of ordering.
    return [fhir.ordered_service(item) for item in sorted(found, key=lambda item: item.id or "")]


async def _request(tx: Tx, actor: Actor, request_id: str, at: datetime) -> r4.ServiceRequest:
    try:
        return await record.read(tx, actor=actor, type_=r4.ServiceRequest, id_=request_id, at=at)
    except NotFound:
        raise OrderNotFound from None

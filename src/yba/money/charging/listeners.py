"""What charging does when care tells it something. Idempotent by the cause of a charge."""

from decimal import Decimal

from yba.care.encounters.events import VisitCancelled, VisitOpened, VisitTransferred
from yba.care.orders.events import (
    OrderCancelled,
    OrderPlaced,
    PrescriptionCancelled,
    PrescriptionIssued,
)
from yba.kernel.actor import Actor
from yba.money.charging import service
from yba.money.charging.model import NewCharge
from yba.plumbing.database import Tx

_ACTOR = Actor.system("charging", "HPAYMT")


async def charge_examination(tx: Tx, event: VisitOpened) -> None:
    """Charge the examination that the clinic names."""
    if not event.exam_service_code:
        return
    exam = NewCharge(
        cause=f"exam:{event.encounter_id}",
        kind="service",
        code=event.exam_service_code,
        quantity=Decimal(1),
        ordered_at=event.at,
        department=event.department_code,
    )
    await service.charge(
        tx,
        actor=_ACTOR,
        encounter_id=event.encounter_id,
        patient_id=event.patient_id,
        charges=[exam],
        at=event.at,
    )


async def follow_transfer(tx: Tx, event: VisitTransferred) -> None:
    """Let the exam fee follow a patient who goes on in another clinic."""
    await service.replace_exam(
        tx,
        actor=_ACTOR,
        encounter_id=event.encounter_id,
        patient_id=event.patient_id,
        exam=NewCharge(
            cause=f"exam:{event.encounter_id}:{event.at.isoformat()}",
            kind="service",
            code=event.exam_service_code,
            quantity=Decimal(1),
            ordered_at=event.at,
            department=event.department_code,
        ),
        at=event.at,
    )


async def reverse_visit(tx: Tx, event: VisitCancelled) -> None:
    """A visit opened by mistake costs nothing."""
    await service.reverse_visit(tx, actor=_ACTOR, encounter_id=event.encounter_id, at=event.at)


async def charge_orders(tx: Tx, event: OrderPlaced) -> None:
    """Charge each ordered service."""
    lines = zip(event.request_ids, event.service_codes, event.quantities, strict=True)
    await service.charge(
        tx,
        actor=_ACTOR,
        encounter_id=event.encounter_id,
        patient_id=event.patient_id,
        charges=[
            NewCharge(f"order:{request}", "service", code, Decimal(quantity), event.at)
            for request, code, quantity in lines
        ],
        at=event.at,
    )


async def reverse_order(tx: Tx, event: OrderCancelled) -> None:
    """What will not be done is not charged."""
    await service.reverse(tx, actor=_ACTOR, causes=[f"order:{event.request_id}"], at=event.at)


async def charge_prescription(tx: Tx, event: PrescriptionIssued) -> None:
    """Charge each prescribed drug."""
    lines = zip(event.request_ids, event.drug_codes, event.quantities, strict=True)
    await service.charge(
        tx,
        actor=_ACTOR,
        encounter_id=event.encounter_id,
        patient_id=event.patient_id,
        charges=[
            NewCharge(f"drug:{request}", "drug", code, Decimal(quantity), event.at)
            for request, code, quantity in lines
        ],
        at=event.at,
    )


async def reverse_prescription(tx: Tx, event: PrescriptionCancelled) -> None:
    """Drugs of a cancelled prescription are not charged."""
    await service.reverse(
        tx, actor=_ACTOR, causes=[f"drug:{request}" for request in event.request_ids], at=event.at
    )

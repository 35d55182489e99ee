"""How orders reach the bench: after commit, at least once, so each step may repeat."""

from yba.care.laboratory import store
from yba.care.orders import service as orders
from yba.care.orders.events import OrderCancelled, OrderPlaced
from yba.foundation.access import service as access
from yba.foundation.work import service as work
from yba.foundation.work.model import Priority
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

KIND = "laboratory"
_ACTOR = Actor.system("laboratory")


async def receive_orders(tx: Tx, event: OrderPlaced) -> None:
    """Put the laboratory's share of an order on its worklist."""
    for request_id in event.request_ids:
        order = await orders.order(tx, actor=_ACTOR, request_id=request_id, at=event.at)
        if order.kind != "lab" or order.status != "active":
            continue
        is_new = await store.add(
            tx,
            request_id=request_id,
            encounter_id=event.encounter_id,
            patient_id=event.patient_id,
            service_code=order.service_code,
            service_name=order.name,
            urgent=order.urgent,
            at=event.at,
        )
        if is_new:
            # The laboratory sees the patient's orders and results as long as they may come late.
            await access.relate(
                tx, patient_id=event.patient_id, kind="order", department=KIND,
                why=f"ServiceRequest/{request_id}", at=event.at,
            )  # fmt: skip
            await access.end(tx, why=f"ServiceRequest/{request_id}", kinds=("order",), at=event.at)
            item_id = await work.add(
                tx,
                actor=_ACTOR,
                kind=KIND,
                place=KIND,
                at=event.at,
                patient_id=event.patient_id,
                focus=f"ServiceRequest/{request_id}",
                priority=Priority.PRIORITY if order.urgent else Priority.ORDINARY,
            )
            await store.set_item(tx, request_id=request_id, item_id=item_id)


async def drop_order(tx: Tx, event: OrderCancelled) -> None:
    """Take a cancelled order off the worklist, unless the specimen was taken."""
    await store.cancelled(tx, request_id=event.request_id)

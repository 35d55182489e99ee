"""Postings: money moves here and nowhere else, and each movement is complete.

Every function works inside the caller's transaction with the bill locked. A
posting balances to zero (the database checks at commit); money that reached a
bill gets its receipt and is told to listeners in the same transaction.
"""

from dataclasses import dataclass
from datetime import datetime

from yba.kernel.actor import Actor
from yba.kernel.clock import local
from yba.kernel.ids import encode_id, new_snowflake
from yba.kernel.money import Dong
from yba.kernel.refusal import NotFound
from yba.money.payments import store
from yba.money.payments.events import BillPaid, PaymentReceived
from yba.money.payments.model import (
    RECEIPT_SERIES,
    REFUND_SERIES,
    Bill,
    Method,
    Receipt,
)
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

ASSET = {Method.CASH: "till", Method.TRANSFER: "bank"}


@dataclass(frozen=True, slots=True)
class Movement:
    """The head of a posting."""

    kind: str
    at: datetime
    actor: Actor
    method: Method | None = None
    bill_id: str | None = None
    transaction_id: str | None = None
    shift_id: int | None = None


async def locked_bill(tx: Tx, bill_id: str) -> Bill:
    """Return the bill with its row locked. Raises NotFound."""
    bill = await store.lock_bill(tx, bill_id)
    if bill is None:
        raise NotFound
    return bill


async def post(tx: Tx, movement: Movement, entries: dict[str, Dong]) -> int:
    """Write one balanced posting and return its id."""
    posting_id = new_snowflake()
    m = movement
    await store.add_posting(
        tx,
        posting_id,
        m.kind,
        m.method,
        m.bill_id,
        m.transaction_id,
        m.shift_id,
        m.at,
        m.actor.account_id,
        m.actor.name,
    )
    await store.add_entries(tx, posting_id, entries)
    return posting_id


async def receive(
    tx: Tx,
    *,
    actor: Actor,
    bill: Bill,
    amount: Dong,
    method: Method,
    at: datetime,
    source: str = "",
    transaction_id: str | None = None,
    shift_id: int | None = None,
    tendered: Dong | None = None,
) -> Receipt:
    """Book `amount` for a locked bill, give it a receipt, settle what is settled.

    `source` is the ledger account the money comes from when it is not the
    method's own (money in suspense).
    """
    kind = "assignment" if source else "payment"
    movement = Movement(kind, at, actor, method, bill.bill_id, transaction_id, shift_id)
    posting_id = await post(tx, movement, {source or ASSET[method]: amount, "receivable": -amount})
    receipt = await _issue(
        tx, actor, bill, posting_id, amount, method, at, RECEIPT_SERIES, tendered
    )
    await publish(
        tx,
        PaymentReceived(
            bill_id=bill.bill_id,
            encounter_id=bill.encounter_id,
            patient_id=bill.patient_id,
            amount=amount,
            method=method.value,
            receipt_id=encode_id(receipt.receipt_id),
            at=at,
        ),
    )
    await settle(tx, bill_id=bill.bill_id, at=at)
    return receipt


async def pay_out(
    tx: Tx,
    *,
    actor: Actor,
    bill: Bill,
    amount: Dong,
    method: Method,
    at: datetime,
    shift_id: int | None,
) -> Receipt:
    """Book money given back on a locked bill, with its pay-out slip."""
    movement = Movement("refund", at, actor, method, bill.bill_id, None, shift_id)
    posting_id = await post(tx, movement, {"receivable": amount, ASSET[method]: -amount})
    receipt = await _issue(tx, actor, bill, posting_id, amount, method, at, REFUND_SERIES, None)
    await settle(tx, bill_id=bill.bill_id, at=at)
    return receipt


async def settle(tx: Tx, *, bill_id: str, at: datetime) -> Bill:
    """Bring state and QR of a locked bill in line with its ledger; return it.

    Publishes BillPaid when the last đồng has come.
    """
    bill = await store.bill(tx, bill_id)
    assert bill is not None
    if bill.remaining > 0:
        await store.reopen(tx, bill_id)
        request = await store.open_request(tx, bill_id)
        if request is not None and request.amount != bill.remaining:
            await store.end_requests(tx, bill_id, "replaced")
    elif await store.settle(tx, bill_id, at):
        await store.end_requests(tx, bill_id, "paid")
        await publish(
            tx,
            BillPaid(
                bill_id=bill_id,
                encounter_id=bill.encounter_id,
                patient_id=bill.patient_id,
                amount=bill.billed,
                at=at,
            ),
        )
    settled = await store.bill(tx, bill_id)
    assert settled is not None
    return settled


async def _issue(
    tx: Tx,
    actor: Actor,
    bill: Bill,
    posting_id: int,
    amount: Dong,
    method: Method,
    at: datetime,
    series: str,
    tendered: Dong | None,
) -> Receipt:
    year = local(at).year
    receipt = Receipt(
        receipt_id=new_snowflake(),
        series=series,
        year=year,
        number=await store.next_number(tx, series, year),
        posting_id=posting_id,
        bill_id=bill.bill_id,
        amount=amount,
        method=method.value,
        tendered=tendered,
        payer_name=bill.payer_name,
        issued_at=at,
        issued_by=actor.name,
    )
    await store.add_receipt(tx, receipt)
    return receipt

"""Refunds: one person asks with a reason, another decides, the ledger follows."""

from datetime import datetime

from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake
from yba.kernel.money import Dong
from yba.kernel.refusal import NotFound
from yba.money.payments import ledger, store
from yba.money.payments.access import APPROVE, REFUND, require
from yba.money.payments.errors import (
    NeedsSecondPerson,
    NoOpenShift,
    NotRefundable,
    ReasonMissing,
    RefundDecided,
)
from yba.money.payments.model import Bill, Method, Receipt, Refund
from yba.plumbing.database import Tx


async def refundable(tx: Tx, *, bill: Bill) -> Dong:
    """Return what may be asked back: what was paid, less refunds that wait."""
    waiting = sum(
        r.amount for r in await store.refunds_of_bill(tx, bill.bill_id) if r.state == "asked"
    )
    return max(0, bill.paid - waiting)


async def ask_refund(
    tx: Tx,
    *,
    actor: Actor,
    bill_id: str,
    amount: Dong,
    method: Method,
    reason: str,
    at: datetime,
) -> int:
    """Ask for money back and return the id of the wish.

    Raises NotFound, ReasonMissing, or NotRefundable if more is asked than was paid.
    """
    require(actor, REFUND)
    if not reason.strip():
        raise ReasonMissing
    bill = await ledger.locked_bill(tx, bill_id)
    most = await refundable(tx, bill=bill)
    if not 0 < amount <= most:
        raise NotRefundable(most=most)
    refund_id = new_snowflake()
    await store.add_refund(
        tx,
        Refund(
            refund_id=refund_id,
            bill_id=bill_id,
            amount=amount,
            method=method.value,
            reason=reason.strip(),
            asked_by=actor.account_id,
            asked_by_name=actor.name,
            asked_at=at,
            decided_by=None,
            decided_by_name=None,
            decided_at=None,
            state="asked",
            posting_id=None,
        ),
    )
    await _note(tx, actor, "payments.ask_refund", bill, at)
    return refund_id


async def decide_refund(
    tx: Tx, *, actor: Actor, refund_id: int, approve: bool, at: datetime
) -> Receipt | None:
    """Pay a refund out, or decline it; return the pay-out slip.

    Cash comes out of the till of the cashier who asked. Raises NotFound,
    AccessRefused, NeedsSecondPerson, RefundDecided, NoOpenShift.
    """
    require(actor, APPROVE)
    refund = await store.lock_refund(tx, refund_id)
    if refund is None:
        raise NotFound
    if refund.state != "asked":
        raise RefundDecided
    if refund.asked_by == actor.account_id:
        raise NeedsSecondPerson
    bill = await ledger.locked_bill(tx, refund.bill_id)
    receipt = None
    if approve:
        receipt = await _pay_out(tx, actor, bill, refund, at)
    await store.decide_refund(
        tx,
        refund_id,
        "paid-out" if approve else "declined",
        actor.account_id,
        actor.name,
        at,
        receipt.posting_id if receipt else None,
    )
    await _note(tx, actor, "payments.decide_refund", bill, at)
    return receipt


async def _pay_out(tx: Tx, actor: Actor, bill: Bill, refund: Refund, at: datetime) -> Receipt:
    if refund.amount > bill.paid:
        raise NotRefundable(most=max(0, bill.paid))
    method = Method(refund.method)
    shift_id = None
    if method is Method.CASH:
        shift = await store.lock_open_shift(tx, refund.asked_by)
        if shift is None:
            raise NoOpenShift
        shift_id = shift.shift_id
    return await ledger.pay_out(
        tx, actor=actor, bill=bill, amount=refund.amount, method=method, at=at, shift_id=shift_id
    )


async def _note(tx: Tx, actor: Actor, what: str, bill: Bill, at: datetime) -> None:
    await audit.record(
        tx,
        actor=actor,
        action="U",
        what=what,
        patient_id=bill.patient_id,
        references=[f"Encounter/{bill.encounter_id}"],
        at=at,
        purpose="HPAYMT",
    )

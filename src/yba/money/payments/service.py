"""The verbs of payments: bills, QR requests, cash, receipts.

Bank notices, refunds and till shifts have their own rooms; their verbs are
offered here too, since this is the door of the context.
"""

import base64
import hmac
from datetime import datetime

from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import decode_id, new_snowflake
from yba.kernel.money import Dong
from yba.kernel.refusal import NotFound
from yba.money.payments import ledger, store
from yba.money.payments.access import APPROVE, TAKE, require, require_take_or_own
from yba.money.payments.errors import BadAmount, NoOpenShift, NotEnoughCash, NothingToPay
from yba.money.payments.ledger import Movement
from yba.money.payments.model import (
    QR_LIFE,
    Bill,
    BillDue,
    Method,
    NoticeRow,
    PaymentRequest,
    Receipt,
    Refund,
    Shift,
    purpose_of,
    reference_of,
)
from yba.money.payments.notices import assign_suspense, bank_notice, read_notice, sign
from yba.money.payments.refunds import ask_refund, decide_refund, refundable
from yba.money.payments.shifts import close_shift, day_of, expected_cash, open_shift
from yba.money.payments.vietqr import Transfer, encode
from yba.plumbing.database import Tx
from yba.plumbing.settings import Settings

__all__ = [
    "APPROVE",
    "ask_refund",
    "assign_suspense",
    "bank_notice",
    "bill_of",
    "bills_of_patient",
    "charge_bill",
    "check_code",
    "checked_receipt",
    "close_shift",
    "day_of",
    "decide_refund",
    "expected_cash",
    "in_suspense",
    "open_bills",
    "open_request",
    "open_shift",
    "read_notice",
    "receipt",
    "receipts_of",
    "refundable",
    "refunds_of",
    "refunds_waiting",
    "request_payment",
    "shift_of",
    "shifts",
    "sign",
    "take_cash",
]

# 60 bits: nobody guesses a slip that was not issued.
_MARK_LENGTH = 12


async def charge_bill(tx: Tx, *, actor: Actor, due: BillDue, at: datetime) -> Bill:
    """Add an invoice to the bill of its visit (or take an adjustment off) and return it.

    A bill with nothing left to pay is settled at once and BillPaid published.
    """
    await store.add_bill(tx, due.bill_id, due.encounter_id, due.patient_id, due.payer_name, at)
    await ledger.locked_bill(tx, due.bill_id)
    if due.amount:
        movement = Movement("bill", at, actor, bill_id=due.bill_id)
        await ledger.post(tx, movement, {"receivable": due.amount, "revenue": -due.amount})
    return await ledger.settle(tx, bill_id=due.bill_id, at=at)


async def bill_of(tx: Tx, *, bill_id: str) -> Bill | None:
    """Return the bill of a visit; None if nothing was invoiced yet."""
    return await store.bill(tx, bill_id)


async def bills_of_patient(tx: Tx, *, patient_id: str, limit: int = 50) -> list[Bill]:
    """Return one person's bills, newest first."""
    return await store.bills_of_patient(tx, patient_id, limit)


async def open_bills(tx: Tx, *, limit: int = 200) -> list[Bill]:
    """Return bills with money left to pay, oldest first."""
    return await store.open_bills(tx, limit)


async def request_payment(
    tx: Tx, *, actor: Actor, bill_id: str, settings: Settings, at: datetime
) -> PaymentRequest:
    """Return the QR for what is left of a bill: the waiting one, or a new one.

    Cashiers may ask, and the person herself. Raises NotFound, NothingToPay,
    AccessRefused.
    """
    bill = await ledger.locked_bill(tx, bill_id)
    require_take_or_own(actor, bill.patient_id)
    if bill.remaining <= 0:
        raise NothingToPay
    waiting = await store.open_request(tx, bill_id)
    if waiting is not None and waiting.amount == bill.remaining and at < waiting.expires_at:
        return waiting
    await store.end_requests(tx, bill_id, "replaced")
    reference = reference_of(await store.next_reference(tx))
    request = PaymentRequest(
        request_id=new_snowflake(),
        reference=reference,
        bill_id=bill_id,
        amount=bill.remaining,
        qr=encode(
            Transfer(
                bank_bin=settings.bank_bin,
                account=settings.bank_account,
                amount=bill.remaining,
                purpose=purpose_of(reference),
            )
        ),
        created_at=at,
        expires_at=at + QR_LIFE,
        state="open",
    )
    await store.add_request(tx, request)
    await _note(tx, actor, "payments.request_payment", bill, at)
    return request


async def open_request(tx: Tx, *, bill_id: str) -> PaymentRequest | None:
    """Return the QR that waits for this bill, expired or not."""
    return await store.open_request(tx, bill_id)


async def take_cash(tx: Tx, *, actor: Actor, bill_id: str, tendered: Dong, at: datetime) -> Receipt:
    """Take what is left of a bill in cash and return the receipt with the change.

    Raises NotFound, NothingToPay (also for the second of two clicks),
    NotEnoughCash, BadAmount, NoOpenShift, AccessRefused.
    """
    require(actor, TAKE)
    bill = await ledger.locked_bill(tx, bill_id)
    if bill.remaining <= 0:
        raise NothingToPay
    if tendered < bill.remaining:
        raise NotEnoughCash
    if tendered > bill.remaining + 100_000_000:
        raise BadAmount(most=bill.remaining + 100_000_000)
    shift = await store.lock_open_shift(tx, actor.account_id)
    if shift is None:
        raise NoOpenShift
    receipt = await ledger.receive(
        tx,
        actor=actor,
        bill=bill,
        amount=bill.remaining,
        method=Method.CASH,
        at=at,
        shift_id=shift.shift_id,
        tendered=tendered,
    )
    await _note(tx, actor, "payments.take_cash", bill, at)
    return receipt


async def receipt(tx: Tx, *, key: str) -> tuple[Receipt, Bill]:
    """Return a receipt by the id in its address, with its bill. Raises NotFound."""
    number = decode_id(key)
    found = await store.receipt(tx, number) if number is not None else None
    bill = await store.bill(tx, found.bill_id) if found is not None else None
    if found is None or bill is None:
        raise NotFound
    return found, bill


def check_code(found: Receipt, *, secret: bytes) -> str:
    """Return what the QR of a slip holds: its id, and a mark that only this installation makes."""
    return found.key + _mark(found.key, secret)


async def checked_receipt(tx: Tx, *, code: str, secret: bytes) -> Receipt:
    """Return the slip that a code was printed on. Raises NotFound for a code that was never made."""
    key, mark = code[:-_MARK_LENGTH].lower(), code[-_MARK_LENGTH:].lower()
    number = decode_id(key)
    if number is None or not hmac.compare_digest(mark.encode(), _mark(key, secret).encode()):
        raise NotFound
    found = await store.receipt(tx, number)
    if found is None:
        raise NotFound
    return found


def _mark(key: str, secret: bytes) -> str:
    made = hmac.digest(secret, b"receipt " + key.encode(), "sha256")
    return base64.b32encode(made)[:_MARK_LENGTH].decode().lower()


async def receipts_of(tx: Tx, *, bill_id: str) -> list[Receipt]:
    """Return the receipts and pay-out slips of a bill in order."""
    return await store.receipts_of_bill(tx, bill_id)


async def in_suspense(tx: Tx, *, limit: int = 100) -> list[NoticeRow]:
    """Return transfers that no bill has yet, oldest first."""
    return await store.in_suspense(tx, limit)


async def refunds_waiting(tx: Tx, *, limit: int = 100) -> list[Refund]:
    """Return refunds that wait for a second person."""
    return await store.refunds_waiting(tx, limit)


async def refunds_of(tx: Tx, *, bill_id: str) -> list[Refund]:
    """Return the refunds of a bill."""
    return await store.refunds_of_bill(tx, bill_id)


async def shift_of(tx: Tx, *, actor: Actor) -> Shift | None:
    """Return the actor's open till."""
    return await store.shift_now(tx, actor.account_id)


async def shifts(tx: Tx, *, limit: int = 20) -> list[Shift]:
    """Return counted shifts, newest first."""
    return await store.closed_shifts(tx, limit)


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

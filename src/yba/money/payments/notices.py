"""Bank notices: signed, counted once, matched or put where a person sees them.

A notice is the only proof of a transfer. It is applied to the bill its
purpose names; what no bill can take stays in suspense and becomes work for
the cashiers.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

import msgspec

from yba.foundation.audit import service as audit
from yba.foundation.work import service as work
from yba.kernel.actor import Actor
from yba.kernel.money import Dong
from yba.kernel.refusal import NotFound
from yba.money.payments import ledger, store
from yba.money.payments.access import TAKE, require
from yba.money.payments.errors import (
    NoticeContradicts,
    NoticeRefused,
    NoticeUnreadable,
    NotInSuspense,
)
from yba.money.payments.ledger import Movement
from yba.money.payments.model import (
    Bill,
    Judgement,
    Method,
    Notice,
    NoticeRow,
    Outcome,
    Receipt,
    judge,
    references_in,
)
from yba.plumbing.database import Tx

WORK_KIND = "payments.suspense"
WORK_PLACE = "cashier"
_FRESH = timedelta(minutes=5)
_MAX_AMOUNT = 1_000_000_000_000


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    transaction_id: str
    account: str
    amount: int
    purpose: str
    booked_at: datetime


def sign(body: bytes, *, timestamp: str, secret: bytes) -> str:
    """Return the signature of a notice: HMAC-SHA256 over `timestamp.body`, in hex."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def read_notice(
    body: bytes, *, timestamp: str, signature: str, secret: bytes, at: datetime
) -> Notice:
    """Return the notice in a signed body.

    Raises NoticeRefused if the signature is wrong or older than five minutes,
    NoticeUnreadable if the content cannot be used.
    """
    expected = sign(body, timestamp=timestamp, secret=secret)
    if not hmac.compare_digest(expected.encode(), signature.strip().lower().encode()):
        raise NoticeRefused
    # A decimal of at most ten digits, so that no clock arithmetic can overflow.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 10):
        raise NoticeRefused
    if abs(at.timestamp() - int(timestamp)) > _FRESH.total_seconds():
        raise NoticeRefused
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, ValueError):
        raise NoticeUnreadable from None
    usable = (
        0 < found.amount <= _MAX_AMOUNT
        and 0 < len(found.transaction_id) <= 64
        and 0 < len(found.account) <= 34
        and len(found.purpose) <= 500
        and "\x00" not in found.transaction_id + found.account + found.purpose
        and found.booked_at.tzinfo is not None
    )
    if not usable:
        raise NoticeUnreadable
    return Notice(found.transaction_id, found.account, found.amount, found.purpose, found.booked_at)


async def bank_notice(
    tx: Tx, *, actor: Actor, notice: Notice, account: str, at: datetime
) -> NoticeRow:
    """Take a notice into account, once, and return what it turned out to be.

    `account` is the facility's own. Delivered again, the first outcome is
    returned and nothing changes. Raises NoticeContradicts if the same
    transaction was reported with other content.
    """
    await store.hold_transaction(tx, notice.transaction_id)
    known = await store.notice(tx, notice.transaction_id)
    if known is not None:
        if not known.same_as(notice):
            raise NoticeContradicts
        return known
    bill, is_late = None, False
    if notice.account != account:
        verdict = Judgement(Outcome.WRONG_ACCOUNT, 0, notice.amount)
    else:
        request = await store.request_by_reference(tx, references_in(notice.purpose))
        if request is None:
            verdict = Judgement(Outcome.UNKNOWN, 0, notice.amount)
        else:
            bill = await ledger.locked_bill(tx, request.bill_id)
            verdict = judge(amount=notice.amount, remaining=bill.remaining)
            is_late = notice.booked_at > request.expires_at
    await store.add_notice(
        tx,
        notice,
        received_at=at,
        outcome=verdict.outcome,
        is_late=is_late,
        bill_id=bill.bill_id if bill else None,
        in_suspense=verdict.to_suspense,
    )
    await _book(tx, actor, notice, bill, verdict, at)
    await audit.record(
        tx,
        actor=actor,
        action="C",
        what="payments.bank_notice",
        patient_id=bill.patient_id if bill else None,
        references=[f"Encounter/{bill.encounter_id}"] if bill else [],
        at=at,
        purpose="HPAYMT",
    )
    row = await store.notice(tx, notice.transaction_id)
    assert row is not None
    return row


async def _book(
    tx: Tx, actor: Actor, notice: Notice, bill: Bill | None, verdict: Judgement, at: datetime
) -> None:
    if verdict.to_suspense:
        await _suspend(tx, actor, notice, bill, verdict, at)
    if bill is not None and verdict.to_bill:
        await ledger.receive(
            tx,
            actor=actor,
            bill=bill,
            amount=verdict.to_bill,
            method=Method.TRANSFER,
            at=at,
            transaction_id=notice.transaction_id,
        )


async def _suspend(
    tx: Tx, actor: Actor, notice: Notice, bill: Bill | None, verdict: Judgement, at: datetime
) -> None:
    movement = Movement("suspense", at, actor, Method.TRANSFER, None, notice.transaction_id, None)
    amount: Dong = verdict.to_suspense
    await ledger.post(tx, movement, {"bank": amount, "suspense": -amount})
    await work.add(
        tx,
        actor=actor,
        kind=WORK_KIND,
        place=WORK_PLACE,
        at=at,
        patient_id=bill.patient_id if bill else "",
        focus=f"bank-notice/{notice.transaction_id}",
        reason=verdict.outcome.value,
    )


async def assign_suspense(
    tx: Tx, *, actor: Actor, transaction_id: str, bill_id: str, at: datetime
) -> Receipt:
    """Match money in suspense to a bill by hand and return its receipt.

    What exceeds the bill becomes owed to the person and can be refunded.
    Raises NotFound, or NotInSuspense if another person was faster.
    """
    require(actor, TAKE)
    notice = await store.lock_notice(tx, transaction_id)
    if notice is None:
        raise NotFound
    if notice.in_suspense == 0:
        raise NotInSuspense
    bill = await ledger.locked_bill(tx, bill_id)
    receipt = await ledger.receive(
        tx,
        actor=actor,
        bill=bill,
        amount=notice.in_suspense,
        method=Method.TRANSFER,
        at=at,
        source="suspense",
        transaction_id=transaction_id,
    )
    await store.clear_suspense(tx, transaction_id, bill_id)
    item = await work.item_of(tx, kind=WORK_KIND, focus=f"bank-notice/{transaction_id}")
    if item is not None:
        await work.finish(tx, actor=actor, item_id=item.item_id, at=at)
    await audit.record(
        tx,
        actor=actor,
        action="U",
        what="payments.assign_suspense",
        patient_id=bill.patient_id,
        references=[f"Encounter/{bill.encounter_id}"],
        at=at,
        purpose="HPAYMT",
    )
    return receipt

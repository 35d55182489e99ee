"""Bills, QR requests, cash, receipts, refunds and tills on the real ledger."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused, NotFound
from yba.money.payments import service
from yba.money.payments.errors import (
    NeedsSecondPerson,
    NoOpenShift,
    NotEnoughCash,
    NothingToPay,
    NotRefundable,
    ReasonMissing,
    RefundDecided,
    ShiftIsOpen,
)
from yba.money.payments.model import Method
from yba.money.payments.vietqr import decode
from yba.plumbing.database import Tx


async def open_till(till, cash: int = 1_000_000) -> None:
    await service.open_shift(till.tx, actor=till.actor, opening_cash=cash, at=till.at)


async def pay_cash(till, bill, tendered: int):
    return await service.take_cash(
        till.tx, actor=till.actor, bill_id=bill.bill_id, tendered=tendered, at=till.at
    )


async def test_bill_of_nothing_is_paid_at_once(till):
    assert (await till.owed(0)).is_paid


async def test_qr_asks_for_what_is_left_and_names_the_bill(till):
    request = await till.qr(await till.owed(150_000))

    transfer = decode(request.qr)
    assert (transfer.amount, transfer.purpose) == (150_000, f"VP {request.reference}")
    assert len(transfer.purpose) <= 25


async def test_one_bill_has_one_open_qr(till):
    bill = await till.owed(150_000)

    assert (await till.qr(bill)).reference == (await till.qr(bill)).reference


async def test_expired_qr_is_replaced_by_a_new_one(till):
    bill = await till.owed(150_000)
    first = await till.qr(bill)

    second = await till.qr(bill, till.at + timedelta(minutes=31))

    assert second.reference != first.reference


async def test_qr_of_a_changed_bill_is_replaced(till):
    bill = await till.owed(150_000)
    first = await till.qr(bill)
    await till.owed(50_000, bill.bill_id)

    second = await till.qr(bill)

    assert (second.amount, second.reference != first.reference) == (200_000, True)


async def test_cash_needs_an_open_till(till):
    bill = await till.owed(42_100)

    with pytest.raises(NoOpenShift):
        await pay_cash(till, bill, 50_000)


async def test_cash_pays_the_bill_and_gives_change(till):
    await open_till(till)
    bill = await till.owed(42_100)

    receipt = await pay_cash(till, bill, 50_000)

    assert (receipt.amount, receipt.change, receipt.payer_name) == (42_100, 7_900, "Trần Thị Thử")
    assert (await till.now(bill)).is_paid
    assert await till.accounts() == {"revenue": -42_100, "till": 42_100}


async def test_second_click_takes_no_second_payment(till):
    await open_till(till)
    bill = await till.owed(42_100)
    await pay_cash(till, bill, 50_000)

    with pytest.raises(NothingToPay):
        await pay_cash(till, bill, 50_000)


async def test_too_little_cash_is_refused(till):
    await open_till(till)
    bill = await till.owed(42_100)

    with pytest.raises(NotEnoughCash):
        await pay_cash(till, bill, 42_099)


async def test_receipts_are_numbered_without_gap(till):
    await open_till(till)
    numbers = [(await pay_cash(till, await till.owed(1_000), 1_000)).number for _ in range(5)]

    assert numbers == list(range(numbers[0], numbers[0] + 5))


async def test_receipt_number_is_given_back_when_the_payment_fails(till):
    await open_till(till)
    first = await pay_cash(till, await till.owed(1_000), 1_000)
    inner = till.tx.connection.transaction()
    await inner.start()
    await pay_cash(till, await till.owed(1_000), 1_000)
    await inner.rollback()

    assert (await pay_cash(till, await till.owed(1_000), 1_000)).number == first.number + 1


async def test_receipts_start_again_with_the_year(till):
    await open_till(till)
    till.at = till.at.replace(year=2027)

    receipt = await pay_cash(till, await till.owed(1_000), 1_000)

    assert receipt.label == "PT27-000001"


async def test_ledger_refuses_what_does_not_balance(tx: Tx, till):
    bill = await till.owed(1_000)
    await tx.execute(
        "INSERT INTO payments.posting (posting_id, kind, bill_id, at, actor_id, actor_name)"
        " VALUES (1, 'bill', $1, now(), 'x', 'x')",
        bill.bill_id,
    )
    await tx.execute("INSERT INTO payments.entry VALUES (1, 'receivable', 5)")

    with pytest.raises(asyncpg.CheckViolationError):
        await tx.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "verb", ["UPDATE payments.entry SET amount = 1", "DELETE FROM payments.entry"]
)
async def test_ledger_is_never_changed(tx: Tx, till, verb: str):
    await till.owed(1_000)

    with pytest.raises(asyncpg.RestrictViolationError):
        await tx.execute(verb)  # type: ignore[arg-type]


async def test_difference_of_an_invoice_reopens_or_credits_the_bill(till):
    await open_till(till)
    bill = await till.owed(100_000)
    await pay_cash(till, bill, 100_000)

    more = await till.owed(20_000, bill.bill_id)
    less = await till.owed(-50_000, bill.bill_id)

    assert (more.is_paid, more.remaining) == (False, 20_000)
    assert (less.is_paid, less.remaining) == (True, -30_000)


async def asked(till, bill, amount: int, method: Method = Method.CASH) -> int:
    return await service.ask_refund(
        till.tx,
        actor=till.actor,
        bill_id=bill.bill_id,
        amount=amount,
        method=method,
        reason="Không thực hiện dịch vụ",
        at=till.at,
    )


def second_person(till, *permissions: str) -> Actor:
    return replace(
        till.actor, account_id="second", name="Người duyệt", permissions=frozenset(permissions)
    )


async def paid_bill(till):
    await open_till(till)
    bill = await till.owed(100_000)
    await pay_cash(till, bill, 100_000)
    return await till.owed(-30_000, bill.bill_id)


async def test_refund_is_paid_out_when_a_second_person_approves(till):
    bill = await paid_bill(till)
    refund_id = await asked(till, bill, 30_000)

    slip = await service.decide_refund(
        till.tx,
        actor=second_person(till, service.APPROVE),
        refund_id=refund_id,
        approve=True,
        at=till.at,
    )

    assert slip is not None
    assert (slip.is_refund, slip.amount) == (True, 30_000)
    assert (await till.now(bill)).remaining == 0
    assert (await till.accounts())["till"] == 70_000


async def test_refund_is_not_approved_by_who_asked(till):
    bill = await paid_bill(till)
    refund_id = await asked(till, bill, 30_000)

    with pytest.raises(NeedsSecondPerson):
        await service.decide_refund(
            till.tx, actor=till.actor, refund_id=refund_id, approve=True, at=till.at
        )


async def test_refund_is_not_approved_without_the_permission(till):
    bill = await paid_bill(till)
    refund_id = await asked(till, bill, 30_000)

    with pytest.raises(AccessRefused):
        await service.decide_refund(
            till.tx,
            actor=second_person(till, "cashier.home"),
            refund_id=refund_id,
            approve=True,
            at=till.at,
        )


async def test_refund_is_decided_once(till):
    bill = await paid_bill(till)
    refund_id = await asked(till, bill, 30_000)
    other = second_person(till, service.APPROVE)
    await service.decide_refund(
        till.tx, actor=other, refund_id=refund_id, approve=False, at=till.at
    )

    with pytest.raises(RefundDecided):
        await service.decide_refund(
            till.tx, actor=other, refund_id=refund_id, approve=True, at=till.at
        )


async def test_no_more_is_refunded_than_was_paid(till):
    bill = await paid_bill(till)
    await asked(till, bill, 60_000)

    with pytest.raises(NotRefundable):
        await asked(till, bill, 40_001)


async def test_refund_needs_a_reason(till):
    bill = await paid_bill(till)

    with pytest.raises(ReasonMissing):
        await service.ask_refund(
            till.tx,
            actor=till.actor,
            bill_id=bill.bill_id,
            amount=1,
            method=Method.CASH,
            reason=" ",
            at=till.at,
        )


async def test_one_cashier_has_one_till(till):
    await open_till(till)

    with pytest.raises(ShiftIsOpen):
        await open_till(till)


async def test_closed_till_shows_the_difference_to_the_count(till):
    await open_till(till, 500_000)
    await pay_cash(till, await till.owed(42_100), 50_000)

    shift = await service.close_shift(
        till.tx, actor=till.actor, counted=540_000, note="", at=till.at
    )

    assert (shift.expected_cash, shift.difference) == (542_100, -2_100)
    assert (await till.accounts())["till-difference"] == 2_100


async def test_day_shows_each_method_and_the_banks_side(till):
    await open_till(till)
    await pay_cash(till, await till.owed(42_100), 50_000)
    request = await till.qr(await till.owed(100_000))
    await till.hear(till.bank.pay(request.qr, till.at, amount=120_000))

    methods, bank = await service.day_of(till.tx, day=till.at.date())

    assert {m.method: m.received for m in methods} == {"cash": 42_100, "transfer": 100_000}
    assert (bank.amount, bank.in_suspense, bank.difference) == (120_000, 20_000, 0)


async def test_unknown_receipt_is_not_found(till):
    with pytest.raises(NotFound):
        await service.receipt(till.tx, key="0" * 13)

"""Many at once, on connections of their own: nothing is doubled, no number is missing."""

import asyncio
from datetime import datetime

import pytest
from tests.fakes.bank import StandInBank
from tests.money.payments.conftest import SECRET

from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal
from yba.money.payments import service
from yba.money.payments.model import BillDue
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

pytestmark = pytest.mark.slow
MANY = 40


async def new_bill(database: Database, actor: Actor, at: datetime, amount: int) -> str:
    bill_id = new_id()
    due = BillDue(bill_id, bill_id, "patient", "Trần Thị Thử", amount)
    async with database.transaction() as tx:
        await service.charge_bill(tx, actor=actor, due=due, at=at)
    return bill_id


async def test_receipts_of_many_cashiers_at_once_have_no_gap(database: Database, at: datetime):
    year_of_its_own = at.replace(year=2031)  # its receipts start at 1

    async def cashier(number: int) -> int:
        actor = Actor(f"side-{new_id()}", f"Thu ngân {number}", permissions=frozenset({"*"}))
        bill_id = await new_bill(database, actor, year_of_its_own, 1_000)
        async with database.transaction() as tx:
            await service.open_shift(tx, actor=actor, opening_cash=0, at=year_of_its_own)
            receipt = await service.take_cash(
                tx, actor=actor, bill_id=bill_id, tendered=1_000, at=year_of_its_own
            )
        return receipt.number

    numbers = await asyncio.gather(*(cashier(number) for number in range(MANY)))

    assert sorted(numbers) == list(range(1, MANY + 1))


async def test_cash_and_transfer_at_the_same_moment_pay_a_bill_once(
    database: Database, actor: Actor, at: datetime, settings: Settings
):
    at = at.replace(year=2032)  # committed, so on a day that no other test counts
    bill_id = await new_bill(database, actor, at, 150_000)
    person = Actor(f"side-{new_id()}", "Thu ngân", permissions=frozenset({"*"}))
    async with database.transaction() as tx:
        await service.open_shift(tx, actor=person, opening_cash=0, at=at)
        request = await service.request_payment(
            tx, actor=person, bill_id=bill_id, settings=settings, at=at
        )
    bank = StandInBank(SECRET)
    signed = [
        bank.notice(settings.bank_account, 150_000, request.purpose, at, f"SIDE{new_id()}")
        for _ in range(2)
    ]

    async def transfer(which: int) -> str:
        one = signed[which]
        notice = service.read_notice(
            one.body, timestamp=one.timestamp, signature=one.signature, secret=SECRET, at=at
        )
        async with database.transaction() as tx:
            row = await service.bank_notice(
                tx, actor=actor, notice=notice, account=settings.bank_account, at=at
            )
        return row.outcome

    async def cash() -> str:
        try:
            async with database.transaction() as tx:
                await service.take_cash(tx, actor=person, bill_id=bill_id, tendered=200_000, at=at)
        except Refusal as refusal:
            return refusal.code
        return "paid"

    # Each notice is delivered twice, as banks do.
    said = await asyncio.gather(transfer(0), cash(), transfer(1), transfer(0), cash(), transfer(1))

    async with database.transaction() as tx:
        bill = await service.bill_of(tx, bill_id=bill_id)
        receipts = await service.receipts_of(tx, bill_id=bill_id)
    assert bill is not None
    assert (bill.remaining, len(receipts)) == (0, 1)
    assert (said[0], said[2]) == (said[3], said[5])

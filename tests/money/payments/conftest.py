"""A bill, a cashier with an open till, a bank."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
from tests.fakes.bank import SignedNotice, StandInBank

from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.money.payments import service
from yba.money.payments.model import Bill, BillDue, NoticeRow, PaymentRequest
from yba.plumbing.database import Tx
from yba.plumbing.settings import Settings

SECRET = b"shared with the bank, in tests only"


class Till:
    """What the tests of payments do again and again."""

    def __init__(self, tx: Tx, actor: Actor, at: datetime, settings: Settings) -> None:
        self.tx, self.actor, self.at, self.settings = tx, actor, at, settings
        self.bank = StandInBank(SECRET)
        self.before: dict[str, int] = {}

    async def owed(self, amount: int, bill_id: str = "") -> Bill:
        """Return a bill to which `amount` was added."""
        bill_id = bill_id or new_id()
        due = BillDue(bill_id, bill_id, "patient", "Trần Thị Thử", amount)
        return await service.charge_bill(self.tx, actor=self.actor, due=due, at=self.at)

    async def qr(self, bill: Bill, at: datetime | None = None) -> PaymentRequest:
        """Return the QR of a bill."""
        return await service.request_payment(
            self.tx,
            actor=self.actor,
            bill_id=bill.bill_id,
            settings=self.settings,
            at=at or self.at,
        )

    async def hear(self, signed: SignedNotice, at: datetime | None = None) -> NoticeRow:
        """Let a signed notice arrive."""
        at = at or self.at
        notice = service.read_notice(
            signed.body,
            timestamp=signed.timestamp,
            signature=signed.signature,
            secret=SECRET,
            at=at,
        )
        return await service.bank_notice(
            self.tx,
            actor=Actor.system("bank", "HPAYMT"),
            notice=notice,
            account=self.settings.bank_account,
            at=at,
        )

    async def now(self, bill: Bill) -> Bill:
        """Return the bill as it stands now."""
        found = await service.bill_of(self.tx, bill_id=bill.bill_id)
        assert found is not None
        return found

    async def accounts(self) -> dict[str, int]:
        """Return what this test moved on each ledger account."""
        now = await self._balances()
        moved = {name: sum_ - self.before.get(name, 0) for name, sum_ in now.items()}
        return {name: sum_ for name, sum_ in moved.items() if sum_}

    async def _balances(self) -> dict[str, int]:
        rows = await self.tx.connection.fetch(
            "SELECT account, sum(amount)::bigint AS sum FROM payments.entry GROUP BY account"
        )
        return {row["account"]: row["sum"] for row in rows}


Owed = Callable[[int], Awaitable[Bill]]


@pytest.fixture
async def till(tx: Tx, actor: Actor, at: datetime, settings: Settings) -> Till:
    """Return a cashier's desk."""
    desk = Till(tx, actor, at, settings)
    desk.before = await desk._balances()
    return desk

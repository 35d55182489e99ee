"""Till shifts: opened with a float, counted at the end, the difference on record."""

from datetime import date, datetime, timedelta

from yba.kernel.actor import Actor
from yba.kernel.clock import VIETNAM
from yba.kernel.ids import new_snowflake
from yba.kernel.money import Dong
from yba.money.payments import ledger, store
from yba.money.payments.access import TAKE, require
from yba.money.payments.errors import BadAmount, NoOpenShift, ShiftIsOpen
from yba.money.payments.ledger import Movement
from yba.money.payments.model import BankDay, DayOfMethod, Method, Shift
from yba.plumbing.database import Tx

_MOST_CASH = 100_000_000_000


async def open_shift(tx: Tx, *, actor: Actor, opening_cash: Dong, at: datetime) -> Shift:
    """Open the actor's till with that much cash in it.

    Raises ShiftIsOpen, or BadAmount.
    """
    require(actor, TAKE)
    if not 0 <= opening_cash <= _MOST_CASH:
        raise BadAmount(most=_MOST_CASH)
    shift = Shift(
        shift_id=new_snowflake(),
        cashier_id=actor.account_id,
        cashier_name=actor.name,
        opened_at=at,
        opening_cash=opening_cash,
        closed_at=None,
        expected_cash=None,
        counted_cash=None,
        note="",
    )
    if not await store.add_shift(tx, shift):
        raise ShiftIsOpen
    return shift


async def expected_cash(tx: Tx, *, shift: Shift) -> Dong:
    """Return what must lie in the till now."""
    return shift.opening_cash + await store.till_of(tx, shift.shift_id)


async def close_shift(tx: Tx, *, actor: Actor, counted: Dong, note: str, at: datetime) -> Shift:
    """Close the actor's till with its count and book the difference.

    Raises NoOpenShift, or BadAmount.
    """
    shift = await store.lock_open_shift(tx, actor.account_id)
    if shift is None:
        raise NoOpenShift
    if not 0 <= counted <= _MOST_CASH:
        raise BadAmount(most=_MOST_CASH)
    expected = await expected_cash(tx, shift=shift)
    difference = counted - expected
    if difference:
        movement = Movement("shift-difference", at, actor, Method.CASH, None, None, shift.shift_id)
        await ledger.post(tx, movement, {"till": difference, "till-difference": -difference})
    await store.close_shift(tx, shift.shift_id, at, expected, counted, note)
    closed = await store.shift(tx, shift.shift_id)
    assert closed is not None
    return closed


async def day_of(tx: Tx, *, day: date) -> tuple[list[DayOfMethod], BankDay]:
    """Return our ledger of a day by method, and the bank's notices beside it."""
    start = datetime(day.year, day.month, day.day, tzinfo=VIETNAM)
    end = start + timedelta(days=1)
    return await store.day_by_method(tx, start, end), await store.bank_day(tx, start, end)

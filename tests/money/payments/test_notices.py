"""Bank notices: signed, once, matched, or put where a person sees them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.money.payments.conftest import SECRET

from yba.foundation.work import service as work
from yba.kernel.actor import Actor
from yba.money.payments import service
from yba.money.payments.errors import (
    NoticeContradicts,
    NoticeRefused,
    NoticeUnreadable,
    NotInSuspense,
)
from yba.money.payments.model import Outcome, judge, purpose_of, reference_of, references_in


async def test_notice_pays_the_bill_it_names(till):
    bill = await till.owed(150_000)
    request = await till.qr(bill)

    row = await till.hear(till.bank.pay(request.qr, till.at))

    assert row.outcome == Outcome.PAID
    assert (await till.now(bill)).is_paid
    assert [r.method for r in await service.receipts_of(till.tx, bill_id=bill.bill_id)] == [
        "transfer"
    ]
    assert await till.accounts() == {"bank": 150_000, "revenue": -150_000}


async def test_notice_delivered_ten_times_counts_once(till):
    bill = await till.owed(150_000)
    signed = till.bank.pay((await till.qr(bill)).qr, till.at)

    rows = [await till.hear(signed) for _ in range(10)]

    assert len({row.transaction_id for row in rows}) == 1
    assert len(await service.receipts_of(till.tx, bill_id=bill.bill_id)) == 1
    assert (await till.accounts())["bank"] == 150_000


async def test_second_transfer_for_a_paid_bill_waits_in_suspense(till):
    bill = await till.owed(150_000)
    request = await till.qr(bill)
    await till.hear(till.bank.pay(request.qr, till.at))

    row = await till.hear(till.bank.pay(request.qr, till.at))

    assert (row.outcome, row.in_suspense) == (Outcome.DOUBLE, 150_000)
    assert (await till.now(bill)).remaining == 0


async def test_part_leaves_the_rest_to_pay_with_a_new_qr(till):
    bill = await till.owed(150_000)
    request = await till.qr(bill)

    row = await till.hear(till.bank.pay(request.qr, till.at, amount=100_000))

    rest = await till.qr(await till.now(bill))
    assert row.outcome == Outcome.PART
    assert (rest.amount, rest.reference != request.reference) == (50_000, True)


async def test_too_much_pays_the_bill_and_the_rest_waits_in_suspense(till):
    bill = await till.owed(150_000)
    request = await till.qr(bill)

    row = await till.hear(till.bank.pay(request.qr, till.at, amount=200_000))

    assert (row.outcome, row.in_suspense) == (Outcome.OVER, 50_000)
    assert (await till.now(bill)).is_paid
    assert (await till.accounts())["suspense"] == -50_000


async def test_late_transfer_still_pays_an_open_bill(till):
    bill = await till.owed(150_000)
    request = await till.qr(bill)
    late = till.at + timedelta(hours=2)
    await till.qr(bill, late)

    row = await till.hear(till.bank.pay(request.qr, late), late)

    assert (row.outcome, row.is_late) == (Outcome.PAID, True)
    assert (await till.now(bill)).is_paid


async def test_unknown_reference_waits_in_suspense_as_work(till):
    account = till.settings.bank_account
    row = await till.hear(till.bank.notice(account, 70_000, "chuyen tien vien phi", till.at))

    item = await work.item_of(
        till.tx, kind="payments.suspense", focus=f"bank-notice/{row.transaction_id}"
    )
    assert row.outcome == Outcome.UNKNOWN
    assert item is not None
    assert item.reason == "unknown"


async def test_money_on_another_account_is_not_ours(till):
    request = await till.qr(await till.owed(150_000))
    signed = till.bank.notice("9999", 150_000, request.purpose, till.at)

    assert (await till.hear(signed)).outcome == Outcome.WRONG_ACCOUNT


async def test_suspense_is_matched_by_hand_once(till):
    account = till.settings.bank_account
    row = await till.hear(till.bank.notice(account, 70_000, "vien phi", till.at))
    bill = await till.owed(70_000)

    async def assign() -> None:
        await service.assign_suspense(
            till.tx,
            actor=till.actor,
            transaction_id=row.transaction_id,
            bill_id=bill.bill_id,
            at=till.at,
        )

    await assign()
    assert (await till.now(bill)).is_paid
    assert "suspense" not in await till.accounts()
    with pytest.raises(NotInSuspense):
        await assign()


async def test_one_transaction_number_with_two_contents_is_refused(till):
    account = till.settings.bank_account
    await till.hear(till.bank.notice(account, 1_000, "a", till.at, "FT1"))

    with pytest.raises(NoticeContradicts):
        await till.hear(till.bank.notice(account, 2_000, "a", till.at, "FT1"))


async def test_altered_notice_is_refused(till):
    signed = till.bank.notice("1", 1_000, "a", till.at)

    with pytest.raises(NoticeRefused):
        service.read_notice(
            signed.body.replace(b"1000", b"9000"),
            timestamp=signed.timestamp,
            signature=signed.signature,
            secret=SECRET,
            at=till.at,
        )


async def test_replayed_old_notice_is_refused(till):
    signed = till.bank.notice("1", 1_000, "a", till.at)

    with pytest.raises(NoticeRefused):
        await till.hear(signed, till.at + timedelta(minutes=6))


@pytest.mark.parametrize("amount", [0, -5, 10**13])
async def test_notice_of_an_impossible_amount_is_unreadable(till, amount: int):
    with pytest.raises(NoticeUnreadable):
        await till.hear(till.bank.notice("1", amount, "a", till.at))


@given(
    body=st.binary(max_size=300),
    timestamp=st.text(max_size=12),
    signature=st.text(max_size=80),
)
def test_any_bytes_are_refused_but_never_break(body: bytes, timestamp: str, signature: str):
    from tests.conftest import NOON

    with pytest.raises(NoticeRefused):
        service.read_notice(body, timestamp=timestamp, signature=signature, secret=SECRET, at=NOON)


@given(body=st.binary(max_size=300) | st.from_regex(r'\{"amount": ?.{0,20}\}').map(str.encode))
def test_any_signed_body_is_read_or_refused(body: bytes):
    from tests.conftest import NOON

    stamp = str(int(NOON.timestamp()))
    signature = service.sign(body, timestamp=stamp, secret=SECRET)

    with pytest.raises(NoticeUnreadable):
        service.read_notice(body, timestamp=stamp, signature=signature, secret=SECRET, at=NOON)


@given(st.integers(0, 31**7 - 1), st.sampled_from(["", " ", "-", "."]))
def test_reference_is_found_whatever_the_bank_writes_around_it(number: int, gap: str):
    reference = reference_of(number)
    purpose = purpose_of(reference)

    assert len(purpose) <= 25
    assert reference in references_in(f"MBVCB.123.{gap.join(purpose.lower())}.CT tu 0123")


@given(
    st.integers(0, 31**7 - 1), st.integers(2, 9), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXY")
)
def test_one_wrong_letter_in_a_reference_is_noticed(number: int, place: int, letter: str):
    reference = reference_of(number)
    wrong = reference[:place] + letter + reference[place + 1 :]

    assert (references_in(wrong) == [wrong]) is (wrong == reference)


@given(st.integers(1, 10**9), st.integers(-(10**9), 10**9))
def test_judged_money_is_all_there(amount: int, remaining: int):
    verdict = judge(amount=amount, remaining=remaining)

    assert verdict.to_bill + verdict.to_suspense == amount
    assert 0 <= verdict.to_bill <= max(0, remaining)


def test_system_actor_may_report_for_the_bank():
    assert Actor.system("bank").may("payments.notices")

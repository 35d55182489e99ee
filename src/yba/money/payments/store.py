"""SQL of payments."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from yba.kernel.money import Dong
from yba.money.payments.model import (
    BankDay,
    Bill,
    DayOfMethod,
    Notice,
    NoticeRow,
    PaymentRequest,
    Receipt,
    Refund,
    Shift,
)
from yba.plumbing.database import Tx

_ADD_BILL: LiteralString = """
    INSERT INTO payments.bill (bill_id, encounter_id, patient_id, payer_name, state, opened_at)
    VALUES ($1, $2, $3, $4, 'open', $5)
    ON CONFLICT (bill_id) DO NOTHING
"""
_LOCK_BILL: LiteralString = "SELECT state FROM payments.bill WHERE bill_id = $1 FOR UPDATE"
_BILL: LiteralString = """
    SELECT bill_id, encounter_id, patient_id, payer_name, state, opened_at, settled_at,
           billed, remaining
      FROM payments.bill_v1 WHERE bill_id = $1
"""
_BILLS_OF_PATIENT: LiteralString = """
    SELECT bill_id, encounter_id, patient_id, payer_name, state, opened_at, settled_at,
           billed, remaining
      FROM payments.bill_v1 WHERE patient_id = $1
     ORDER BY opened_at DESC, bill_id LIMIT $2
"""
_OPEN_BILLS: LiteralString = """
    SELECT bill_id, encounter_id, patient_id, payer_name, state, opened_at, settled_at,
           billed, remaining
      FROM payments.bill_v1 WHERE state = 'open'
     ORDER BY opened_at, bill_id LIMIT $1
"""
_SETTLE: LiteralString = """
    UPDATE payments.bill SET state = 'paid', settled_at = $2
     WHERE bill_id = $1 AND state = 'open'
"""
_REOPEN: LiteralString = """
    UPDATE payments.bill SET state = 'open', settled_at = NULL
     WHERE bill_id = $1 AND state = 'paid'
"""
_NEXT_REFERENCE: LiteralString = "SELECT nextval('payments.reference')"
_ADD_REQUEST: LiteralString = """
    INSERT INTO payments.request
           (request_id, reference, bill_id, amount, qr, created_at, expires_at, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')
"""
_OPEN_REQUEST: LiteralString = """
    SELECT request_id, reference, bill_id, amount, qr, created_at, expires_at, state
      FROM payments.request WHERE bill_id = $1 AND state = 'open'
"""
_REQUEST_BY_REFERENCE: LiteralString = """
    SELECT request_id, reference, bill_id, amount, qr, created_at, expires_at, state
      FROM payments.request WHERE reference = ANY($1::text[])
     ORDER BY request_id DESC LIMIT 1
"""
_END_REQUESTS: LiteralString = """
    UPDATE payments.request SET state = $2 WHERE bill_id = $1 AND state = 'open'
"""
_ADD_POSTING: LiteralString = """
    INSERT INTO payments.posting
           (posting_id, kind, method, bill_id, transaction_id, shift_id, at, actor_id, actor_name)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ADD_ENTRIES: LiteralString = """
    INSERT INTO payments.entry (posting_id, account, amount)
    SELECT $1, account, amount FROM unnest($2::text[], $3::bigint[]) AS e (account, amount)
"""
_NEXT_NUMBER: LiteralString = """
    INSERT INTO payments.receipt_number AS n (series, year, last) VALUES ($1, $2, 1)
    ON CONFLICT (series, year) DO UPDATE SET last = n.last + 1
    RETURNING last
"""
_ADD_RECEIPT: LiteralString = """
    INSERT INTO payments.receipt
           (receipt_id, series, year, number, posting_id, bill_id, amount, method, tendered,
            payer_name, issued_at, issued_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_RECEIPT: LiteralString = """
    SELECT receipt_id, series, year, number, posting_id, bill_id, amount, method, tendered,
           payer_name, issued_at, issued_by
      FROM payments.receipt WHERE receipt_id = $1
"""
_RECEIPTS_OF_BILL: LiteralString = """
    SELECT receipt_id, series, year, number, posting_id, bill_id, amount, method, tendered,
           payer_name, issued_at, issued_by
      FROM payments.receipt WHERE bill_id = $1 ORDER BY receipt_id LIMIT 100
"""
_NOTICE: LiteralString = """
    SELECT transaction_id, account, amount, purpose, booked_at, received_at, outcome, is_late,
           bill_id, in_suspense
      FROM payments.bank_notice WHERE transaction_id = $1
"""
_LOCK_NOTICE: LiteralString = """
    SELECT transaction_id FROM payments.bank_notice WHERE transaction_id = $1 FOR UPDATE
"""
_HOLD_TRANSACTION: LiteralString = (
    "SELECT pg_advisory_xact_lock(hashtextextended('payments.notice:' || $1, 0))"
)
_ADD_NOTICE: LiteralString = """
    INSERT INTO payments.bank_notice
           (transaction_id, account, amount, purpose, booked_at, received_at, outcome, is_late,
            bill_id, in_suspense)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_CLEAR_SUSPENSE: LiteralString = """
    UPDATE payments.bank_notice SET in_suspense = 0, bill_id = $2 WHERE transaction_id = $1
"""
_IN_SUSPENSE: LiteralString = """
    SELECT transaction_id, account, amount, purpose, booked_at, received_at, outcome, is_late,
           bill_id, in_suspense
      FROM payments.bank_notice WHERE in_suspense > 0
     ORDER BY received_at, transaction_id LIMIT $1
"""
_OPEN_SHIFT: LiteralString = """
    SELECT shift_id, cashier_id, cashier_name, opened_at, opening_cash, closed_at, expected_cash,
           counted_cash, note
      FROM payments.shift WHERE cashier_id = $1 AND closed_at IS NULL FOR UPDATE
"""
_SHIFT: LiteralString = """
    SELECT shift_id, cashier_id, cashier_name, opened_at, opening_cash, closed_at, expected_cash,
           counted_cash, note
      FROM payments.shift WHERE shift_id = $1
"""
_SHIFT_NOW: LiteralString = """
    SELECT shift_id, cashier_id, cashier_name, opened_at, opening_cash, closed_at, expected_cash,
           counted_cash, note
      FROM payments.shift WHERE cashier_id = $1 AND closed_at IS NULL
"""
_SHIFTS: LiteralString = """
    SELECT shift_id, cashier_id, cashier_name, opened_at, opening_cash, closed_at, expected_cash,
           counted_cash, note
      FROM payments.shift WHERE closed_at IS NOT NULL
     ORDER BY closed_at DESC, shift_id LIMIT $1
"""
_ADD_SHIFT: LiteralString = """
    INSERT INTO payments.shift (shift_id, cashier_id, cashier_name, opened_at, opening_cash)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_TILL: LiteralString = """
    SELECT coalesce(sum(e.amount), 0)::bigint
      FROM payments.posting p JOIN payments.entry e USING (posting_id)
     WHERE p.shift_id = $1 AND e.account = 'till'
"""
_CLOSE_SHIFT: LiteralString = """
    UPDATE payments.shift SET closed_at = $2, expected_cash = $3, counted_cash = $4, note = $5
     WHERE shift_id = $1 AND closed_at IS NULL
"""
_ADD_REFUND: LiteralString = """
    INSERT INTO payments.refund
           (refund_id, bill_id, amount, method, reason, asked_by, asked_by_name, asked_at, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'asked')
"""
_REFUND: LiteralString = """
    SELECT refund_id, bill_id, amount, method, reason, asked_by, asked_by_name, asked_at,
           decided_by, decided_by_name, decided_at, state, posting_id
      FROM payments.refund WHERE refund_id = $1 FOR UPDATE
"""
_REFUNDS_WAITING: LiteralString = """
    SELECT refund_id, bill_id, amount, method, reason, asked_by, asked_by_name, asked_at,
           decided_by, decided_by_name, decided_at, state, posting_id
      FROM payments.refund WHERE state = 'asked' ORDER BY asked_at, refund_id LIMIT $1
"""
_REFUNDS_OF_BILL: LiteralString = """
    SELECT refund_id, bill_id, amount, method, reason, asked_by, asked_by_name, asked_at,
           decided_by, decided_by_name, decided_at, state, posting_id
      FROM payments.refund WHERE bill_id = $1 ORDER BY refund_id LIMIT 100
"""
_DECIDE_REFUND: LiteralString = """
    UPDATE payments.refund
       SET state = $2, decided_by = $3, decided_by_name = $4, decided_at = $5, posting_id = $6
     WHERE refund_id = $1
"""
_DAY_BY_METHOD: LiteralString = """
    SELECT p.method AS method,
           count(*) FILTER (WHERE p.kind = 'payment') AS payments,
           coalesce(sum(-e.amount) FILTER (WHERE p.kind = 'payment'), 0)::bigint AS received,
           coalesce(sum(e.amount) FILTER (WHERE p.kind = 'refund'), 0)::bigint AS refunded
      FROM payments.posting p
      JOIN payments.entry e ON e.posting_id = p.posting_id AND e.account = 'receivable'
     WHERE p.kind IN ('payment', 'refund') AND p.at >= $1 AND p.at < $2
     GROUP BY p.method ORDER BY p.method
"""
_BANK_DAY: LiteralString = """
    SELECT count(*) AS notices,
           coalesce(sum(n.amount), 0)::bigint AS amount,
           coalesce(sum((SELECT sum(e.amount) FROM payments.posting p
                           JOIN payments.entry e USING (posting_id)
                          WHERE p.transaction_id = n.transaction_id
                            AND e.account = 'bank')), 0)::bigint AS booked,
           coalesce(sum(n.in_suspense), 0)::bigint AS in_suspense
      FROM payments.bank_notice n
     WHERE n.received_at >= $1 AND n.received_at < $2
"""


async def add_bill(
    tx: Tx, bill_id: str, encounter_id: str, patient_id: str, payer_name: str, at: datetime
) -> None:
    """Make the row of a bill if it does not exist."""
    await tx.execute(_ADD_BILL, bill_id, encounter_id, patient_id, payer_name, at)


async def lock_bill(tx: Tx, bill_id: str) -> Bill | None:
    """Return the bill and keep others from moving its money until we are done."""
    if await tx.value(_LOCK_BILL, bill_id) is None:
        return None
    return await bill(tx, bill_id)


async def bill(tx: Tx, bill_id: str) -> Bill | None:
    """Return the bill."""
    return await tx.row(Bill, _BILL, bill_id)


async def bills_of_patient(tx: Tx, patient_id: str, limit: int) -> list[Bill]:
    """Return the bills of one person, newest first."""
    return await tx.rows(Bill, _BILLS_OF_PATIENT, patient_id, limit)


async def open_bills(tx: Tx, limit: int) -> list[Bill]:
    """Return bills with money left to pay, oldest first."""
    return await tx.rows(Bill, _OPEN_BILLS, limit)


async def settle(tx: Tx, bill_id: str, at: datetime) -> bool:
    """Mark a bill paid; return whether it was open."""
    return await tx.execute(_SETTLE, bill_id, at) == 1


async def reopen(tx: Tx, bill_id: str) -> None:
    """Mark a bill open again."""
    await tx.execute(_REOPEN, bill_id)


async def next_reference(tx: Tx) -> int:
    """Return the next running number of payment references."""
    return int(await tx.value(_NEXT_REFERENCE))


async def add_request(tx: Tx, request: PaymentRequest) -> None:
    """Keep a QR request."""
    r = request
    await tx.execute(
        _ADD_REQUEST,
        r.request_id,
        r.reference,
        r.bill_id,
        r.amount,
        r.qr,
        r.created_at,
        r.expires_at,
    )


async def open_request(tx: Tx, bill_id: str) -> PaymentRequest | None:
    """Return the QR that waits for this bill."""
    return await tx.row(PaymentRequest, _OPEN_REQUEST, bill_id)


async def request_by_reference(tx: Tx, references: Sequence[str]) -> PaymentRequest | None:
    """Return the newest request among `references`."""
    return await tx.row(PaymentRequest, _REQUEST_BY_REFERENCE, list(references))


async def end_requests(tx: Tx, bill_id: str, state: str) -> None:
    """End the open QR of a bill as `paid` or `replaced`."""
    await tx.execute(_END_REQUESTS, bill_id, state)


async def add_posting(tx: Tx, *columns: object) -> None:
    """Keep the head of a posting."""
    await tx.execute(_ADD_POSTING, *columns)


async def add_entries(tx: Tx, posting_id: int, entries: dict[str, Dong]) -> None:
    """Keep the lines of a posting; the database refuses what does not balance."""
    await tx.execute(_ADD_ENTRIES, posting_id, list(entries), list(entries.values()))


async def next_number(tx: Tx, series: str, year: int) -> int:
    """Return the next number of a series; the row lock makes numbers gap-free."""
    return int(await tx.value(_NEXT_NUMBER, series, year))


async def add_receipt(tx: Tx, receipt: Receipt) -> None:
    """Keep a receipt."""
    r = receipt
    await tx.execute(
        _ADD_RECEIPT,
        r.receipt_id,
        r.series,
        r.year,
        r.number,
        r.posting_id,
        r.bill_id,
        r.amount,
        r.method,
        r.tendered,
        r.payer_name,
        r.issued_at,
        r.issued_by,
    )


async def receipt(tx: Tx, receipt_id: int) -> Receipt | None:
    """Return one receipt."""
    return await tx.row(Receipt, _RECEIPT, receipt_id)


async def receipts_of_bill(tx: Tx, bill_id: str) -> list[Receipt]:
    """Return the receipts of a bill in order."""
    return await tx.rows(Receipt, _RECEIPTS_OF_BILL, bill_id)


async def hold_transaction(tx: Tx, transaction_id: str) -> None:
    """Let two deliveries of one notice pass one after the other."""
    await tx.execute(_HOLD_TRANSACTION, transaction_id)


async def notice(tx: Tx, transaction_id: str) -> NoticeRow | None:
    """Return a notice."""
    return await tx.row(NoticeRow, _NOTICE, transaction_id)


async def lock_notice(tx: Tx, transaction_id: str) -> NoticeRow | None:
    """Return a notice and keep others from assigning it."""
    if await tx.value(_LOCK_NOTICE, transaction_id) is None:
        return None
    return await notice(tx, transaction_id)


async def add_notice(
    tx: Tx,
    notice: Notice,
    *,
    received_at: datetime,
    outcome: str,
    is_late: bool,
    bill_id: str | None,
    in_suspense: Dong,
) -> None:
    """Keep a notice."""
    await tx.execute(
        _ADD_NOTICE,
        notice.transaction_id,
        notice.account,
        notice.amount,
        notice.purpose,
        notice.booked_at,
        received_at,
        outcome,
        is_late,
        bill_id,
        in_suspense,
    )


async def clear_suspense(tx: Tx, transaction_id: str, bill_id: str) -> None:
    """Note that a person matched the notice to a bill."""
    await tx.execute(_CLEAR_SUSPENSE, transaction_id, bill_id)


async def in_suspense(tx: Tx, limit: int) -> list[NoticeRow]:
    """Return notices whose money no bill has yet, oldest first."""
    return await tx.rows(NoticeRow, _IN_SUSPENSE, limit)


async def lock_open_shift(tx: Tx, cashier_id: str) -> Shift | None:
    """Return the cashier's open till and keep it from being closed under us."""
    return await tx.row(Shift, _OPEN_SHIFT, cashier_id)


async def shift_now(tx: Tx, cashier_id: str) -> Shift | None:
    """Return the cashier's open till."""
    return await tx.row(Shift, _SHIFT_NOW, cashier_id)


async def shift(tx: Tx, shift_id: int) -> Shift | None:
    """Return one till shift."""
    return await tx.row(Shift, _SHIFT, shift_id)


async def closed_shifts(tx: Tx, limit: int) -> list[Shift]:
    """Return counted shifts, newest first."""
    return await tx.rows(Shift, _SHIFTS, limit)


async def add_shift(tx: Tx, shift: Shift) -> bool:
    """Open a till; False if the cashier has one."""
    s = shift
    done = await tx.execute(
        _ADD_SHIFT, s.shift_id, s.cashier_id, s.cashier_name, s.opened_at, s.opening_cash
    )
    return done == 1


async def till_of(tx: Tx, shift_id: int) -> Dong:
    """Return what moved through the till in a shift."""
    return int(await tx.value(_TILL, shift_id))


async def close_shift(
    tx: Tx, shift_id: int, at: datetime, expected: Dong, counted: Dong, note: str
) -> None:
    """Close a till with its count."""
    await tx.execute(_CLOSE_SHIFT, shift_id, at, expected, counted, note)


async def add_refund(tx: Tx, refund: Refund) -> None:
    """Keep a wish for a refund."""
    r = refund
    await tx.execute(
        _ADD_REFUND,
        r.refund_id,
        r.bill_id,
        r.amount,
        r.method,
        r.reason,
        r.asked_by,
        r.asked_by_name,
        r.asked_at,
    )


async def lock_refund(tx: Tx, refund_id: int) -> Refund | None:
    """Return a refund and keep others from deciding it."""
    return await tx.row(Refund, _REFUND, refund_id)


async def refunds_waiting(tx: Tx, limit: int) -> list[Refund]:
    """Return refunds that wait for a second person."""
    return await tx.rows(Refund, _REFUNDS_WAITING, limit)


async def refunds_of_bill(tx: Tx, bill_id: str) -> list[Refund]:
    """Return the refunds of a bill."""
    return await tx.rows(Refund, _REFUNDS_OF_BILL, bill_id)


async def decide_refund(tx: Tx, *columns: object) -> None:
    """Note the decision on a refund."""
    await tx.execute(_DECIDE_REFUND, *columns)


async def day_by_method(tx: Tx, start: datetime, end: datetime) -> list[DayOfMethod]:
    """Return our ledger of a day by method."""
    return await tx.rows(DayOfMethod, _DAY_BY_METHOD, start, end)


async def bank_day(tx: Tx, start: datetime, end: datetime) -> BankDay:
    """Return the bank's notices of a day beside our ledger."""
    found = await tx.row(BankDay, _BANK_DAY, start, end)
    assert found is not None
    return found

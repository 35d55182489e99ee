"""SQL of charging."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString

from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake
from yba.kernel.money import Dong
from yba.money.charging.model import (
    Charge,
    CoPaid,
    Invoice,
    InvoiceLine,
    NewCharge,
    Price,
    Waiting,
)
from yba.plumbing.database import Tx

_PRICES: LiteralString = """
    SELECT p.kind, p.code, p.name, p.unit, p.cost_group, p.hospital_price, p.insurance_price,
           p.insurance_ratio, p.scope, w.n
      FROM unnest($2::text[], $3::text[], $4::date[]) WITH ORDINALITY AS w (kind, code, day, n)
     CROSS JOIN LATERAL (
           SELECT p.*
             FROM charging.price p JOIN charging.price_list l USING (price_list_id)
            WHERE p.kind = w.kind AND p.code = w.code AND ($1 = '' OR l.facility_code IN ($1, ''))
              AND l.valid_from <= w.day AND (l.valid_to IS NULL OR w.day <= l.valid_to)
            ORDER BY l.facility_code DESC, l.valid_from DESC, l.price_list_id DESC
            LIMIT 1) AS p
     ORDER BY w.n
"""
_LIST: LiteralString = """
    SELECT price_list_id, fingerprint FROM charging.price_list
     WHERE facility_code = $1 AND decision = $2 AND valid_from = $3
"""
_ADD_LIST: LiteralString = """
    INSERT INTO charging.price_list (facility_code, decision, valid_from, fingerprint)
    VALUES ($1, $2, $3, $4) RETURNING price_list_id
"""
_MARK_LIST: LiteralString = """
    UPDATE charging.price_list SET fingerprint = $2 WHERE price_list_id = $1
"""
_ADD_PRICE: LiteralString = """
    INSERT INTO charging.price
           (price_list_id, kind, code, name, unit, cost_group, hospital_price, insurance_price,
            insurance_ratio, scope)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (price_list_id, kind, code) DO UPDATE
       SET name = EXCLUDED.name, unit = EXCLUDED.unit, cost_group = EXCLUDED.cost_group,
           hospital_price = EXCLUDED.hospital_price, insurance_price = EXCLUDED.insurance_price,
           insurance_ratio = EXCLUDED.insurance_ratio, scope = EXCLUDED.scope
"""
_ADD_CHARGE: LiteralString = """
    INSERT INTO charging.charge
           (charge_id, encounter_id, patient_id, cause, kind, code, quantity, department, details,
            ordered_at, charged_at, actor_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (cause) WHERE reverses IS NULL DO NOTHING
"""
_REVERSE: LiteralString = """
    INSERT INTO charging.charge
           (charge_id, encounter_id, patient_id, cause, reverses, kind, code, quantity, department,
            ordered_at, charged_at, actor_id)
    SELECT $2, encounter_id, patient_id, cause, charge_id, kind, code, -quantity, department,
           ordered_at, $3, $4
      FROM charging.charge WHERE cause = $1 AND reverses IS NULL
    ON CONFLICT (reverses) DO NOTHING
"""
_HAS_CAUSE: LiteralString = """
    SELECT true FROM charging.charge WHERE cause = $1 AND reverses IS NULL
"""
_CHARGES: LiteralString = """
    SELECT c.charge_id, c.cause, c.kind, c.code, c.quantity, c.department, c.details, c.ordered_at
      FROM charging.charge c
     WHERE c.encounter_id = $1 AND c.reverses IS NULL
       AND NOT EXISTS (SELECT FROM charging.charge r WHERE r.reverses = c.charge_id)
     ORDER BY c.charge_id LIMIT 2000
"""
_HOLD: LiteralString = (
    "SELECT pg_advisory_xact_lock(hashtextextended('charging.invoice:' || $1, 0))"
)
_CO_PAID: LiteralString = """
    SELECT (issued_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS on, sum(co_payment) AS amount
      FROM charging.invoice
     WHERE patient_id = $1 AND encounter_id <> $2 AND is_right_line
       AND issued_at >= $3 AND issued_at < $4
     GROUP BY 1 HAVING sum(co_payment) > 0 ORDER BY 1
"""
_COVER: LiteralString = """
    SELECT original_category, co_paid_elsewhere, more_cards FROM charging.cover
     WHERE encounter_id = $1 ORDER BY cover_id DESC LIMIT 1
"""
_ADD_COVER: LiteralString = """
    INSERT INTO charging.cover (cover_id, encounter_id, original_category, co_paid_elsewhere,
                                more_cards, noted_at, actor_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_NEXT_SEQUENCE: LiteralString = """
    SELECT coalesce(max(sequence), 0) + 1 FROM charging.invoice WHERE encounter_id = $1
"""
_ADD_INVOICE: LiteralString = """
    INSERT INTO charging.invoice
           (invoice_id, encounter_id, patient_id, sequence, category, is_right_line, exempt_from,
            terms, co_payment, own_dong, co_payment_dong, insurance_dong, other_dong, issued_at,
            actor_id, actor_name)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
_ADD_INVOICE_LINE: LiteralString = """
    INSERT INTO charging.invoice_line
           (invoice_id, position, charge_id, kind, code, name, unit, cost_group, quantity,
            hospital_price, insurance_price, service_ratio, insurance_ratio, level, amount,
            insured_amount, insurance_pays, co_payment, patient_pays, other_pays, own_dong,
            co_payment_dong, insurance_dong, other_dong, because)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21, $22, $23, $24, $25)
"""
_INVOICES: LiteralString = """
    SELECT invoice_id, encounter_id, patient_id, sequence, category, own_dong, co_payment_dong,
           insurance_dong, other_dong, issued_at, actor_name
      FROM charging.invoice WHERE encounter_id = $1 ORDER BY sequence LIMIT 200
"""
_INVOICE_LINES: LiteralString = """
    SELECT l.position, l.charge_id, l.kind, l.code, l.name, l.unit, l.cost_group, l.quantity,
           l.hospital_price, l.insurance_price, l.service_ratio, l.insurance_ratio, l.level,
           l.amount, l.insured_amount, l.insurance_pays, l.co_payment, l.patient_pays,
           l.other_pays, l.own_dong, l.co_payment_dong, l.insurance_dong, l.other_dong, l.because
      FROM charging.invoice_line l JOIN charging.invoice i USING (invoice_id)
     WHERE i.encounter_id = $1
     ORDER BY i.sequence, l.position LIMIT 10000
"""
_WAITING: LiteralString = """
    WITH fresh AS (
        SELECT c.encounter_id, count(*) AS new_lines
          FROM charging.charge c
         WHERE c.charged_at >= $1 AND c.reverses IS NULL
           AND NOT EXISTS (SELECT FROM charging.charge r WHERE r.reverses = c.charge_id)
           AND NOT EXISTS (SELECT FROM charging.invoice_line l WHERE l.charge_id = c.charge_id)
         GROUP BY c.encounter_id
    )
    SELECT v.encounter_id, v.patient_id, p.name, p.patient_number, p.birth_date,
           v.state = 'finished' AS is_closed, v.opened_at, v.closed_at,
           coalesce(f.new_lines, 0) AS new_lines, b.remaining
      FROM encounters.visit_v1 v
      JOIN parties.person_v1 p USING (patient_id)
      LEFT JOIN fresh f USING (encounter_id)
      LEFT JOIN LATERAL (SELECT remaining FROM payments.bill_v1 b
                          WHERE b.encounter_id = v.encounter_id) b ON true
     WHERE v.opened_at >= $1 AND v.state <> 'cancelled'
       AND (f.new_lines > 0 OR b.remaining <> 0)
     ORDER BY is_closed DESC, coalesce(v.closed_at, v.opened_at), v.encounter_id
     LIMIT $2
"""


async def prices(
    tx: Tx, facility_code: str, wanted: Sequence[tuple[str, str, date]]
) -> dict[tuple[str, str, date], Price]:
    """Return the price of each (kind, code, day) that has one."""
    if not wanted:
        return {}
    kinds, codes, days = zip(*wanted, strict=True)
    found: dict[tuple[str, str, date], Price] = {}
    for row in await tx.connection.fetch(_PRICES, facility_code, kinds, codes, days):
        values: dict[str, Any] = dict(row)
        position: int = values.pop("n") - 1
        found[wanted[position]] = Price(**values)
    return found


async def keep_prices(
    tx: Tx,
    *,
    facility_code: str,
    decision: str,
    valid_from: date,
    fingerprint: str,
    prices: Sequence[Price],
) -> bool:
    """Write a price list; False if it is there already with the same content."""
    known = await tx.connection.fetchrow(_LIST, facility_code, decision, valid_from)
    if known is not None and known["fingerprint"] == fingerprint:
        return False
    if known is None:
        list_id = await tx.value(_ADD_LIST, facility_code, decision, valid_from, fingerprint)
    else:
        list_id = known["price_list_id"]
        await tx.execute(_MARK_LIST, list_id, fingerprint)
    await tx.execute_many(
        _ADD_PRICE,
        [
            (
                list_id,
                p.kind,
                p.code,
                p.name,
                p.unit,
                p.cost_group,
                p.hospital_price,
                p.insurance_price,
                p.insurance_ratio,
                p.scope,
            )
            for p in prices
        ],
    )
    return True


async def add_charge(
    tx: Tx, charge: NewCharge, *, encounter_id: str, patient_id: str, actor: Actor, at: datetime
) -> bool:
    """Write a charge; False if its cause is charged already."""
    done = await tx.execute(
        _ADD_CHARGE,
        new_snowflake(),
        encounter_id,
        patient_id,
        charge.cause,
        charge.kind,
        charge.code,
        charge.quantity,
        charge.department,
        dict(charge.details),
        charge.ordered_at,
        at,
        actor.account_id,
    )
    return done == 1


async def reverse(tx: Tx, cause: str, *, actor: Actor, at: datetime) -> bool:
    """Take a charge back; False if that was done before."""
    done = await tx.execute(_REVERSE, cause, new_snowflake(), at, actor.account_id)
    return done == 1


async def has_cause(tx: Tx, cause: str) -> bool:
    """Return whether the cause was ever charged."""
    return bool(await tx.value(_HAS_CAUSE, cause))


async def charges(tx: Tx, encounter_id: str) -> list[Charge]:
    """Return the charges in force, in the order in which they were made."""
    return await tx.rows(Charge, _CHARGES, encounter_id)


async def hold(tx: Tx, encounter_id: str) -> None:
    """Let two invoices of one visit pass one after the other."""
    await tx.execute(_HOLD, encounter_id)


async def co_paid(
    tx: Tx, patient_id: str, other_than: str, start: datetime, end: datetime
) -> list[CoPaid]:
    """Return right-line co-payments invoiced here in a span, by day."""
    return await tx.rows(CoPaid, _CO_PAID, patient_id, other_than, start, end)


async def cover(tx: Tx, encounter_id: str) -> dict[str, Any] | None:
    """Return what was noted about the cover of a visit."""
    row = await tx.connection.fetchrow(_COVER, encounter_id)
    return None if row is None else dict(row)


async def add_cover(
    tx: Tx,
    encounter_id: str,
    original_category: str,
    co_paid_elsewhere: Decimal,
    more_cards: list[dict[str, str]],
    at: datetime,
    actor: Actor,
) -> None:
    """Note more about the cover of a visit."""
    await tx.execute(
        _ADD_COVER,
        new_snowflake(),
        encounter_id,
        original_category,
        co_paid_elsewhere,
        more_cards,
        at,
        actor.account_id,
    )


async def next_sequence(tx: Tx, encounter_id: str) -> int:
    """Return the number of the next invoice of a visit."""
    return int(await tx.value(_NEXT_SEQUENCE, encounter_id))


async def add_invoice(
    tx: Tx,
    invoice: Invoice,
    *,
    is_right_line: bool,
    exempt_from: datetime | None,
    terms: object,
    co_payment: Decimal,
    actor: Actor,
    lines: Sequence[InvoiceLine],
) -> None:
    """Write an invoice with its lines."""
    i = invoice
    shares: tuple[Dong, ...] = (
        i.own_dong,
        i.co_payment_dong,
        i.insurance_dong,
        i.other_dong,
    )
    await tx.execute(
        _ADD_INVOICE,
        i.invoice_id,
        i.encounter_id,
        i.patient_id,
        i.sequence,
        i.category,
        is_right_line,
        exempt_from,
        terms,
        co_payment,
        *shares,
        i.issued_at,
        actor.account_id,
        actor.name,
    )
    names = InvoiceLine.__dataclass_fields__
    await tx.execute_many(
        _ADD_INVOICE_LINE,
        [(i.invoice_id, *(getattr(line, name) for name in names)) for line in lines],
    )


async def invoices(tx: Tx, encounter_id: str) -> list[Invoice]:
    """Return the invoices of a visit in order."""
    return await tx.rows(Invoice, _INVOICES, encounter_id)


async def invoice_lines(tx: Tx, encounter_id: str) -> list[InvoiceLine]:
    """Return every invoiced line of a visit in order."""
    return await tx.rows(InvoiceLine, _INVOICE_LINES, encounter_id)


async def waiting(tx: Tx, since: datetime, limit: int) -> list[Waiting]:
    """Return visits with something to bill or to pay; finished visits first."""
    return await tx.rows(Waiting, _WAITING, since, limit)

"""The verbs of charging: charge, reverse, state, preview, invoice.

Prices are looked up on the day of the order, so a list that is loaded late
still prices what was ordered before; an invoice freezes them.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import VIETNAM, local_date
from yba.kernel.ids import encode_id, new_snowflake
from yba.kernel.refusal import AccessRefused
from yba.money.charging import store
from yba.money.charging.cover import note_cover, visit_facts
from yba.money.charging.errors import (
    CategoryNotForCare,
    ChargeNotKnown,
    NoCharges,
    NoOriginalCategory,
    NoPrice,
    UnknownCategory,
)
from yba.money.charging.events import InvoiceIssued
from yba.money.charging.fhir import invoice_resource
from yba.money.charging.invoicing import counted_co_payment, difference, shares_of
from yba.money.charging.levels import level_of, standing
from yba.money.charging.model import (
    ZERO,
    Bill,
    Card,
    Charge,
    CostLine,
    CoverageTerms,
    Invoice,
    InvoiceLine,
    NewCharge,
    OtherCase,
    OtherMoney,
    Price,
    Scope,
    Source,
    SplitBill,
    Table,
    VisitFacts,
    Waiting,
)
from yba.money.charging.rulebook import Rulebook, shipped_rules
from yba.money.charging.split import split
from yba.money.payments import model as payments_model
from yba.money.payments import service as payments
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

__all__ = [
    "Rulebook",
    "charge",
    "expected_level",
    "invoice_lines",
    "invoice_what_is_due",
    "invoices",
    "issue_invoice",
    "note_cover",
    "preview",
    "replace_exam",
    "price_of",
    "prices_of",
    "reverse",
    "reverse_visit",
    "rulebook",
    "split",
    "standing",
    "statement",
    "waiting",
]

_LISTED = timedelta(days=30)


def rulebook() -> Rulebook:
    """Return the dated rules of benefits."""
    return shipped_rules()


def expected_level(
    *, category: str, card_number: str, benefit_digit: str = "", on: date
) -> Decimal | None:
    """Return MUC_HUONG to expect for an outpatient visit; None if it cannot be known.

    What the 15 % rule and the exemption may add shows only in the bill.
    """
    rules = shipped_rules()
    moment = datetime(on.year, on.month, on.day, tzinfo=VIETNAM)
    terms = CoverageTerms(category, False, moment, moment)
    try:
        place = standing(terms, rules)
    except (CategoryNotForCare, NoOriginalCategory, UnknownCategory):
        return None
    if place.uninsured:
        return ZERO
    card = Card(card_number, date.min, None, benefit_digit=benefit_digit)
    if not card.digit:
        return None
    return level_of(card, place, on=on, small=False, exempt=False, rules=rules)[0]


async def price_of(
    tx: Tx, *, kind: str, codes: Sequence[str], on: date, facility_code: str = ""
) -> Mapping[str, Decimal]:
    """Return the hospital price of each code that has one on that day."""
    found = await prices_of(tx, kind=kind, codes=codes, on=on, facility_code=facility_code)
    return {code: price.hospital_price for code, price in found.items()}


async def prices_of(
    tx: Tx, *, kind: str, codes: Sequence[str], on: date, facility_code: str = ""
) -> Mapping[str, Price]:
    """Return the whole price row of each code that has one on that day."""
    found = await store.prices(tx, facility_code, [(kind, code, on) for code in codes])
    return {code: price for (_, code, _), price in found.items()}


async def charge(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    patient_id: str,
    charges: Sequence[NewCharge],
    at: datetime,
) -> int:
    """Write charges and return how many were new; a cause is charged once."""
    new = 0
    for item in charges:
        new += await store.add_charge(
            tx, item, encounter_id=encounter_id, patient_id=patient_id, actor=actor, at=at
        )
    return new


async def reverse(tx: Tx, *, actor: Actor, causes: Sequence[str], at: datetime) -> None:
    """Take charges back; doing it again changes nothing.

    Raises ChargeNotKnown if a cause was never charged.
    """
    for cause in causes:
        if not await store.has_cause(tx, cause):
            raise ChargeNotKnown
        await store.reverse(tx, cause, actor=actor, at=at)


async def reverse_visit(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> None:
    """Take every charge of a visit back."""
    for item in await store.charges(tx, encounter_id):
        await store.reverse(tx, item.cause, actor=actor, at=at)


async def replace_exam(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    patient_id: str,
    exam: NewCharge,
    at: datetime,
) -> None:
    """Charge another exam fee instead of the one in force; an equal one stays as it is.

    An exam without a code costs nothing. Doing it again changes nothing.
    """
    in_force = [c for c in await store.charges(tx, encounter_id) if c.cause.startswith("exam:")]
    if any(c.code == exam.code for c in in_force) or await store.has_cause(tx, exam.cause):
        return
    for old in in_force:
        await store.reverse(tx, old.cause, actor=actor, at=at)
    if exam.code:
        await charge(
            tx,
            actor=actor,
            encounter_id=encounter_id,
            patient_id=patient_id,
            charges=[exam],
            at=at,
        )


async def statement(tx: Tx, *, encounter_id: str, at: datetime, actor: Actor | None = None) -> Bill:
    """Return what a visit costs now and who pays which part.

    Without an actor the program itself asks. Raises VisitNotFound, or the
    refusals of `split` when the terms of cover cannot be used.
    """
    who = actor or Actor.system("charging", "HPAYMT")
    visit = await visit_facts(tx, actor=who, encounter_id=encounter_id, at=at)
    lines, unpriced = await _cost_lines(tx, visit, await store.charges(tx, encounter_id))
    invoiced = shares_of(await store.invoice_lines(tx, encounter_id))
    bill = split(lines, visit.terms, shipped_rules())
    return Bill(visit=visit, at=at, split=bill, unpriced=unpriced, invoiced=invoiced)


async def preview(
    tx: Tx,
    *,
    encounter_id: str,
    service_codes: Sequence[tuple[str, Decimal]] = (),
    drug_codes: Sequence[tuple[str, Decimal]] = (),
    at: datetime,
    actor: Actor | None = None,
) -> SplitBill:
    """Return the lines that are not ordered yet, split as they would be. Writes nothing.

    What has no price stands with zero and the reason `price.none`.
    """
    who = actor or Actor.system("charging", "HPAYMT")
    visit = await visit_facts(tx, actor=who, encounter_id=encounter_id, at=at)
    wanted = [("service", code, quantity) for code, quantity in service_codes]
    wanted += [("drug", code, quantity) for code, quantity in drug_codes]
    proposed = [
        Charge(-n, f"preview:{n}", kind, code, quantity, "", {}, at)
        for n, (kind, code, quantity) in enumerate(wanted, start=1)
    ]
    existing = await store.charges(tx, encounter_id)
    lines, _ = await _cost_lines(tx, visit, [*existing, *proposed])
    bill = split(lines, visit.terms, shipped_rules())
    return SplitBill(tuple(line for line in bill.lines if line.cost.key.startswith("-")))


async def issue_invoice(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> Invoice:
    """Freeze the statement of a visit and put the person's part on the bill.

    The first invoice holds everything, a later one the difference. Cashiers may
    do it, and the person who pays. Raises NoCharges if nothing is new, NoPrice
    if a charge has no approved price, AccessRefused.
    """
    await store.hold(tx, encounter_id)
    bill = await statement(tx, encounter_id=encounter_id, at=at, actor=actor)
    if actor.patient_id != bill.visit.patient_id and not actor.may("cashier.take"):
        raise AccessRefused
    if bill.unpriced:
        raise NoPrice(code=", ".join(bill.unpriced), on=local_date(at).strftime("%d/%m/%Y"))
    before = await store.invoice_lines(tx, encounter_id)
    lines = difference(bill.lines, before)
    if not lines:
        raise NoCharges
    return await _write_invoice(tx, actor, bill, lines, at)


async def invoice_what_is_due(
    tx: Tx, *, actor: Actor, encounter_id: str, at: datetime
) -> payments_model.Bill:
    """Bring the bill up to date, invoicing what is new, and return it.

    Raises NoCharges if the visit never had a charge, NoPrice as above.
    """
    with suppress(NoCharges):
        await issue_invoice(tx, actor=actor, encounter_id=encounter_id, at=at)
    bill = await payments.bill_of(tx, bill_id=encounter_id)
    if bill is None:
        raise NoCharges
    return bill


async def invoices(tx: Tx, *, encounter_id: str) -> list[Invoice]:
    """Return the invoices of a visit in order."""
    return await store.invoices(tx, encounter_id)


async def invoice_lines(tx: Tx, *, encounter_id: str) -> list[InvoiceLine]:
    """Return every invoiced line of a visit; differences follow what they correct."""
    return await store.invoice_lines(tx, encounter_id)


async def waiting(tx: Tx, *, at: datetime, limit: int = 100) -> list[Waiting]:
    """Return recent visits with something to bill or to pay, finished ones first."""
    return await store.waiting(tx, at - _LISTED, limit)


async def _write_invoice(
    tx: Tx, actor: Actor, bill: Bill, lines: Sequence[InvoiceLine], at: datetime
) -> Invoice:
    visit, shares = bill.visit, shares_of(lines)
    invoice = Invoice(
        invoice_id=new_snowflake(),
        encounter_id=visit.encounter_id,
        patient_id=visit.patient_id,
        sequence=await store.next_sequence(tx, visit.encounter_id),
        category=visit.terms.category,
        own_dong=shares.own,
        co_payment_dong=shares.co_payment,
        insurance_dong=shares.insurance,
        other_dong=shares.other,
        issued_at=at,
        actor_name=actor.name,
    )
    await store.add_invoice(
        tx,
        invoice,
        is_right_line=standing(visit.terms, shipped_rules()).right_line,
        exempt_from=bill.split.exempt_from,
        terms=msgspec.to_builtins(visit.terms),
        co_payment=counted_co_payment(lines),
        actor=actor,
        lines=lines,
    )
    due = payments_model.BillDue(
        bill_id=visit.encounter_id,
        encounter_id=visit.encounter_id,
        patient_id=visit.patient_id,
        payer_name=visit.patient_name,
        amount=shares.patient,
    )
    await payments.charge_bill(tx, actor=actor, due=due, at=at)
    await record.save(
        tx,
        actor=actor.acting_for("HPAYMT"),
        resources=[invoice_resource(invoice, lines)],
        at=at,
        note="charging.issue_invoice",
    )
    await publish(
        tx,
        InvoiceIssued(
            invoice_id=encode_id(invoice.invoice_id),
            encounter_id=visit.encounter_id,
            patient_id=visit.patient_id,
            sequence=invoice.sequence,
            patient_dong=shares.patient,
            insurance_dong=shares.insurance,
            other_dong=shares.other,
            at=at,
        ),
    )
    return invoice


async def _cost_lines(
    tx: Tx, visit: VisitFacts, charges: Sequence[Charge]
) -> tuple[list[CostLine], tuple[str, ...]]:
    """Return charges with their prices, and the codes that have none."""
    wanted = [(c.kind, c.code, local_date(c.ordered_at)) for c in charges]
    prices = await store.prices(tx, visit.facility_code, wanted)
    lines: list[CostLine] = []
    unpriced: list[str] = []
    for item, key in zip(charges, wanted, strict=True):
        price = prices.get(key)
        if price is None:
            unpriced.append(item.code)
        lines.append(_cost_line(item, price, visit.department))
    return lines, tuple(dict.fromkeys(unpriced))


def _cost_line(item: Charge, price: Price | None, department: str) -> CostLine:
    details: Mapping[str, Any] = item.details
    other = details.get("other")
    return CostLine(
        key=str(item.charge_id),
        table=Table.DRUG if item.kind == "drug" else Table.SERVICE,
        group=price.cost_group if price else 19,
        quantity=item.quantity,
        hospital_price=price.hospital_price if price else ZERO,
        insurance_price=price.insurance_price if price else ZERO,
        ordered_at=item.ordered_at,
        insurance_ratio=price.insurance_ratio if price else 0,
        scope=Scope(price.scope) if price else Scope.NOT_COVERED,
        code=item.code,
        name=price.name if price else item.code,
        unit=price.unit if price else "",
        department=item.department or department,
        bed_shared_by=int(details.get("bed_shared_by", 1)),
        over_table_limit=bool(details.get("over_table_limit", False)),
        operation=str(details.get("operation", "")),
        team=str(details.get("team", "")),
        package=str(details.get("package", "")),
        other=_other_money(other) if other else None,
        priced=price is not None,
    )


def _other_money(given: Mapping[str, Any]) -> OtherMoney:
    return OtherMoney(
        OtherCase(given["case"]), Source(given["source"]), Decimal(given.get("amount", 0))
    )

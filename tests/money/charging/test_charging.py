"""Charges, statements, previews and invoices of a real visit."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import asyncpg
import pytest

from yba.care.encounters.events import VisitCancelled, VisitOpened, VisitTransferred
from yba.care.orders.events import (
    OrderCancelled,
    OrderPlaced,
    PrescriptionCancelled,
    PrescriptionIssued,
)
from yba.fhir import r4
from yba.fhir.validation import check
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id
from yba.kernel.refusal import AccessRefused
from yba.money.charging import listeners, seed, service, store
from yba.money.charging.errors import ChargeNotKnown, NoCharges, NoPrice
from yba.money.charging.model import Card, CoPaid, DongShares, NewCharge
from yba.money.payments import service as payments


async def test_statement_splits_what_was_charged(ward):
    await ward.charge("TEST.BLOOD")
    await ward.charge("TEST.SCAN")
    await ward.charge("TEST.COMFORT")

    bill = await ward.bill()

    # 80 % of 400,000 and 700,000; the price difference and the comfort are the person's.
    assert bill.dong == DongShares(own=350_000, co_payment=220_000, insurance=880_000)
    assert [line.level for line in bill.lines[:2]] == [80, 80]


async def test_small_visit_costs_the_insured_person_nothing(ward):
    await ward.charge("TEST.EXAM")
    await ward.charge("TEST.DRUG", "20", kind="drug")

    bill = await ward.bill()

    assert (bill.dong.patient, bill.dong.insurance) == (0, 66_791)
    assert bill.lines[0].because == ("level.small-visit",)


async def test_person_without_insurance_pays_all(open_visit):
    ward = await open_visit("9")
    await ward.charge("TEST.SCAN")

    assert (await ward.bill()).dong == DongShares(own=900_000)


async def test_same_cause_is_charged_once(ward):
    charge = NewCharge("order:1", "service", "TEST.BLOOD", Decimal(1), ward.at)

    for _ in range(3):
        await service.charge(
            ward.tx,
            actor=ward.actor,
            encounter_id=ward.encounter_id,
            patient_id=ward.patient_id,
            charges=[charge],
            at=ward.at,
        )

    assert len((await ward.bill()).lines) == 1


async def test_reversed_charge_leaves_the_bill_and_stays_in_the_ledger(ward):
    cause = await ward.charge("TEST.BLOOD")
    for _ in range(2):
        await service.reverse(ward.tx, actor=ward.actor, causes=[cause], at=ward.at)

    assert (await ward.bill()).lines == ()
    quantities = await ward.tx.values(
        "SELECT quantity FROM charging.charge WHERE encounter_id = $1 ORDER BY charge_id",
        ward.encounter_id,
    )
    assert quantities == [1, -1]


async def test_reversal_before_its_charge_is_refused_so_that_it_comes_again(ward):
    with pytest.raises(ChargeNotKnown):
        await service.reverse(ward.tx, actor=ward.actor, causes=["order:none"], at=ward.at)


async def test_charges_are_never_changed(ward):
    await ward.charge("TEST.BLOOD")

    with pytest.raises(asyncpg.RestrictViolationError):
        await ward.tx.execute("UPDATE charging.charge SET quantity = 2")


async def test_preview_splits_the_basket_and_writes_nothing(ward):
    await ward.charge("TEST.EXAM")

    basket = await service.preview(
        ward.tx,
        encounter_id=ward.encounter_id,
        service_codes=[("TEST.BLOOD", Decimal(1))],
        drug_codes=[("TEST.DRUG", Decimal(10)), ("NONE", Decimal(1))],
        at=ward.at,
    )

    # With the blood test the visit passes 15 % of the base salary.
    assert [line.level for line in basket.lines[:2]] == [80, 80]
    assert basket.lines[2].because == ("price.none",)
    assert len((await ward.bill()).lines) == 1


async def test_invoice_puts_the_persons_part_on_the_bill(ward):
    await ward.charge("TEST.BLOOD")

    invoice = await ward.invoice()

    owed = await payments.bill_of(ward.tx, bill_id=ward.encounter_id)
    assert owed is not None
    assert (invoice.sequence, invoice.dong.patient, owed.remaining) == (1, 80_000, 80_000)


async def test_invoice_is_in_the_record_for_those_who_read_fhir(ward, tx):
    await ward.charge("TEST.SCAN")
    invoice = await ward.invoice()

    [found] = await record.search(
        tx, actor=ward.actor, type_=r4.Invoice, query=f"subject=Patient/{ward.patient_id}"
    )

    assert found.id == encode_id(invoice.invoice_id)
    assert found.totalNet is not None
    assert found.totalNet.value == 340_000
    assert check(found) == []


async def test_invoice_is_made_by_a_cashier_or_by_who_pays(ward):
    await ward.charge("TEST.BLOOD")
    doctor = Actor("d", "Bác sĩ", permissions=frozenset({"chart.*"}))
    herself = Actor(
        "c", "Người bệnh", roles=frozenset({"citizen"}), patient_id=ward.patient_id,
        purpose="PATRQT",
    )  # fmt: skip
    stranger = Actor("s", "Người khác", permissions=frozenset({"cashier.read"}))

    async def invoice(actor: Actor):
        return await service.issue_invoice(
            ward.tx, actor=actor, encounter_id=ward.encounter_id, at=ward.at
        )

    for other in (doctor, stranger):
        with pytest.raises(AccessRefused):
            await invoice(other)
    assert (await invoice(herself)).dong.patient == 80_000


async def test_invoice_is_not_made_twice_for_the_same_charges(ward):
    await ward.charge("TEST.BLOOD")
    await ward.invoice()

    with pytest.raises(NoCharges):
        await ward.invoice()


async def test_later_invoice_says_the_difference_for_every_line_that_changed(ward):
    await ward.charge("TEST.EXAM")
    assert (await ward.invoice()).dong == DongShares(insurance=42_100)

    # The test lifts the visit over 15 %, so that the exam's level falls to 80, too.
    await ward.charge("TEST.BLOOD")
    second = await ward.invoice()

    assert second.dong == DongShares(co_payment=8_420 + 80_000, insurance=-8_420 + 320_000)
    lines = await service.invoice_lines(ward.tx, encounter_id=ward.encounter_id)
    assert sum(line.amount for line in lines) == 442_100
    owed = await payments.bill_of(ward.tx, bill_id=ward.encounter_id)
    assert owed is not None
    assert owed.remaining == 88_420


async def test_reversal_after_the_invoice_comes_back_as_money_owed_to_the_person(ward):
    await ward.charge("TEST.SCAN")
    cause = await ward.charge("TEST.COMFORT")
    await ward.invoice()
    await service.reverse(ward.tx, actor=ward.actor, causes=[cause], at=ward.at)

    assert (await ward.invoice()).dong == DongShares(own=-150_000)


async def test_invoices_add_up_to_the_statement(ward):
    for code in ("TEST.EXAM", "TEST.BLOOD", "TEST.SCAN"):
        await ward.charge(code)
        await ward.invoice()

    bill = await ward.bill()
    assert bill.invoiced == bill.dong


async def test_charge_without_a_price_is_not_invoiced(ward):
    await ward.charge("TEST.NEVER-PRICED")

    with pytest.raises(NoPrice):
        await ward.invoice()


async def test_invoice_is_never_changed(ward):
    await ward.charge("TEST.BLOOD")
    await ward.invoice()

    with pytest.raises(asyncpg.RestrictViolationError):
        await ward.tx.execute("DELETE FROM charging.invoice_line")


async def test_co_payments_invoiced_this_year_count_at_the_next_visit(ward, tx):
    await ward.charge("TEST.BLOOD")
    await ward.invoice()
    year = ward.at.replace(month=1, day=1), ward.at + timedelta(days=1)

    elsewhere = await store.co_paid(tx, ward.patient_id, "another visit", *year)
    itself = await store.co_paid(tx, ward.patient_id, ward.encounter_id, *year)

    assert (elsewhere, itself) == ([CoPaid(ward.at.date(), Decimal("80000.00"))], [])


async def test_noted_second_card_covers_from_its_first_day(ward):
    await ward.charge("TEST.BLOOD")
    better = Card("HN2010000000001", date(2026, 9, 1), None)

    await service.note_cover(
        ward.tx,
        actor=ward.actor,
        encounter_id=ward.encounter_id,
        more_cards=(better,),
        co_paid_elsewhere=Decimal(5_000_000),
        at=ward.at,
    )

    bill = await ward.bill()
    assert (bill.lines[0].level, bill.lines[0].card) == (100, "HN2010000000001")
    assert bill.visit.terms.co_paid[0].amount == 5_000_000


async def test_finished_work_waits_at_the_cashier(ward):
    await ward.charge("TEST.BLOOD")

    [row] = [
        row
        for row in await service.waiting(ward.tx, at=ward.at + timedelta(hours=1))
        if row.encounter_id == ward.encounter_id
    ]

    assert (row.name, row.new_lines, row.remaining) == ("Nguyễn Văn Thử", 1, None)


async def test_price_of_the_day_of_the_order_counts(ward, tx):
    found = await service.price_of(
        tx, kind="service", codes=["TEST.BLOOD", "NONE"], on=ward.at.date(), facility_code="01999"
    )
    before = await service.price_of(
        tx, kind="service", codes=["TEST.BLOOD"], on=date(2025, 12, 31), facility_code="01999"
    )

    assert (found, before) == ({"TEST.BLOOD": Decimal(400_000)}, {})


@pytest.mark.parametrize(
    ("category", "card", "level"),
    [
        ("1.1", "GD4010000000001", 80),
        ("1.2", "GD4010000000001", 100),
        ("3.1", "GD4010000000001", 0),
        ("1.18", "HT3010000000001", Decimal("47.5")),
        ("9", "", 0),
        ("1.15", "GD4010000000001", None),
        ("1.1", "0000000001", None),
    ],
)
def test_desk_is_told_the_level_to_expect(category: str, card: str, level: Decimal | None):
    expected = service.expected_level(category=category, card_number=card, on=date(2026, 9, 15))

    assert expected == level


async def test_shipped_prices_load_once(tx):
    first = await seed.load_shipped(tx, facility_code="77777")

    assert first > 0
    assert await seed.load_shipped(tx, facility_code="77777") == 0


def opened(ward) -> VisitOpened:
    return VisitOpened(
        encounter_id=ward.encounter_id,
        claim_key="x",
        patient_id=ward.patient_id,
        facility_code="01999",
        clinic_id="x",
        department_code="K01",
        patient_category="1.1",
        care_type="01",
        exam_service_code="TEST.EXAM",
        at=ward.at,
    )


async def codes(ward) -> list[str]:
    return [line.cost.code for line in (await ward.bill()).lines]


async def test_opened_visit_is_charged_its_examination_once(ward):
    for _ in range(2):
        await listeners.charge_examination(ward.tx, opened(ward))

    assert await codes(ward) == ["TEST.EXAM"]


async def test_clinic_without_an_exam_fee_charges_none(ward):
    await listeners.charge_examination(ward.tx, replace(opened(ward), exam_service_code=""))

    assert await codes(ward) == []


async def test_exam_fee_follows_the_patient_to_another_clinic(ward):
    await listeners.charge_examination(ward.tx, opened(ward))
    there = VisitTransferred(
        encounter_id=ward.encounter_id,
        patient_id=ward.patient_id,
        clinic_id="other",
        department_code="K02",
        exam_service_code="TEST.SCAN",
        at=ward.at + timedelta(minutes=5),
    )
    back = replace(there, exam_service_code="TEST.EXAM", at=ward.at + timedelta(minutes=9))

    for _ in range(2):
        await listeners.follow_transfer(ward.tx, there)
    assert await codes(ward) == ["TEST.SCAN"]

    for _ in range(2):
        await listeners.follow_transfer(ward.tx, back)
    assert await codes(ward) == ["TEST.EXAM"]


async def test_cancelled_visit_costs_nothing(ward):
    await listeners.charge_examination(ward.tx, opened(ward))
    event = VisitCancelled(encounter_id=ward.encounter_id, patient_id=ward.patient_id, at=ward.at)
    await listeners.reverse_visit(ward.tx, event)

    assert await codes(ward) == []


async def test_orders_are_charged_and_a_cancelled_one_is_taken_back(ward):
    await listeners.charge_orders(
        ward.tx,
        OrderPlaced(
            encounter_id=ward.encounter_id,
            patient_id=ward.patient_id,
            request_ids=("a", "b"),
            service_codes=("TEST.BLOOD", "TEST.SCAN"),
            quantities=("1", "2"),
            at=ward.at,
        ),
    )
    await listeners.reverse_order(
        ward.tx,
        OrderCancelled(
            encounter_id=ward.encounter_id,
            patient_id=ward.patient_id,
            request_id="a",
            at=ward.at,
        ),
    )

    [line] = (await ward.bill()).lines
    assert (line.cost.code, line.quantity) == ("TEST.SCAN", 2)


async def test_cancelled_prescription_is_taken_back(ward):
    await listeners.charge_prescription(
        ward.tx,
        PrescriptionIssued(
            code="01999abcdefg-c",
            kind="c",
            encounter_id=ward.encounter_id,
            patient_id=ward.patient_id,
            request_ids=("m1",),
            drug_codes=("TEST.DRUG",),
            quantities=("20",),
            replaces="",
            at=ward.at,
        ),
    )
    assert await codes(ward) == ["TEST.DRUG"]

    await listeners.reverse_prescription(
        ward.tx,
        PrescriptionCancelled(
            code="01999abcdefg-c",
            encounter_id=ward.encounter_id,
            patient_id=ward.patient_id,
            request_ids=("m1",),
            at=ward.at,
        ),
    )
    assert await codes(ward) == []

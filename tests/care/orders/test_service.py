"""Orders and prescriptions: checked, coded, split by kind, never changed."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from tests.builders.care import DOCTOR, LAN, NURSE, citizen, open_visit, person_named

from yba.care.encounters import service as encounters
from yba.care.encounters.errors import VisitNotFound
from yba.care.encounters.model import Allergy, DiagnosisEntry
from yba.care.orders import prescribing
from yba.care.orders import service as orders
from yba.care.orders.errors import (
    CancellationReasonMissing,
    DiagnosisNeeded,
    NothingOrdered,
    OrderNeedsConfirmation,
    OrderNotCancellable,
    OrderRefused,
    PrescriptionNeedsConfirmation,
    PrescriptionNotChangeable,
    PrescriptionNotFound,
    PrescriptionRefused,
    PrescriptionTooLong,
)
from yba.care.orders.model import DrugLine, PrescriptionKind, PrescriptionState, ServiceLine
from yba.kernel.refusal import AccessRefused

BLOOD_COUNT = "22.0120.1370"
PARACETAMOL = "40.1.01"
PARACETAMOL_SYRUP = "40.1.03"
MORPHINE = "40.13.02"
DIAZEPAM = "40.230.01"


def tablets(code=PARACETAMOL, *, dose="1", times=3, days=5, quantity=None) -> DrugLine:
    """Return a line whose quantity follows from its dose."""
    needed = Decimal(dose) * times * days
    return DrugLine(
        drug_code=code,
        dose=Decimal(dose),
        times_per_day=times,
        days=days,
        quantity=needed if quantity is None else Decimal(quantity),
    )


@pytest.fixture
async def visit(tx, at):
    """Return the id of a visit with a diagnosis."""
    return await diagnosed(tx, at, "J06.9")


async def diagnosed(tx, at, code, person=LAN):
    opened = await open_visit(tx, at, person=person)
    await encounters.record_diagnoses(
        tx,
        actor=DOCTOR,
        encounter_id=opened.encounter_id,
        diagnoses=[DiagnosisEntry(code=code)],
        at=at,
        confirmed=True,
    )
    return opened.encounter_id


async def prescribe(tx, at, encounter_id, *lines, **more):
    return await orders.prescribe(
        tx, actor=DOCTOR, encounter_id=encounter_id, lines=lines, at=at, **more
    )


async def order(tx, at, encounter_id, *codes, **more):
    return await orders.order_services(
        tx,
        actor=DOCTOR,
        encounter_id=encounter_id,
        lines=[ServiceLine(service_code=code) for code in codes],
        at=at,
        **more,
    )


async def test_ordered_services_are_listed_with_their_names(tx, at, visit):
    await order(tx, at, visit, BLOOD_COUNT)

    (found,) = await orders.orders_of(tx, actor=DOCTOR, encounter_id=visit, at=at)

    assert found.name == "Tổng phân tích tế bào máu ngoại vi (máy đếm laser)"
    assert (found.kind, found.status, found.quantity) == ("lab", "active", 1)
    assert found.requester_licence == DOCTOR.licence
    view = await encounters.visit(tx, actor=DOCTOR, encounter_id=visit, at=at)
    assert [line.service_code for line in view.orders] == [BLOOD_COUNT]


async def test_an_empty_basket_is_refused(tx, at, visit):
    with pytest.raises(NothingOrdered):
        await order(tx, at, visit)


async def test_unknown_services_are_named(tx, at, visit):
    with pytest.raises(OrderRefused) as caught:
        await order(tx, at, visit, BLOOD_COUNT, "99.9999.9999")

    assert set(caught.value.fields) == {"99.9999.9999"}


async def test_the_same_service_again_needs_confirmation(tx, at, visit):
    await order(tx, at, visit, BLOOD_COUNT)

    with pytest.raises(OrderNeedsConfirmation):
        await order(tx, at, visit, BLOOD_COUNT)
    assert await order(tx, at, visit, BLOOD_COUNT, confirmed=True)


async def test_an_order_is_cancelled_with_a_reason_and_only_once(tx, at, visit):
    (placed,) = await order(tx, at, visit, BLOOD_COUNT)

    async def cancel(reason):
        await orders.cancel_order(
            tx, actor=DOCTOR, request_id=placed.request_id, reason=reason, at=at
        )

    with pytest.raises(CancellationReasonMissing):
        await cancel(" ")
    await cancel("Người bệnh từ chối")
    (found,) = await orders.orders_of(tx, actor=DOCTOR, encounter_id=visit, at=at)
    assert found.status == "revoked"
    with pytest.raises(OrderNotCancellable):
        await cancel("lần nữa")


async def test_a_nurse_orders_nothing(tx, at, visit):
    with pytest.raises(AccessRefused):
        await orders.order_services(
            tx,
            actor=NURSE,
            encounter_id=visit,
            lines=[ServiceLine(service_code=BLOOD_COUNT)],
            at=at,
        )


async def test_a_prescription_has_the_national_code_and_everything_to_print(tx, at, visit):
    (issued,) = await prescribe(tx, at, visit, tablets(), advice="Uống sau ăn")

    assert re.fullmatch(r"01001[0-9a-z]{7}-c", issued.code)
    assert len(issued.code) == 14
    assert issued.collect_until == date(2026, 9, 20)
    (line,) = issued.lines
    assert line.name == "Paracetamol 500 mg"
    assert line.quantity_text == "15 viên"
    assert line.dosage_text == "1 viên/lần * 3 lần/ngày * 5 ngày [3 viên/ngày]"
    assert (line.route, line.route_code) == ("Uống", "1.01")
    read = await orders.prescription(tx, actor=DOCTOR, code=issued.code, at=at)
    assert read == issued


async def test_kinds_are_split_into_prescriptions_of_their_own(tx, at, visit):
    issued = await prescribe(
        tx,
        at,
        visit,
        tablets(),
        tablets(MORPHINE, times=2, days=5),
        tablets(DIAZEPAM, times=1, days=7),
    )

    assert {p.kind: [line.drug_code for line in p.lines] for p in issued} == {
        PrescriptionKind.ORDINARY: [PARACETAMOL],
        PrescriptionKind.NARCOTIC: [MORPHINE],
        PrescriptionKind.PSYCHOTROPIC: [DIAZEPAM],
    }
    narcotic = next(p for p in issued if p.kind == PrescriptionKind.NARCOTIC)
    assert narcotic.lines[0].quantity_text == "10 (Mười) viên"
    assert {p.code[-1] for p in issued} == {"c", "n", "h"}


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        (tablets(days=31), 30),
        (tablets(MORPHINE, days=8), 7),
        (tablets(DIAZEPAM, days=11), 10),
    ],
)
async def test_no_prescription_is_longer_than_the_law_allows(tx, at, visit, line, limit):
    with pytest.raises(PrescriptionTooLong) as caught:
        await prescribe(tx, at, visit, line)

    assert caught.value.values == {"limit": limit}


async def test_cancer_allows_a_longer_narcotic_prescription_in_rounds_of_ten_days(tx, at):
    visit = await diagnosed(tx, at, "C34.9")

    (issued,) = await prescribe(tx, at, visit, tablets(MORPHINE, times=2, days=25))

    assert [(r.first_day.day, r.last_day.day) for r in issued.rounds] == [(15, 24), (25, 4), (5, 9)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (tablets(quantity="10"), prescribing.QUANTITY_DIFFERS),
        (tablets(quantity="20"), prescribing.QUANTITY_DIFFERS),
        (tablets(quantity="0"), prescribing.QUANTITY_ZERO),
        (DrugLine(drug_code=PARACETAMOL, quantity=Decimal(1)), prescribing.DOSE_INCOMPLETE),
        (tablets("40.999.99"), prescribing.UNKNOWN_DRUG),
    ],
)
async def test_lines_that_do_not_add_up_are_refused(tx, at, visit, line, reason):
    with pytest.raises(PrescriptionRefused) as caught:
        await prescribe(tx, at, visit, line)

    assert list(caught.value.fields.values()) == [reason]


async def test_half_tablets_are_dispensed_whole(tx, at, visit):
    line = tablets(dose="0.5", times=1, days=5, quantity="3")

    assert (await prescribe(tx, at, visit, line))[0].lines[0].quantity == 3


async def test_directions_are_enough_where_a_dose_makes_no_sense(tx, at, visit):
    line = DrugLine(
        drug_code=PARACETAMOL_SYRUP, quantity=Decimal(1), directions="Pha uống khi sốt", days=3
    )

    (issued,) = await prescribe(tx, at, visit, line)

    assert issued.lines[0].dosage_text == "Pha uống khi sốt"


async def test_a_prescription_needs_a_diagnosis(tx, at):
    opened = await open_visit(tx, at)

    with pytest.raises(DiagnosisNeeded):
        await prescribe(tx, at, opened.encounter_id, tablets())


async def test_an_allergy_must_be_confirmed(tx, at, visit):
    await encounters.record_allergy(
        tx,
        actor=DOCTOR,
        encounter_id=visit,
        allergy=Allergy(allergy_id="", code="", text="Dị ứng paracetamol", criticality="high"),
        at=at,
    )

    with pytest.raises(PrescriptionNeedsConfirmation) as caught:
        await prescribe(tx, at, visit, tablets())

    assert caught.value.fields == {PARACETAMOL: prescribing.ALLERGIC}
    assert await prescribe(tx, at, visit, tablets(), confirmed=True)


async def test_the_same_substance_twice_must_be_confirmed(tx, at, visit):
    lines = [tablets(), tablets("40.1.02")]

    with pytest.raises(PrescriptionNeedsConfirmation) as caught:
        await prescribe(tx, at, visit, *lines)

    assert caught.value.fields == {"40.1.02": prescribing.TWICE_HERE}


async def test_what_the_patient_still_takes_must_be_confirmed(tx, at, visit):
    await prescribe(tx, at, visit, tablets())

    with pytest.raises(PrescriptionNeedsConfirmation) as caught:
        await prescribe(tx, at, visit, tablets())

    assert caught.value.fields == {PARACETAMOL: prescribing.TWICE_ELSEWHERE}


async def test_a_small_childs_prescription_asks_for_weight_and_adult(tx, at):
    child = person_named("Bé Thử Nghiệm", 9, birth_date="2023-05-01")
    visit = await diagnosed(tx, at, "J06.9", child)

    found = await orders.check_prescription(
        tx, actor=DOCTOR, encounter_id=visit, lines=[tablets()], at=at
    )

    assert [w.message for w in found] == [prescribing.CHILD_WEIGHT, prescribing.CHILD_GUARDIAN]


async def test_a_sent_prescription_is_replaced_never_changed(tx, at, visit):
    (first,) = await prescribe(tx, at, visit, tablets())
    await orders.mark_sent(tx, code=first.code, at=at)

    (second,) = await prescribe(tx, at, visit, tablets(days=3), replaces=first.code)

    old = await orders.prescription(tx, actor=DOCTOR, code=first.code, at=at)
    assert (old.state, old.replaced_by) == (PrescriptionState.REPLACED, second.code)
    assert [line.status for line in old.lines] == ["stopped"]
    assert second.replaces == first.code
    with pytest.raises(PrescriptionNotChangeable):
        await prescribe(tx, at, visit, tablets(days=2), replaces=first.code)


async def test_a_cancelled_prescription_says_why(tx, at, visit):
    (issued,) = await prescribe(tx, at, visit, tablets())

    await orders.cancel_prescription(tx, actor=DOCTOR, code=issued.code, reason="Nhầm thuốc", at=at)

    (found,) = await orders.prescriptions_of(tx, actor=DOCTOR, encounter_id=visit, at=at)
    assert found.state == PrescriptionState.CANCELLED
    with pytest.raises(PrescriptionNotChangeable):
        await orders.mark_sent(tx, code=issued.code, at=at)


async def test_a_citizen_reads_her_prescription_and_nobody_elses(tx, at, visit):
    (issued,) = await prescribe(tx, at, visit, tablets())

    mine = await orders.prescription(tx, actor=citizen(issued.patient_id), code=issued.code, at=at)

    assert mine.code == issued.code
    with pytest.raises(VisitNotFound):
        await orders.prescription(tx, actor=citizen("0" * 13), code=issued.code, at=at)
    with pytest.raises(PrescriptionNotFound):
        await orders.prescription(tx, actor=DOCTOR, code="01001aaaaaaa-c", at=at)


def test_the_kind_follows_the_control_class_of_the_drug():
    kinds = {c: prescribing.kind_of({"control": c}) for c in ("none", "", "N", "H", "P")}

    assert kinds == {
        "none": PrescriptionKind.ORDINARY,
        "": PrescriptionKind.ORDINARY,
        "N": PrescriptionKind.NARCOTIC,
        "H": PrescriptionKind.PSYCHOTROPIC,
        "P": PrescriptionKind.PSYCHOTROPIC,
    }


def test_codes_do_not_repeat():
    codes = {
        prescribing.new_code("01001", PrescriptionKind.ORDINARY, date(2026, 9, 15))
        for _ in range(1000)
    }

    assert len(codes) == 1000


def test_a_precise_dose_stays_precise():
    line = replace(tablets(), dose=Decimal("0.333"), quantity=Decimal(5))

    assert prescribing._problem(line) == ""

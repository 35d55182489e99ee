"""A visit from the door to its end: opened once, recorded in versions, closed complete."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from tests.builders.care import (
    CARD,
    DESK,
    DOCTOR,
    LAN,
    NURSE,
    add_clinic,
    citizen,
    open_visit,
    person_named,
    register,
)

from yba.care.encounters import service as encounters
from yba.care.encounters.errors import (
    DiagnosisNeedsConfirmation,
    DiagnosisRefused,
    DiagnosisRepeated,
    FollowUpInPast,
    MeasurementNotFound,
    NothingMeasured,
    ReasonMissing,
    TooManyDiagnoses,
    VisitAlreadyOpen,
    VisitClosedAlready,
    VisitIncompletelyOpened,
    VisitNotCancellable,
    VisitNotComplete,
    VisitNotFound,
    VitalsImplausible,
)
from yba.care.encounters.model import (
    Allergy,
    Closing,
    DiagnosisEntry,
    Examination,
    FollowUp,
    NewVisit,
    VisitState,
    VitalSigns,
)
from yba.care.scheduling import service as scheduling
from yba.fhir import r4
from yba.foundation.parties.errors import PersonNotFound
from yba.foundation.record import service as record
from yba.foundation.work import service as work
from yba.foundation.work.model import State
from yba.kernel.refusal import AccessRefused

NOTE = Examination(
    history="Sốt 3 ngày,\nho khan", findings="Họng đỏ < 2 bên & phổi trong", plan="Theo dõi"
)
SIGNS = VitalSigns(
    pulse=Decimal(88),
    temperature=Decimal("38.5"),
    systolic=Decimal(120),
    diastolic=Decimal(80),
    weight=Decimal("52.5"),
    height=Decimal(158),
)


async def complete(tx, at, encounter_id):
    """Record everything that closing wants."""
    await encounters.record_vitals(tx, actor=NURSE, encounter_id=encounter_id, signs=SIGNS, at=at)
    await encounters.record_examination(
        tx, actor=DOCTOR, encounter_id=encounter_id, examination=NOTE, at=at
    )
    await encounters.record_diagnoses(
        tx,
        actor=DOCTOR,
        encounter_id=encounter_id,
        diagnoses=[DiagnosisEntry(code="J06.9"), DiagnosisEntry(code="I10")],
        at=at,
    )


async def see(tx, at, encounter_id, actor=DOCTOR):
    return await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=at)


async def test_an_opened_visit_carries_what_the_claim_needs(tx, at):
    opened = await open_visit(tx, at)

    view = await see(tx, at, opened.encounter_id)

    assert view.claim_key == opened.claim_key
    assert view.claim_key.startswith("01001")
    assert view.state == VisitState.ARRIVED
    assert (view.patient_category, view.care_type) == ("1.1", "01")
    assert view.insurance == CARD
    assert view.department_code == "K01"
    assert view.facility_code == "01001"
    assert view.clinic_name == "Phòng khám A1"
    assert view.reason == "Sốt, ho ba ngày"
    assert view.opened_at == at
    assert opened.ticket.number == "A001"


async def test_a_double_click_makes_one_visit(tx, at):
    patient_id = await register(tx, at)
    clinic_id = await add_clinic(tx, at)
    form = NewVisit(
        patient_id=patient_id, clinic_id=clinic_id, reason="Đau đầu", idempotency_key="form-1"
    )

    first = await encounters.open_visit(tx, actor=DESK, visit=form, at=at)
    second = await encounters.open_visit(tx, actor=DESK, visit=form, at=at)

    assert second.already_open
    assert (second.encounter_id, second.ticket.number) == (
        first.encounter_id,
        first.ticket.number,
    )


async def test_nobody_waits_twice_for_the_same_clinic(tx, at):
    opened = await open_visit(tx, at)
    clinic_id = opened.ticket.clinic_id
    again = NewVisit(patient_id=opened.patient_id, clinic_id=clinic_id, reason="Đau đầu")

    with pytest.raises(VisitAlreadyOpen):
        await encounters.open_visit(tx, actor=DESK, visit=again, at=at)


async def test_an_insured_visit_without_a_card_is_refused(tx, at):
    with pytest.raises(VisitIncompletelyOpened) as caught:
        await open_visit(tx, at, person=replace(LAN, insurance=None))

    assert "insurance_number" in caught.value.fields


async def test_wrong_fields_of_a_new_visit_are_all_named(tx, at):
    patient_id = await register(tx, at)
    clinic_id = await add_clinic(tx, at)
    form = NewVisit(
        patient_id=patient_id,
        clinic_id=clinic_id,
        reason=" ",
        patient_category="77",
        care_type="99",
        referring_facility="1",
    )

    with pytest.raises(VisitIncompletelyOpened) as caught:
        await encounters.open_visit(tx, actor=DESK, visit=form, at=at)

    assert set(caught.value.fields) == {
        "reason",
        "patient_category",
        "care_type",
        "referring_facility",
    }


async def test_a_doctor_opens_no_visit(tx, at):
    clinic_id = await add_clinic(tx, at)
    form = NewVisit(patient_id=await register(tx, at), clinic_id=clinic_id, reason="x")

    with pytest.raises(AccessRefused):
        await encounters.open_visit(tx, actor=DOCTOR, visit=form, at=at)


async def test_an_unknown_person_gets_no_visit(tx, at):
    clinic_id = await add_clinic(tx, at)
    form = NewVisit(patient_id="0" * 13, clinic_id=clinic_id, reason="x")

    with pytest.raises(PersonNotFound):
        await encounters.open_visit(tx, actor=DESK, visit=form, at=at)


async def test_vital_signs_are_flagged_by_age_and_give_the_body_mass_index(tx, at):
    opened = await open_visit(tx, at)

    await encounters.record_vitals(
        tx, actor=NURSE, encounter_id=opened.encounter_id, signs=SIGNS, at=at
    )

    found = {v.field: v for v in (await see(tx, at, opened.encounter_id)).latest_vitals}
    assert found["temperature"].flag == "H"
    assert found["pulse"].flag == ""
    assert found["body_mass_index"].value == Decimal("21.0")
    assert (found["systolic"].value, found["diastolic"].value) == (120, 80)
    assert found["weight"].value == Decimal("52.5")


@pytest.mark.parametrize(
    ("signs", "field"),
    [
        (VitalSigns(temperature=Decimal(385)), "temperature"),
        (VitalSigns(systolic=Decimal(80), diastolic=Decimal(120)), "systolic"),
        (VitalSigns(systolic=Decimal(120)), "diastolic"),
        (VitalSigns(weight=Decimal(5250)), "weight"),
    ],
)
async def test_what_nobody_can_measure_is_refused(tx, at, signs, field):
    opened = await open_visit(tx, at)

    with pytest.raises(VitalsImplausible) as caught:
        await encounters.record_vitals(
            tx, actor=NURSE, encounter_id=opened.encounter_id, signs=signs, at=at
        )

    assert field in caught.value.fields


async def test_a_measurement_entered_in_error_leaves_the_chart_and_stays_in_the_history(tx, at):
    opened = await open_visit(tx, at)
    await encounters.record_vitals(
        tx, actor=NURSE, encounter_id=opened.encounter_id, signs=SIGNS, at=at
    )
    wrong = next(v for v in (await see(tx, at, opened.encounter_id)).vitals if v.field == "pulse")

    async def withdraw(observation_id):
        await encounters.withdraw_vitals(
            tx,
            actor=NURSE,
            encounter_id=opened.encounter_id,
            observation_id=observation_id,
            at=at,
        )

    await withdraw(wrong.observation_id)

    assert "pulse" not in [v.field for v in (await see(tx, at, opened.encounter_id)).vitals]
    states = await record.history(
        tx, actor=NURSE, type_=r4.Observation, id_=wrong.observation_id, at=at
    )
    assert len(states) == 2
    with pytest.raises(MeasurementNotFound):
        await withdraw("0" * 13)


async def test_an_empty_vitals_form_is_refused(tx, at):
    opened = await open_visit(tx, at)

    with pytest.raises(NothingMeasured):
        await encounters.record_vitals(
            tx, actor=NURSE, encounter_id=opened.encounter_id, signs=VitalSigns(), at=at
        )


async def test_a_nurse_measures_and_does_not_diagnose(tx, at):
    opened = await open_visit(tx, at)

    with pytest.raises(AccessRefused):
        await encounters.record_diagnoses(
            tx,
            actor=NURSE,
            encounter_id=opened.encounter_id,
            diagnoses=[DiagnosisEntry(code="I10")],
            at=at,
        )


async def test_the_note_reads_back_as_written_and_starts_the_visit(tx, at):
    opened = await open_visit(tx, at)

    await encounters.record_examination(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, examination=NOTE, at=at
    )

    view = await see(tx, at, opened.encounter_id)
    assert view.examination == NOTE
    assert view.state == VisitState.IN_PROGRESS
    assert view.doctor is not None
    assert (view.doctor.name, view.doctor.licence) == (DOCTOR.name, DOCTOR.licence)
    ticket = await work.item(tx, item_id=opened.ticket.item_id)
    assert ticket.state == State.STARTED


async def test_a_corrected_note_is_a_new_version(tx, at):
    opened = await open_visit(tx, at)
    for note in (NOTE, replace(NOTE, findings="Bình thường")):
        await encounters.record_examination(
            tx, actor=DOCTOR, encounter_id=opened.encounter_id, examination=note, at=at
        )

    chart = await record.chart(
        tx, actor=DOCTOR, patient_id=opened.patient_id, types=[r4.Composition], at=at
    )
    (composition,) = chart.of(r4.Composition)
    states = await record.history(tx, actor=DOCTOR, type_=r4.Composition, id_=composition.id, at=at)
    assert [state.version for state in states] == [2, 1]


async def test_the_first_diagnosis_is_the_main_one(tx, at):
    opened = await open_visit(tx, at)

    await complete(tx, at, opened.encounter_id)

    diagnoses = (await see(tx, at, opened.encounter_id)).diagnoses
    assert [(d.code, d.main) for d in diagnoses] == [("J06.9", True), ("I10", False)]
    assert all(d.name for d in diagnoses)


async def test_a_replaced_diagnosis_stays_as_entered_in_error(tx, at):
    opened = await open_visit(tx, at)
    await complete(tx, at, opened.encounter_id)

    await encounters.record_diagnoses(
        tx,
        actor=DOCTOR,
        encounter_id=opened.encounter_id,
        diagnoses=[DiagnosisEntry(code="I10", text="Tăng huyết áp độ 2")],
        at=at,
    )

    view = await see(tx, at, opened.encounter_id)
    assert [(d.code, d.text) for d in view.diagnoses] == [("I10", "Tăng huyết áp độ 2")]
    chart = await record.chart(
        tx, actor=DOCTOR, patient_id=opened.patient_id, types=[r4.Condition], at=at
    )
    statuses = {
        c.code.coding[0].code: c.verificationStatus.coding[0].code for c in chart.of(r4.Condition)
    }
    assert statuses == {"J06.9": "entered-in-error", "I10": "confirmed"}


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        (["Q99.99"], DiagnosisRefused),
        (["không phải mã"], DiagnosisRefused),
        (["I10", "i10"], DiagnosisRepeated),
        ([f"I{n}" for n in range(10, 24)], TooManyDiagnoses),
        (["N40"], DiagnosisNeedsConfirmation),
    ],
)
async def test_diagnoses_are_checked_against_list_and_person(tx, at, codes, refusal):
    opened = await open_visit(tx, at)

    with pytest.raises(refusal):
        await encounters.record_diagnoses(
            tx,
            actor=DOCTOR,
            encounter_id=opened.encounter_id,
            diagnoses=[DiagnosisEntry(code=code) for code in codes],
            at=at,
        )


async def test_an_unusual_diagnosis_is_kept_once_confirmed(tx, at):
    opened = await open_visit(tx, at)

    await encounters.record_diagnoses(
        tx,
        actor=DOCTOR,
        encounter_id=opened.encounter_id,
        diagnoses=[DiagnosisEntry(code="N40")],
        at=at,
        confirmed=True,
    )

    assert (await see(tx, at, opened.encounter_id)).main_diagnosis is not None


async def test_the_follow_up_lies_in_the_future_and_can_be_cancelled(tx, at):
    opened = await open_visit(tx, at)
    plan = FollowUp(on=date(2026, 9, 29), reason="Tái khám huyết áp")

    async def follow_up(wanted):
        await encounters.plan_follow_up(
            tx, actor=DOCTOR, encounter_id=opened.encounter_id, follow_up=wanted, at=at
        )
        return (await see(tx, at, opened.encounter_id)).follow_up

    with pytest.raises(FollowUpInPast):
        await follow_up(replace(plan, on=date(2026, 9, 15)))
    kept = await follow_up(plan)
    assert kept is not None
    assert (kept.on, kept.reason) == (plan.on, plan.reason)
    assert await follow_up(None) is None


async def test_allergies_are_stated_even_when_none(tx, at):
    opened = await open_visit(tx, at)
    nothing_said = await see(tx, at, opened.encounter_id)
    await encounters.record_allergy(
        tx,
        actor=DOCTOR,
        encounter_id=opened.encounter_id,
        allergy=Allergy(allergy_id="", code="", text="", criticality=""),
        at=at,
    )
    none_known = await see(tx, at, opened.encounter_id)
    allergy_id = await encounters.record_allergy(
        tx,
        actor=DOCTOR,
        encounter_id=opened.encounter_id,
        allergy=Allergy(allergy_id="", code="", text="Penicillin", criticality="high"),
        at=at,
    )
    allergic = await see(tx, at, opened.encounter_id)
    await encounters.withdraw_allergy(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, allergy_id=allergy_id, at=at
    )

    assert not nothing_said.no_known_allergy
    assert none_known.no_known_allergy
    assert [a.text for a in allergic.allergies] == ["Penicillin"]
    assert not allergic.no_known_allergy
    assert (await see(tx, at, opened.encounter_id)).allergies == ()


async def test_a_visit_closes_only_when_complete(tx, at):
    opened = await open_visit(tx, at)

    with pytest.raises(VisitNotComplete) as caught:
        await encounters.close_visit(
            tx, actor=DOCTOR, encounter_id=opened.encounter_id, closing=Closing(), at=at
        )

    assert caught.value.values == {"count": 4}
    assert (await see(tx, at, opened.encounter_id)).state == VisitState.ARRIVED


async def test_a_complete_visit_closes_with_its_outcome(tx, at):
    opened = await open_visit(tx, at)
    await complete(tx, at, opened.encounter_id)
    closing = Closing(
        outcome="2", discharge_type="1", treatment="Kháng sinh", advice="Uống nhiều nước"
    )
    later = at + timedelta(hours=1)

    await encounters.close_visit(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, closing=closing, at=later
    )

    view = await see(tx, at, opened.encounter_id)
    assert (view.state, view.closed_at, view.closing) == (VisitState.FINISHED, later, closing)
    assert view.missing == ()
    assert (await work.item(tx, item_id=opened.ticket.item_id)).state == State.FINISHED


async def test_nothing_is_added_to_a_closed_visit_until_it_is_reopened_with_a_reason(tx, at):
    opened = await open_visit(tx, at)
    await complete(tx, at, opened.encounter_id)
    await encounters.close_visit(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, closing=Closing(), at=at
    )

    with pytest.raises(VisitClosedAlready):
        await complete(tx, at, opened.encounter_id)
    with pytest.raises(ReasonMissing):
        await encounters.reopen_visit(
            tx, actor=DOCTOR, encounter_id=opened.encounter_id, reason=" ", at=at
        )
    await encounters.reopen_visit(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, reason="Sửa chẩn đoán", at=at
    )
    await complete(tx, at, opened.encounter_id)
    await encounters.close_visit(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, closing=Closing(), at=at
    )


async def test_a_transfer_needs_its_destination(tx, at):
    opened = await open_visit(tx, at)
    await complete(tx, at, opened.encounter_id)

    with pytest.raises(VisitIncompletelyOpened) as caught:
        await encounters.close_visit(
            tx,
            actor=DOCTOR,
            encounter_id=opened.encounter_id,
            closing=Closing(discharge_type="2"),
            at=at,
        )

    assert "transferred_to" in caught.value.fields


async def test_a_visit_is_cancelled_only_before_the_doctor_begins(tx, at):
    untouched = await open_visit(tx, at)
    begun = await open_visit(tx, at, person=person_named("Lê Văn Tư", 4), code="B2")
    await encounters.start_visit(tx, actor=DOCTOR, encounter_id=begun.encounter_id, at=at)

    await encounters.cancel_visit(
        tx, actor=DESK, encounter_id=untouched.encounter_id, reason="Nhầm phòng", at=at
    )

    assert (await see(tx, at, untouched.encounter_id, DESK)).state == VisitState.CANCELLED
    assert (await work.item(tx, item_id=untouched.ticket.item_id)).state == State.CANCELLED
    with pytest.raises(VisitNotCancellable):
        await encounters.cancel_visit(
            tx, actor=DESK, encounter_id=begun.encounter_id, reason="Nhầm phòng", at=at
        )


async def test_a_citizen_sees_her_visit_and_nobody_elses(tx, at):
    opened = await open_visit(tx, at)

    assert (await see(tx, at, opened.encounter_id, citizen(opened.patient_id))).reason
    with pytest.raises(VisitNotFound):
        await see(tx, at, opened.encounter_id, citizen("0" * 13))


async def test_earlier_visits_are_listed_with_their_main_diagnosis(tx, at):
    first = await open_visit(tx, at)
    await complete(tx, at, first.encounter_id)
    await encounters.close_visit(
        tx, actor=DOCTOR, encounter_id=first.encounter_id, closing=Closing(), at=at
    )
    later = at + timedelta(days=30)
    second = await encounters.open_visit(
        tx,
        actor=DESK,
        visit=NewVisit(
            patient_id=first.patient_id, clinic_id=first.ticket.clinic_id, reason="Tái khám"
        ),
        at=later,
    )

    (line,) = (await see(tx, later, second.encounter_id)).earlier_visits

    assert (line.encounter_id, line.main_code) == (first.encounter_id, "J06.9")


async def test_the_category_can_be_corrected_while_the_visit_is_open(tx, at):
    opened = await open_visit(tx, at, insured=False)

    await encounters.set_patient_category(
        tx,
        actor=DESK,
        encounter_id=opened.encounter_id,
        patient_category="1.1",
        insurance=CARD,
        at=at,
    )

    view = await see(tx, at, opened.encounter_id)
    assert (view.patient_category, view.insurance) == ("1.1", CARD)


async def test_my_queue_shows_who_waits_in_order(tx, at):
    opened = await open_visit(tx, at)
    clinic_id = opened.ticket.clinic_id

    (entry,) = await encounters.my_queue(tx, actor=DOCTOR, at=at, clinic_id=clinic_id)

    assert (entry.number, entry.patient_name) == ("A001", "Nguyễn Thị Lan")
    assert entry.encounter_id == opened.encounter_id
    called = await scheduling.call_next(tx, actor=DOCTOR, clinic_id=clinic_id, at=at)
    assert called.state == State.CLAIMED


async def test_every_verb_of_a_visit_is_audited_by_its_name(tx, at):
    opened = await open_visit(tx, at)
    await complete(tx, at, opened.encounter_id)

    acts = await tx.values("SELECT what FROM audit.event WHERE patient_id = $1", opened.patient_id)
    assert {
        "encounters.open_visit",
        "encounters.record_vitals",
        "encounters.record_examination",
        "encounters.record_diagnoses",
    } <= set(acts)


async def test_a_visit_goes_on_in_another_clinic_under_its_number(tx, at):
    opened = await open_visit(tx, at)
    other = await add_clinic(tx, at, "N1", department_code="K18")

    ticket = await encounters.transfer_visit(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, clinic_id=other, at=at
    )

    assert ticket.number == "N001"
    view = await see(tx, at, opened.encounter_id)
    assert (view.clinic_id, view.clinic_name, view.department_code) == (
        other,
        "Phòng khám N1",
        "K18",
    )
    with pytest.raises(VisitAlreadyOpen):
        await encounters.transfer_visit(
            tx, actor=DOCTOR, encounter_id=opened.encounter_id, clinic_id=other, at=at
        )
    with pytest.raises(AccessRefused):
        await encounters.transfer_visit(
            tx, actor=NURSE, encounter_id=opened.encounter_id, clinic_id=other, at=at
        )

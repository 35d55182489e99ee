"""From a visit to its sheet: newest vital signs, prescriptions in force, plain wording."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from yba.care.documents import composing, model
from yba.care.encounters.model import (
    Allergy,
    Examination,
    VisitState,
    VisitView,
    VitalFinding,
)
from yba.care.orders.model import (
    PrescribedDrug,
    Prescription,
    PrescriptionKind,
    PrescriptionState,
)

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)


def vital(field: str, value: str, *, minutes: int = 0, flag: str = "") -> VitalFinding:
    """Return one measurement, some minutes after noon."""
    return VitalFinding(
        field=field,
        name=field,
        value=Decimal(value),
        unit="mmHg",
        flag=flag,
        measured_at=NOON + timedelta(minutes=minutes),
        observation_id=f"{field}-{minutes}",
    )


@pytest.fixture
def view() -> VisitView:
    """Return a visit with nothing in it."""
    return VisitView(
        encounter_id="e1",
        claim_key="k1",
        state=VisitState.FINISHED,
        patient_id="p1",
        patient_number="1",
        patient_name="Nguyễn Thị Lan",
        birth_date="1985",
        sex="female",
        identity_number="",
        phone="",
        address="",
        facility_code="99999",
        clinic_id="c1",
        clinic_name="Nội 1",
        department_code="K01",
        patient_category="9",
        care_type="01",
        insurance=None,
        referring_facility="",
        referral_number="",
        injury_cause="",
        reason="Sốt",
        opened_at=NOON,
        started_at=NOON,
        closed_at=NOON,
        doctor=None,
        examination=Examination(),
        vitals=(),
        diagnoses=(),
        orders=(),
        medications=(),
        other_medications=(),
        results=(),
        follow_up=None,
        closing=None,
        allergies=(),
        no_known_allergy=False,
        earlier_visits=(),
    )


@pytest.fixture
def drug() -> PrescribedDrug:
    """Return a prescribed tablet."""
    return PrescribedDrug(
        request_id="r1",
        drug_code="40.1",
        substance_code="40.1",
        substance="Paracetamol",
        brand="",
        name="Paracetamol 500 mg",
        strength="500 mg",
        form="viên nén",
        route_code="1.01",
        route="uống",
        unit="viên",
        registration="",
        quantity=Decimal(9),
        quantity_text="09 viên",
        dose=Decimal("0.5"),
        times_per_day=3,
        days=6,
        dosage_text="0,5 viên/lần * 3 lần/ngày * 6 ngày [1,5 viên/ngày]",
        directions="Sau ăn",
        toxic=False,
        status="active",
    )


def issued(drug: PrescribedDrug, state: PrescriptionState) -> Prescription:
    """Return a prescription of one drug."""
    return Prescription(
        code="99999a1b2c3d-c",
        kind=PrescriptionKind.ORDINARY,
        state=state,
        encounter_id="e1",
        patient_id="p1",
        days=6,
        advice="",
        issued_at=NOON,
        collect_until=date(2026, 9, 20),
        prescriber="Bác Sĩ Thử",
        prescriber_licence="1/HNO-GPHN",
        prescriber_id="d1",
        lines=(drug,),
    )


def sheet(view: VisitView, *prescriptions: Prescription) -> model.OutpatientRecord:
    """Return the sheet of a visit."""
    facility = model.Facility(code="99999", name="Thử")
    return composing.record_of(view, prescriptions, facility=facility)


def test_the_newest_measurement_counts(view):
    measured = (vital("pulse", "90"), vital("pulse", "80", minutes=30))

    [line] = sheet(replace(view, vitals=measured)).vitals

    assert (line.name, line.value) == ("Mạch", "80")


def test_both_blood_pressures_are_one_line(view):
    measured = (vital("diastolic", "95", flag="H"), vital("systolic", "185", flag="HH"))

    [line] = sheet(replace(view, vitals=measured)).vitals

    assert (line.name, line.value, line.flag) == ("Huyết áp", "185/95", "HH")


@pytest.mark.parametrize(
    ("state", "printed"),
    [
        (PrescriptionState.ISSUED, 1),
        (PrescriptionState.SENT, 1),
        (PrescriptionState.REPLACED, 0),
        (PrescriptionState.CANCELLED, 0),
    ],
)
def test_only_prescriptions_in_force_are_printed(view, drug, state, printed):
    assert len(sheet(view, issued(drug, state)).prescriptions) == printed


def test_a_dose_is_worded_for_the_patient(view, drug):
    [prescription] = sheet(view, issued(drug, PrescriptionState.ISSUED)).prescriptions
    [line] = prescription.lines

    assert line.dosage == "Uống ngày 3 lần, mỗi lần 0,5 viên, trong 6 ngày. Sau ăn"
    assert line.quantity == "09 viên"
    assert (line.name, line.strength) == ("Paracetamol 500 mg", "")


def test_a_cream_keeps_the_doctors_own_words(view, drug):
    cream = replace(drug, dose=None, directions="Bôi mỏng ngày 2 lần", dosage_text="")

    [prescription] = sheet(view, issued(cream, PrescriptionState.ISSUED)).prescriptions

    assert prescription.lines[0].dosage == "Bôi mỏng ngày 2 lần"


@pytest.mark.parametrize(
    ("allergies", "none_known", "words"),
    [
        ((), False, ""),
        ((), True, "Không có dị ứng đã biết"),
        (("Penicilin", "Tôm"), False, "Penicilin; Tôm"),
    ],
)
def test_allergies_are_stated_even_when_none(view, allergies, none_known, words):
    known = tuple(
        Allergy(allergy_id=text, code="", text=text, criticality="") for text in allergies
    )

    found = sheet(replace(view, allergies=known, no_known_allergy=none_known))

    assert found.allergies == words

"""One save of the chart is one transaction, and saving twice changes nothing."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from tests.builders.care import DOCTOR, open_visit

from yba.care.encounters import service as encounters
from yba.care.encounters.errors import VitalsImplausible
from yba.care.encounters.model import VisitState
from yba.care.orders.model import DrugLine, WarningKind
from yba.foundation.terminology import service as terminology
from yba.kernel.clock import local_date
from yba.plumbing.database import Tx
from yba.surfaces.chart import forms, service

SENT = [
    ("reason", "Sốt, ho ba ngày"),
    ("findings", "Họng đỏ."),
    ("temperature", "38,6"),
    ("diagnosis", "J06.9"),
    ("diagnosis_name", ""),
    ("follow_up_on", "01/12/2026"),
]


async def test_a_first_save_starts_the_visit_and_keeps_everything(tx: Tx, at: datetime):
    visit = await open_visit(tx, at)

    await service.save_note(
        tx,
        actor=DOCTOR,
        encounter_id=visit.encounter_id,
        note=forms.read_note(SENT),
        at=at + timedelta(minutes=5),
    )

    seen = await encounters.visit(tx, actor=DOCTOR, encounter_id=visit.encounter_id, at=at)
    assert seen.state == VisitState.IN_PROGRESS
    assert seen.examination.findings == "Họng đỏ."
    assert [finding.field for finding in seen.latest_vitals] == ["temperature"]
    assert seen.main_diagnosis is not None
    assert seen.main_diagnosis.code == "J06.9"
    assert seen.follow_up is not None


async def test_saving_what_is_shown_changes_nothing(tx: Tx, at: datetime):
    visit = await open_visit(tx, at)
    note = forms.read_note(SENT)
    await service.save_note(tx, actor=DOCTOR, encounter_id=visit.encounter_id, note=note, at=at)
    shown = await encounters.visit(tx, actor=DOCTOR, encounter_id=visit.encounter_id, at=at)

    await service.save_note(
        tx,
        actor=DOCTOR,
        encounter_id=visit.encounter_id,
        note=forms.note_of(shown),
        at=at + timedelta(minutes=1),
    )

    again = await encounters.visit(tx, actor=DOCTOR, encounter_id=visit.encounter_id, at=at)
    assert again == shown


async def test_an_implausible_measurement_is_refused(tx: Tx, at: datetime):
    visit = await open_visit(tx, at)
    note = forms.read_note([("temperature", "386")])

    with pytest.raises(VitalsImplausible) as refused:
        await service.save_note(tx, actor=DOCTOR, encounter_id=visit.encounter_id, note=note, at=at)

    assert set(refused.value.fields) == {"temperature"}


async def test_an_allergy_is_recorded_with_the_note(tx: Tx, at: datetime):
    visit = await open_visit(tx, at)
    note = forms.read_note([("allergy", "Penicillin")])

    await service.save_note(tx, actor=DOCTOR, encounter_id=visit.encounter_id, note=note, at=at)

    seen = await encounters.visit(tx, actor=DOCTOR, encounter_id=visit.encounter_id, at=at)
    assert [allergy.text for allergy in seen.allergies] == ["Penicillin"]


async def test_a_prescription_is_tried_against_what_is_on_the_screen(tx: Tx, at: datetime):
    visit = await open_visit(tx, at)
    note = forms.read_note([("allergy", "Paracetamol"), ("diagnosis", "J06.9")])
    drug = (
        await terminology.search_concepts(
            tx, system="drug", text="paracetamol 500", on=local_date(at), limit=1
        )
    )[0]

    warnings = await service.try_prescription(
        tx,
        actor=DOCTOR,
        encounter_id=visit.encounter_id,
        note=note,
        lines=[
            DrugLine(
                drug_code=drug.code, quantity=Decimal(10), dose=Decimal(1), times_per_day=2, days=5
            )
        ],
        at=at,
    )

    assert [warning.kind for warning in warnings] == [WarningKind.ALLERGY]

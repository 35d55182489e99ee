"""One real visit, from the door to its end, through care and charging."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from tests.builders.care import (
    CARD,
    DESK,
    DOCTOR,
    LAN,
    NURSE,
    SECOND_TECHNICIAN,
    add_clinic,
    register,
    staff,
)
from tests.builders.care import TECHNICIAN as UNLICENSED

from yba.care.encounters import service as encounters
from yba.care.encounters.model import (
    Closing,
    DiagnosisEntry,
    Examination,
    FollowUp,
    NewVisit,
    VitalSigns,
)
from yba.care.laboratory import listeners as laboratory_listeners
from yba.care.laboratory import service as laboratory
from yba.care.laboratory.model import EnteredValue
from yba.care.orders import service as orders
from yba.care.orders.events import OrderPlaced, PrescriptionIssued
from yba.care.orders.model import DrugLine, ServiceLine
from yba.money.charging import listeners as charging_listeners
from yba.money.charging import service as charging
from yba.money.charging.model import NewCharge

TECHNICIAN = replace(UNLICENSED, licence="000456/HNO-GPHN")
CASHIER = staff("cashier", "Thu Ngân Thử")
GLUCOSE, GLUCOSE_INDEX, PARACETAMOL = "23.0075.1494", "1000201", "40.1.01"
EXAM = "02.0000.1896"
PERSON = replace(
    LAN,
    occupation="22",
    insurance=replace(
        CARD,
        number="DN4010000000123",
        registered_facility="99999",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 12, 31),
    ),
)
MINUTE = timedelta(minutes=1)


async def open_visit(tx, at):
    """Open a visit at the facility whose price list is loaded."""
    clinic_id = await add_clinic(tx, at, facility_code="99999")
    patient_id = await register(tx, at, PERSON)
    new = NewVisit(
        patient_id=patient_id, clinic_id=clinic_id, reason="Sốt, ho", patient_category="1.1"
    )
    return await encounters.open_visit(tx, actor=DESK, visit=new, at=at)


async def order_glucose(tx, at, opened):
    (placed,) = await orders.order_services(
        tx,
        actor=DOCTOR,
        encounter_id=opened.encounter_id,
        lines=[ServiceLine(service_code=GLUCOSE)],
        at=at,
    )
    event = OrderPlaced(
        encounter_id=opened.encounter_id,
        patient_id=opened.patient_id,
        request_ids=(placed.request_id,),
        service_codes=(GLUCOSE,),
        quantities=("1",),
        at=at,
    )
    await laboratory_listeners.receive_orders(tx, event)
    await charging_listeners.charge_orders(tx, event)
    return placed.request_id


async def finish_glucose(tx, at, request_id):
    value = [EnteredValue(index_code=GLUCOSE_INDEX, value="5,4")]
    await laboratory.collect(tx, actor=NURSE, request_id=request_id, at=at)
    await laboratory.enter_result(
        tx, actor=TECHNICIAN, request_id=request_id, values=value, at=at + 5 * MINUTE
    )
    await laboratory.verify_result(
        tx, actor=SECOND_TECHNICIAN, request_id=request_id, at=at + 6 * MINUTE
    )
    await laboratory.release_result(tx, actor=TECHNICIAN, request_id=request_id, at=at + 7 * MINUTE)


async def prescribe(tx, at, opened):
    line = DrugLine(
        drug_code=PARACETAMOL, quantity=Decimal(15), dose=Decimal(1), times_per_day=3, days=5
    )
    (issued,) = await orders.prescribe(
        tx, actor=DOCTOR, encounter_id=opened.encounter_id, lines=[line], at=at
    )
    await charging_listeners.charge_prescription(
        tx,
        PrescriptionIssued(
            code=issued.code,
            kind=issued.kind.value,
            encounter_id=opened.encounter_id,
            patient_id=opened.patient_id,
            request_ids=tuple(item.request_id for item in issued.lines),
            drug_codes=(PARACETAMOL,),
            quantities=("15",),
            replaces="",
            at=at,
        ),
    )


async def visit(tx, at, *, close=True):
    """Open, examine, test, prescribe and close a visit of half an hour."""
    opened = await open_visit(tx, at)
    about = {"encounter_id": opened.encounter_id}
    await charging.charge(
        tx,
        actor=CASHIER,
        encounter_id=opened.encounter_id,
        patient_id=opened.patient_id,
        charges=[NewCharge(f"exam:{opened.encounter_id}", "service", EXAM, Decimal(1), at)],
        at=at,
    )
    signs = VitalSigns(pulse=Decimal(88), temperature=Decimal("38.2"), weight=Decimal("52.5"))
    await encounters.record_vitals(tx, actor=NURSE, signs=signs, at=at + 2 * MINUTE, **about)
    note = Examination(findings="Họng đỏ", preliminary_diagnosis="Theo dõi viêm họng")
    await encounters.record_examination(
        tx, actor=DOCTOR, examination=note, at=at + 5 * MINUTE, **about
    )
    diagnoses = [DiagnosisEntry(code="J06.9"), DiagnosisEntry(code="I10")]
    await encounters.record_diagnoses(
        tx, actor=DOCTOR, diagnoses=diagnoses, at=at + 6 * MINUTE, **about
    )
    request_id = await order_glucose(tx, at + 7 * MINUTE, opened)
    await finish_glucose(tx, at + 8 * MINUTE, request_id)
    await prescribe(tx, at + 20 * MINUTE, opened)
    again = FollowUp(on=date(2026, 9, 22), reason="Tái khám")
    await encounters.plan_follow_up(tx, actor=DOCTOR, follow_up=again, at=at + 21 * MINUTE, **about)
    if close:
        closing = Closing(outcome="2", treatment="Nội khoa", advice="Uống nhiều nước")
        await encounters.close_visit(
            tx, actor=DOCTOR, closing=closing, at=at + 30 * MINUTE, **about
        )
    return opened

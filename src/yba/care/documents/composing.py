"""From the record of a visit to the sheets that are printed and signed."""

from collections.abc import Iterable
from datetime import date, datetime

from yba.care.documents import model
from yba.care.encounters import service as encounters
from yba.care.encounters.model import Practitioner, VisitView, VitalFinding
from yba.care.orders import service as orders
from yba.care.orders.model import PrescribedDrug, Prescription, PrescriptionState
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import Guardian, age_months
from yba.foundation.terminology import service as terminology
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.plumbing.database import Tx
from yba.plumbing.html.formats import shown_number

_CHILD_MONTHS = 72
_STOPPED = {"revoked", "entered-in-error", "cancelled", "stopped"}
_IN_FORCE = (PrescriptionState.ISSUED, PrescriptionState.SENT)
_VITAL_WORDS = {
    "pulse": "Mạch",
    "temperature": "Nhiệt độ",
    "breaths": "Nhịp thở",
    "saturation": "SpO₂",
    "weight": "Cân nặng",
    "height": "Chiều cao",
    "body_mass_index": "BMI",
}


async def outpatient_record(
    tx: Tx, *, actor: Actor, facility: model.Facility, encounter_id: str, at: datetime
) -> tuple[VisitView, model.OutpatientRecord]:
    """Collect the record of a visit, as it stands now. Raises VisitNotFound."""
    view = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    prescriptions = await orders.prescriptions_of(tx, actor=actor, encounter_id=encounter_id, at=at)
    on = local_date(view.opened_at)
    category = await _named(tx, "ma_doituong_kcb", view.patient_category, on)
    outcome = await _named(tx, "ket_qua_dtri", view.closing.outcome if view.closing else "", on)
    sheet = record_of(
        view,
        prescriptions,
        facility=facility,
        guardian=await _guardian(tx, actor, view, at),
        category=category,
        outcome=outcome,
    )
    return view, sheet


async def prescription_sheet(
    tx: Tx, *, actor: Actor, facility: model.Facility, code: str, at: datetime
) -> tuple[Prescription, model.PrescriptionSheet]:
    """Collect one prescription for the pharmacy. Raises what orders refuses."""
    issued = await orders.prescription(tx, actor=actor, code=code, at=at)
    view = await encounters.visit(tx, actor=actor, encounter_id=issued.encounter_id, at=at)
    weight = next((v.value for v in view.vitals if v.field == "weight"), None)
    sheet = model.PrescriptionSheet(
        facility=facility,
        patient=_patient(view, await _guardian(tx, actor, view, at)),
        encounter_id=view.encounter_id,
        weight_kg=weight,
        diagnoses=_diagnoses(view),
        prescription=_prescription(issued),
        follow_up=view.follow_up.on if view.follow_up else None,
        doctor=model.SignerBlock(name=issued.prescriber, licence=issued.prescriber_licence),
    )
    return issued, sheet


def is_in_force(prescription: Prescription) -> bool:
    """Whether a prescription may still be dispensed as far as its state goes."""
    return prescription.state in _IN_FORCE


def record_of(
    view: VisitView,
    prescriptions: Iterable[Prescription],
    *,
    facility: model.Facility,
    guardian: Guardian | None = None,
    category: str = "",
    outcome: str = "",
) -> model.OutpatientRecord:
    """Return the sheet of a visit; `category` and `outcome` are the words of their codes."""
    note = view.examination
    closing = view.closing
    doctor = view.doctor or Practitioner(practitioner_id="", name="", licence="")
    return model.OutpatientRecord(
        facility=facility,
        patient=_patient(view, guardian),
        encounter_id=view.encounter_id,
        claim_key=view.claim_key,
        clinic=view.clinic_name,
        patient_category=category or view.patient_category,
        opened_at=view.opened_at,
        closed_at=view.closed_at,
        reason=note.reason or view.reason,
        history=note.history,
        past_history=note.past_history,
        allergies=_allergies(view),
        vitals=tuple(_vitals(view.vitals)),
        findings=note.findings,
        preliminary_diagnosis=note.preliminary_diagnosis,
        services=tuple(
            model.ServiceLine(name=line.name, quantity=line.quantity, note=line.note)
            for line in view.orders
            if line.status not in _STOPPED
        ),
        results=tuple(
            model.ResultLine(
                name=line.name,
                value=line.value.replace(".", ",") if _is_number(line.value) else line.value,
                unit=line.unit,
                reference=line.reference,
                flag=line.flag,
            )
            for line in view.results
        ),
        diagnoses=_diagnoses(view),
        prescriptions=tuple(_prescription(one) for one in prescriptions if is_in_force(one)),
        course=note.course,
        treatment=(closing.treatment if closing else "") or note.plan,
        outcome=outcome,
        advice=closing.advice if closing else "",
        follow_up=view.follow_up.on if view.follow_up else None,
        follow_up_reason=view.follow_up.reason if view.follow_up else "",
        doctor=model.SignerBlock(name=doctor.name, licence=doctor.licence),
    )


async def _named(tx: Tx, system: str, code: str, on: date) -> str:
    if not code:
        return ""
    found = await terminology.concept(tx, system=system, code=code, on=on)
    return found.name_vi if found else code


async def _guardian(tx: Tx, actor: Actor, view: VisitView, at: datetime) -> Guardian | None:
    months = age_months(view.birth_date, local_date(view.opened_at))
    if months is None or months >= _CHILD_MONTHS:
        return None
    person = await parties.person(tx, actor=actor, patient_id=view.patient_id, at=at)
    return person.details.guardian


def _patient(view: VisitView, guardian: Guardian | None) -> model.PatientBlock:
    card = view.insurance
    return model.PatientBlock(
        patient_number=view.patient_number,
        name=view.patient_name,
        birth_date=view.birth_date,
        sex=view.sex,
        identity_number=view.identity_number,
        phone=view.phone,
        address=view.address,
        guardian=_guardian_words(guardian),
        insurance=None
        if card is None
        else model.InsuranceBlock(
            number=card.number,
            registered_facility=card.registered_facility,
            valid_from=card.valid_from,
            valid_to=card.valid_to,
        ),
    )


def _guardian_words(guardian: Guardian | None) -> str:
    if guardian is None:
        return ""
    name = f"{guardian.name} ({guardian.relationship})" if guardian.relationship else guardian.name
    return ", ".join(part for part in (name, guardian.phone) if part)


def _allergies(view: VisitView) -> str:
    if view.allergies:
        return "; ".join(allergy.text for allergy in view.allergies)
    return "Không có dị ứng đã biết" if view.no_known_allergy else ""


def _diagnoses(view: VisitView) -> tuple[model.DiagnosisLine, ...]:
    return tuple(
        model.DiagnosisLine(code=d.code, name=d.text or d.name, main=d.main) for d in view.diagnoses
    )


def _vitals(findings: Iterable[VitalFinding]) -> Iterable[model.VitalLine]:
    """Yield the newest value of each sign, both blood pressures as one."""
    newest: dict[str, VitalFinding] = {}
    for finding in findings:
        known = newest.get(finding.field)
        if known is None or finding.measured_at > known.measured_at:
            newest[finding.field] = finding
    for field, words in _VITAL_WORDS.items():
        if field == "breaths":
            yield from _blood_pressure(newest.get("systolic"), newest.get("diastolic"))
        if (one := newest.get(field)) is not None:
            yield model.VitalLine(
                name=words, value=shown_number(one.value), unit=one.unit, flag=one.flag
            )


def _blood_pressure(
    systolic: VitalFinding | None, diastolic: VitalFinding | None
) -> Iterable[model.VitalLine]:
    if systolic is None:
        return
    value = shown_number(systolic.value)
    flag = systolic.flag
    if diastolic is not None:
        value += "/" + shown_number(diastolic.value)
        flag = max(flag, diastolic.flag, key=len)
    yield model.VitalLine(name="Huyết áp", value=value, unit=systolic.unit, flag=flag)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _prescription(issued: Prescription) -> model.PrescriptionBlock:
    return model.PrescriptionBlock(
        code=issued.code,
        kind=issued.kind.value,
        issued_at=issued.issued_at,
        collect_until=issued.collect_until,
        days=issued.days,
        advice=issued.advice,
        lines=tuple(
            model.DrugLine(
                name=line.name,
                strength=line.strength if line.strength not in line.name else "",
                quantity=line.quantity_text,
                dosage=_dosage(line),
            )
            for line in issued.lines
        ),
    )


def _dosage(line: PrescribedDrug) -> str:
    """Say how to take a drug as a patient reads it."""
    if line.dose is None or not line.times_per_day:
        return line.directions or line.dosage_text
    how = line.route.capitalize() or "Dùng"
    sentence = f"{how} ngày {line.times_per_day} lần, mỗi lần {shown_number(line.dose)} {line.unit}"
    if line.days:
        sentence += f", trong {line.days} ngày"
    return f"{sentence}. {line.directions}" if line.directions else sentence


def laboratory_report(
    view: VisitView,
    *,
    facility: model.Facility,
    performer: model.SignerBlock,
    at: datetime,
) -> model.LaboratoryReport:
    """Return the released results of a visit as a report of their own."""
    main = view.main_diagnosis
    record = record_of(view, (), facility=facility)
    resulted = [line.resulted_at for line in view.results if line.resulted_at]
    return model.LaboratoryReport(
        facility=facility,
        patient=record.patient,
        encounter_id=view.encounter_id,
        clinic=view.clinic_name,
        requester=view.doctor.name if view.doctor else "",
        diagnosis=f"{main.code} {main.text}" if main else record.preliminary_diagnosis,
        resulted_at=max(resulted, default=at),
        results=record.results,
        performer=performer,
    )

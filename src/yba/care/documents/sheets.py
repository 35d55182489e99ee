"""From a sheet to the words of its template: every value a string, formatted here once."""

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import segno

from yba.care.documents.model import (
    DiagnosisLine,
    Facility,
    InsuranceBlock,
    LaboratoryReport,
    OutpatientRecord,
    PaperCopy,
    PatientBlock,
    PrescriptionBlock,
    PrescriptionSheet,
    QueueSlip,
    Receipt,
    ResultLine,
    Sealing,
    Sheet,
    SignerBlock,
    VitalLine,
)
from yba.care.documents.words import dong_in_words
from yba.kernel.clock import local, local_date
from yba.plumbing.html.formats import (
    age_parts,
    grouped,
    shown_date,
    shown_datetime,
    shown_dong,
    shown_number,
)

Words = dict[str, Any]

_SEX = {"male": "Nam", "female": "Nữ"}
_AGE_UNIT = {"months": "tháng tuổi", "years": "tuổi"}
_FLAG = {"L": "↓", "LL": "↓↓", "H": "↑", "HH": "↑↑", "A": "!"}
_PRESCRIPTION_KIND = {
    "c": "ĐƠN THUỐC",
    "n": "ĐƠN THUỐC “N” (thuốc gây nghiện)",
    "h": "ĐƠN THUỐC “H” (thuốc hướng thần, tiền chất)",
}


def template_of(sheet: Sheet) -> str:
    """Return the name of the template that prints `sheet`."""
    return {
        OutpatientRecord: "outpatient_record",
        PrescriptionSheet: "prescription",
        LaboratoryReport: "laboratory_report",
        Receipt: "receipt",
        QueueSlip: "queue_slip",
    }[type(sheet)]


def words_of(sheet: Sheet, sealing: Sealing | None, *, at: datetime) -> Words:
    """Return everything the template of `sheet` prints.

    Without `sealing` it is a draft (receipts and slips are never sealed).
    """
    match sheet:
        case OutpatientRecord():
            words = _outpatient_record(sheet)
        case PrescriptionSheet():
            words = _prescription_sheet(sheet)
        case LaboratoryReport():
            words = _laboratory_report(sheet)
        case Receipt():
            return _receipt(sheet)
        case QueueSlip():
            return _queue_slip(sheet)
    return words | {"sealing": _sealing(sealing), "long_date": _long_date(at)}


def qr_drawing(text: str) -> str:
    """Return an SVG of a QR code for the template, or nothing for no text."""
    if not text:
        return ""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", xmldecl=False, border=0, scale=4)
    return out.getvalue().decode()


def _facility(facility: Facility) -> Words:
    contact = " · ".join(
        part
        for part in (facility.address, f"ĐT: {facility.phone}" if facility.phone else "")
        if part
    )
    return {
        "authority": facility.authority,
        "name": facility.name,
        "code": facility.code,
        "contact": contact,
    }


def _patient(patient: PatientBlock, on: date) -> Words:
    age = age_parts(patient.birth_date, on)
    return {
        "number": patient.patient_number,
        "name": patient.name.upper(),
        "birth_date": shown_date(patient.birth_date),
        "age": f"{age[0]} {_AGE_UNIT[age[1]]}" if age else "",
        "sex": _SEX.get(patient.sex, ""),
        "identity_number": grouped(patient.identity_number),
        "phone": patient.phone,
        "address": patient.address,
        "guardian": patient.guardian,
        "insurance": _insurance(patient.insurance),
    }


def _insurance(card: InsuranceBlock | None) -> Words | None:
    if card is None:
        return None
    return {
        "number": card.number,
        "facility": card.registered_facility,
        "valid_from": shown_date(card.valid_from),
        "valid_to": shown_date(card.valid_to),
    }


def _signer(signer: SignerBlock) -> Words:
    return {"name": signer.name, "licence": signer.licence}


def _sealing(sealing: Sealing | None) -> Words | None:
    if sealing is None:
        return None
    return {
        "document_id": sealing.document_id,
        "short_id": _spaced(sealing.short_id),
        "address": sealing.address,
        "version": str(sealing.version),
        "reason": sealing.reason,
        "at": local(sealing.at).strftime("%d/%m/%Y %H:%M:%S"),
        "qr": qr_drawing(sealing.address),
    }


def _spaced(short_id: str) -> str:
    return "-".join(short_id[start : start + 4] for start in range(0, len(short_id), 4))


def _vital(line: VitalLine) -> Words:
    return {
        "name": line.name,
        "value": line.value,
        "unit": line.unit,
        "flag": _FLAG.get(line.flag, ""),
    }


def _vitals(lines: tuple[VitalLine, ...]) -> list[Words]:
    return [_vital(line) for line in lines]


def _diagnosis(line: DiagnosisLine) -> Words:
    return {"code": line.code, "name": line.name, "main": line.main}


def _result(line: ResultLine) -> Words:
    return {
        "name": line.name,
        "value": line.value,
        "unit": line.unit,
        "reference": line.reference,
        "flag": _FLAG.get(line.flag, ""),
    }


def _prescription(block: PrescriptionBlock) -> Words:
    return {
        "code": block.code,
        "title": _PRESCRIPTION_KIND.get(block.kind.lower(), "ĐƠN THUỐC"),
        "issued_at": shown_datetime(block.issued_at),
        "collect_until": shown_date(block.collect_until),
        "days": f"{block.days:02d}" if block.days else "",
        "advice": block.advice,
        "qr": qr_drawing(block.code),
        "lines": [
            {
                "name": line.name,
                "strength": line.strength,
                "quantity": line.quantity,
                "dosage": line.dosage,
            }
            for line in block.lines
        ],
    }


def _outpatient_record(sheet: OutpatientRecord) -> Words:
    return {
        "facility": _facility(sheet.facility),
        "patient": _patient(sheet.patient, local_date(sheet.opened_at)),
        "claim_key": sheet.claim_key,
        "clinic": sheet.clinic,
        "category": sheet.patient_category,
        "opened_at": shown_datetime(sheet.opened_at),
        "closed_at": shown_datetime(sheet.closed_at),
        "reason": sheet.reason,
        "history": sheet.history,
        "past_history": sheet.past_history,
        "allergies": sheet.allergies,
        "vitals": _vitals(sheet.vitals),
        "findings": sheet.findings,
        "preliminary_diagnosis": sheet.preliminary_diagnosis,
        "services": [
            {"name": line.name, "quantity": _count(line.quantity), "note": line.note}
            for line in sheet.services
        ],
        "results": [_result(line) for line in sheet.results],
        "diagnoses": [_diagnosis(line) for line in sheet.diagnoses],
        "prescriptions": [_prescription(block) for block in sheet.prescriptions],
        "course": sheet.course,
        "treatment": sheet.treatment,
        "outcome": sheet.outcome,
        "advice": sheet.advice,
        "follow_up": shown_date(sheet.follow_up),
        "follow_up_reason": sheet.follow_up_reason,
        "doctor": _signer(sheet.doctor),
    }


def _prescription_sheet(sheet: PrescriptionSheet) -> Words:
    on = local_date(sheet.prescription.issued_at)
    return {
        "facility": _facility(sheet.facility),
        "patient": _patient(sheet.patient, on),
        "weight": shown_number(sheet.weight_kg),
        "diagnoses": [_diagnosis(line) for line in sheet.diagnoses],
        "prescription": _prescription(sheet.prescription),
        "follow_up": shown_date(sheet.follow_up),
        "doctor": _signer(sheet.doctor),
    }


def _laboratory_report(sheet: LaboratoryReport) -> Words:
    return {
        "facility": _facility(sheet.facility),
        "patient": _patient(sheet.patient, local_date(sheet.resulted_at)),
        "clinic": sheet.clinic,
        "requester": sheet.requester,
        "diagnosis": sheet.diagnosis,
        "resulted_at": shown_datetime(sheet.resulted_at),
        "results": [_result(line) for line in sheet.results],
        "doctor": _signer(sheet.performer),
    }


def _receipt(sheet: Receipt) -> Words:
    return {
        "facility": _facility(sheet.facility),
        "number": sheet.number,
        "patient_name": sheet.patient_name.upper(),
        "patient_number": sheet.patient_number,
        "address": sheet.address,
        "lines": [
            {
                "name": line.name,
                "quantity": shown_number(line.quantity),
                "unit_price": _bare_dong(line.unit_price),
                "amount": _bare_dong(line.amount),
                "insurance": _bare_dong(line.insurance),
                "patient": _bare_dong(line.patient),
            }
            for line in sheet.lines
        ],
        "total": shown_dong(sheet.total),
        "insurance": shown_dong(sheet.insurance),
        "paid": shown_dong(sheet.paid),
        "paid_words": dong_in_words(sheet.paid),
        "method": sheet.method,
        "reference": sheet.reference,
        "paid_at": shown_datetime(sheet.paid_at),
        "long_date": _long_date(sheet.paid_at),
        "cashier": sheet.cashier,
        "qr": qr_drawing(sheet.qr),
    }


def _queue_slip(sheet: QueueSlip) -> Words:
    return {
        "facility": _facility(sheet.facility),
        "number": sheet.number,
        "clinic": sheet.clinic,
        "room": sheet.room,
        "waiting_before": str(sheet.waiting_before),
        "priority": sheet.priority,
        "patient_name": sheet.patient_name,
        "patient_number": sheet.patient_number,
        "issued_at": shown_datetime(sheet.issued_at),
        "qr": qr_drawing(sheet.qr),
    }


def words_of_copy(copy: PaperCopy) -> Words:
    """Return the marks that are printed under the pages of a paper copy."""
    return {
        "system": copy.system,
        "owner": copy.owner,
        "number": str(copy.number),
        "person": copy.person,
        "at": local(copy.at).strftime("%d/%m/%Y %H:%M:%S"),
        "address": copy.address,
        "short_id": _spaced(copy.short_id),
        "sha256": copy.sha256,
        "superseded": copy.superseded,
        "qr": qr_drawing(copy.address),
    }


def _count(quantity: Decimal) -> str:
    text = shown_number(quantity)
    return text.zfill(2) if text.isdigit() else text


def _bare_dong(amount: int | Decimal) -> str:
    return shown_dong(amount).removesuffix(" ₫")


def _long_date(at: datetime) -> str:
    day = local(at)
    return f"Ngày {day.day:02d} tháng {day.month:02d} năm {day.year}"

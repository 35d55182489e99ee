"""Fictitious visits as claims: what another hospital's system would export.

Money is split by charging's own rules, so the files keep the rules of claims.
Source of the mapping: VisitForClaim (money/insurance/visit.py).
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from yba.app.fiction.model import (
    FictitiousCard,
    FictitiousDrugLine,
    FictitiousPerson,
    FictitiousResult,
    FictitiousServiceLine,
    FictitiousVisit,
    FictitiousVitals,
)
from yba.kernel.clock import VIETNAM, local_date
from yba.money.charging import service as charging
from yba.money.charging.model import (
    Card,
    CostLine,
    CoverageTerms,
    Scope,
    SplitBill,
    SplitLine,
    Table,
)
from yba.money.insurance.build import build_claim
from yba.money.insurance.visit import (
    CardForClaim,
    DischargeForClaim,
    DrugForClaim,
    NoteForClaim,
    PersonForClaim,
    ReExamForClaim,
    ResultForClaim,
    ServiceForClaim,
    TransferForClaim,
    VisitForClaim,
    VitalSigns,
    dose_notation,
)
from yba.money.insurance.xml import write_claim

_SEX = {"male": "1", "female": "2"}
_TENDER = "YBA01;G1;N2;2026"
_MACHINES = {1: "SH.1.YBA01", 2: "XQ.1.YBA02", 3: "ĐT.1.YBA03", 8: "PT.1.YBA04"}
_DAY_OF_NEWBORN = 28
_BEDS = (14, 15, 16)


def _service_cost(position: int, line: FictitiousServiceLine) -> CostLine:
    covered = line.is_covered
    return CostLine(
        key=f"s{position}",
        table=Table.SERVICE,
        group=line.cost_group,
        quantity=line.quantity,
        hospital_price=Decimal(line.price),
        insurance_price=Decimal(line.insurance_price if covered else 0),
        ordered_at=line.ordered_at,
        insurance_ratio=100 if covered else 0,
        scope=Scope.COVERED if covered else Scope.NOT_COVERED,
        code=line.code,
        name=line.name,
        unit=line.unit,
        department=line.department,
        service_ratio=line.payment_ratio,
    )


def _drug_cost(position: int, line: FictitiousDrugLine) -> CostLine:
    covered = line.insurance_ratio > 0
    return CostLine(
        key=f"d{position}",
        table=Table.DRUG,
        group=line.cost_group,
        quantity=line.quantity,
        hospital_price=Decimal(line.price),
        insurance_price=Decimal(line.price),
        ordered_at=line.ordered_at,
        insurance_ratio=line.insurance_ratio,
        scope=Scope.COVERED if covered else Scope.NOT_COVERED,
        code=line.code,
        name=line.name,
        unit=line.unit,
        department=line.department,
    )


def _terms(visit: FictitiousVisit) -> CoverageTerms:
    card = visit.card
    exempt = visit.exempt_from
    return CoverageTerms(
        category=visit.category,
        is_inpatient=visit.care_type in ("03", "04", "06", "09"),
        arrived_at=visit.arrived_at,
        ended_at=visit.ended_at,
        cards=[Card(card.number, card.valid_from, card.valid_to, card.registered_at)]
        if card
        else [],
        original_category="1.1",
        five_years_on=card.five_years_on if card else None,
        exempt_from=_midnight(exempt) if exempt else None,
    )


def bill_of(visit: FictitiousVisit) -> SplitBill:
    """Return the visit's lines split between the payers, services before drugs."""
    lines = [_service_cost(n, line) for n, line in enumerate(visit.services)]
    lines += [_drug_cost(n, line) for n, line in enumerate(visit.drugs)]
    return charging.split(lines, _terms(visit), charging.rulebook())


def visit_to_claim(visit: FictitiousVisit) -> VisitForClaim:
    """Return the visit as the claim tells it; pure."""
    bill = bill_of(visit)
    services = bill.lines[: len(visit.services)]
    drugs = bill.lines[len(visit.services) :]
    main = visit.main_diagnosis
    others = [item for item in visit.diagnoses if not item.is_main]
    return VisitForClaim(
        key=visit.key,
        facility=visit.facility,
        record_number=visit.record_number,
        person=_person(visit.person, visit),
        category=visit.category,
        care_type=visit.care_type,
        arrived_at=visit.arrived_at,
        admitted_at=visit.admitted_at,
        ended_at=visit.ended_at,
        reason=visit.reason,
        admission_reason=visit.admission_reason,
        diagnosis_on_arrival=visit.diagnosis_on_arrival,
        diagnosis="; ".join(item.name for item in visit.diagnoses),
        main_code=main.code,
        other_codes=tuple(item.code for item in others),
        departments=visit.departments,
        head_licence=visit.head_licence,
        outcome=visit.outcome,
        leaving=visit.leaving,
        cards=(_card(visit.card),) if visit.card else (),
        paid_at=visit.ended_at,
        sender=visit.sender,
        receiver=visit.receiver,
        slip=visit.slip,
        injury=visit.injury,
        treatment=visit.treatment,
        advice=visit.advice,
        weight_kg=visit.vitals[-1].weight_kg if visit.vitals else visit.person.weight_kg,
        baby_weights_g=visit.baby_weights_g,
        living_area=visit.card.living_area if visit.card else "",
        five_years_on=visit.card.five_years_on if visit.card else None,
        exempt_from=bill.exempt_from,
        drugs=tuple(_drug(a, b) for a, b in zip(visit.drugs, drugs, strict=True)),
        services=tuple(
            _service(a, b, main.code) for a, b in zip(visit.services, services, strict=True)
        ),
        results=tuple(_result(line, item) for line in visit.services for item in line.results),
        notes=_notes(visit),
        re_exams=_re_exams(visit),
        discharge=_discharge(visit),
        transfer=_transfer(visit),
        procedure_codes=("99.99",) if any(s.cost_group == 8 for s in visit.services) else (),
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM)


def _person(person: FictitiousPerson, visit: FictitiousVisit) -> PersonForClaim:
    newborn = (local_date(visit.arrived_at) - person.birth_date).days <= _DAY_OF_NEWBORN
    hour, minute = person.birth_time
    born = person.birth_date
    return PersonForClaim(
        patient_number=f"F{person.number:09}",
        full_name=person.full_name,
        born=born,
        born_at=datetime(born.year, born.month, born.day, hour, minute, tzinfo=VIETNAM)
        if newborn
        else None,
        sex=_SEX[person.sex],
        address=person.address,
        province=person.province,
        commune=person.commune,
        identity=person.identity_number,
        nationality=person.nationality,
        ethnicity=person.ethnicity,
        occupation=person.occupation,
        phone=person.phone,
        blood_group=person.blood_group,
    )


def _card(card: FictitiousCard) -> CardForClaim:
    return CardForClaim(card.number, card.registered_at, card.valid_from, card.valid_to)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _drug(line: FictitiousDrugLine, split: SplitLine) -> DrugForClaim:
    per_day = line.per_take * line.times_a_day
    return DrugForClaim(
        split=split,
        code=line.substance_code,
        name=line.name,
        strength=line.strength,
        route=line.route,
        dose=dose_notation(
            _plain(line.per_take), line.unit, line.times_a_day, line.days, _plain(per_day)
        ),
        unit=line.unit,
        form=line.form,
        registration=line.registration,
        tender=_TENDER,
        department=line.department,
        doctor=line.orderer,
    )


def _service(line: FictitiousServiceLine, split: SplitLine, main: str) -> ServiceForClaim:
    performed = line.cost_group not in _BEDS
    return ServiceForClaim(
        split=split,
        code=line.code,
        name=line.name,
        unit=line.unit,
        department=line.department,
        orderer=line.orderer,
        performer=line.performer if performed else "",
        diagnosis=main,
        bed=line.bed,
        anaesthesia=line.anaesthesia,
        machine=_MACHINES.get(line.cost_group, ""),
        done_at=line.done_at if performed else None,
        result_at=line.result_at or line.done_at,
    )


def _result(line: FictitiousServiceLine, item: FictitiousResult) -> ResultForClaim:
    return ResultForClaim(
        service=line.code,
        name=item.name,
        index=item.index,
        value=item.text if item.index else "",
        unit=item.unit,
        description="" if item.index else item.text or item.conclusion,
        conclusion=item.conclusion,
        result_at=line.result_at,
        reader=line.performer.split(";")[0],
    )


def _signs(vitals: FictitiousVitals) -> str:
    return VitalSigns(
        pulse=vitals.pulse,
        temperature=vitals.temperature,
        systolic=vitals.systolic,
        diastolic=vitals.diastolic,
        breathing=vitals.breathing,
        oxygen=vitals.oxygen,
    ).notation()


def _notes(visit: FictitiousVisit) -> tuple[NoteForClaim, ...]:
    notes: list[NoteForClaim] = []
    for position, note in enumerate(visit.notes):
        signs = _signs(visit.vitals[position]) if position < len(visit.vitals) else ""
        text = f"{note.text} {signs}".strip()
        notes.append(NoteForClaim(text=text, at=note.at, writer=note.writer))
    return tuple(notes)


def _discharge(visit: FictitiousVisit) -> DischargeForClaim | None:
    if visit.care_type not in ("03", "04", "09") or visit.leaving == "3":
        return None
    return DischargeForClaim(
        archive_number=visit.record_number,
        department=visit.departments[-1],
        signer=visit.doctor,
        signer_name="Bác sĩ Mẫu",
        method=visit.treatment or "Nội khoa",
        advice=visit.advice,
        mother=visit.person.relative_name,
    )


def _transfer(visit: FictitiousVisit) -> TransferForClaim | None:
    if not visit.receiver:
        return None
    return TransferForClaim(
        file_number=visit.record_number,
        book_number=f"CT{visit.number}",
        slip=f"CT{visit.number}",
        signs=visit.notes[-1].text if visit.notes else visit.reason,
        course=visit.diagnosis_on_arrival,
        condition="Tỉnh, huyết động ổn định",
        reason="3" if visit.leaving == "5" else "1",
        plan="Điều trị tiếp ở nơi nhận",
        transport="Xe cứu thương",
        doctor=visit.doctor,
    )


def _re_exams(visit: FictitiousVisit) -> tuple[ReExamForClaim, ...]:
    if visit.re_exam_on is None:
        return ()
    issued = local_date(visit.ended_at)
    return (ReExamForClaim(f"GH{visit.key}"[:50], visit.re_exam_on, visit.doctor, issued),)


def claim_bytes(visit: FictitiousVisit) -> bytes:
    """Return the visit's claim file, made the day after it ended."""
    created = visit.ended_at + timedelta(days=1)
    return write_claim(build_claim(visit_to_claim(visit), created=created))


def write_files(folder: Path, visits: Iterable[FictitiousVisit]) -> int:
    """Write one claim file a visit, as another hospital's system would export them."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for visit in visits:
        (folder / f"{visit.facility}_{visit.key}.xml").write_bytes(claim_bytes(visit))
        count += 1
    return count

"""From the visit, its orders and its bill to what the claim tells.

The only place where care's and charging's words meet the claim's. Nothing is
invented here: what nobody recorded stays blank, and a rule then says so.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from yba.care.encounters import service as encounters
from yba.care.encounters.model import VisitView
from yba.care.orders import service as orders
from yba.care.orders.model import PrescribedDrug, PrescriptionState
from yba.fhir import r4
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import PersonDetails, earliest_birth
from yba.foundation.record import service as record
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import Concept
from yba.kernel import systems
from yba.kernel.actor import Actor
from yba.kernel.clock import VIETNAM, local_date
from yba.money.charging import service as charging
from yba.money.charging.model import Bill, SplitLine, Table
from yba.money.insurance.build import number
from yba.money.insurance.visit import (
    CardForClaim,
    DrugForClaim,
    NoteForClaim,
    PersonForClaim,
    ReExamForClaim,
    ResultForClaim,
    ServiceForClaim,
    VisitForClaim,
    VitalSigns,
)
from yba.money.payments import service as payments
from yba.plumbing.database import Tx

_SEX = {"male": "1", "female": "2"}
_EXAM = 13
_VALID = frozenset({PrescriptionState.ISSUED, PrescriptionState.SENT})


@dataclass(frozen=True, slots=True)
class Gathered:
    """A visit for the claim, and whose it is; `is_closed` tells whether care has ended."""

    visit: VisitForClaim
    patient_id: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class _Result:
    """One released observation."""

    request_id: str
    code: str
    name: str
    value: str
    unit: str
    taken_at: datetime | None
    issued_at: datetime | None
    reader: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """Everything that was read."""

    view: VisitView
    person: PersonDetails
    bill: Bill
    drugs: Mapping[str, Sequence[PrescribedDrug]]
    results: Mapping[str, Sequence[_Result]]
    drug_list: Mapping[str, Concept]
    service_list: Mapping[str, Concept]
    paid_at: datetime | None
    at: datetime

    @property
    def ended_at(self) -> datetime:
        return self.view.closed_at or self.at

    @property
    def licence(self) -> str:
        return self.view.doctor.licence if self.view.doctor else ""


async def gather(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> Gathered:
    """Return what the claim of a visit tells, as far as it is known.

    Raises VisitNotFound, or charging's refusals if the bill cannot be split.
    """
    if actor.may("claims.read"):
        # A claim tells what the law asks, restricted categories included; its clerk sees the file.
        actor = actor.for_facility()
    view = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    person = await parties.person(tx, actor=actor, patient_id=view.patient_id, at=at)
    bill = await charging.statement(tx, encounter_id=encounter_id, at=at, actor=actor)
    on = local_date(view.closed_at or at)
    codes: dict[Table, set[str]] = defaultdict(set)
    for line in bill.lines:
        codes[line.cost.table].add(line.cost.code)
    facts = _Facts(
        view=view,
        person=person.details,
        bill=bill,
        drugs=await _drugs(tx, actor, encounter_id, at),
        results=await _results(tx, actor, view, at),
        drug_list=await terminology.concepts_of(
            tx, system="drug", codes=sorted(codes[Table.DRUG]), on=on
        ),
        service_list=await terminology.concepts_of(
            tx, system="service", codes=sorted(codes[Table.SERVICE]), on=on
        ),
        paid_at=await _paid_at(tx, encounter_id),
        at=at,
    )
    return Gathered(_visit(facts), view.patient_id, view.closed_at is not None)


async def _drugs(
    tx: Tx, actor: Actor, encounter_id: str, at: datetime
) -> Mapping[str, Sequence[PrescribedDrug]]:
    found: dict[str, list[PrescribedDrug]] = defaultdict(list)
    for item in await orders.prescriptions_of(tx, actor=actor, encounter_id=encounter_id, at=at):
        if item.state in _VALID:
            for line in item.lines:
                found[line.drug_code].append(line)
    return found


async def _results(
    tx: Tx, actor: Actor, view: VisitView, at: datetime
) -> Mapping[str, Sequence[_Result]]:
    """Return released observations by the order they answer."""
    chart = await record.chart(
        tx, actor=actor, patient_id=view.patient_id, types=[r4.Observation], at=at
    )
    found: dict[str, list[_Result]] = defaultdict(list)
    wanted = f"Encounter/{view.encounter_id}"
    for item in chart.of(r4.Observation):
        order = item.basedOn[0].reference if item.basedOn else None
        if order is None or item.encounter is None or item.encounter.reference != wanted:
            continue
        if item.status in ("final", "amended", "corrected"):
            found[order.rpartition("/")[2]].append(_result(item, order))
    return found


def _result(item: r4.Observation, order: str) -> _Result:
    coding = item.code.coding[0] if item.code and item.code.coding else r4.Coding()
    quantity = item.valueQuantity
    value = item.valueString or ""
    if quantity is not None and quantity.value is not None:
        value = number(Decimal(quantity.value))
    who = item.performer[0].identifier if item.performer else None
    return _Result(
        request_id=order.rpartition("/")[2],
        code=(coding.code or "") if coding.system == systems.LAB_INDEX else "",
        name=(item.code.text if item.code else None) or coding.display or "",
        value=value,
        unit=(quantity.unit or "") if quantity else "",
        taken_at=_moment(item.effectiveDateTime),
        issued_at=_moment(item.issued),
        reader=(who.value or "") if who else "",
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text and "T" in text else None


async def _paid_at(tx: Tx, encounter_id: str) -> datetime | None:
    bill = await payments.bill_of(tx, bill_id=encounter_id)
    return None if bill is None else bill.settled_at


def _person(facts: _Facts) -> PersonForClaim:
    person = facts.person
    born = earliest_birth(person.birth_date or "1900")
    born_at = None
    if person.birth_time and len(person.birth_date) == 10:
        born_at = datetime.fromisoformat(f"{person.birth_date}T{person.birth_time}").replace(
            tzinfo=VIETNAM
        )
    return PersonForClaim(
        patient_number=facts.view.patient_number,
        full_name=person.name,
        born=born,
        born_at=born_at,
        only_year_known=len(person.birth_date) < 10,
        sex=_SEX.get(person.sex.value, "3"),
        address=person.address.text,
        province=person.address.province_code,
        commune=person.address.commune_code,
        identity=facts.view.identity_number,
        nationality=person.nationality,
        ethnicity=person.ethnicity,
        occupation=person.occupation,
        phone=_national(person.phone),
        blood_group=person.blood_group,
    )


def _national(phone: str) -> str:
    return "0" + phone[3:] if phone.startswith("+84") else phone


def _cards(facts: _Facts) -> tuple[CardForClaim, ...]:
    card = facts.view.insurance
    if card is None or not card.number or facts.view.patient_category == "9":
        return ()
    return (CardForClaim(card.number, card.registered_facility, card.valid_from, card.valid_to),)


def _text(concept: Concept | None, name: str) -> str:
    return str(concept.properties.get(name) or "") if concept else ""


def _drug(split: SplitLine, drug: PrescribedDrug | None, facts: _Facts) -> DrugForClaim:
    listed = facts.drug_list.get(split.cost.code)
    return DrugForClaim(
        split=split,
        code=(drug.substance_code if drug else "") or _text(listed, "substance_code"),
        name=(drug.name if drug else "") or split.cost.name,
        strength=(drug.strength if drug else "") or _text(listed, "strength"),
        route=(drug.route_code if drug else "") or _text(listed, "route"),
        dose=drug.dosage_text if drug else "",
        unit=(drug.unit if drug else "") or split.cost.unit,
        form=(drug.form if drug else "") or _text(listed, "form"),
        directions=drug.directions if drug else "",
        registration=(drug.registration if drug else "") or _text(listed, "registration"),
        tender=_text(listed, "tender"),
        department=split.cost.department or facts.view.department_code,
        doctor=facts.licence,
    )


def _service(split: SplitLine, request_id: str, facts: _Facts) -> ServiceForClaim:
    view, code = facts.view, split.cost.code
    results = facts.results.get(request_id, ())
    performer, done_at, result_at = "", None, None
    if results:
        performer = next((r.reader for r in results if r.reader), "")
        done_at, result_at = results[0].taken_at, results[0].issued_at
    elif split.cost.group == _EXAM:
        performer, done_at, result_at = facts.licence, view.started_at, view.closed_at
    main = view.main_diagnosis
    return ServiceForClaim(
        split=split,
        code=code,
        name=split.cost.name,
        department=split.cost.department or view.department_code,
        orderer=facts.licence,
        performer=performer,
        diagnosis=main.code if main else "",
        machine=_text(facts.service_list.get(code), "machine"),
        done_at=done_at,
        result_at=result_at,
    )


def _notes(facts: _Facts) -> tuple[NoteForClaim, ...]:
    """Return the doctor's findings with the last vital signs."""
    view = facts.view
    newest = {item.field: item for item in view.latest_vitals}

    def whole(field: str) -> int | None:
        return int(newest[field].value) if field in newest else None

    temperature = newest.get("temperature")
    signs = VitalSigns(
        pulse=whole("pulse"),
        temperature=temperature.value if temperature else None,
        systolic=whole("systolic"),
        diastolic=whole("diastolic"),
        breathing=whole("breaths"),
        oxygen=whole("saturation"),
    ).notation()
    words = view.examination.findings or view.examination.history or view.examination.reason
    text = " ".join(part for part in (words, signs) if part)
    moment = view.started_at or max((v.measured_at for v in newest.values()), default=None)
    if not text or moment is None:
        return ()
    return (NoteForClaim(text=text, at=moment, writer=facts.licence),)


def _re_exams(facts: _Facts) -> tuple[ReExamForClaim, ...]:
    follow_up = facts.view.follow_up
    if follow_up is None:
        return ()
    slip = f"GH{facts.view.claim_key}"[:50]
    return (ReExamForClaim(slip, follow_up.on, facts.licence, issued=local_date(facts.ended_at)),)


def _lines(facts: _Facts) -> tuple[list[DrugForClaim], list[ServiceForClaim], list[ResultForClaim]]:
    """Match each split line to the order or prescription line that caused it, in order."""
    requests: dict[str, list[str]] = defaultdict(list)
    for order in facts.view.orders:
        if order.status not in ("revoked", "entered-in-error"):
            requests[order.service_code].append(order.request_id)
    waiting = {code: list(lines) for code, lines in facts.drugs.items()}
    drugs: list[DrugForClaim] = []
    services: list[ServiceForClaim] = []
    results: list[ResultForClaim] = []
    for split in facts.bill.lines:
        code = split.cost.code
        if split.cost.table is Table.DRUG:
            known = waiting.get(code)
            drugs.append(_drug(split, known.pop(0) if known else None, facts))
            continue
        request_id = requests[code].pop(0) if requests.get(code) else ""
        services.append(_service(split, request_id, facts))
        results += (
            ResultForClaim(
                service=code,
                name=item.name,
                index=item.code,
                value=item.value,
                unit=item.unit,
                result_at=item.issued_at,
                reader=item.reader,
            )
            for item in facts.results.get(request_id, ())
        )
    return drugs, services, results


def _visit(facts: _Facts) -> VisitForClaim:
    view = facts.view
    card, closing, main = view.insurance, view.closing, view.main_diagnosis
    others = [item for item in view.diagnoses if not item.main]
    weight = next((v.value for v in view.latest_vitals if v.field == "weight"), None)
    drugs, services, results = _lines(facts)
    return VisitForClaim(
        key=view.claim_key,
        facility=view.facility_code,
        record_number=view.claim_key,
        person=_person(facts),
        category=view.patient_category,
        care_type=view.care_type,
        arrived_at=view.opened_at,
        ended_at=facts.ended_at,
        reason=view.reason or view.examination.reason,
        diagnosis_on_arrival=view.examination.preliminary_diagnosis or view.reason,
        diagnosis="; ".join(item.text for item in ([main] if main else []) + others),
        main_code=main.code if main else "",
        other_codes=tuple(item.code for item in others),
        departments=(view.department_code,) if view.department_code else (),
        # The head of the facility signs; as long as nobody is named, the treating doctor does.
        head_licence=facts.licence,
        outcome=closing.outcome if closing else "",
        leaving=closing.discharge_type if closing else "",
        treatment=closing.treatment if closing else "",
        advice=closing.advice if closing else "",
        receiver=closing.transferred_to if closing else "",
        cards=_cards(facts),
        paid_at=facts.paid_at,
        sender=view.referring_facility,
        slip=view.referral_number,
        injury=view.injury_cause,
        weight_kg=weight,
        living_area=card.living_area if card else "",
        five_years_on=card.five_years_on if card else None,
        exempt_from=facts.bill.split.exempt_from,
        drugs=tuple(drugs),
        services=tuple(services),
        results=tuple(results),
        notes=_notes(facts),
        re_exams=_re_exams(facts),
    )

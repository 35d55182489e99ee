"""One visit read back from a patient's chart. Pure.

Everything on the doctor's screen comes from one statement (record.chart);
this module only sorts it.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from yba.care.encounters import fhir, notes, vitals
from yba.care.encounters.model import (
    Allergy,
    Closing,
    Diagnosis,
    Examination,
    FollowUp,
    MedicationLine,
    OrderLine,
    Practitioner,
    ResultLine,
    VisitLine,
    VisitState,
    VisitView,
    VitalFinding,
)
from yba.care.encounters.rules import missing
from yba.fhir import r4
from yba.foundation.parties.model import HealthInsurance, IdentifierKind
from yba.foundation.parties.service import insurance_of, patient_number_of, person_details
from yba.foundation.record.service import Chart
from yba.kernel import systems

TYPES = (
    r4.Encounter,
    r4.Observation,
    r4.Composition,
    r4.Condition,
    r4.ServiceRequest,
    r4.MedicationRequest,
    r4.AllergyIntolerance,
    r4.Appointment,
)


def visit_view(chart: Chart, encounter: r4.Encounter) -> VisitView:
    """Return everything of one visit."""
    encounter_id = encounter.id or ""
    patient = chart.patient or r4.Patient()
    details = person_details(patient, None)
    observations = _about(chart.of(r4.Observation), encounter_id)
    allergies, none_known = allergies_of(chart.of(r4.AllergyIntolerance))
    insurance = snapshot(encounter)
    category = text_of(encounter, "patient-category")
    examination = _examination(chart, encounter_id)
    diagnoses = diagnoses_of(encounter, chart.of(r4.Condition))
    found_vitals = _vitals(observations)
    medications = [_medication(item) for item in chart.of(r4.MedicationRequest)]
    period = encounter.period
    return VisitView(
        encounter_id=encounter_id,
        claim_key=_identifier(encounter.identifier, systems.ENCOUNTER_CLAIM_KEY),
        state=VisitState(encounter.status or "arrived"),
        patient_id=chart.patient_id,
        patient_number=patient_number_of(patient),
        patient_name=details.name,
        birth_date=details.birth_date,
        sex=details.sex.value,
        identity_number=details.active(IdentifierKind.CCCD)
        or details.active(IdentifierKind.PASSPORT)
        or details.active(IdentifierKind.CMND),
        phone=details.phone,
        address=details.address.text,
        facility_code=facility_of(encounter),
        clinic_id=_reference_id(encounter.location[-1].location) if encounter.location else "",
        clinic_name=_clinic_name(encounter),
        department_code=_coded(encounter.serviceType),
        patient_category=category,
        care_type=_coded(encounter.type[0]) if encounter.type else "",
        insurance=insurance,
        referring_facility=text_of(encounter, "referring-facility"),
        referral_number=text_of(encounter, "referral-number"),
        injury_cause=text_of(encounter, "injury-cause"),
        reason=reason_of(encounter),
        opened_at=moment_of(period.start if period else None) or datetime.min,  # noqa: DTZ901
        started_at=_started(encounter),
        closed_at=moment_of(period.end if period else None),
        doctor=_doctor(encounter),
        examination=examination,
        vitals=found_vitals,
        diagnoses=diagnoses,
        orders=tuple(map(_order, _about(chart.of(r4.ServiceRequest), encounter_id))),
        medications=tuple(m for m in medications if m.encounter_id == encounter_id),
        other_medications=tuple(
            m for m in medications if m.encounter_id != encounter_id and m.status == "active"
        ),
        results=_results(observations),
        follow_up=_follow_up(chart.of(r4.Appointment), encounter_id),
        closing=_closing(encounter),
        allergies=allergies,
        no_known_allergy=none_known,
        earlier_visits=visit_lines(chart, other_than=encounter_id),
        missing=missing(
            examination=examination,
            has_main=any(d.main for d in diagnoses),
            insured=category != "9",
            has_weight=any(v.field == "weight" for v in found_vitals),
            has_doctor=_doctor(encounter) is not None,
        ),
    )


def visit_lines(chart: Chart, *, other_than: str = "") -> tuple[VisitLine, ...]:
    """Return a patient's visits, newest first."""
    conditions = chart.of(r4.Condition)
    lines = [
        _line(encounter, conditions)
        for encounter in chart.of(r4.Encounter)
        if encounter.id != other_than and encounter.status not in ("entered-in-error", "planned")
    ]
    return tuple(sorted(lines, key=lambda line: line.opened_at, reverse=True))


def snapshot(encounter: r4.Encounter) -> HealthInsurance | None:
    """Return the insurance card as it was when the visit was opened."""
    for resource in encounter.contained or []:
        if isinstance(resource, r4.Coverage):
            return insurance_of(resource)
    return None


def diagnoses_of(
    encounter: r4.Encounter, conditions: Iterable[r4.Condition]
) -> tuple[Diagnosis, ...]:
    """Return the diagnoses in force, main disease first."""
    by_id = {condition.id: condition for condition in conditions}
    found: list[Diagnosis] = []
    for item in sorted(encounter.diagnosis or [], key=lambda d: d.rank or 99):
        condition = by_id.get(_reference_id(item.condition))
        if condition is None or condition.code is None:
            continue
        coding = (condition.code.coding or [r4.Coding()])[0]
        found.append(
            Diagnosis(
                condition_id=condition.id or "",
                code=coding.code or "",
                name=coding.display or "",
                text=condition.code.text or coding.display or "",
                main=item.rank == 1,
            )
        )
    return tuple(found)


def allergies_of(
    resources: Iterable[r4.AllergyIntolerance],
) -> tuple[tuple[Allergy, ...], bool]:
    """Return the allergies in force, and whether "none known" was recorded."""
    found: list[Allergy] = []
    none_known = False
    for item in resources:
        if _coded(item.clinicalStatus) != "active" or item.code is None:
            continue
        if _coded(item.code) == fhir.NO_KNOWN_ALLERGY:
            none_known = True
            continue
        found.append(
            Allergy(
                allergy_id=item.id or "",
                code=_coded(item.code),
                text=item.code.text or _display(item.code),
                criticality=item.criticality or "",
            )
        )
    return tuple(found), none_known and not found


def text_of(encounter: r4.Encounter, name: str) -> str:
    """Return one text extension of ours."""
    url = fhir.EXT + name
    return next((e.valueString or "" for e in encounter.extension or [] if e.url == url), "")


def facility_of(encounter: r4.Encounter) -> str:
    """Return the code of the facility that sees the patient."""
    provider = encounter.serviceProvider
    return (provider.identifier.value or "") if provider and provider.identifier else ""


def reason_of(encounter: r4.Encounter) -> str:
    """Return why the patient came."""
    return (encounter.reasonCode[0].text or "") if encounter.reasonCode else ""


def moment_of(text: str | None) -> datetime | None:
    """Read a FHIR moment; None for a bare date."""
    return datetime.fromisoformat(text) if text and "T" in text else None


def _about(resources: Iterable[r4.AnyResource], encounter_id: str) -> list[r4.AnyResource]:
    wanted = f"Encounter/{encounter_id}"
    return [
        resource
        for resource in resources
        if (encounter := getattr(resource, "encounter", None)) and encounter.reference == wanted
    ]


def _examination(chart: Chart, encounter_id: str) -> Examination:
    for composition in _about(chart.of(r4.Composition), encounter_id):
        if isinstance(composition, r4.Composition) and _coded(composition.type) == notes.NOTE_TYPE:
            return notes.examination_of(composition)
    return Examination()


def _vitals(observations: Iterable[r4.AnyResource]) -> tuple[VitalFinding, ...]:
    by_code = {kind.loinc: kind for kind in vitals.kinds().values()}
    order = {kind.field: n for n, kind in enumerate(vitals.kinds().values())}
    found: list[VitalFinding] = []
    for item in observations:
        if not isinstance(item, r4.Observation) or item.status != "final":
            continue
        for part in (item, *(item.component or [])):
            kind = by_code.get(_coded(part.code))
            quantity = part.valueQuantity
            if kind is None or quantity is None or quantity.value is None:
                continue
            found.append(
                VitalFinding(
                    field=kind.field,
                    name=kind.name,
                    value=Decimal(quantity.value),
                    unit=kind.unit,
                    flag=_coded(part.interpretation[0]) if part.interpretation else "",
                    measured_at=moment_of(item.effectiveDateTime) or datetime.min,  # noqa: DTZ901
                    observation_id=item.id or "",
                )
            )
    found.sort(key=lambda v: order[v.field])
    return tuple(sorted(found, key=lambda v: v.measured_at, reverse=True))


def _results(observations: Iterable[r4.AnyResource]) -> tuple[ResultLine, ...]:
    found: list[ResultLine] = []
    for item in observations:
        if not isinstance(item, r4.Observation):
            continue
        if "laboratory" not in [_coded(category) for category in item.category or []]:
            continue
        if item.status not in ("final", "amended", "corrected"):
            continue
        quantity = item.valueQuantity
        value = str(quantity.value) if quantity else (item.valueString or "")
        ranges = item.referenceRange or []
        found.append(
            ResultLine(
                observation_id=item.id or "",
                request_id=_reference_id(item.basedOn[0]) if item.basedOn else "",
                code=_coded(item.code),
                name=(item.code.text or _display(item.code)) if item.code else "",
                value=value,
                unit=(quantity.unit or "") if quantity else "",
                reference=(ranges[0].text or "") if ranges else "",
                flag=_coded(item.interpretation[0]) if item.interpretation else "",
                resulted_at=moment_of(item.issued),
            )
        )
    return tuple(sorted(found, key=lambda r: r.observation_id))


def _order(item: r4.AnyResource) -> OrderLine:
    assert isinstance(item, r4.ServiceRequest)
    quantity = item.quantityQuantity
    return OrderLine(
        request_id=item.id or "",
        service_code=_coded(item.code),
        name=(item.code.text or _display(item.code)) if item.code else "",
        quantity=Decimal(quantity.value) if quantity and quantity.value else Decimal(1),
        status=item.status or "",
        ordered_at=moment_of(item.authoredOn),
        requester=(item.requester.display or "") if item.requester else "",
        note=(item.note[0].text or "") if item.note else "",
    )


def _medication(item: r4.MedicationRequest) -> MedicationLine:
    dispense = item.dispenseRequest
    supply = dispense.quantity if dispense else None
    duration = dispense.expectedSupplyDuration if dispense else None
    drug = item.medicationCodeableConcept
    return MedicationLine(
        request_id=item.id or "",
        encounter_id=_reference_id(item.encounter),
        prescription_code=(item.groupIdentifier.value or "") if item.groupIdentifier else "",
        drug_code=_coded(drug),
        substance_code=_substance(drug),
        name=(drug.text or _display(drug)) if drug else "",
        quantity=f"{supply.value} {supply.unit or ''}".strip() if supply else "",
        dosage=(item.dosageInstruction[0].text or "") if item.dosageInstruction else "",
        days=int(duration.value) if duration and duration.value is not None else 0,
        status=item.status or "",
        prescribed_at=moment_of(item.authoredOn),
    )


def _substance(drug: r4.CodeableConcept | None) -> str:
    """Return the code of the substance, which follows the code of the product."""
    codings = (drug.coding or []) if drug else []
    return (codings[1].code or "") if len(codings) > 1 else ""


def _follow_up(appointments: Iterable[r4.Appointment], encounter_id: str) -> FollowUp | None:
    wanted = f"Encounter/{encounter_id}"
    for item in appointments:
        links = [e.valueReference for e in item.extension or [] if e.valueReference]
        if item.status == "cancelled" or wanted not in [link.reference for link in links]:
            continue
        start = item.requestedPeriod[0].start if item.requestedPeriod else item.start
        if not start:
            continue
        places = [_reference_id(p.actor) for p in item.participant or [] if _is_place(p)]
        return FollowUp(
            on=date.fromisoformat(start[:10]),
            reason=(item.reasonCode[0].text or "") if item.reasonCode else "",
            clinic_id=places[0] if places else "",
            appointment_id=item.id or "",
        )
    return None


def _is_place(participant: r4.AppointmentParticipant) -> bool:
    reference = participant.actor.reference if participant.actor else None
    return bool(reference and reference.startswith("Location/"))


def _closing(encounter: r4.Encounter) -> Closing | None:
    outcome = text_of(encounter, "outcome")
    stay = encounter.hospitalization
    if not outcome or stay is None:
        return None
    destination = stay.destination
    return Closing(
        outcome=outcome,
        discharge_type=_coded(stay.dischargeDisposition),
        treatment=text_of(encounter, "treatment"),
        advice=text_of(encounter, "advice"),
        transferred_to=(destination.identifier.value or "")
        if destination and destination.identifier
        else "",
    )


def _doctor(encounter: r4.Encounter) -> Practitioner | None:
    for participant in reversed(encounter.participant or []):
        person = participant.individual
        if person is not None:
            return Practitioner(
                practitioner_id=_reference_id(person),
                name=person.display or "",
                licence=(person.identifier.value or "") if person.identifier else "",
            )
    return None


def _started(encounter: r4.Encounter) -> datetime | None:
    for item in encounter.statusHistory or []:
        if item.status == "in-progress" and item.period:
            return moment_of(item.period.start)
    return None


def _line(encounter: r4.Encounter, conditions: list[r4.Condition]) -> VisitLine:
    diagnoses = diagnoses_of(encounter, conditions)
    period = encounter.period
    states = {state.value for state in VisitState}
    return VisitLine(
        encounter_id=encounter.id or "",
        opened_at=_day_or_moment(period.start if period else None),
        closed_at=moment_of(period.end if period else None),
        state=VisitState(encounter.status if encounter.status in states else "finished"),
        clinic_name=_clinic_name(encounter),
        facility_code=facility_of(encounter),
        reason=reason_of(encounter),
        main_code=diagnoses[0].code if diagnoses else "",
        main_name=diagnoses[0].text if diagnoses else "",
    )


def _day_or_moment(text: str | None) -> datetime:
    """Read a start that may be a bare date, from other systems."""
    if text and "T" in text:
        return datetime.fromisoformat(text)
    padded = ((text or "0001") + "-01-01")[:10]
    return datetime.fromisoformat(f"{padded}T00:00:00+07:00")


def _clinic_name(encounter: r4.Encounter) -> str:
    place = encounter.location[-1].location if encounter.location else None
    return (place.display or "") if place else ""


def _coded(concept: r4.CodeableConcept | None) -> str:
    return (concept.coding[0].code or "") if concept and concept.coding else ""


def _display(concept: r4.CodeableConcept) -> str:
    return (concept.coding[0].display or "") if concept.coding else ""


def _identifier(identifiers: list[r4.Identifier] | None, system: str) -> str:
    return next((i.value or "" for i in identifiers or [] if i.system == system), "")


def _reference_id(reference: r4.Reference | None) -> str:
    return (reference.reference or "").rpartition("/")[2] if reference else ""

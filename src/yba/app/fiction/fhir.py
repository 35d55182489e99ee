"""A fictitious visit as FHIR R4 resources.

Ids are derived from the numbers, so that the same visit always gives the same
resources: `fp<number>` for the person, the visit's key for the rest.
Standard: FHIR R4; vital signs by their LOINC codes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

from yba.app.fiction.model import (
    FictitiousDrugLine,
    FictitiousPerson,
    FictitiousResult,
    FictitiousServiceLine,
    FictitiousVisit,
    FictitiousVitals,
)
from yba.app.fiction.scenarios import shipped
from yba.fhir import r4
from yba.foundation.parties import service as parties
from yba.foundation.parties.model import (
    Guardian,
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
)
from yba.kernel import systems
from yba.kernel.clock import local

_HL7 = "http://terminology.hl7.org/CodeSystem/"
_FLAGS = {"L": "Low", "H": "High", "A": "Abnormal"}
_VITALS: Sequence[tuple[str, str, str, str, str]] = (
    ("pulse", "8867-4", "Heart rate", "lần/phút", "/min"),
    ("temperature", "8310-5", "Body temperature", "°C", "Cel"),
    ("breathing", "9279-1", "Respiratory rate", "lần/phút", "/min"),
    ("oxygen", "2708-6", "Oxygen saturation in Arterial blood", "%", "%"),
    ("weight_kg", "29463-7", "Body weight", "kg", "kg"),
    ("height_cm", "8302-2", "Body height", "cm", "cm"),
)


def details_of(person: FictitiousPerson) -> PersonDetails:
    """Return the person as the desk would enter them."""
    card = person.card
    kinds = (
        (IdentifierKind.CCCD, person.identity_number),
        (IdentifierKind.SOCIAL_INSURANCE, person.social_insurance_number),
    )
    return PersonDetails(
        name=person.full_name,
        birth_date=person.birth_date.isoformat(),
        sex=Sex(person.sex),
        identifiers=tuple(PersonIdentifier(kind=kind, value=n) for kind, n in kinds if n),
        address=PersonAddress(
            text=person.address, province_code=person.province, commune_code=person.commune
        ),
        phone=person.phone,
        nationality=person.nationality,
        ethnicity=person.ethnicity,
        occupation=person.occupation,
        blood_group=person.blood_group,
        guardian=Guardian(name=person.relative_name) if person.relative_name else None,
        insurance=HealthInsurance(
            number=card.number,
            registered_facility=card.registered_at,
            valid_from=card.valid_from,
            valid_to=card.valid_to,
            benefit_digit=str(card.benefit_digit),
            living_area=card.living_area,
            five_years_on=card.five_years_on,
        )
        if card
        else None,
    )


def as_fhir(visit: FictitiousVisit) -> list[r4.Resource]:
    """Return the visit as resources, each after those it refers to."""
    return [
        *_person(visit.person),
        _encounter(visit),
        *_conditions(visit),
        *_signs(visit),
        *(
            item
            for place, line in enumerate(visit.services)
            for item in _service(visit, place, line)
        ),
        *(_drug(visit, place, line) for place, line in enumerate(visit.drugs)),
    ]


def bundles(visits: Iterable[FictitiousVisit], size: int) -> Iterator[tuple[bytes, int]]:
    """Yield transaction bundles of `size` visits, each with its number of entries.

    Every entry is a PUT under an id of its own, so that sending a bundle twice changes nothing.
    """
    remaining = iter(visits)
    while chosen := list(islice(remaining, size)):
        found: dict[str, bytes] = {}
        for visit in chosen:
            for resource in as_fhir(visit):
                found[f"{type(resource).__name__}/{resource.id}"] = r4.encode(resource)
        entries = [
            b'{"resource":%b,"request":{"method":"PUT","url":"%b"}}' % (content, url.encode())
            for url, content in found.items()
        ]
        head = b'{"resourceType":"Bundle","type":"transaction","entry":['
        yield head + b",".join(entries) + b"]}", len(entries)


def patient_id(person: FictitiousPerson) -> str:
    """Return the id of the person's Patient."""
    return f"fp{person.number}"


def _id(visit: FictitiousVisit, kind: str, place: int = 0) -> str:
    return f"{visit.key.lower()}-{kind}{place}"


def _moment(at: datetime) -> str:
    return local(at).isoformat(timespec="seconds")


def _concept(system: str, code: str, text: str = "") -> r4.CodeableConcept:
    return r4.CodeableConcept(coding=[r4.Coding(system=system, code=code)], text=text or None)


def _subject(visit: FictitiousVisit) -> r4.Reference:
    return r4.Reference(reference=f"Patient/{patient_id(visit.person)}")


def _context(visit: FictitiousVisit) -> r4.Reference:
    return r4.Reference(reference=f"Encounter/{_id(visit, 'enc')}")


def _person(person: FictitiousPerson) -> Iterator[r4.Resource]:
    details = details_of(person)
    yield parties.patient_resource(patient_id(person), f"F{person.number:09}", details)
    if details.insurance is not None:
        yield parties.coverage_resource(
            f"{patient_id(person)}-card", patient_id(person), details.insurance
        )


def _encounter(visit: FictitiousVisit) -> r4.Encounter:
    kind = "IMP" if visit.is_inpatient else "AMB"
    return r4.Encounter(
        id=_id(visit, "enc"),
        identifier=[r4.Identifier(system=systems.ENCOUNTER_CLAIM_KEY, value=visit.key)],
        status="finished",
        class_=r4.Coding(system=_HL7 + "v3-ActCode", code=kind),
        type=[_concept(systems.CARE_TYPE, visit.care_type)],
        subject=_subject(visit),
        period=r4.Period(start=_moment(visit.arrived_at), end=_moment(visit.ended_at)),
        reasonCode=[r4.CodeableConcept(text=visit.reason)],
        diagnosis=[
            r4.EncounterDiagnosis(
                condition=r4.Reference(reference=f"Condition/{_id(visit, 'dx', place)}"),
                rank=place + 1,
            )
            for place in range(len(visit.diagnoses))
        ],
    )


def _conditions(visit: FictitiousVisit) -> Iterator[r4.Condition]:
    for place, item in enumerate(visit.diagnoses):
        yield r4.Condition(
            id=_id(visit, "dx", place),
            clinicalStatus=_concept(_HL7 + "condition-clinical", "active"),
            verificationStatus=_concept(_HL7 + "condition-ver-status", "confirmed"),
            category=[_concept(_HL7 + "condition-category", "encounter-diagnosis")],
            code=_concept(systems.ICD10, item.code, item.name),
            subject=_subject(visit),
            encounter=_context(visit),
            recordedDate=_moment(visit.arrived_at),
        )


def _observation(
    visit: FictitiousVisit, kind: str, place: int, category: str, at: datetime
) -> r4.Observation:
    return r4.Observation(
        id=_id(visit, kind, place),
        status="final",
        category=[_concept(_HL7 + "observation-category", category)],
        code=r4.CodeableConcept(),
        subject=_subject(visit),
        encounter=_context(visit),
        effectiveDateTime=_moment(at),
    )


def _quantity(value: Decimal | int, unit: str, code: str) -> r4.Quantity:
    return r4.Quantity(
        value=Decimal(value),
        unit=unit or None,
        system=systems.UCUM if code else None,
        code=code or None,
    )


def _signs(visit: FictitiousVisit) -> Iterator[r4.Observation]:
    place = 0
    for signs in visit.vitals:
        for name, loinc, text, unit, ucum in _VITALS:
            found = _observation(visit, "vs", place, "vital-signs", signs.at)
            found.code = _concept(systems.LOINC, loinc, text)
            found.valueQuantity = _quantity(getattr(signs, name), unit, ucum)
            place += 1
            yield found
        if signs.systolic is not None and signs.diastolic is not None:
            found = _observation(visit, "vs", place, "vital-signs", signs.at)
            found.code = _concept(systems.LOINC, "85354-9", "Blood pressure")
            found.component = _pressure(signs)
            place += 1
            yield found


def _pressure(signs: FictitiousVitals) -> list[r4.ObservationComponent]:
    parts = (("8480-6", signs.systolic), ("8462-4", signs.diastolic))
    return [
        r4.ObservationComponent(
            code=_concept(systems.LOINC, loinc),
            valueQuantity=_quantity(value, "mmHg", "mm[Hg]"),
        )
        for loinc, value in parts
        if value is not None
    ]


def _service(
    visit: FictitiousVisit, place: int, line: FictitiousServiceLine
) -> Iterator[r4.Resource]:
    yield r4.ServiceRequest(
        id=_id(visit, "sr", place),
        status="completed",
        intent="order",
        code=_concept(systems.SERVICE, line.code, line.name),
        quantityQuantity=r4.Quantity(value=line.quantity, unit=line.unit),
        subject=_subject(visit),
        encounter=_context(visit),
        authoredOn=_moment(line.ordered_at),
        requester=_staff(line.orderer),
    )
    if line.kind in ("surgery", "procedure"):
        yield r4.Procedure(
            id=_id(visit, "pr", place),
            basedOn=[r4.Reference(reference=f"ServiceRequest/{_id(visit, 'sr', place)}")],
            status="completed",
            code=_concept(systems.SERVICE, line.code, line.name),
            subject=_subject(visit),
            encounter=_context(visit),
            performedDateTime=_moment(line.done_at),
        )
    results = [
        _result(visit, place, number, line, result) for number, result in enumerate(line.results)
    ]
    yield from results
    if results and line.result_at is not None:
        yield r4.DiagnosticReport(
            id=_id(visit, "dr", place),
            basedOn=[r4.Reference(reference=f"ServiceRequest/{_id(visit, 'sr', place)}")],
            status="final",
            code=_concept(systems.SERVICE, line.code, line.name),
            subject=_subject(visit),
            encounter=_context(visit),
            effectiveDateTime=_moment(line.done_at),
            issued=_moment(line.result_at),
            result=[r4.Reference(reference=f"Observation/{item.id}") for item in results],
            conclusion=line.results[0].conclusion or None,
        )


def _result(
    visit: FictitiousVisit,
    place: int,
    number: int,
    line: FictitiousServiceLine,
    result: FictitiousResult,
) -> r4.Observation:
    category = "laboratory" if line.kind == "lab" else "imaging"
    found = _observation(visit, f"ob{place}-", number, category, result.result_at)
    found.basedOn = [r4.Reference(reference=f"ServiceRequest/{_id(visit, 'sr', place)}")]
    if not result.index:
        found.code = _concept(systems.SERVICE, line.code, line.name)
        found.valueString = result.text
        return found
    index = shipped("lab_index", result.index).properties
    coding = [r4.Coding(system=systems.LAB_INDEX, code=result.index, display=result.name)]
    if index.get("loinc"):
        coding.append(r4.Coding(system=systems.LOINC, code=str(index["loinc"])))
    found.code = r4.CodeableConcept(coding=coding, text=result.name)
    if result.value is None:
        found.valueString = result.text
    else:
        ucum = str(index.get("ucum", ""))
        found.valueQuantity = _quantity(result.value, result.unit, ucum)
        found.referenceRange = [
            r4.ObservationReferenceRange(
                low=_quantity(result.low, result.unit, ucum) if result.low is not None else None,
                high=_quantity(result.high, result.unit, ucum) if result.high is not None else None,
            )
        ]
    if result.flag:
        coded = r4.Coding(
            system=_HL7 + "v3-ObservationInterpretation",
            code=result.flag,
            display=_FLAGS[result.flag],
        )
        found.interpretation = [r4.CodeableConcept(coding=[coded])]
    return found


def _staff(licence: str) -> r4.Reference:
    return r4.Reference(identifier=r4.Identifier(system=systems.LICENCE, value=licence))


def _drug(visit: FictitiousVisit, place: int, line: FictitiousDrugLine) -> r4.MedicationRequest:
    code = visit.prescription_code if line.is_prescribed else ""
    return r4.MedicationRequest(
        id=_id(visit, "mr", place),
        status="completed",
        intent="order",
        groupIdentifier=r4.Identifier(system=systems.PRESCRIPTION_CODE, value=code)
        if code
        else None,
        medicationCodeableConcept=_concept(systems.DRUG, line.code, line.name),
        subject=_subject(visit),
        encounter=_context(visit),
        authoredOn=_moment(line.ordered_at),
        requester=_staff(line.orderer),
        dosageInstruction=[r4.Dosage(text=line.dose)],
        dispenseRequest=r4.MedicationRequestDispenseRequest(
            quantity=r4.Quantity(value=line.quantity, unit=line.unit),
            expectedSupplyDuration=r4.Duration(
                value=Decimal(line.days), unit="ngày", system=systems.UCUM, code="d"
            ),
        ),
    )

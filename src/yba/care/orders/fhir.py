"""Ordered services as ServiceRequest, prescribed drugs as MedicationRequest, and back."""

from datetime import date, datetime
from decimal import Decimal

from yba.care.encounters.service import About, author_of, encounter_reference, moment
from yba.care.orders import wording
from yba.care.orders.model import OrderedService, PrescribedDrug, PrescriptionKind, ServiceLine
from yba.care.orders.prescribing import Item
from yba.fhir import r4
from yba.foundation.terminology.model import Concept
from yba.kernel import systems

SUBSTANCE = "urn:yba:vn:code:substance"
_KIND = "urn:yba:vn:code:service-kind"
_EXT = systems.EXTENSION


def service_request(
    request_id: str, line: ServiceLine, service: Concept, about: About
) -> r4.ServiceRequest:
    """Return one ordered service."""
    unit = str(service.properties.get("unit") or "lần")
    reason = [_concept(systems.ICD10, line.diagnosis_code)] if line.diagnosis_code else None
    return r4.ServiceRequest(
        id=request_id,
        status="active",
        intent="order",
        category=[_concept(_KIND, str(service.properties.get("kind") or "other"))],
        priority="urgent" if line.urgent else "routine",
        code=_concept(systems.SERVICE, service.code, service.name_vi),
        quantityQuantity=r4.Quantity(value=line.quantity, unit=unit),
        subject=r4.Reference(reference=f"Patient/{about.patient_id}"),
        encounter=encounter_reference(about.encounter_id),
        authoredOn=moment(about.at),
        requester=author_of(about.actor),
        reasonCode=reason,
        note=[r4.Annotation(text=line.note)] if line.note else None,
    )


def ordered_service(resource: r4.ServiceRequest) -> OrderedService:
    """Read an ordered service back."""
    quantity = resource.quantityQuantity
    requester = resource.requester
    return OrderedService(
        request_id=resource.id or "",
        encounter_id=_id(resource.encounter),
        patient_id=_id(resource.subject),
        service_code=_code(resource.code),
        name=(resource.code.text or "") if resource.code else "",
        kind=_code(resource.category[0]) if resource.category else "",
        quantity=Decimal(quantity.value) if quantity and quantity.value else Decimal(1),
        urgent=resource.priority in ("urgent", "asap", "stat"),
        note=(resource.note[0].text or "") if resource.note else "",
        status=resource.status or "",
        diagnosis_code=_code(resource.reasonCode[0]) if resource.reasonCode else "",
        ordered_at=_moment(resource.authoredOn),
        requester=(requester.display or "") if requester else "",
        requester_licence=(requester.identifier.value or "")
        if requester and requester.identifier
        else "",
    )


def medication_request(
    request_id: str, code: str, item: Item, route_name: str, about: About, collect_until: date
) -> r4.MedicationRequest:
    """Return one prescribed drug under its national code."""
    line, drug = item.line, item.drug
    unit = _text(drug, "unit")
    texts = {
        "substance": _text(drug, "substance"),
        "brand": _text(drug, "brand"),
        "strength": _text(drug, "strength"),
        "form": _text(drug, "form"),
        "registration": _text(drug, "registration"),
        "quantity-text": wording.quantity_text(
            line.quantity, unit, in_words=item.kind == PrescriptionKind.NARCOTIC
        ),
    }
    extensions = [r4.Extension(url=_EXT + k, valueString=v) for k, v in texts.items() if v]
    if item.toxic:
        extensions.append(r4.Extension(url=_EXT + "toxic", valueBoolean=True))
    return r4.MedicationRequest(
        id=request_id,
        extension=extensions,
        status="active",
        intent="order",
        groupIdentifier=r4.Identifier(system=systems.PRESCRIPTION_CODE, value=code),
        medicationCodeableConcept=r4.CodeableConcept(
            coding=[
                r4.Coding(system=systems.DRUG, code=drug.code, display=drug.name_vi),
                r4.Coding(system=SUBSTANCE, code=item.substance_code),
            ],
            text=_name(drug),
        ),
        subject=r4.Reference(reference=f"Patient/{about.patient_id}"),
        encounter=encounter_reference(about.encounter_id),
        authoredOn=moment(about.at),
        requester=author_of(about.actor),
        dosageInstruction=[_dosage(item, unit, route_name)],
        dispenseRequest=r4.MedicationRequestDispenseRequest(
            validityPeriod=r4.Period(start=moment(about.at), end=collect_until.isoformat()),
            quantity=r4.Quantity(value=line.quantity, unit=unit or None),
            expectedSupplyDuration=_days(line.days) if line.days else None,
        ),
    )


def prescribed_drug(resource: r4.MedicationRequest) -> PrescribedDrug:
    """Read a prescribed drug back."""
    texts = {
        (e.url or "").removeprefix(_EXT): e.valueString or "" for e in resource.extension or []
    }
    toxic = any(e.url == _EXT + "toxic" and e.valueBoolean for e in resource.extension or [])
    drug = resource.medicationCodeableConcept or r4.CodeableConcept()
    codes = {c.system: c.code or "" for c in drug.coding or []}
    dosage = (resource.dosageInstruction or [r4.Dosage()])[0]
    repeat = dosage.timing.repeat if dosage.timing else None
    rates = dosage.doseAndRate or []
    dose = rates[0].doseQuantity if rates else None
    supply = resource.dispenseRequest.quantity if resource.dispenseRequest else None
    duration = resource.dispenseRequest.expectedSupplyDuration if resource.dispenseRequest else None
    route = dosage.route
    return PrescribedDrug(
        request_id=resource.id or "",
        drug_code=codes.get(systems.DRUG, ""),
        substance_code=codes.get(SUBSTANCE, ""),
        substance=texts.get("substance", ""),
        brand=texts.get("brand", ""),
        name=drug.text or "",
        strength=texts.get("strength", ""),
        form=texts.get("form", ""),
        route_code=_code(route),
        route=(route.text or "") if route else "",
        unit=(supply.unit or "") if supply else "",
        registration=texts.get("registration", ""),
        quantity=Decimal(supply.value) if supply and supply.value is not None else Decimal(0),
        quantity_text=texts.get("quantity-text", ""),
        dose=Decimal(dose.value) if dose and dose.value is not None else None,
        times_per_day=(repeat.frequency or 0) if repeat else 0,
        days=int(duration.value) if duration and duration.value is not None else 0,
        dosage_text=dosage.text or "",
        directions=dosage.patientInstruction or "",
        toxic=toxic,
        status=resource.status or "",
    )


def _dosage(item: Item, unit: str, route_name: str) -> r4.Dosage:
    line = item.line
    route_code = _text(item.drug, "route")
    timing = None
    if line.times_per_day:
        timing = r4.Timing(
            repeat=r4.TimingRepeat(
                frequency=line.times_per_day,
                period=Decimal(1),
                periodUnit="d",
                boundsDuration=_days(line.days) if line.days else None,
            )
        )
    directions = ". ".join(filter(None, (line.directions.strip(), line.when.strip())))
    return r4.Dosage(
        text=wording.dosage_text(
            dose=line.dose,
            unit=unit,
            times=line.times_per_day,
            days=line.days,
            directions=directions,
        )
        or None,
        patientInstruction=directions or None,
        timing=timing,
        route=r4.CodeableConcept(
            coding=[r4.Coding(system=systems.ROUTE, code=route_code)], text=route_name or None
        )
        if route_code
        else None,
        doseAndRate=[
            r4.DosageDoseAndRate(doseQuantity=r4.Quantity(value=line.dose, unit=unit or None))
        ]
        if line.dose is not None
        else None,
    )


def _name(drug: Concept) -> str:
    substance = _text(drug, "substance")
    if not substance:
        return drug.name_vi
    return wording.drug_name(
        substance=substance,
        brand=_text(drug, "brand"),
        strength=_text(drug, "strength"),
        use_brand_only=bool(
            drug.properties.get("is_biological") or drug.properties.get("several_substances")
        ),
    )


def _days(days: int) -> r4.Duration:
    return r4.Duration(value=Decimal(days), unit="ngày", system=systems.UCUM, code="d")


def _concept(system: str, code: str, display: str = "") -> r4.CodeableConcept:
    coding = r4.Coding(system=system, code=code, display=display or None)
    return r4.CodeableConcept(coding=[coding], text=display or None)


def _text(drug: Concept, name: str) -> str:
    return str(drug.properties.get(name) or "")


def _code(concept: r4.CodeableConcept | None) -> str:
    return (concept.coding[0].code or "") if concept and concept.coding else ""


def _id(reference: r4.Reference | None) -> str:
    return (reference.reference or "").rpartition("/")[2] if reference else ""


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "1970-01-01T00:00:00+00:00")

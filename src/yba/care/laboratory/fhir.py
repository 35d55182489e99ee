"""Released results as Observation and DiagnosticReport."""

from collections.abc import Sequence
from dataclasses import dataclass

from yba.care.encounters.service import About, author_of, encounter_reference, moment
from yba.care.laboratory.model import LabIndex, LabResult, number_of
from yba.care.laboratory.store import RequestRow
from yba.fhir import r4
from yba.kernel import systems

_HL7 = "http://terminology.hl7.org/CodeSystem/"
_FLAGS = {"L": "Low", "H": "High", "A": "Abnormal"}


@dataclass(frozen=True, kw_only=True)
class Release:
    """What goes to the record at once."""

    request: RequestRow
    report_id: str
    about: About
    corrected: bool


def observation(result: LabResult, index: LabIndex | None, release: Release) -> r4.Observation:
    """Return one released value; `result.observation_id` is its id."""
    request, about = release.request, release.about
    number = number_of(result.value)
    is_number = number is not None and not (index and index.answers)
    taken = request.collected_at or request.entered_at or about.at
    return r4.Observation(
        id=result.observation_id,
        status="corrected" if release.corrected else "final",
        category=[_concept(_HL7 + "observation-category", "laboratory")],
        code=_code(result, index),
        subject=r4.Reference(reference=f"Patient/{request.patient_id}"),
        encounter=encounter_reference(request.encounter_id),
        basedOn=[r4.Reference(reference=f"ServiceRequest/{request.request_id}")],
        effectiveDateTime=moment(taken),
        issued=moment(about.at),
        performer=[author_of(about.actor)],
        valueQuantity=_quantity(result, index) if is_number else None,
        valueString=None if is_number else result.value,
        interpretation=[_concept(_HL7 + "v3-ObservationInterpretation", result.flag)]
        if result.flag
        else None,
        referenceRange=[_range(result, index)] if result.reference else None,
    )


def report(results: Sequence[LabResult], release: Release) -> r4.DiagnosticReport:
    """Return the report of one request over its observations."""
    request, about = release.request, release.about
    taken = request.collected_at or about.at
    return r4.DiagnosticReport(
        id=release.report_id,
        basedOn=[r4.Reference(reference=f"ServiceRequest/{request.request_id}")],
        status="corrected" if release.corrected else "final",
        category=[_concept(_HL7 + "v2-0074", "LAB")],
        code=_concept(systems.SERVICE, request.service_code, request.service_name),
        subject=r4.Reference(reference=f"Patient/{request.patient_id}"),
        encounter=encounter_reference(request.encounter_id),
        effectiveDateTime=moment(taken),
        issued=moment(about.at),
        resultsInterpreter=[author_of(about.actor)],
        result=[r4.Reference(reference=f"Observation/{r.observation_id}") for r in results],
    )


def _code(result: LabResult, index: LabIndex | None) -> r4.CodeableConcept:
    codings = [r4.Coding(system=systems.LAB_INDEX, code=result.index_code, display=result.name)]
    if index and index.loinc:
        codings.append(r4.Coding(system=systems.LOINC, code=index.loinc))
    return r4.CodeableConcept(coding=codings, text=result.name)


def _quantity(result: LabResult, index: LabIndex | None) -> r4.Quantity:
    ucum = index.ucum if index else ""
    return r4.Quantity(
        value=number_of(result.value),
        unit=result.unit or None,
        system=systems.UCUM if ucum else None,
        code=ucum or None,
    )


def _range(result: LabResult, index: LabIndex | None) -> r4.ObservationReferenceRange:
    unit = result.unit or None
    low = index.low if index else None
    high = index.high if index else None
    return r4.ObservationReferenceRange(
        low=r4.Quantity(value=low, unit=unit) if low is not None else None,
        high=r4.Quantity(value=high, unit=unit) if high is not None else None,
        text=result.reference,
    )


def _concept(system: str, code: str, display: str = "") -> r4.CodeableConcept:
    coding = r4.Coding(system=system, code=code, display=display or _FLAGS.get(code))
    return r4.CodeableConcept(coding=[coding], text=display or None)

"""Fills what the profiles of the summary demand and the record does not know.

Main rule: nothing is invented. A missing element becomes the extension data-absent-reason
"unknown"; nothing that is there is changed.
Standard: IPS 2.0.0 profiles; extension data-absent-reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yba.fhir import r4

_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_REASONS = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def _why() -> list[r4.Extension]:
    return [r4.Extension(url=_ABSENT, valueCode="unknown")]


def _element() -> r4.Element:
    return r4.Element(extension=_why())


def _concept() -> r4.CodeableConcept:
    return r4.CodeableConcept(extension=_why())


def _code(resource: Any) -> None:
    if resource.code is None:
        resource.code = _concept()


def _patient(resource: r4.Patient) -> None:
    if not resource.name:
        resource.name = [r4.HumanName(text_ext=_element())]
    for name in resource.name:
        if not (name.family or name.given or name.text or name.text_ext):
            name.text_ext = _element()
    if resource.birthDate is None and resource.birthDate_ext is None:
        resource.birthDate_ext = _element()


def _allergy(resource: r4.AllergyIntolerance) -> None:
    _code(resource)


def _observation(resource: r4.Observation) -> None:
    when = (
        resource.effectiveDateTime, resource.effectivePeriod, resource.effectiveInstant,
        resource.effectiveTiming, resource.effectiveDateTime_ext,
    )  # fmt: skip
    if not any(when):
        resource.effectiveDateTime_ext = _element()
    if not resource.performer:
        resource.performer = [r4.Reference(extension=_why())]
    has_value = any(
        getattr(resource, name) is not None
        for name in resource.__struct_fields__
        if name.startswith("value")
    )
    if not (has_value or resource.hasMember or resource.component or resource.dataAbsentReason):
        resource.dataAbsentReason = r4.CodeableConcept(
            coding=[r4.Coding(system=_REASONS, code="unknown")]
        )


def _report(resource: r4.DiagnosticReport) -> None:
    if not (resource.effectiveDateTime or resource.effectivePeriod):
        resource.effectiveDateTime_ext = _element()


def _procedure(resource: r4.Procedure) -> None:
    _code(resource)
    names = ("DateTime", "Period", "String", "Age", "Range", "DateTime_ext", "String_ext")
    if not any(getattr(resource, "performed" + name) for name in names):
        resource.performedDateTime_ext = _element()


def _statement(resource: r4.MedicationStatement) -> None:
    if not (resource.effectiveDateTime or resource.effectivePeriod):
        resource.effectiveDateTime_ext = _element()


def _device_use(resource: r4.DeviceUseStatement) -> None:
    if not (resource.timingDateTime or resource.timingPeriod or resource.timingTiming):
        resource.timingDateTime_ext = _element()


def _organization(resource: r4.Organization) -> None:
    if resource.name is None and resource.name_ext is None:
        resource.name_ext = _element()


def _practitioner(resource: r4.Practitioner) -> None:
    if not resource.name:
        resource.name = [r4.HumanName(text_ext=_element())]


_FILL: dict[str, Callable[[Any], None]] = {
    "AllergyIntolerance": _allergy,
    "Condition": _code,
    "DeviceUseStatement": _device_use,
    "DiagnosticReport": _report,
    "Medication": _code,
    "MedicationStatement": _statement,
    "Observation": _observation,
    "Organization": _organization,
    "Patient": _patient,
    "Practitioner": _practitioner,
    "Procedure": _procedure,
}


def fill(resource: Any) -> None:
    """Give a resource the elements that its profile in the summary makes mandatory."""
    change = _FILL.get(type(resource).__name__)
    if change is not None:
        change(resource)


def device_use(device: r4.Device, id_: str, patient: r4.Reference) -> r4.DeviceUseStatement:
    """Return the statement that a patient uses a device that is recorded as theirs."""
    return r4.DeviceUseStatement(
        id=id_,
        status="active",
        subject=patient,
        device=r4.Reference(reference=f"Device/{device.id}"),
    )

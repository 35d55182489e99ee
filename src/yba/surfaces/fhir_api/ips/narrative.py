"""The text of a summary that people read, in Vietnamese or English.

Standard: FHIR R4 narrative.html (XHTML without anything active).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from yba.fhir import r4
from yba.plumbing.i18n import N_

Say = Callable[[str], str]
NOTHING_KNOWN = N_("The record holds no information for this section.")
UNKNOWN = N_("not known")
_WHAT, _WHEN, _DETAILS = N_("What it is"), N_("When it was"), N_("Particulars")


def empty(say: Say, language: str) -> r4.Narrative:
    """Return the text of a section without entries."""
    return _narrative(f"<p>{escape(say(NOTHING_KNOWN))}</p>", language)


def table(
    resources: Sequence[Any], medications: Mapping[str, Any], say: Say, language: str
) -> r4.Narrative:
    """Return the text of a section; `medications` by reference, for those prescribed by one."""
    head = "".join(f"<th>{escape(say(title))}</th>" for title in (_WHAT, _WHEN, _DETAILS))
    rows = "".join(_row(one, medications, say) for one in resources)
    return _narrative(
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>", language
    )


def heading(title: str, name: str, born: str, language: str) -> r4.Narrative:
    """Return the text of the whole document's head."""
    who = ", ".join(escape(part) for part in (name, born) if part)
    return _narrative(f"<p><b>{escape(title)}</b></p><p>{who}</p>", language)


def _narrative(inner: str, language: str) -> r4.Narrative:
    div = (
        f'<div xmlns="http://www.w3.org/1999/xhtml" lang="{language}" xml:lang="{language}">'
        f"{inner}</div>"
    )
    return r4.Narrative(status="generated", div=div)


def _row(resource: Any, medications: Mapping[str, Any], say: Say) -> str:
    cells = (_what(resource, medications) or say(UNKNOWN), _when(resource), _details(resource))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def shown(concept: r4.CodeableConcept | None) -> str:
    """Return a concept as a person reads it."""
    if concept is None:
        return ""
    if concept.text:
        return concept.text
    codings = concept.coding or ()
    return next((c.display for c in codings if c.display), None) or next(
        (c.code for c in codings if c.code), ""
    )


def _what(resource: Any, medications: Mapping[str, Any]) -> str:
    for name in ("code", "medicationCodeableConcept", "vaccineCode", "scope"):
        concept = getattr(resource, name, None)
        if isinstance(concept, r4.CodeableConcept) and shown(concept):
            return shown(concept)
    reference = getattr(resource, "medicationReference", None) or getattr(resource, "device", None)
    if isinstance(reference, r4.Reference):
        target = medications.get(reference.reference or "")
        named = shown(getattr(target, "code", None) or getattr(target, "type", None))
        return named or reference.display or ""
    title = getattr(resource, "title", None)
    if isinstance(title, str):
        return title
    return next((shown(c) for c in getattr(resource, "category", None) or ()), "")


_TIMES = (
    "effectiveDateTime", "effectivePeriod", "performedDateTime", "performedPeriod",
    "occurrenceDateTime", "occurrenceString", "onsetDateTime", "onsetPeriod", "timingDateTime",
    "timingPeriod", "authoredOn", "period", "recordedDate", "dateTime",
)  # fmt: skip


def _when(resource: Any) -> str:
    for name in _TIMES:
        value = getattr(resource, name, None)
        if isinstance(value, str):
            return _day(value)
        if isinstance(value, r4.Period):
            return " – ".join(_day(part) for part in (value.start, value.end) if part)
    return ""


def _day(text: str) -> str:
    """Return a FHIR date as it is written here: 12/03/1985, 03/1985, 1985."""
    day = text.partition("T")[0]
    parts = day.split("-")
    return "/".join(reversed(parts)) if all(part.isdigit() for part in parts) else text


def _details(resource: Any) -> str:
    if isinstance(resource, r4.Observation):
        parts = [f"{shown(c.code)}: {_value(c)}" for c in resource.component or ()]
        return "; ".join(part for part in (_value(resource), *parts) if part)
    if isinstance(resource, r4.MedicationRequest):
        return "; ".join(filter(None, map(_dose, resource.dosageInstruction or ())))
    if isinstance(resource, r4.MedicationStatement):
        return "; ".join(filter(None, map(_dose, resource.dosage or ())))
    if isinstance(resource, r4.AllergyIntolerance):
        signs = [shown(m) for r in resource.reaction or () for m in r.manifestation or ()]
        return "; ".join(part for part in (resource.criticality or "", *signs) if part)
    if isinstance(resource, r4.Condition):
        return shown(resource.severity)
    if isinstance(resource, r4.DiagnosticReport):
        return resource.conclusion or ""
    if isinstance(resource, r4.CarePlan):
        return resource.description or ""
    return ""


def _dose(dosage: r4.Dosage) -> str:
    more = (shown(concept) for concept in dosage.additionalInstruction or ())
    parts = (dosage.text or "", *more, dosage.patientInstruction or "")
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _value(holder: Any) -> str:
    quantity = holder.valueQuantity
    if quantity is not None:
        return f"{_number(quantity.value)} {quantity.unit or quantity.code or ''}".strip()
    if holder.valueCodeableConcept is not None:
        return shown(holder.valueCodeableConcept)
    for name in ("valueString", "valueDateTime", "valueInteger"):
        value = getattr(holder, name)
        if value is not None:
            return _day(value) if name == "valueDateTime" else str(value)
    return ""


def _number(value: Decimal | None) -> str:
    return "" if value is None else str(value)

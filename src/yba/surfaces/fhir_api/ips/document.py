"""Puts the summary together: Composition, patient, sections' resources, those they refer to.

Main rule: every resource of the document has an address of its own (`urn:uuid:`), and references
inside it use these; a reference to anything else becomes absolute, so that it never dangles.
Standard: IPS 2.0.0 Bundle-uv-ips and Composition-uv-ips; FHIR R4 documents.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from yba.fhir import r4
from yba.foundation.record.rows import Moment
from yba.kernel.ids import new_id
from yba.plumbing import i18n
from yba.plumbing.i18n import N_
from yba.surfaces.fhir_api.ips import conforming, narrative
from yba.surfaces.fhir_api.ips.sections import SECTIONS, Chosen, Section

PROFILES = "http://hl7.org/fhir/uv/ips/StructureDefinition/"
COMPOSITION, BUNDLE = PROFILES + "Composition-uv-ips", PROFILES + "Bundle-uv-ips"
_TITLE = N_("Patient summary")
_LOINC = "http://loinc.org"
_REFERENCE = re.compile(
    rb'(?<="reference":")([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(/_history/[^"]*)?(?=")'
)
_catalogs = cache(i18n.load)


@dataclass(frozen=True, slots=True)
class Summary:
    """A document Bundle and what it was made from."""

    body: bytes
    references: tuple[str, ...]


def language_of(patient: r4.Patient, asked: str) -> str:
    """Return "vi" or "en": what was asked for, else what the patient speaks, else Vietnamese."""
    wishes = [asked]
    spoken = sorted(patient.communication or (), key=lambda each: not each.preferred)
    wishes += [
        c.code or "" for each in spoken for c in (each.language and each.language.coding) or ()
    ]
    for wish in wishes:
        short = wish.partition("-")[0].lower()
        if short in i18n.LANGUAGES:
            return short
    return i18n.DEFAULT


def chosen_sections(resources: Iterable[Any], at: datetime) -> list[tuple[Section, Sequence[Any]]]:
    """Return the sections with their resources; required ones always, others if not empty."""
    chosen = Chosen(resources, at)
    found = [(section, section.choose(chosen)) for section in SECTIONS]
    return [(section, ones) for section, ones in found if ones or section.required]


def build(
    patient: r4.Patient,
    sections: Sequence[tuple[Section, Sequence[Any]]],
    supporting: Sequence[Any],
    *,
    base: str,
    language: str,
    at: datetime,
) -> Summary:
    """Return the document about a patient at a moment.

    `supporting` are resources that those of the sections refer to. The resources are changed: what
    the profiles demand is filled. `base` is the address of this server.
    """
    author = r4.Device(
        id=new_id(), deviceName=[r4.DeviceDeviceName(name="Yba", type="manufacturer-name")]
    )
    own = [one for _, ones in sections for one in ones]
    everything = _once([patient, author, *own, *supporting])
    urns = {place: _urn(base, place) for place in everything}
    for one in everything.values():
        conforming.fill(one)
    say = _catalogs().translator(language)
    composition = _composition(patient, author, sections, everything, say, language, at)
    first = f"Composition/{composition.id}"
    urns[first] = _urn(base, first)
    entries = [
        b'{"fullUrl":"' + urn.encode() + b'","resource":' + _linked(one, urns, base) + b"}"
        for urn, one in [
            (urns[first], composition),
            *((urns[place], one) for place, one in everything.items()),
        ]
    ]
    identifier = uuid5(NAMESPACE_URL, f"{base}/Bundle/{composition.id}")
    head = r4.encode(
        r4.Bundle(
            id=new_id(),
            meta=r4.Meta(profile=[BUNDLE], lastUpdated=Moment(at).text),
            language=language,
            identifier=r4.Identifier(system="urn:ietf:rfc:3986", value=f"urn:uuid:{identifier}"),
            type="document",
            timestamp=Moment(at).text,
        )
    )
    body = head[:-1] + b',"entry":[' + b",".join(entries) + b"]}"
    return Summary(body, tuple(everything))


def _once(resources: Iterable[Any]) -> dict[str, Any]:
    return {f"{type(one).__name__}/{one.id}": one for one in resources}


def _urn(base: str, place: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{base}/{place}')}"


def _linked(resource: Any, urns: dict[str, str], base: str) -> bytes:
    """Return the resource with every reference pointing into the document or to this server."""

    def target(match: re.Match[bytes]) -> bytes:
        urn = urns.get(match[1].decode())
        if urn is not None:
            return urn.encode()
        return base.encode() + b"/" + match[0]

    stem = b'"reference":"' + base.encode() + b"/"
    return _REFERENCE.sub(target, r4.encode(resource).replace(stem, b'"reference":"'))


def _composition(
    patient: r4.Patient, author: r4.Device, sections: Sequence[tuple[Section, Sequence[Any]]],
    everything: dict[str, Any], say: narrative.Say, language: str, at: datetime,
) -> r4.Composition:  # fmt: skip
    title = say(_TITLE)
    name = _name(patient)
    return r4.Composition(
        id=new_id(),
        meta=r4.Meta(profile=[COMPOSITION]),
        language=language,
        text=narrative.heading(title, name, patient.birthDate or "", language),
        status="final",
        type=r4.CodeableConcept(
            coding=[r4.Coding(system=_LOINC, code="60591-5", display="Patient summary Document")]
        ),
        subject=r4.Reference(reference=f"Patient/{patient.id}"),
        date=Moment(at).text,
        author=[r4.Reference(reference=f"Device/{author.id}")],
        title=title,
        confidentiality="N",
        section=[_section(each, ones, everything, say, language) for each, ones in sections],
    )


def _section(
    section: Section, resources: Sequence[Any], everything: dict[str, Any], say: narrative.Say,
    language: str,
) -> r4.CompositionSection:  # fmt: skip
    made = r4.CompositionSection(
        title=say(section.title),
        code=r4.CodeableConcept(
            coding=[r4.Coding(system=_LOINC, code=section.code, display=section.display)]
        ),
    )
    if resources:
        made.text = narrative.table(resources, everything, say, language)
        made.entry = [r4.Reference(reference=f"{type(one).__name__}/{one.id}") for one in resources]
    else:
        made.text = narrative.empty(say, language)
        made.emptyReason = r4.CodeableConcept(
            coding=[
                r4.Coding(
                    system="http://terminology.hl7.org/CodeSystem/list-empty-reason",
                    code="unavailable", display="Unavailable",
                )
            ],
            text=say(narrative.NOTHING_KNOWN),
        )  # fmt: skip
    return made


def _name(patient: r4.Patient) -> str:
    for name in patient.name or ():
        words = [name.family or "", *(word or "" for word in name.given or ())]
        return name.text or " ".join(word for word in words if word)
    return ""
